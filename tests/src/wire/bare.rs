//! A connection on which a test writes HTTP/2 by hand.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::Auth;

/// How HTTP/2 begins.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An agent's stream.
pub const STREAM: u32 = 1;

/// A frame: data.
pub const DATA: u8 = 0;
/// A frame: headers of a request.
pub const HEADERS: u8 = 1;
/// A frame: the end of one request.
pub const RST_STREAM: u8 = 3;
/// A frame: settings of a connection.
pub const SETTINGS: u8 = 4;
/// A frame: whether somebody is there.
pub const PING: u8 = 6;
/// A frame: room for more.
pub const WINDOW_UPDATE: u8 = 8;
/// A frame: more headers.
pub const CONTINUATION: u8 = 9;

/// A flag: nothing comes after this.
pub const END_STREAM: u8 = 1;
/// A flag: these are all headers.
pub const END_HEADERS: u8 = 4;

/// A connection after its handshake, and nothing more.
#[derive(Debug)]
pub struct Bare(TlsStream<TcpStream>);

impl Bare {
    /// A connection to `auth` as `identity`.
    pub async fn connect(auth: &Auth, identity: &Path) -> Self {
        Self::to(auth.address, identity).await.expect("a connection")
    }

    /// The same to an address, where it may be refused.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub async fn to(address: SocketAddr, identity: &Path) -> io::Result<Self> {
        Self::over(TcpStream::connect(address).await?, identity).await
    }

    /// The same over a connection that is there.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub async fn over(tcp: TcpStream, identity: &Path) -> io::Result<Self> {
        let text = std::fs::read(identity).expect("identity");
        let key = PrivateKeyDer::from_pem_slice(&text).expect("key");
        let mut certificates =
            CertificateDer::pem_slice_iter(&text).map(|certificate| certificate.expect("certificate"));
        let own = certificates.next().expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates);
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![own], key)
            .expect("identity");
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = "teleport.cluster.local".try_into().expect("a name");
        Ok(Self(TlsConnector::from(Arc::new(config)).connect(name, tcp).await?))
    }

    /// It, for what writes by itself.
    pub fn into_stream(self) -> TlsStream<TcpStream> {
        self.0
    }

    /// Writes; the other end may have closed.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// Reads until the other end closes; fails if it does not.
    pub async fn closed(mut self, what: &str) {
        let mut swallowed = Vec::new();
        let reading = tokio::time::timeout(super::PATIENCE, self.0.read_to_end(&mut swallowed)).await;
        match reading.unwrap_or_else(|_| panic!("{what}: the connection is not ended")) {
            Ok(_) => {}
            // It may be closed without the farewell of TLS, or while something was on its way.
            Err(error) => assert!(
                matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset),
                "{what}: {error}"
            ),
        }
    }
}

/// A frame of HTTP/2.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a length").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The headers of a request for an inventory stream.
pub fn request() -> Vec<u8> {
    request_of("/proto.AuthService/InventoryControlStream")
}

/// The headers of a request for this path.
pub fn request_of(path: &str) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "teleport.cluster.local"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0); // literal, never indexed, not compressed
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("a short text"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// A message of gRPC.
pub fn message(compressed: u8, length: u32, payload: &[u8]) -> Vec<u8> {
    [&[compressed], &length.to_be_bytes()[..], payload].concat()
}

/// A connection that has asked for an inventory stream, and nothing more.
pub fn asked(settings: &[u8]) -> Vec<u8> {
    let settings = frame(SETTINGS, 0, 0, settings);
    [PREFACE, &settings, &frame(HEADERS, END_HEADERS, STREAM, &request())].concat()
}
