//! Stands in for a cluster's proxy: tells the version that agents should have.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

/// A proxy on loopback. Dropping it takes it down.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    version: Arc<Mutex<String>>,
    down: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy that asks agents to be at `version`.
    pub fn start(version: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("address");
        let version = Arc::new(Mutex::new(version.to_owned()));
        let down = Arc::new(AtomicBool::new(false));
        let (shared, stop) = (Arc::clone(&version), Arc::clone(&down));
        let server = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let version = shared.lock().expect("version").clone();
                let _ = answer(stream, &version);
            }
        });
        Self { address, version, down, server: Some(server) }
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Changes the version that agents should have.
    pub fn set_version(&self, version: &str) {
        version.clone_into(&mut self.version.lock().expect("version"));
    }
}

fn answer(mut stream: TcpStream, version: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = [0; 1024];
    let _ = stream.read(&mut request)?;
    let body = format!("{{\"auto_update\":{{\"agent_version\":\"{version}\"}}}}");
    write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.down.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address); // wakes the server
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}
