//! Host ids, which nearly always are UUIDs, in a third of the room.

use selfcheck_core::Text;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// A host id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    /// A UUID in its usual spelling: in lower case, with dashes.
    Uuid(Uuid),
    /// Any other.
    Other(Text),
}

impl Host {
    pub(crate) fn new(id: &Text) -> Self {
        let mut room = [0; Hyphenated::LENGTH];
        let is_usual = |uuid: &Uuid| *uuid.hyphenated().encode_lower(&mut room) == *id.as_str();
        Uuid::try_parse(id.as_str()).ok().filter(is_usual).map_or_else(|| Self::Other(id.clone()), Self::Uuid)
    }

    /// The id, as it was.
    pub(crate) fn id(&self) -> Text {
        match self {
            Self::Other(id) => id.clone(),
            Self::Uuid(uuid) => Text::new(uuid.hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH])),
        }
    }
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
