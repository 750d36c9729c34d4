//! The address of a Teleport proxy, compared the way the product means it.

use std::fmt;
use std::str::FromStr;

use crate::Text;

/// Host and port of a proxy, from any of the spellings a configuration may use.
///
/// Two addresses are [the same](Self::same_as) whatever their scheme, letter case or trailing dot, and the
/// product's two default ports (443 and 3080) stand for each other and for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyAddr {
    host: String,
    port: Option<u16>,
}

/// A text is no proxy's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address like teleport.example.com or teleport.example.com:443")]
pub struct InvalidProxyAddr(Text);

impl ProxyAddr {
    /// The host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, if one was given.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The same address with `port`, where it has none.
    #[must_use]
    pub fn or_port(self, port: u16) -> Self {
        Self { port: self.port.or(Some(port)), ..self }
    }

    /// Whether both name the same proxy.
    pub fn same_as(&self, other: &Self) -> bool {
        self.host == other.host && self.comparable_port() == other.comparable_port()
    }

    const fn comparable_port(&self) -> u16 {
        match self.port {
            None | Some(443 | 3080) => 443,
            Some(port) => port,
        }
    }
}

impl FromStr for ProxyAddr {
    type Err = InvalidProxyAddr;

    fn from_str(raw: &str) -> Result<Self, InvalidProxyAddr> {
        read(raw).ok_or_else(|| InvalidProxyAddr(Text::new(raw)))
    }
}

/// `None` where it holds no host name or address, or anything a host name cannot hold.
fn read(raw: &str) -> Option<ProxyAddr> {
    let rest = raw.trim();
    let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = if let Some(bracketed) = rest.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']')?;
        (host, after.strip_prefix(':'))
    } else if rest.matches(':').count() > 1 {
        (rest, None) // a bare IPv6 address
    } else {
        rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)))
    };
    let port = port.map(str::parse).transpose().ok()?;
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let permitted = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':');
    (!host.is_empty() && host.len() <= 253 && !host.starts_with('-') && host.bytes().all(permitted))
        .then_some(ProxyAddr { host, port })
}

impl fmt::Display for ProxyAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(left: &str, right: &str) -> bool {
        let read = |text: &str| text.parse::<ProxyAddr>().expect("an address");
        read(left).same_as(&read(right))
    }

    #[test]
    fn spelling_is_no_difference() {
        assert!(same("https://Teleport.Example.com.", "teleport.example.com:443"));
        assert!(same("teleport.example.com:3080", "teleport.example.com"));
        assert!(same("teleport.example.com:3080", "teleport.example.com:443"));
        assert!(same("https://teleport.example.com:8443/web", "teleport.example.com:8443"));
        assert!(same("[2001:db8::1]:443", "2001:DB8::1"));
    }

    #[test]
    fn another_host_or_port_is_a_difference() {
        assert!(!same("a.example.com", "b.example.com"));
        assert!(!same("a.example.com:8443", "a.example.com:443"));
        assert!(!same("a.example.com:3024", "a.example.com"));
    }

    #[test]
    fn refuses_what_is_no_address() {
        for bad in ["", "https://", "host:port", "a b", "$(id)", "a;b", "-oProxy", "host:99999", "[::1"] {
            assert_eq!(bad.parse::<ProxyAddr>(), Err(InvalidProxyAddr(bad.into())), "{bad}");
        }
    }
}
