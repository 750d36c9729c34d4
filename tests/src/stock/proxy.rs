//! Stands in for a cluster's proxy, as far as it hands connections on to auth servers by what TLS offers.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::rustls::server::Acceptor;

/// What the protocol for an auth server begins and ends with; the cluster is between, in hexadecimal.
const BEGIN: &[u8] = b"teleport-auth@";
const END: &[u8] = b".teleport.cluster.local";

/// A proxy: what it knows are clusters and their auth servers. What asks for none of them is closed.
#[derive(Debug)]
pub struct AlpnProxy {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl AlpnProxy {
    /// Starts one.
    pub async fn start(clusters: Vec<(String, SocketAddr)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listening");
        let address = listener.local_addr().expect("address");
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let clusters = clusters.clone();
                tokio::spawn(async move { forward(client, &clusters).await });
            }
        });
        Self { address, task }
    }

    /// The address as people are told it.
    pub fn server(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for AlpnProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(mut client: TcpStream, clusters: &[(String, SocketAddr)]) -> io::Result<()> {
    let mut acceptor = Acceptor::default();
    let mut read = Vec::new();
    let offered = loop {
        let mut part = [0; 4096];
        let length = client.read(&mut part).await?;
        if length == 0 {
            return Ok(());
        }
        read.extend_from_slice(&part[..length]);
        acceptor.read_tls(&mut &part[..length])?;
        if let Some(accepted) = acceptor.accept().map_err(|(error, _)| io::Error::other(error))? {
            let hello = accepted.client_hello();
            break hello.alpn().into_iter().flatten().map(<[u8]>::to_vec).collect::<Vec<_>>();
        }
    };
    let cluster = offered.iter().find_map(|protocol| {
        let digits = protocol.strip_prefix(BEGIN)?.strip_suffix(END)?;
        let name = clusters.iter().find(|(name, _)| digits == hex(name).as_bytes())?;
        Some(name.1)
    });
    let Some(auth) = cluster else { return Ok(()) };
    let mut auth = TcpStream::connect(auth).await?;
    auth.write_all(&read).await?;
    tokio::io::copy_bidirectional(&mut client, &mut auth).await?;
    Ok(())
}

fn hex(text: &str) -> String {
    let digits: Vec<_> = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}
