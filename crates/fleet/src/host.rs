//! Host ids, which nearly always are UUIDs, in a third of the room.

use std::fmt::Write;

use selfcheck_core::Text;

/// A host id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    /// A UUID in its usual spelling.
    Uuid([u8; 16]),
    /// Any other.
    Other(Text),
}

/// Where the usual spelling of a UUID has its dashes.
const DASHES: [usize; 4] = [8, 13, 18, 23];

impl Host {
    pub(crate) fn new(id: &Text) -> Self {
        uuid(id.as_str()).map_or_else(|| Self::Other(id.clone()), Self::Uuid)
    }

    /// The id, as it was.
    pub(crate) fn id(&self) -> Text {
        let bytes = match self {
            Self::Other(id) => return id.clone(),
            Self::Uuid(bytes) => bytes,
        };
        let mut id = String::with_capacity(36);
        for (place, byte) in bytes.iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                id.push('-');
            }
            let _ = write!(id, "{byte:02x}"); // a string takes everything
        }
        Text::new(&id)
    }
}

/// The bytes of a UUID that is spelled as usual: in lower case, with dashes.
fn uuid(id: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let mut digits = 0;
    if id.len() != 36 {
        return None;
    }
    for (place, character) in id.bytes().enumerate() {
        let value = match character {
            b'-' if DASHES.contains(&place) => continue,
            _ if DASHES.contains(&place) => return None,
            b'0'..=b'9' => character - b'0',
            b'a'..=b'f' => character - b'a' + 10,
            _ => return None,
        };
        let byte: &mut u8 = bytes.get_mut(digits / 2)?;
        *byte = *byte << 4 | value;
        digits += 1;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_comes_back_as_it_was() {
        for (id, is_uuid) in [
            ("0aa9f1c2-33e4-4a5b-8cd0-ef1234567890", true),
            ("0AA9f1c2-33e4-4a5b-8cd0-ef1234567890", false),
            ("0aa9f1c2-33e4-4a5b-8cd0-ef123456789g", false),
            ("0aa9f1c2-33e4-4a5b-8cd0-ef12345678901", false),
            ("0aa9f1c2033e4-4a5b-8cd0-ef1234567890", false),
            ("------------------------------------", false),
            ("123456789012-i-0123456789abcdef0", false),
            ("", false),
        ] {
            let host = Host::new(&id.into());
            assert_eq!((host.id().as_str(), matches!(host, Host::Uuid(_))), (id, is_uuid));
        }
    }
}
