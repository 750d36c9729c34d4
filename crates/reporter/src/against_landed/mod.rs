//! The conversation says what the reporter said before there was one: the same script leads to the same bytes at the same times.

mod landed;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use futures_util::stream;
use jiff::Timestamp;
use proptest::prelude::*;
use prost::Message;
use selfcheck_core::Clock;
use selfcheck_core::EvidenceKind;
use selfcheck_core::Observation;
use selfcheck_core::Policy;
use selfcheck_core::Status;
use selfcheck_core::StockView;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_core::assess;
use selfcheck_protocol::Announcement;
use selfcheck_protocol::Hello;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::Role;
use selfcheck_protocol::wire::proto::DownstreamInventoryHello;
use selfcheck_protocol::wire::proto::DownstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::DownstreamInventoryPing;
use selfcheck_protocol::wire::proto::DownstreamInventoryUpdateLabels;
use selfcheck_protocol::wire::proto::UpstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::downstream_inventory_hello::SupportedCapabilities;
use selfcheck_protocol::wire::proto::downstream_inventory_one_of::Msg as Down;
use selfcheck_protocol::wire::teleport::selfcheck::v1::SelfCheckDown;
use selfcheck_protocol::wire::teleport::selfcheck::v1::SelfCheckHello;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::sleep;

use crate::Neighbour;
use crate::Progress;
use crate::ReportError;
use crate::session::Context;
use crate::session::End;
use crate::session::Session;

type Downstream = mpsc::Receiver<Result<DownstreamInventoryOneOf, tonic::Status>>;

const SERVER: &str = "auth:3025";
const SEED: u64 = 5;

/// What happens to a stream.
#[derive(Debug, Clone)]
enum Act {
    /// The agent is otherwise than before.
    Changes(u8),
    /// Its times move on, which is no change.
    MovesOn(u8),
    /// The auth server says this.
    Hears(Option<Down>),
    /// It acknowledges, or asks again for, a report so many sequences before the present one.
    Answers(u64, Resend),
    /// The agent's messages are read from here on, or not.
    Reads(Reading),
    /// Seconds pass.
    Passes(u64),
    /// The auth server ends the stream, by an error or without one.
    Ends(Option<tonic::Code>),
    /// The self-check ends.
    Stops,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Begins,
    Stands,
    Ends,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resend {
    Asked,
    Not,
}

/// What comes after an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// The next one at once, so that the stream finds both.
    None,
    /// Time for what follows from it.
    Moment,
}

#[derive(Debug, Clone)]
struct Script {
    hello: DownstreamInventoryHello,
    /// How many seconds ago a stream was renewed.
    renewed: Option<u64>,
    acts: Vec<(Act, Gap)>,
}

/// What came of it.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// Each message as it was read: when, and its bytes.
    sent: Vec<(Duration, Vec<u8>)>,
    /// How the stream ended, and when.
    end: Result<End, String>,
    ended: Duration,
    /// When a stream was last renewed, from the beginning of the clock.
    renewed: Option<Duration>,
    progress: Progress,
}

fn clock() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

/// An agent, as one of a few that differ in what each kind of auth server is told.
fn status(kind: u8, sequence: u64, at: i64) -> Arc<Status> {
    let clock = Clock { realtime: clock(), monotonic: 1, boottime: 1 };
    let mut status = assess(&Observation::new(clock, EvidenceKind::Live), &Policy::default(), clock);
    let (upgrader, services): (&str, &[&str]) = match kind % 4 {
        0 => ("binary", &["Node"]),
        1 => ("", &["Node"]),
        2 => ("unit", &["Node", "Kube"]),
        _ => ("binary", &["Kube"]),
    };
    let mut view = StockView::default();
    view.external_upgrader = UpdaterKind::named(upgrader.into());
    status.reporting.stock_view = Some(view);
    status.agent.services = services.iter().map(|name| Text::from(*name)).collect();
    status.sequence = Some(sequence);
    status.proof.last_run = Timestamp::from_second(at).ok();
    status.observed_at = Timestamp::from_second(at).expect("a time");
    Arc::new(status)
}

fn host() -> HostIdentity {
    HostIdentity::new("host".into(), "cluster".into(), [Role::Node, Role::Kube, Role::Instance])
}

/// The ends that a script is played at.
struct Ends {
    statuses: watch::Sender<Option<Arc<Status>>>,
    down: mpsc::Sender<Result<DownstreamInventoryOneOf, tonic::Status>>,
    up: mpsc::Receiver<UpstreamInventoryOneOf>,
}

impl Ends {
    /// Plays `acts`; the result is what was read, and what keeps the stream open to its end.
    async fn play(self, acts: &[(Act, Gap)], start: Instant) -> Vec<(Duration, Vec<u8>)> {
        let Self { statuses, down, mut up } = self;
        let (mut statuses, mut down) = (Some(statuses), Some(down));
        let mut sent = Vec::new();
        let mut reads = true;
        let (mut kind, mut sequence, mut at) = (0, 1, 1);
        for (act, gap) in acts {
            let until = match act {
                Act::Passes(seconds) => Instant::now() + Duration::from_secs(*seconds),
                _ => Instant::now() + Duration::from_millis(1),
            };
            match act {
                Act::Changes(new) => {
                    (kind, sequence, at) = (*new, sequence + 1, at + 1);
                    let status = Some(status(kind, sequence, at));
                    statuses.as_ref().map(|statuses| statuses.send_replace(status));
                }
                Act::MovesOn(by) => {
                    at += i64::from(*by);
                    let moved = Some(status(kind, sequence, at));
                    statuses.as_ref().map(|statuses| {
                        statuses.send_if_modified(|present| {
                            *present = moved;
                            false
                        })
                    });
                }
                Act::Hears(msg) => hear(down.as_ref(), Ok(DownstreamInventoryOneOf { msg: msg.clone() })),
                Act::Answers(back, resend) => {
                    let acked = sequence.saturating_sub(*back);
                    let said = SelfCheckDown { acked, resend: *resend == Resend::Asked };
                    hear(down.as_ref(), Ok(DownstreamInventoryOneOf { msg: Some(Down::SelfCheck(said)) }));
                }
                Act::Reads(Reading::Begins) => reads = true,
                Act::Reads(Reading::Stands) => reads = false,
                Act::Reads(Reading::Ends) => up.close(),
                Act::Passes(_) => {}
                Act::Ends(code) => {
                    if let Some(code) = code {
                        hear(down.as_ref(), Err(tonic::Status::new(*code, "ended")));
                    }
                    down = None;
                }
                Act::Stops => statuses = None,
            }
            if *gap == Gap::None && !matches!(act, Act::Passes(_)) {
                continue;
            }
            let mut passed = pin!(tokio::time::sleep_until(until));
            loop {
                tokio::select! {
                    biased;
                    Some(message) = up.recv(), if reads => sent.push((start.elapsed(), message.encode_to_vec())),
                    () = &mut passed => break,
                }
            }
        }
        drop((statuses, down));
        sleep(Duration::from_secs(5)).await;
        while let Ok(message) = up.try_recv() {
            sent.push((start.elapsed(), message.encode_to_vec()));
        }
        sent
    }
}

fn hear(
    down: Option<&mpsc::Sender<Result<DownstreamInventoryOneOf, tonic::Status>>>,
    message: Result<DownstreamInventoryOneOf, tonic::Status>,
) {
    if let Some(down) = down {
        let _ = down.try_send(message); // a stream that has ended hears nothing
    }
}

/// Plays `script` to a stream.
async fn outcome(script: &Script, of: Writing) -> Outcome {
    let first = status(0, 1, 1);
    let (statuses, mut followed) = watch::channel(Some(Arc::clone(&first)));
    followed.mark_unchanged();
    let (to_agent, down) = mpsc::channel(script.acts.len() + 1);
    let (sender, up) = mpsc::channel(2);
    let progress = watch::channel(Progress::beside(Neighbour::Nobody)).0;
    let host = host();
    let said = Hello::of(&first, &host, None);
    let zero = Instant::now();
    // A renewal of before is after the beginning of the clock.
    sleep(Duration::from_secs(4000)).await;
    let start = Instant::now();
    let mut renewed = script.renewed.map(|ago| start - Duration::from_secs(ago));
    let ends = Ends { statuses, down: to_agent, up };
    let playing = ends.play(&script.acts, start);
    let stream = async {
        let end = match of {
            Writing::Landed => {
                let mut random = fastrand::Rng::with_seed(SEED);
                let mut renewal = landed::Renewal::new(random.fork());
                if let Some(renewed) = renewed {
                    renewal.renewed(renewed);
                }
                renewal.said(landed::Announcement::from(&said));
                let session = landed::Session {
                    server: SERVER,
                    host: &host,
                    statuses: &mut followed,
                    progress: &progress,
                    renewal: &mut renewal,
                    random: &mut random,
                    clock,
                    sender,
                    down,
                    hello: script.hello.clone(),
                    due: landed::Due::default(),
                    reported: None,
                };
                let end = session.run().await;
                renewed = renewal.last;
                end
            }
            Writing::Conversation => {
                let context = Context {
                    server: SERVER,
                    host: &host,
                    statuses: &mut followed,
                    progress: &progress,
                    renewed: &mut renewed,
                    seed: SEED,
                    clock,
                };
                let hello = DownstreamInventoryOneOf { msg: Some(Down::Hello(script.hello.clone())) };
                let mut down = down;
                let down = stream::poll_fn(move |context| down.poll_recv(context));
                match Session::begin(Announcement::from(&said), &hello, (sender, down), context) {
                    Ok(session) => session.run().await,
                    Err(error) => Err(error),
                }
            }
        };
        (end.map_err(|error: ReportError| error.to_string()), start.elapsed())
    };
    let ((end, ended), sent) = join(stream, playing).await;
    let progress = progress.borrow().clone();
    let renewed = renewed.map(|at| at - zero);
    Outcome { sent, end, ended, renewed, progress }
}

#[derive(Debug, Clone, Copy)]
enum Writing {
    Landed,
    Conversation,
}

/// With a clock of its own, which stands while anything can go on.
fn played(script: &Script, of: Writing) -> Outcome {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(outcome(script, of))
}

fn act() -> impl Strategy<Value = Act> {
    let ping = any::<u64>().prop_map(|id| Some(Down::Ping(DownstreamInventoryPing { id })));
    let labels = Just(Some(Down::UpdateLabels(DownstreamInventoryUpdateLabels::default())));
    prop_oneof![
        6 => any::<u8>().prop_map(Act::Changes),
        4 => any::<u8>().prop_map(Act::MovesOn),
        4 => prop_oneof![4 => ping, 1 => labels, 1 => Just(None)].prop_map(Act::Hears),
        6 => (prop_oneof![4 => Just(0), 1 => 0_u64..3], prop_oneof![3 => Just(Resend::Not), 1 => Just(Resend::Asked)])
            .prop_map(|(back, resend)| Act::Answers(back, resend)),
        3 => prop_oneof![2 => Just(Reading::Begins), 1 => Just(Reading::Stands)].prop_map(Act::Reads),
        6 => prop_oneof![3 => 0_u64..60, 2 => 60_u64..900, 1 => 900_u64..4000].prop_map(Act::Passes),
    ]
}

fn gap() -> impl Strategy<Value = Gap> {
    prop_oneof![3 => Just(Gap::Moment), 1 => Just(Gap::None)]
}

/// What may come last.
fn last() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Stops),
        Just(Act::Ends(None)),
        Just(Act::Ends(Some(tonic::Code::Unavailable))),
        Just(Act::Hears(Some(Down::Hello(DownstreamInventoryHello::default())))),
        Just(Act::Reads(Reading::Ends)),
    ]
}

fn script() -> impl Strategy<Value = Script> {
    let extension = proptest::option::weighted(
        0.7,
        (prop_oneof![9 => Just(1), 1 => 0_u32..3], prop_oneof![3 => 1_u32..1200, 1 => any::<u32>()])
            .prop_map(|(version, beat_seconds)| SelfCheckHello { version, beat_seconds }),
    );
    let capabilities =
        proptest::option::of(any::<bool>().prop_map(|app_cleanup| SupportedCapabilities {
            app_cleanup,
            ..SupportedCapabilities::default()
        }));
    let acts = proptest::collection::vec((act(), gap()), 0..40);
    (extension, capabilities, proptest::option::of(0_u64..4000), acts, last()).prop_map(
        |(self_check, capabilities, renewed, mut acts, last)| {
            // Without the extension the landed stream still answered what belongs to it; that is no more.
            let is_announced = self_check.is_some_and(|extension| extension.version >= 1);
            acts.retain(|(act, _)| is_announced || !matches!(act, Act::Answers(..)));
            acts.push((last, Gap::Moment));
            let hello =
                DownstreamInventoryHello { capabilities, self_check, ..DownstreamInventoryHello::default() };
            Script { hello, renewed, acts }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_script_leads_to_the_same_bytes(script in script()) {
        prop_assert_eq!(played(&script, Writing::Conversation), played(&script, Writing::Landed));
    }
}
