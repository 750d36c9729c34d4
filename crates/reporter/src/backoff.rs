//! How long to wait before the next attempt.

use std::time::Duration;

use tonic::Status;

/// The first attempts are this far apart at most; a fleet that lost its auth server comes back spread over it.
const FIRST: Duration = Duration::from_secs(5);
/// The furthest apart without being asked to wait.
const MOST: Duration = Duration::from_secs(180);
/// The longest that an auth server may ask to wait.
const ASKED_MOST: Duration = Duration::from_secs(30 * 60);
/// A stream that lasted so long was a good one.
pub(crate) const GOOD: Duration = Duration::from_secs(60);
/// By which an auth server asks not to be tried for so many milliseconds; negative: not at all.
const PUSH_BACK: &str = "grpc-retry-pushback-ms";

/// Waits that grow, at random within their bounds.
#[derive(Debug)]
pub(crate) struct Backoff {
    failures: u32,
    random: fastrand::Rng,
}

impl Backoff {
    pub(crate) const fn new(random: fastrand::Rng) -> Self {
        Self { failures: 0, random }
    }

    /// A good stream has ended: the next attempts begin anew.
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after an attempt failed, at least `asked`.
    pub(crate) fn next(&mut self, asked: Duration) -> Duration {
        let most = FIRST.saturating_mul(1 << self.failures.min(16)).min(MOST);
        self.failures = self.failures.saturating_add(1);
        // Those who were asked to wait the same time do not come back at the same time.
        asked + most.max(asked / 2).mul_f32(self.random.f32())
    }
}

/// How long an auth server asks to wait.
pub(crate) fn asked(status: &Status) -> Duration {
    let value = status.metadata().get(PUSH_BACK).and_then(|value| value.to_str().ok());
    match value.and_then(|value| value.parse::<i64>().ok()) {
        None => Duration::ZERO,
        Some(millis) => {
            u64::try_from(millis).map_or(ASKED_MOST, |millis| Duration::from_millis(millis).min(ASKED_MOST))
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tonic::metadata::MetadataMap;

    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_differ() {
        let mut backoff = Backoff::new(fastrand::Rng::with_seed(7));
        let waits: Vec<_> = (0..50).map(|_| backoff.next(Duration::ZERO)).collect();
        assert!(waits[0] <= FIRST && waits.iter().all(|wait| *wait <= MOST), "{waits:?}");
        assert!(waits[10..].iter().any(|wait| *wait > MOST / 2), "{waits:?}");
        backoff.reset();
        assert!(backoff.next(Duration::ZERO) <= FIRST);
    }

    #[test]
    fn an_auth_server_may_ask_to_wait_but_not_for_ever() {
        let pushed = |value: &str| {
            let mut metadata = MetadataMap::new();
            metadata.insert(PUSH_BACK, value.parse().expect("ascii"));
            asked(&Status::with_metadata(Code::Unavailable, "busy", metadata))
        };
        assert_eq!(pushed("1500"), Duration::from_millis(1500));
        assert_eq!(pushed("99999999999"), ASKED_MOST);
        assert_eq!(pushed("-1"), ASKED_MOST);
        assert_eq!(pushed("soon"), Duration::ZERO);
        let mut backoff = Backoff::new(fastrand::Rng::with_seed(7));
        let wait = backoff.next(Duration::from_secs(60));
        assert!((60..=90).contains(&wait.as_secs()), "{wait:?}");
    }
}
