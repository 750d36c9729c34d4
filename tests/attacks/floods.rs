//! One identity that asks for more than anybody needs.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;
use std::time::Instant;

use http_body::Body;
use http_body::Frame;
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use prost::Message;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::wire::proto::InventoryHeartbeat;
use selfcheck_protocol::wire::proto::UpsertClusterAlertRequest;
use selfcheck_protocol::wire::proto::UpstreamInventoryAgentMetadata;
use selfcheck_protocol::wire::proto::UpstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_protocol::wire::teleport::selfcheck::v1::Finding;
use selfcheck_protocol::wire::teleport::selfcheck::v1::Report;
use selfcheck_protocol::wire::teleport::selfcheck::v1::UpdaterSelfCheck;
use selfcheck_protocol::wire::types::ClusterAlert;
use selfcheck_protocol::wire::types::ClusterAlertSpec;
use selfcheck_protocol::wire::types::GetClusterAlertsRequest;
use selfcheck_protocol::wire::types::Metadata;
use selfcheck_protocol::wire::types::ResourceHeader;
use selfcheck_reporter::AuthClient;
use selfcheck_reporter::wire::proto::auth_service_client::AuthServiceClient;
use selfcheck_tests::wire::bare::Bare;
use selfcheck_tests::wire::hello;
use tokio::task::JoinSet;
use tonic::codegen::Bytes;

use crate::Pace;
use crate::arena::Arena;
use crate::witness::join;

/// How much larger than what is sent of it a message says that it is.
const MISSING: usize = 1;
const STREAM: &str = "/proto.AuthService/InventoryControlStream";
const INSTANCES: &str = "/proto.AuthService/GetInstances";

/// A body that sends this and does not end.
struct Unfinished(Vec<Bytes>);

impl Body for Unfinished {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.pop().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

/// A message of gRPC.
fn message(payload: &[u8]) -> Bytes {
    announced(payload, payload.len())
}

/// A message of which so much is there and the rest is missing.
fn announced(payload: &[u8], length: usize) -> Bytes {
    [&[0], &u32::try_from(length).expect("a length").to_be_bytes()[..], payload].concat().into()
}

/// All but the end of a large message.
fn large() -> Bytes {
    let size = 1 << 20;
    announced(&vec![0x0a; size - MISSING], size)
}

/// `requests` for `path` on one connection, with this body each, for as long as `lasts`. How many of them were answered.
async fn ask(
    arena: &Arena,
    identity: &Path,
    path: &'static str,
    body: &[Bytes],
    requests: usize,
    lasts: Duration,
) -> io::Result<usize> {
    let stream = Bare::to(arena.address, identity).await?.into_stream();
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(0) // what is answered is not read
        .handshake::<_, Unfinished>(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let mut asked = JoinSet::new();
    for _ in 0..requests {
        if sender.ready().await.is_err() {
            break;
        }
        let request = Request::post(format!("http://teleport.cluster.local{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let request = request.body(Unfinished(body.to_vec())).expect("a request");
        asked.spawn(sender.send_request(request));
    }
    let mut answered = 0;
    let mut open = Vec::new();
    let _ = tokio::time::timeout(lasts, async {
        while let Some(answer) = asked.join_next().await {
            if let Ok(Ok(answer)) = answer {
                answered += 1;
                open.push(answer);
            }
        }
        tokio::time::sleep(lasts).await;
    })
    .await;
    drop((open, sender));
    connection.abort();
    Ok(answered)
}

/// The same on several connections at once.
async fn ask_on(
    arena: &Arena,
    connections: usize,
    identity: &Path,
    path: &'static str,
    body: Vec<Bytes>,
    pace: Pace,
) -> Result<String, String> {
    let all = (0..connections).map(|_| ask(arena, identity, path, &body, 256, pace.lasts));
    let all = futures_util::future::join_all(all).await;
    let let_in = all.iter().filter(|asked| asked.is_ok()).count();
    let answered: usize = all.iter().flatten().sum();
    Ok(format!("{let_in} of {connections} connections let in, {answered} requests answered"))
}

pub(crate) async fn denied_and_unfinished(arena: &Arena, pace: Pace) -> Result<String, String> {
    ask_on(arena, 64, &arena.agent("bad"), INSTANCES, vec![large()], pace).await
}

pub(crate) async fn unfinished_streams(arena: &Arena, pace: Pace) -> Result<String, String> {
    ask_on(arena, 64, &arena.agent("bad"), STREAM, vec![large()], pace).await
}

pub(crate) async fn unfinished_messages(arena: &Arena, pace: Pace) -> Result<String, String> {
    let said = UpstreamInventoryOneOf { msg: Some(Up::Hello(hello("bad"))) }.encode_to_vec();
    ask_on(arena, 64, &arena.agent("bad"), STREAM, vec![large(), message(&said)], pace).await
}

pub(crate) async fn unfinished_questions(arena: &Arena, pace: Pace) -> Result<String, String> {
    ask_on(arena, 64, &arena.administrator("bad"), INSTANCES, vec![large()], pace).await
}

/// The book of alerts is filled, and asked for without reading what comes.
pub(crate) async fn unread_answers(arena: &Arena, pace: Pace) -> Result<String, String> {
    let identity = arena.administrator("bad");
    let read = IdentityFile::read(&identity).expect("an identity");
    let client = AuthClient::connect(&arena.server(), &read).await.map_err(|error| error.to_string())?;
    let mut calls = AuthServiceClient::new(client.channel());
    let mut kept = 0;
    for number in 0..1000 {
        let header = ResourceHeader {
            metadata: Some(Metadata { name: format!("alert-{number}"), ..Metadata::default() }),
            ..ResourceHeader::default()
        };
        let spec = ClusterAlertSpec { message: "x".repeat(1_000), ..ClusterAlertSpec::default() };
        let alert = Some(ClusterAlert { header: Some(header), spec: Some(spec) });
        kept += usize::from(calls.upsert_cluster_alert(UpsertClusterAlertRequest { alert }).await.is_ok());
    }
    let path = "/proto.AuthService/GetClusterAlerts";
    let asked = ask_on(arena, 16, &identity, path, vec![message(&[])], pace).await?;
    let status = GetClusterAlertsRequest { with_untargeted: true, ..GetClusterAlertsRequest::default() };
    let listed = calls.get_cluster_alerts(status).await.map_err(|status| status.message().to_owned());
    let listed = listed?.into_inner().alerts.len();
    Ok(format!("{kept} of 1000 alerts kept, {listed} listed; {asked}"))
}

/// In memory an element that says nothing takes many times the two bytes that it takes on its way.
pub(crate) async fn many_elements(arena: &Arena, pace: Pace) -> Result<String, String> {
    let said = UpstreamInventoryOneOf { msg: Some(Up::Hello(hello("bad"))) }.encode_to_vec();
    let report = Report { findings: vec![Finding::default(); 500_000], ..Report::default() };
    let check = UpdaterSelfCheck { report: Some(report), ..UpdaterSelfCheck::default() };
    let heartbeat = InventoryHeartbeat { self_check: Some(check) };
    let large = UpstreamInventoryOneOf { msg: Some(Up::Heartbeat(heartbeat)) }.encode_to_vec();
    let methods = UpstreamInventoryAgentMetadata { os: "x".repeat(1_000_000), ..Default::default() };
    let metadata = UpstreamInventoryOneOf { msg: Some(Up::AgentMetadata(methods)) }.encode_to_vec();
    let hello = message(&said);
    let bad = arena.agent("bad");
    let reports = ask_on(arena, 4, &bad, STREAM, vec![message(&large), hello.clone()], pace).await?;
    let metadata = ask_on(arena, 4, &bad, STREAM, vec![message(&metadata), hello], pace).await?;
    Ok(format!("reports: {reports}; metadata: {metadata}"))
}

pub(crate) async fn denied_calls(arena: &Arena, pace: Pace) -> Result<String, String> {
    let identity = arena.agent("bad");
    let (began, mut calls) = (Instant::now(), 0);
    let mut connections = 0;
    while began.elapsed() < pace.lasts {
        let body = vec![message(&[])];
        calls += ask(arena, &identity, INSTANCES, &body, 1000, Duration::from_millis(200)).await.unwrap_or(0);
        connections += 1;
    }
    // A burst once, and then one a second; on each new connection a few are on their way before it ends.
    let most = 60 + 64 * (connections + usize::try_from(pace.lasts.as_secs()).expect("a number"));
    let words = format!("{calls} calls answered on {connections} connections");
    if calls <= most { Ok(words) } else { Err(format!("{words}, more than {most}")) }
}

pub(crate) async fn flapping(arena: &Arena, pace: Pace) -> Result<String, String> {
    let identity = arena.agent("bad");
    let (began, mut joins) = (Instant::now(), 0);
    while began.elapsed() < pace.lasts {
        let flaps = (0..8).map(|_| join(arena, &identity, "bad"));
        joins += futures_util::future::join_all(flaps).await.iter().filter(|joined| joined.is_ok()).count();
    }
    let most = 60 + usize::try_from(pace.lasts.as_secs()).expect("a number");
    let words = format!("{joins} joins");
    if joins <= most { Ok(words) } else { Err(format!("{words}, more than {most}")) }
}
