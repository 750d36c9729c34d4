//! What happened on the streams, by a bounded set of words.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Makes the enum of outcomes and their words.
macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident = $subject:ident $word:literal,)*) => {
        /// What became of a message, a stream or a connection.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Outcome { $($(#[$doc])* $name,)* }

        impl Outcome {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What it is about.
            pub const fn subject(self) -> Subject {
                match self { $(Self::$name => Subject::$subject,)* }
            }

            /// Its word, for labels.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

outcomes! {
    /// A full report was taken.
    Reported = Report "report",
    /// A beat was taken.
    Beat = Report "beat",
    /// A beat told of a report that had not come; it was asked for.
    Resend = Report "resend",
    /// A message of a kind this version does not know was passed over.
    Foreign = Stream "foreign",
    /// A stream was opened.
    Joined = Stream "joined",
    /// A report broke a bound.
    BadReport = Report "bad-report",
    /// A Hello broke a bound, named another host, or came twice or not first.
    BadHello = Stream "bad-hello",
    /// No Hello came in time.
    NoHello = Stream "no-hello",
    /// Messages came too fast.
    TooFast = Stream "too-fast",
    /// An agent had too many streams.
    TooMany = Stream "too-many",
    /// Nothing came for too long.
    Silent = Stream "silent",
    /// A message could not be read, or was too large.
    Garbage = Stream "garbage",
    /// A stream was ended with the auth server.
    Ended = Stream "ended",
    /// A stream broke.
    Lost = Stream "lost",
    /// Somebody who may not asked.
    Denied = Stream "denied",
    /// An identity asked too often, or for too much at a time.
    Refused = Stream "refused",
    /// A connection ended with the time of its certificate.
    Expired = Stream "expired",
    /// A policy denies the host or its certificate.
    Revoked = Stream "revoked",
    /// A connection did not become one: no TLS, no certificate, or not in time.
    Handshake = Stream "handshake",
    /// There were too many connections, of all hosts or of one, or one identity connected too often.
    Crowded = Stream "crowded",
    /// A connection could not be taken, as where the process has no descriptors left.
    Exhausted = Stream "exhausted",
}

/// What an outcome is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// What an agent says of itself.
    Report,
    /// A stream and what else comes on it, a connection, or a request.
    Stream,
}

/// Counts outcomes.
#[derive(Debug, Default)]
pub struct Counters([AtomicU64; Outcome::ALL.len()]);

impl Counters {
    /// This came about once more.
    pub fn count(&self, outcome: Outcome) {
        self.0[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often this came about.
    pub fn get(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize].load(Ordering::Relaxed)
    }
}
