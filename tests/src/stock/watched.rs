//! Watching how connections end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::task::Context;
use std::task::Poll;

use selfcheck_server::Connection;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tonic::transport::server::Connected;

use super::State;

/// A connection of which it is noted how its other end ends it.
pub(super) struct Watched {
    /// Gone when this end has been dropped, and the other is waited for.
    connection: Option<Connection>,
    state: Arc<Mutex<State>>,
    has_ended: bool,
}

impl Watched {
    pub(super) const fn new(connection: Connection, state: Arc<Mutex<State>>) -> Self {
        Self { connection: Some(connection), state, has_ended: false }
    }

    fn ends(&mut self, how: &io::Result<()>) {
        if !std::mem::replace(&mut self.has_ended, true) {
            let mut state = self.state.lock().expect("no panic");
            match how {
                Ok(()) => state.closed += 1,
                Err(_) => state.broken += 1,
            }
        }
    }

    fn connection(self: Pin<&mut Self>) -> Pin<&mut Connection> {
        Pin::new(self.get_mut().connection.as_mut().expect("it is there until this is dropped"))
    }
}

/// HTTP/2 may be over before the connection is: this end reads on.
impl Drop for Watched {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take().filter(|_| !self.has_ended) else { return };
        let mut rest = Self { connection: None, state: Arc::clone(&self.state), has_ended: false };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let how = tokio::io::copy(&mut connection, &mut tokio::io::sink()).await.map(|_| ());
            rest.ends(&how);
        });
    }
}

impl Connected for Watched {
    type ConnectInfo = <Connection as Connected>::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.connection.as_ref().expect("a connection").connect_info()
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.as_mut().connection().poll_read(context, buffer);
        if let Poll::Ready(how) = &read
            && (how.is_err() || (buffer.filled().len() == before && buffer.remaining() > 0))
        {
            self.ends(how);
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.connection().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection().poll_shutdown(context)
    }
}
