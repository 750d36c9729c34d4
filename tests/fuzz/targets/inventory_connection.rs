//! A whole connection as bytes of any kind: frames of HTTP/2, the requests in them, and their messages, through all that an auth
//! server has behind TLS.
#![no_main]

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use prost::Message;
use selfcheck_core::TeleportVersion;
use selfcheck_fleet::Alerts;
use selfcheck_fleet::Cursor;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::FleetConfig;
use selfcheck_fleet::Store;
use selfcheck_fleet::Summary;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::Role;
use selfcheck_protocol::wire::proto::UpstreamInventoryHello;
use selfcheck_protocol::wire::proto::UpstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg;
use selfcheck_server::AuthServer;
use selfcheck_server::Caller;
use selfcheck_server::Inventory;
use selfcheck_server::Limits;
use selfcheck_server::serve_on;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::io::DuplexStream;
use tokio::io::ReadBuf;
use tonic::transport::server::Connected;

/// How HTTP/2 begins, with settings of which none differ.
const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// More than anything that is answered to so little.
const ROOM: usize = 1 << 20;

/// One end of a connection, and who is at the other.
struct End(DuplexStream, Caller);

impl Connected for End {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.1.clone()
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for End {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

/// The headers of a request.
fn request(path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "teleport.cluster.local"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("short"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    frame(1, 4, &block)
}

fn message(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("short").to_be_bytes();
    frame(0, 0, &[&[0], length.as_slice(), message].concat())
}

fn hello() -> Vec<u8> {
    let hello = UpstreamInventoryHello {
        version: "18.2.0".to_owned(),
        server_id: "a".to_owned(),
        ..UpstreamInventoryHello::default()
    };
    UpstreamInventoryOneOf { msg: Some(Msg::Hello(hello)) }.encode_to_vec()
}

/// What is sent: how far a connection is when it begins to be anything, by the first byte, and the rest. And as whom.
fn sent(bytes: &[u8]) -> (Vec<u8>, Role) {
    let (first, rest) = bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest));
    let stream = "/proto.AuthService/InventoryControlStream";
    let beginning = match first % 6 {
        0 => Vec::new(),
        1 => BEGINNING.to_vec(),
        2 => [BEGINNING, &request(stream)].concat(),
        3 => [BEGINNING, &request(stream), &message(&hello())].concat(),
        // The rest is one whole message after the Hello.
        4 => {
            return (
                [BEGINNING, &request(stream), &message(&hello()), &message(&rest[..rest.len().min(16_000)])]
                    .concat(),
                Role::Node,
            );
        }
        _ => [BEGINNING, &request("/teleport.selfcheck.v1.FleetService/ListAgents")].concat(),
    };
    let role = if first % 6 == 5 { Role::Admin } else { Role::Node };
    ([beginning, rest.to_vec()].concat(), role)
}

async fn connect(bytes: &[u8]) {
    let server = AuthServer::new(TeleportVersion::new(18, 2, 0), "auth");
    let counting = FleetConfig::default().settling(Duration::ZERO).hand_over(Duration::ZERO);
    let inventory =
        Inventory::new(Fleet::new(counting), Arc::new(Alerts::default()), server, Limits::default(), || {
            jiff::Timestamp::UNIX_EPOCH
        });
    let (bytes, role) = sent(bytes);
    let identity = HostIdentity::new("a".into(), "c".into(), [role]);
    let (ours, theirs) = tokio::io::duplex(ROOM);
    let end = End(theirs, Caller::new(Ok(identity)));
    let connections = futures_util::stream::iter([Ok(end)]);
    // It ends with its last connection.
    let serving = serve_on(inventory.clone(), connections, std::future::pending());
    let (mut read, mut write) = tokio::io::split(ours);
    let mut answer = Vec::new();
    let writing = async {
        let _ = write.write_all(&bytes).await; // it may be closed
        // Nobody else's seat is ever taken.
        tokio::task::yield_now().await;
        let part = inventory.store().part(Cursor::default(), None, usize::MAX);
        assert!(part.agents.iter().all(|agent| agent.hello.server_id.as_str() == "a"));
        assert_eq!(inventory.store().summary(), inventory.store().recount());
        let _ = write.shutdown().await;
    };
    let (served, read, ()) = tokio::join!(serving, read.read_to_end(&mut answer), writing);
    served.expect("served");
    read.expect("a connection in memory");
    // What is left of it is what its tasks still have to do.
    for _ in 0..64 {
        if inventory.store().is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(inventory.store().is_empty(), "the agent has left");
    assert_eq!(inventory.store().summary(), Summary::default());
}

fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
    runtime.block_on(connect(bytes));
});
