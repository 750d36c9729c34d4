//! The token of the service account, which a kubelet replaces before it ends.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use http::HeaderValue;
use parking_lot::Mutex;
use selfcheck_core::Fact;
use selfcheck_core::Why;
use tokio::time::Instant;

use crate::files::Tree;
use crate::pool::Pool;
use crate::target::ApiServer;

/// A bundle of certificates, or a token, is at most so large.
const FILE: u64 = 1 << 20;
/// A token that was read longer ago than this is read again before it is used.
const AGE: Duration = Duration::from_secs(60);
/// Reading it takes at most so long of the request that it is for.
const READ_TIME: Duration = Duration::from_millis(500);

/// The token, as what stands in a request.
pub(super) struct Token {
    server: ApiServer,
    files: Pool,
    /// With when it was read, or that was tried.
    held: Mutex<(HeaderValue, Instant)>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").finish_non_exhaustive()
    }
}

impl Token {
    /// Reads it.
    pub(super) fn read(server: &ApiServer, files: &Pool) -> Result<Self, Why> {
        let held = Mutex::new((as_header(server)?, Instant::now()));
        Ok(Self { server: server.clone(), files: files.clone(), held })
    }

    /// The token for a request that is made now. One that cannot be read anew may still do.
    pub(super) async fn header(&self) -> HeaderValue {
        let now = Instant::now();
        {
            let (token, read) = &mut *self.held.lock();
            if now < *read + AGE {
                return token.clone();
            }
            *read = now;
        }
        let server = self.server.clone();
        let read = self.files.start(move || as_header(&server)).wait(now + READ_TIME).await;
        let (token, _) = &mut *self.held.lock();
        if let Ok(Ok(read)) = read {
            *token = read;
        }
        token.clone()
    }
}

/// The service account's token as it is now, as it stands in a request.
fn as_header(server: &ApiServer) -> Result<HeaderValue, Why> {
    let token = readable(&server.token)?;
    let mut header = HeaderValue::try_from(format!("Bearer {}", token.trim())).map_err(|_| Why::Encoding)?;
    header.set_sensitive(true);
    Ok(header)
}

/// What a file holds, within bounds. Without a token or certificates nobody is let in.
pub(super) fn readable(path: &Path) -> Result<String, Why> {
    match Tree::default().read(path, FILE) {
        Fact::Present(text) => Ok(text),
        Fact::Absent | Fact::NotApplicable => Err(Why::Denied),
        Fact::Unreadable(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[tokio::test(start_paused = true)]
    async fn every_request_has_the_token_of_the_last_minute_and_an_old_one_at_worst() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("token");
        let write = |token: &str| fs::write(&path, token).expect("written");
        write("first\n");
        let server = ApiServer::new("https://192.0.2.1", &path, folder.path().join("ca.crt"));
        let token = Token::read(&server, &Pool::default()).expect("a token");
        let is = async |expected: &str| {
            let header = token.header().await;
            assert!(header == format!("Bearer {expected}") && header.is_sensitive(), "{expected}");
        };
        write("second");
        is("first").await;
        tokio::time::advance(AGE).await;
        is("second").await;
        fs::remove_file(&path).expect("removed");
        tokio::time::advance(AGE).await;
        is("second").await;
        write("third");
        // That it was tried counts: a file that hangs holds up one request in a minute.
        is("second").await;
        tokio::time::advance(AGE).await;
        is("third").await;
        write("no\nheader");
        tokio::time::advance(AGE).await;
        is("third").await;
    }
}
