//! What an agent says on one stream, and when: decided without a socket and without a clock.

mod announcement;
mod due;
mod renewal;

use std::time::Duration;

use jiff::Timestamp;
use selfcheck_core::ReportingMode;
use selfcheck_core::Status;

use crate::wire::proto::DownstreamInventoryOneOf;
use crate::wire::proto::UpstreamInventoryGoodbye;
use crate::wire::proto::downstream_inventory_one_of::Msg as Down;
use crate::wire::proto::upstream_inventory_one_of::Msg as Up;
use crate::wire::teleport::selfcheck::v1::SelfCheckDown;

use due::Due;
use renewal::Renewal;

pub use announcement::Announcement;

/// The seconds of a beat that an auth server may ask for.
const BEAT_LEAST: u32 = 1;
const BEAT_MOST: u32 = 3600;

/// What an agent says on one stream after the Hellos, and when.
///
/// Whoever has the stream tells it what is heard ([`hear`](Self::hear)), that the agent's status has changed
/// ([`changed`](Self::changed)) and what time it is ([`elapse`](Self::elapse)), sends what is due ([`message`](Self::message)),
/// with the status as it is then, and sleeps until [`wakes`](Self::wakes). It reports to an auth server that announced the
/// extension: first on the stream, on every change, when asked to, and by a beat otherwise. A stock auth server is told by a
/// Hello alone, so there it says when a new stream is to be opened.
///
/// Times are those of a monotonic clock, since any moment that stays the same.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use selfcheck_core::{Clock, EvidenceKind, Observation, Policy, ReportingMode, assess};
/// use selfcheck_protocol::wire::proto::downstream_inventory_one_of::Msg;
/// use selfcheck_protocol::wire::proto::{DownstreamInventoryHello, DownstreamInventoryOneOf};
/// use selfcheck_protocol::wire::teleport::selfcheck::v1::SelfCheckHello;
/// use selfcheck_protocol::{Announcement, Conversation, Course};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let at = "2026-11-27T03:00:00Z".parse()?;
/// let clock = Clock { realtime: at, monotonic: 1, boottime: 1 };
/// let observation = Observation::new(clock, EvidenceKind::Live);
/// let status = assess(&observation, &Policy::default(), clock);
/// let said = Announcement::of(&status, vec!["Node".into()]); // as the Hello that was sent said it
///
/// let extension = SelfCheckHello { version: 1, beat_seconds: 180 };
/// let hello = DownstreamInventoryHello { self_check: Some(extension), ..DownstreamInventoryHello::default() };
/// let heard = DownstreamInventoryOneOf { msg: Some(Msg::Hello(hello)) };
/// let mut conversation = Conversation::begin(said, &heard, 7, Duration::ZERO)?;
///
/// assert_eq!(conversation.mode(), ReportingMode::Extension);
/// assert!(conversation.message(Some(&status), at).is_some(), "the report comes first");
/// assert!(conversation.message(Some(&status), at).is_none());
/// let beat = conversation.wakes().ok_or("there is a beat")?;
/// assert_eq!(conversation.elapse(beat), Course::GoesOn);
/// assert!(conversation.message(Some(&status), at).is_some(), "what was not acknowledged is told again");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it says nothing by itself"]
pub struct Conversation {
    /// How often there is a beat, where the extension was announced.
    beat: Option<Duration>,
    takes_goodbye: bool,
    due: Due,
    next_beat: Option<Duration>,
    renewal: Renewal,
    random: fastrand::Rng,
}

/// Whether a stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a stream that is to be renewed says nothing new"]
pub enum Course {
    /// It does.
    GoesOn,
    /// A new stream is to be opened instead: what its Hello says has changed for good. The next conversation is to know when
    /// that was ([`Conversation::renewed`]).
    Renew,
}

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The auth server has taken the report of this sequence, which is the latest.
    Acked(u64),
    /// Anything else; what it asks for is due now.
    Other,
}

/// A message that comes where it must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutOfTurn {
    /// The first message on a stream is no Hello.
    #[error("did not begin with a Hello")]
    First,
    /// A second Hello.
    #[error("said Hello twice")]
    Again,
}

impl Conversation {
    /// What is said after the Hellos: the agent's, which said `said`, and the auth server's, which is in `first`. All jitter is
    /// drawn from `seed`.
    ///
    /// # Errors
    ///
    /// [`OutOfTurn::First`] where `first` is no Hello. The stream is to be ended, and tried again later.
    pub fn begin(
        said: Announcement,
        first: &DownstreamInventoryOneOf,
        seed: u64,
        now: Duration,
    ) -> Result<Self, OutOfTurn> {
        let Some(Down::Hello(hello)) = &first.msg else { return Err(OutOfTurn::First) };
        let extension = hello.self_check.filter(|extension| extension.version >= 1);
        let beat = extension
            .map(|extension| Duration::from_secs(extension.beat_seconds.clamp(BEAT_LEAST, BEAT_MOST).into()));
        let mut random = fastrand::Rng::with_seed(seed);
        let renewal = Renewal::new(said, random.fork());
        Ok(Self {
            beat,
            takes_goodbye: hello.capabilities.is_some_and(|able| able.app_cleanup),
            due: Due::from_the_first(extension.is_some()),
            next_beat: beat.map(|beat| now + beat.mul_f32(random.f32())),
            renewal,
            random,
        })
    }

    /// When a stream to this auth server was last renewed, if one was: it is not to be again for a while.
    pub const fn renewed(mut self, last: Option<Duration>) -> Self {
        self.renewal.after(last);
        self
    }

    /// By what the agent is reported on.
    pub const fn mode(&self) -> ReportingMode {
        if self.beat.is_some() { ReportingMode::Extension } else { ReportingMode::Stock }
    }

    /// The agent's status has changed, and a Hello would say this of it.
    pub fn changed(&mut self, holds: Announcement, now: Duration) {
        if self.beat.is_some() {
            self.due.report();
        } else {
            self.renewal.holds(holds, now);
        }
    }

    /// Takes what the auth server says.
    ///
    /// # Errors
    ///
    /// [`OutOfTurn::Again`] for a second Hello. The stream is to be ended, and tried again later.
    pub fn hear(&mut self, message: &DownstreamInventoryOneOf) -> Result<Heard, OutOfTurn> {
        match &message.msg {
            Some(Down::Hello(_)) => return Err(OutOfTurn::Again),
            Some(Down::Ping(ping)) => self.due.pong(ping.id),
            Some(Down::SelfCheck(said)) if self.beat.is_some() => return Ok(self.answered(*said)),
            // What belongs to the extension counts where that was announced. Labels are the agent's own matter, and what is not
            // known is passed over as stock agents do.
            Some(Down::SelfCheck(_) | Down::UpdateLabels(_)) | None => {}
        }
        Ok(Heard::Other)
    }

    fn answered(&mut self, SelfCheckDown { acked, resend }: SelfCheckDown) -> Heard {
        if resend {
            self.due.report();
        } else if self.due.is_acked(acked) {
            return Heard::Acked(acked);
        }
        Heard::Other
    }

    /// When something comes to be due by time alone, if it does.
    pub fn wakes(&self) -> Option<Duration> {
        [self.next_beat, self.renewal.due()].into_iter().flatten().min()
    }

    /// It is `now`.
    pub fn elapse(&mut self, now: Duration) -> Course {
        if let Some(beat) = self.beat
            && self.next_beat.is_some_and(|next| next <= now)
        {
            self.due.beat();
            // Every beat comes a little early, so that those of a fleet do not fall into step.
            self.next_beat = Some(now + beat.mul_f32(1.0 - self.random.f32() / 7.0));
        }
        if self.renewal.due().is_some_and(|due| due <= now) { Course::Renew } else { Course::GoesOn }
    }

    /// Whether there is something to send.
    pub const fn has_message(&self) -> bool {
        self.due.is_any()
    }

    /// What is to be sent now, if anything is, of an agent whose status is this one: its times may have moved on without a
    /// change. Where there is none, what was due about it is not any more. `clock` is the time of day.
    pub fn message(&mut self, status: Option<&Status>, clock: Timestamp) -> Option<Up> {
        self.due.next(status, clock)
    }

    /// What is said before the agent ends the stream for good, where the auth server takes that.
    pub fn goodbye(&self) -> Option<Up> {
        self.takes_goodbye.then(|| Up::Goodbye(UpstreamInventoryGoodbye::default()))
    }
}

#[cfg(test)]
mod tests {
    use selfcheck_core::Clock;
    use selfcheck_core::EvidenceKind;
    use selfcheck_core::Observation;
    use selfcheck_core::Policy;
    use selfcheck_core::assess;

    use crate::wire::proto::DownstreamInventoryHello;
    use crate::wire::teleport::selfcheck::v1::SelfCheckHello;

    use super::*;

    #[test]
    fn without_a_status_nothing_stays_due() {
        let extension = SelfCheckHello { version: 1, beat_seconds: 60 };
        let hello =
            DownstreamInventoryHello { self_check: Some(extension), ..DownstreamInventoryHello::default() };
        let hello = DownstreamInventoryOneOf { msg: Some(Down::Hello(hello)) };
        let mut conversation =
            Conversation::begin(Announcement::default(), &hello, 7, Duration::ZERO).expect("a Hello");
        assert!(conversation.has_message());
        assert_eq!(conversation.message(None, Timestamp::UNIX_EPOCH), None);
        assert!(!conversation.has_message());
    }

    #[test]
    fn an_auth_server_that_announced_nothing_is_told_nothing_more() {
        let clock = Clock { realtime: Timestamp::UNIX_EPOCH, monotonic: 1, boottime: 1 };
        let status = assess(&Observation::new(clock, EvidenceKind::Live), &Policy::default(), clock);
        let said = Announcement::of(&status, Vec::new());
        let hello = DownstreamInventoryOneOf { msg: Some(Down::Hello(DownstreamInventoryHello::default())) };
        let mut conversation = Conversation::begin(said, &hello, 7, Duration::ZERO).expect("a Hello");
        assert_eq!(conversation.mode(), ReportingMode::Stock);
        let asks = Down::SelfCheck(SelfCheckDown { acked: 0, resend: true });
        assert_eq!(conversation.hear(&DownstreamInventoryOneOf { msg: Some(asks) }), Ok(Heard::Other));
        assert!(!conversation.has_message());
        assert_eq!(conversation.message(Some(&status), Timestamp::UNIX_EPOCH), None);
        assert_eq!(conversation.wakes(), None);
    }
}
