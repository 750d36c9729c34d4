//! What happened on the streams, by a bounded set of words.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Makes the enum of outcomes and their words.
macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What became of a message, a stream or a connection.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Outcome { $($(#[$doc])* $name,)* }

        impl Outcome {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its word, for labels.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

outcomes! {
    /// A full report was taken.
    Reported = "report",
    /// A beat was taken.
    Beat = "beat",
    /// A beat told of a report that had not come; it was asked for.
    Resend = "resend",
    /// A message of a kind this version does not know was passed over.
    Foreign = "foreign",
    /// A stream was opened.
    Joined = "joined",
    /// A report broke a bound.
    BadReport = "bad-report",
    /// A Hello broke a bound, named another host, or came twice or not first.
    BadHello = "bad-hello",
    /// No Hello came in time.
    NoHello = "no-hello",
    /// Messages came too fast.
    TooFast = "too-fast",
    /// An agent had too many streams.
    TooMany = "too-many",
    /// Nothing came for too long.
    Silent = "silent",
    /// A message could not be read, or was too large.
    Garbage = "garbage",
    /// A stream was ended with the auth server.
    Ended = "ended",
    /// A stream broke.
    Lost = "lost",
    /// Somebody who may not asked.
    Denied = "denied",
    /// A connection did not become one: no TLS, no certificate, or not in time.
    Handshake = "handshake",
    /// There were too many connections, of all hosts or of one.
    Crowded = "crowded",
}

/// Counts outcomes.
#[derive(Debug, Default)]
pub struct Counters([AtomicU64; Outcome::ALL.len()]);

impl Counters {
    pub(super) fn count(&self, outcome: Outcome) {
        self.0[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often this came about.
    pub fn get(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize].load(Ordering::Relaxed)
    }
}
