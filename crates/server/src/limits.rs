//! What an agent may ask of an auth server.

use std::time::Duration;

use tokio::time::Instant;

/// What an agent may ask of an auth server. The defaults are generous to every agent that works as it should.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest message, in bytes. Resources of stock agents ride in the same stream and may be large.
    pub message_bytes: usize,
    /// How often an agent may send messages of any kind. An agent with thousands of resources sends one for each at once.
    pub messages: Rate,
    /// How often an agent may report on itself.
    pub reports: Rate,
    /// How many streams one agent may have. During a reload it has two.
    pub streams_per_agent: usize,
    /// How long a stream may stay without a Hello, and how long a message on it may take.
    pub hello_time: Duration,
    /// How many streams without a Hello an agent may have, over all its connections.
    pub streams_before_hello: usize,
    /// How often an agent may open a stream. One that comes and goes leaves something to be remembered each time.
    pub joins: Rate,
    /// The largest Hello, and the largest request of a person or a tool, in bytes.
    pub request_bytes: usize,
    /// How long such a request may take.
    pub request_time: Duration,
    /// How many requests and streams an identity may have open, over all its connections.
    pub requests_per_host: usize,
    /// How many questions of an identity may be being answered, over all its connections; of those whose answer is all agents or
    /// all alerts at once, two.
    pub answers_per_host: usize,
    /// How many bytes of messages that have not come to their end an identity may hold, over all its connections.
    pub bytes_per_host: usize,
    /// How often an identity may ask for something.
    pub requests: Rate,
    /// How often it may ask for what it does not get before its connection ends.
    pub refusals: Rate,
    /// How long a connection may take to become one.
    pub handshake_time: Duration,
    /// How many may become one at a time. Where there are more, one of the source that has the most has to go.
    pub handshakes: usize,
    /// How many of those may come from one address.
    pub handshakes_per_source: usize,
    /// How many connections there may be.
    pub connections: usize,
    /// How many connections one host may have. An agent has one, and two during a reload; tools may run there too.
    pub connections_per_host: usize,
    /// How often an identity may connect.
    pub connects: Rate,
    /// How many requests one connection may have open.
    pub requests_per_connection: u32,
    /// How long a ping, or a report, is waited for that a person asked for.
    pub ping_time: Duration,
    /// How often an unchanged status is to be told: at least, and at most in a large fleet.
    pub beat: (Duration, Duration),
}

/// So many at once, and so many in a second on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// In a second.
    pub per_second: f32,
}

/// What is given back less often than so many times in a second, is taken to be given back so often.
const SELDOM: f64 = 1e-6;
/// How many agents make the beat slower.
const STEP: f32 = 1024.0;
/// After so many beats without a word an agent is taken to be gone.
const SILENT_BEATS: u32 = 3;

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 1 << 20,
            messages: Rate { burst: 20_000, per_second: 200.0 },
            reports: Rate { burst: 60, per_second: 1.0 },
            streams_per_agent: 8,
            hello_time: Duration::from_secs(30),
            streams_before_hello: 8,
            joins: Rate { burst: 60, per_second: 0.5 },
            request_bytes: 16 << 10,
            request_time: Duration::from_secs(10),
            requests_per_host: 64,
            answers_per_host: 8,
            bytes_per_host: 4 << 20,
            requests: Rate { burst: 2000, per_second: 100.0 },
            refusals: Rate { burst: 60, per_second: 1.0 },
            handshake_time: Duration::from_secs(5),
            handshakes: 1024,
            handshakes_per_source: 512,
            connections: 1 << 17,
            connections_per_host: 64,
            connects: Rate { burst: 256, per_second: 2.0 },
            requests_per_connection: 64,
            ping_time: Duration::from_secs(10),
            beat: (Duration::from_secs(3 * 60), Duration::from_secs(18 * 60)),
        }
    }
}

impl Limits {
    /// How often an unchanged status is to be told where so many agents are connected.
    pub(crate) fn beat_for(&self, agents: usize) -> Duration {
        let (least, most) = self.beat;
        #[expect(clippy::cast_precision_loss, reason = "only the size matters")]
        let size = (agents as f32 / STEP).max(0.0);
        least.mul_f32((1.0 + size).cbrt()).min(most)
    }

    /// How long an agent may be silent that was told this beat.
    pub(crate) fn silence_for(beat: Duration) -> Duration {
        beat * SILENT_BEATS
    }
}

/// Counts against a [`Rate`]: what is taken is given back so many times in a second, up to the burst. Times are those since a
/// beginning that whoever counts has once.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bucket {
    /// When all that was taken will have been given back.
    full_at: Nanoseconds,
}

/// Nanoseconds since a beginning.
pub(crate) type Nanoseconds = u64;

/// How long after `beginning` it is at `now`.
pub(crate) fn since(beginning: Instant, now: Instant) -> Nanoseconds {
    Nanoseconds::try_from(now.saturating_duration_since(beginning).as_nanos()).unwrap_or(Nanoseconds::MAX)
}

impl Bucket {
    /// Whether one more is within the rate.
    pub(crate) fn take(&mut self, rate: Rate, now: Nanoseconds) -> bool {
        let missing = self.full_at.saturating_sub(now).saturating_add(rate.gives_back(1));
        let is_within = missing <= rate.gives_back(rate.burst);
        if is_within {
            self.full_at = now.saturating_add(missing);
        }
        is_within
    }

    /// Whether it is as good as a new one.
    pub(crate) fn is_full(self, now: Nanoseconds) -> bool {
        self.full_at <= now
    }
}

impl Rate {
    /// How long it takes to give so many back.
    fn gives_back(self, many: u32) -> Nanoseconds {
        let nanoseconds = f64::from(many) * 1e9 / f64::from(self.per_second).max(SELDOM);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "centuries are enough")]
        (nanoseconds as Nanoseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beat_slows_down_with_the_fleet() {
        let limits = Limits::default();
        assert_eq!(limits.beat_for(0), Duration::from_secs(180));
        assert!(limits.beat_for(1000) < Duration::from_secs(240));
        assert!(limits.beat_for(100_000) > Duration::from_secs(600));
        assert_eq!(limits.beat_for(10_000_000), Duration::from_secs(18 * 60));
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_taken_and_then_so_many_a_second() {
        let rate = Rate { burst: 3, per_second: 2.0 };
        let mut bucket = Bucket::default();
        let beginning = Instant::now();
        let mut taken = || (0..10).filter(|_| bucket.take(rate, since(beginning, Instant::now()))).count();
        assert_eq!(taken(), 3);
        tokio::time::advance(Duration::from_millis(1100)).await;
        assert_eq!(taken(), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(taken(), 3);
    }

    #[test]
    fn what_is_never_given_back_can_be_taken_as_often_as_there_is_at_once() {
        let taken = |rate| {
            let mut bucket = Bucket::default();
            (0..10).filter(|second| bucket.take(rate, second * 1_000_000_000)).count()
        };
        assert_eq!(taken(Rate { burst: 3, per_second: 0.0 }), 3);
        assert_eq!(taken(Rate { burst: 0, per_second: 1.0 }), 0);
        assert_eq!(taken(Rate { burst: 1, per_second: f32::INFINITY }), 10);
    }
}
