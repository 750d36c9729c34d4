//! Many agents, as a process of its own.

use std::io::BufRead;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt;
use selfcheck_authority::Authority;
use selfcheck_authority::Validity;
use selfcheck_protocol::ClaimedUpdater;
use selfcheck_protocol::Hello;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::Report;
use selfcheck_protocol::Role;
use selfcheck_protocol::wire::proto::DownstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::InventoryHeartbeat;
use selfcheck_protocol::wire::proto::UpstreamInventoryAgentMetadata;
use selfcheck_protocol::wire::proto::UpstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::downstream_inventory_one_of::Msg as Down;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_protocol::wire::teleport::selfcheck::v1 as wire;
use selfcheck_protocol::wire::teleport::selfcheck::v1::UpdaterSelfCheck;
use selfcheck_reporter::AuthClient;
use selfcheck_reporter::wire::proto::auth_service_client::AuthServiceClient;
use selfcheck_tests::wall_clock;
use selfcheck_tests::with;
use serde_json::json;
use tokio::sync::mpsc;
use tonic::Request;
use tonic::Streaming;

use crate::auth::AGENT;
use crate::auth::tell;

/// How this process is asked for.
pub(crate) const MODE: &str = "--agents";
/// How many connections come about at a time.
const AT_A_TIME: usize = 64;
/// How many messages of a stream wait to be written, as in a real agent.
const BUFFER: usize = 8;
/// What every agent's status is.
const CASE: &str = "schedule: all is well";
const SEQUENCE: u64 = 1;

/// One agent's stream.
struct Agent {
    up: mpsc::Sender<UpstreamInventoryOneOf>,
    /// Kept, for the stream ends with it.
    down: Streaming<DownstreamInventoryOneOf>,
}

/// What all agents have in common.
struct Common {
    authority: Authority,
    dir: PathBuf,
    server: String,
    streams: usize,
    hello: Hello,
    report: Report,
}

/// Opens the streams, and sends so many beats on each as a line of the input says, until that ends.
pub(crate) fn run(dir: &Path, server: &str, connections: usize, streams: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let case = selfcheck_tests::case(CASE);
    let status = selfcheck_core::assess(&case.observation, &case.policy, case.observation.clock);
    let common = Arc::new(Common {
        authority: Authority::load(dir).expect("authority"),
        dir: dir.to_owned(),
        server: server.to_owned(),
        streams,
        hello: with(Hello::default(), |hello| {
            hello.version = status.agent.version.clone().expect("a version");
            hello.services = vec!["Node".into()];
            hello.updater = ClaimedUpdater::of(&status);
        }),
        report: Report::from(&status),
    });
    let agents: Vec<_> = runtime.block_on(async {
        let opening = futures_util::stream::iter(0..connections)
            .map(|connection| tokio::spawn(open(Arc::clone(&common), connection)))
            .buffer_unordered(AT_A_TIME)
            .map(|opened| Arc::new(opened.expect("opened")));
        opening.collect().await
    });
    tell("open", &json!(connections * streams));
    for line in std::io::stdin().lock().lines() {
        let beats: usize = line.expect("a line").parse().expect("a number");
        let sending: Vec<_> =
            agents.iter().map(|agents| runtime.spawn(send(Arc::clone(agents), beats))).collect();
        for sent in sending {
            runtime.block_on(sent).expect("sent");
        }
        tell("sent", &json!(beats));
    }
}

/// A connection and the agents on it.
async fn open(common: Arc<Common>, connection: usize) -> Vec<Agent> {
    let hour = jiff::SignedDuration::from_hours(1);
    let validity = Validity { from: wall_clock() - hour, to: wall_clock() + hour };
    let name = format!("agent-{connection:05}");
    let identity = common.authority.issue(&name, [Role::Instance, Role::Node], validity).expect("identity");
    let identity = IdentityFile::parse(&common.dir, identity.as_bytes()).expect("identity");
    let client = AuthClient::connect(&common.server, &identity).await.expect("connected");
    let mut agents = Vec::with_capacity(common.streams);
    if common.streams == 1 {
        agents.push(Agent::open(&client, &common, &name).await);
    } else {
        for stream in 0..common.streams {
            agents.push(Agent::open(&client, &common, &format!("{name}-{stream:03}")).await);
        }
    }
    agents
}

async fn send(agents: Arc<Vec<Agent>>, beats: usize) {
    for _ in 0..beats {
        for agent in &*agents {
            agent.say(heartbeat(None)).await;
        }
    }
}

impl Agent {
    /// Says all that an agent says first, and waits until an auth server that acknowledges it has done so.
    async fn open(client: &AuthClient, common: &Common, name: &str) -> Self {
        let (up, mut messages) = mpsc::channel(BUFFER);
        let mut request =
            Request::new(futures_util::stream::poll_fn(move |context| messages.poll_recv(context)));
        request.metadata_mut().insert(AGENT, name.parse().expect("a name"));
        let hello = with(common.hello.clone(), |hello| {
            hello.server_id = name.into();
            hello.hostname = format!("ip-{name}.eu-central-1.compute.internal").as_str().into();
        });
        up.try_send(message(Up::Hello(hello.to_wire()))).expect("room");
        let mut auth = AuthServiceClient::new(client.channel());
        let mut down = auth.inventory_control_stream(request).await.expect("stream").into_inner();
        let Some(Down::Hello(answer)) = next(&mut down).await else { panic!("no Hello") };
        let metadata = UpstreamInventoryAgentMetadata {
            os: "linux".to_owned(),
            os_version: "debian 12".to_owned(),
            host_architecture: "x86_64".to_owned(),
            ..UpstreamInventoryAgentMetadata::default()
        };
        let agent = Self { up, down };
        agent.say(Up::AgentMetadata(metadata)).await;
        agent.say(heartbeat(Some(common.report.to_wire()))).await;
        if answer.self_check.is_none() {
            return agent;
        }
        let Self { up, mut down } = agent;
        let Some(Down::SelfCheck(told)) = next(&mut down).await else { panic!("no acknowledgement") };
        assert_eq!(told.acked, SEQUENCE);
        Self { up, down }
    }

    async fn say(&self, what: Up) {
        self.up.send(message(what)).await.expect("an open stream");
    }
}

async fn next(down: &mut Streaming<DownstreamInventoryOneOf>) -> Option<Down> {
    down.message().await.expect("an open stream")?.msg
}

/// A report, or the beat of one that is known.
fn heartbeat(report: Option<wire::Report>) -> Up {
    let last_run = wall_clock().as_second();
    Up::Heartbeat(InventoryHeartbeat {
        self_check: Some(UpdaterSelfCheck { sequence: SEQUENCE, last_run, report }),
    })
}

fn message(what: Up) -> UpstreamInventoryOneOf {
    UpstreamInventoryOneOf { msg: Some(what) }
}
