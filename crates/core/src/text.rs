//! Bounded text: whatever a host or an agent supplied, short and free of control characters.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

/// Text from outside, at most [`Text::MAX`] bytes and without control characters.
///
/// Every way to make one cleans the input, so holding a `Text` is proof that it may be printed. A clone is the same text, not a copy.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(Arc<str>);

/// What ends a text that was cut.
const MARK: char = '…';

impl Text {
    /// The most bytes a text holds; what is longer is cut and ends in `…`.
    pub const MAX: usize = 256;

    /// Cleans and bounds `raw`.
    pub fn new(raw: &str) -> Self {
        let mut clean = String::new();
        // Up to where there is room for the mark behind it.
        let mut room = 0;
        for safe in raw.chars().map(safe) {
            if clean.len() + safe.len_utf8() > Self::MAX {
                clean.truncate(room);
                clean.push(MARK);
                break;
            }
            clean.push(safe);
            if clean.len() + MARK.len_utf8() <= Self::MAX {
                room = clean.len();
            }
        }
        Self(clean.into())
    }

    /// A host's name, in which everything is replaced that no name of a host has: it may be shown beside commands.
    pub fn host_name(raw: &str) -> Self {
        let permitted = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        Self::of(raw, permitted)
    }

    /// Words of somebody else that may be shown beside commands: everything that a shell acts on is replaced.
    pub fn words(raw: &str) -> Self {
        let permitted = |character: char| {
            character.is_alphanumeric() && !is_right_to_left(character) || " ._-+/:@=,%…".contains(character)
        };
        Self::of(raw, permitted)
    }

    fn of(raw: &str, permitted: impl Fn(char) -> bool) -> Self {
        let replaced = |character| if permitted(character) { character } else { char::REPLACEMENT_CHARACTER };
        // One more than has room, so that what is cut is marked.
        Self::new(&raw.chars().take(Self::MAX + 1).map(replaced).collect::<String>())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `raw` with everything a terminal might obey replaced. For text of any length; see [`Text`] to bound it too.
pub fn printable(raw: &str) -> String {
    raw.chars().map(safe).collect()
}

fn safe(character: char) -> char {
    if is_hostile(character) { char::REPLACEMENT_CHARACTER } else { character }
}

/// Letters of scripts that are written from the right, which would reorder what is shown beside them.
fn is_right_to_left(character: char) -> bool {
    matches!(
        character,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
    )
}

/// Control characters, and the invisible ones that reorder or hide what a terminal shows: all that Unicode lets a program ignore
/// (`Default_Ignorable_Code_Point`), what separates lines, and what annotates or looks like nothing.
fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

impl From<&str> for Text {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_long_input_and_replaces_control_characters() {
        let text = Text::new(&format!("a\u{1b}[31m\n\u{202e}{}", "é".repeat(500)));
        assert!(text.as_str().len() <= Text::MAX);
        assert!(text.as_str().ends_with('…'));
        assert!(text.as_str().starts_with("a\u{fffd}[31m\u{fffd}\u{fffd}é"));
    }

    #[test]
    fn nothing_is_cut_that_fits() {
        for length in [0, 1, 253, 254, 255, 256] {
            assert_eq!(Text::new(&"x".repeat(length)).as_str().len(), length);
        }
        let cut = Text::new(&"x".repeat(257));
        assert_eq!((cut.as_str().len(), cut.as_str().ends_with("xx…")), (256, true));
        assert_eq!(Text::new(&"é".repeat(128)).as_str(), "é".repeat(128));
        assert_eq!(Text::new(&"é".repeat(129)).as_str().len(), 255);
    }

    #[test]
    fn what_is_invisible_and_reorders_or_hides_is_replaced() {
        for hostile in [
            '\u{61c}',
            '\u{ad}',
            '\u{180e}',
            '\u{200f}',
            '\u{2066}',
            '\u{206a}',
            '\u{e0041}',
            '\u{7f}',
            '\u{9b}',
            '\u{34f}',
            '\u{115f}',
            '\u{3164}',
            '\u{ffa0}',
            '\u{fe0e}',
            '\u{e0100}',
            '\u{1d173}',
            '\u{2800}',
            '\u{fff9}',
        ] {
            assert_eq!(Text::new(&format!("a{hostile}b")).as_str(), "a\u{fffd}b", "{hostile:?}");
        }
        assert_eq!(Text::new("ä 字 👩").as_str(), "ä 字 👩");
    }

    #[test]
    fn no_shell_acts_on_what_is_shown_beside_commands() {
        for hostile in "$`;|&<>(){}[]'\"\\*?!#~^\n\t\r\0".chars() {
            for text in [Text::words(&format!("a{hostile}b")), Text::host_name(&format!("a{hostile}b"))] {
                assert_eq!(text.as_str(), "a\u{fffd}b", "{hostile:?}");
            }
        }
        assert_eq!(Text::words("stage 1/ä:x@y=z,%+").as_str(), "stage 1/ä:x@y=z,%+");
        assert_eq!(Text::host_name("db-1.Example_2").as_str(), "db-1.Example_2");
        assert_eq!(Text::host_name("db 1 ä").as_str(), "db\u{fffd}1\u{fffd}\u{fffd}");
        for long in ["x", "$"] {
            assert!(Text::host_name(&long.repeat(1000)).as_str().len() <= Text::MAX);
            assert!(Text::words(&long.repeat(1000)).as_str().ends_with('…'));
        }
    }

    #[test]
    fn cleaning_twice_changes_nothing() {
        let once = Text::new(&"x\u{0}".repeat(300));
        assert_eq!(Text::new(once.as_str()), once);
    }
}
