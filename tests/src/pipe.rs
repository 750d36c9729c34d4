//! A connection's way between two ends, which can break, or be cut so that neither is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Forwards connections to an address.
#[derive(Debug)]
pub struct Pipe {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    taken: AtomicUsize,
    /// The connections before this one carry nothing any more.
    cut: AtomicUsize,
    /// Whether the far end has closed a connection that was cut.
    given_up: AtomicBool,
    /// The connections before this one are closed.
    broken: watch::Sender<usize>,
}

impl Pipe {
    /// A way to `target`.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listening");
        let address = listener.local_addr().expect("address");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(target).await.expect("the far end listens");
                let number = accepting.taken.fetch_add(1, Ordering::SeqCst);
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(forward(near_in, far_out, number, Arc::clone(&accepting)));
                let forwarding = forward(far_in, near_out, number, Arc::clone(&accepting));
                let shared = Arc::clone(&accepting);
                tokio::spawn(async move {
                    let _kept = forwarding.await;
                    if shared.is_cut(number) {
                        shared.given_up.store(true, Ordering::SeqCst);
                        std::future::pending::<()>().await; // the near end is not told
                    }
                });
            }
        });
        Self { address, shared, task }
    }

    /// Where it begins.
    pub fn server(&self) -> String {
        self.address.to_string()
    }

    /// From now on what is sent on the connections there are vanishes. New ones are forwarded.
    pub fn cut(&self) {
        self.shared.cut.store(self.shared.taken.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Closes the connections there are, at both ends. New ones are forwarded.
    pub fn breaks(&self) {
        self.shared.broken.send_replace(self.shared.taken.load(Ordering::SeqCst));
    }

    /// Whether the far end has closed a connection that was cut.
    pub fn is_given_up(&self) -> bool {
        self.shared.given_up.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn is_cut(&self, number: usize) -> bool {
        number < self.cut.load(Ordering::SeqCst)
    }
}

/// Forwards one direction until it ends. What is returned has to be kept for the other end not to notice.
async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: usize,
    shared: Arc<Shared>,
) -> (OwnedReadHalf, OwnedWriteHalf) {
    let mut buffer = [0; 4096];
    let mut broken = shared.broken.subscribe();
    let forwarding = async {
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            if !shared.is_cut(number) && to.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = forwarding => {}
        _ = broken.wait_for(|broken| number < *broken) => {}
    }
    (from, to)
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.task.abort();
    }
}
