//! A connection on which a test writes HTTP/2 by hand.

use std::io;
use std::path::Path;
use std::sync::Arc;

use selfcheck_tests::Auth;
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

/// How HTTP/2 begins.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An agent's stream.
pub(super) const STREAM: u32 = 1;

/// Kinds of frames.
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const CONTINUATION: u8 = 9;

/// Flags of frames.
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// A connection after its handshake, and nothing more.
pub(super) struct Bare(TlsStream<TcpStream>);

impl Bare {
    pub(super) async fn connect(auth: &Auth, identity: &Path) -> Self {
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
        let tcp = TcpStream::connect(auth.address).await.expect("connected");
        let name = "teleport.cluster.local".try_into().expect("a name");
        Self(TlsConnector::from(Arc::new(config)).connect(name, tcp).await.expect("handshake"))
    }

    /// Writes; the other end may have closed.
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// Reads until the other end closes; fails if it does not.
    pub(super) async fn closed(mut self, what: &str) {
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

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a length").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The headers of a request for an inventory stream.
pub(super) fn request() -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/proto.AuthService/InventoryControlStream"),
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
pub(super) fn message(compressed: u8, length: u32, payload: &[u8]) -> Vec<u8> {
    [&[compressed], &length.to_be_bytes()[..], payload].concat()
}

/// A connection that has asked for an inventory stream, and nothing more.
pub(super) fn asked(settings: &[u8]) -> Vec<u8> {
    let settings = frame(SETTINGS, 0, 0, settings);
    [PREFACE, &settings, &frame(HEADERS, END_HEADERS, STREAM, &request())].concat()
}
