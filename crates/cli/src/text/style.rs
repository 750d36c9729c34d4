//! Colour, which never carries meaning of its own.

use selfcheck_core::Severity;
use selfcheck_core::Verdict;

/// Whether to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Colored,
}

/// A colour of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Caution,
    Bad,
    Strong,
    Faint,
}

impl Style {
    /// What catches the eye first.
    pub(crate) fn strong(self, text: &str) -> String {
        self.paint(Tone::Strong, text)
    }

    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        if self == Self::Plain {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "1;32",
            Tone::Caution => "1;33",
            Tone::Bad => "1;31",
            Tone::Strong => "1",
            Tone::Faint => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

pub(super) const fn verdict_tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Accompanied | Verdict::Exempt => Tone::Good,
        Verdict::Held | Verdict::Unknown | Verdict::Unsupported => Tone::Caution,
        Verdict::Impaired | Verdict::Unaccompanied => Tone::Bad,
    }
}

pub(super) const fn severity_tone(severity: Severity) -> Tone {
    match severity {
        Severity::Critical => Tone::Bad,
        Severity::Warning => Tone::Caution,
        Severity::Advisory => Tone::Faint,
    }
}
