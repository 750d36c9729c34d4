//! Names in Kubernetes that may become part of a command.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

use crate::Text;

/// A DNS label (RFC 1123), as the names of Helm releases and Kubernetes namespaces are: at most 63 of `a-z`, `0-9` and `-`, which neither begin nor
/// end with `-`. It means nothing to a shell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub struct DnsLabel(Text);

/// A name is no DNS label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name of at most 63 of a-z, 0-9 and -")]
pub struct NotALabel(Text);

impl DnsLabel {
    /// It as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for DnsLabel {
    type Err = NotALabel;

    fn from_str(name: &str) -> Result<Self, NotALabel> {
        let permitted = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_label = (1..=63).contains(&name.len())
            && name.bytes().all(permitted)
            && !name.starts_with('-')
            && !name.ends_with('-');
        let name = Text::new(name);
        if is_label { Ok(Self(name)) } else { Err(NotALabel(name)) }
    }
}

impl fmt::Display for DnsLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<DnsLabel> for Text {
    fn from(label: DnsLabel) -> Self {
        label.0
    }
}

impl TryFrom<Text> for DnsLabel {
    type Error = NotALabel;

    fn try_from(name: Text) -> Result<Self, NotALabel> {
        name.as_str().parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_the_domain_name_system() {
        let label: DnsLabel = "teleport-agent".parse().expect("a label");
        assert_eq!(label.as_str(), "teleport-agent");
        for bad in ["", "-a", "a-", "A", "a.b", "a/b", "a b", "$(id)", &"x".repeat(64)] {
            assert_eq!(bad.parse::<DnsLabel>(), Err(NotALabel(bad.into())), "{bad:?}");
        }
    }
}
