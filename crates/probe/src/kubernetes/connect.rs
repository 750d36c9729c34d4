//! The connection to the API: TLS by the cluster's own authority, and the token of the service account.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http::Uri;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use selfcheck_core::Why;
use tower::BoxError;
use tower::ServiceExt;

use crate::pool::Pool;
use crate::target::ApiServer;

use super::client::Client;
use super::token::Token;
use super::token::readable;

/// The kernel asks whether the other side is still there after so long, and so often; nothing here wakes for that.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEP_ALIVE_RETRIES: u32 = 4;
/// A server is near.
const CONNECT: Duration = Duration::from_secs(10);

/// Makes a client of `server`. It reads files, and must be called in a runtime; nobody is asked yet.
pub(super) fn client(server: &ApiServer, files: &Pool) -> Result<Client, Why> {
    let url = url(&server.url).ok_or(Why::Protocol)?;
    let token = Token::read(server, files)?;
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_connect_timeout(Some(CONNECT));
    http.set_keepalive(Some(KEEP_ALIVE));
    http.set_keepalive_interval(Some(KEEP_ALIVE_INTERVAL));
    http.set_keepalive_retries(Some(KEEP_ALIVE_RETRIES));
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls(&server.authority)?)
        .https_only()
        .enable_all_versions()
        .wrap_connector(http);
    let service = legacy::Client::builder(TokioExecutor::new())
        .build(https)
        .map_response(|answer: Response<Incoming>| {
            answer.map(|body| body.map_err(BoxError::from).boxed_unsync())
        })
        .map_err(BoxError::from);
    Ok(Client::new(service, &url, Some(token)))
}

/// The address of a server, without a query.
fn url(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    Some(format!("{}://{}{}", uri.scheme()?, uri.authority()?, uri.path()))
}

/// TLS that trusts the cluster's authority alone. The provider is named, so that none becomes that of the process.
fn tls(authority: &Path) -> Result<ClientConfig, Why> {
    let text = readable(authority)?;
    let mut roots = RootCertStore::empty();
    // In a bundle one may be of a kind that is not understood; the others count all the same.
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(text.as_bytes()).filter_map(Result::ok));
    if roots.is_empty() {
        return Err(Why::Protocol);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Why::Protocol)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_an_address_is_not_asked() {
        for (text, expected) in [
            ("https://10.0.0.1:443", Some("https://10.0.0.1:443/")),
            ("https://[::1]:6443/clusters/a/?watch=1", Some("https://[::1]:6443/clusters/a/")),
            ("https://bad host", None),
            ("10.0.0.1:443", None),
            ("/api", None),
            ("", None),
        ] {
            assert_eq!(url(text).as_deref(), expected, "{text}");
        }
    }
}
