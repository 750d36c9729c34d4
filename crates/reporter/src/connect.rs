//! Connecting to an auth server, directly or through a proxy.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use selfcheck_protocol::AUTH_SERVER;
use selfcheck_protocol::IdentityFile;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tonic::transport::Channel;
use tonic::transport::Endpoint;

use crate::ReportError;
use crate::socket::Socket;
use crate::tls;
use crate::trust;

/// How long a connection may take to come about.
const CONNECT_TIME: Duration = Duration::from_secs(30);
/// How often the auth server is asked whether it is there. More often than once a minute is a strike with stock ones.
const ASK_EVERY: Duration = Duration::from_secs(75);
/// How long the answer may take.
const ASK_TIME: Duration = Duration::from_secs(30);

/// Connects to the auth server at `server` (`HOST:PORT`), or to a proxy that forwards to one. What comes beside the channel is
/// closed when its connection is.
pub(crate) async fn connect(
    server: &str,
    identity: &IdentityFile,
) -> Result<(Channel, watch::Receiver<()>), ReportError> {
    let (open, closed) = watch::channel(());
    let tls = TlsConnector::from(Arc::new(tls::config(identity).map_err(ReportError::Tls)?));
    let address = server.to_owned();
    let connector = tower::service_fn(move |_| {
        let (tls, address, open) = (tls.clone(), address.clone(), open.clone());
        async move {
            let tcp = TcpStream::connect(address.as_str()).await?;
            tcp.set_nodelay(true)?;
            let name = ServerName::try_from(AUTH_SERVER).map_err(io::Error::other)?;
            Ok::<_, io::Error>(TokioIo::new(Socket::new(
                tls.connect(name, tcp).await.map_err(trust::in_words)?,
                open,
            )))
        }
    });
    let endpoint = Endpoint::from_static("http://teleport.cluster.local")
        .http2_keep_alive_interval(ASK_EVERY)
        .keep_alive_timeout(ASK_TIME)
        .keep_alive_while_idle(true);
    match timeout(CONNECT_TIME, endpoint.connect_with_connector(connector)).await {
        Ok(Ok(channel)) => Ok((channel, closed)),
        Ok(Err(error)) => Err(ReportError::Connect { server: server.to_owned(), source: error.into() }),
        Err(_) => Err(ReportError::Timeout { server: server.to_owned(), what: "take a connection" }),
    }
}
