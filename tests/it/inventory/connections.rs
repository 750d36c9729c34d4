//! Connections that carry nothing any more, or what nobody can read. Only they end.

use prost::Message;
use selfcheck_fleet::Outcome;
use selfcheck_protocol::Filter;
use selfcheck_protocol::wire::proto::UpstreamInventoryGoodbye;
use selfcheck_protocol::wire::proto::UpstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_reporter::Neighbour;
use selfcheck_server::Limits;
use selfcheck_tests::Cluster;
use selfcheck_tests::NODE;
use selfcheck_tests::Pipe;
use selfcheck_tests::quick;
use selfcheck_tests::wire::bare::Bare;
use selfcheck_tests::with;

use super::Agent;
use super::HEALTHY;
use super::bare;
use super::eventually;
use super::hello;
use super::known;
use super::scene::GOOD;
use super::scene::Scene;
use super::status;

#[tokio::test]
async fn a_way_that_is_cut_is_given_up_by_both_ends() {
    let cluster = Cluster::default();
    let auth = cluster.serve_with(Limits::default()).await;
    let pipe = Pipe::to(auth.address).await;
    let mut agent = Agent::start(&pipe.server(), &cluster.identity("a1", NODE));
    agent.says(status(HEALTHY, 1));
    agent.until_acked(1).await;
    pipe.cut();
    tokio::time::pause();
    let cut = tokio::time::Instant::now();
    while agent.progress.latest().connected {
        agent.progress.next().await.expect("reporting");
    }
    let trouble = agent.progress.latest().trouble;
    let silent = cut.elapsed();
    tokio::time::resume();
    let (kind, words) = trouble.expect("why");
    assert_eq!(kind, "lost");
    assert!(words.as_str().contains("lost") && words.as_str().contains(&pipe.server()), "{words}");
    // It is asked after 75 s at the latest, and has 30 s to answer.
    assert!((30..=105).contains(&silent.as_secs()), "{silent:?}");
    eventually("the auth server gives the connection up", || pipe.is_given_up()).await;
    agent.until("connected again", |progress| progress.connected && progress.acked == Some(1)).await;
    assert_eq!(known(&auth), ["a1: accompanied observed "]);
    assert_eq!(auth.inventory.counters().get(Outcome::Joined), 2);
}

#[tokio::test]
async fn an_agent_whose_host_went_away_without_a_word_counts_once_when_it_is_back() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let pipe = Pipe::to(auth.address).await;
    let identity = cluster.identity("a1", NODE);
    let mut before = Agent::start(&pipe.server(), &identity);
    before.says(status(HEALTHY, 1));
    before.until_acked(1).await;
    pipe.cut();
    let mut after = Agent::start(&auth.server(), &identity);
    after.says(status(super::MASKED, 1));
    after.until_acked(1).await;
    assert_eq!(known(&auth), ["a1: impaired observed timer-masked"]);
    let counted = |outcome| auth.inventory.counters().get(outcome);
    eventually("the old stream is dropped", || counted(Outcome::Silent) == 1).await;
    assert_eq!(known(&auth), ["a1: impaired observed timer-masked"]);
    assert!(after.progress.latest().connected);
}

/// Its streams are not looked after, for there is no room to answer, so it is for the connection to notice.
#[tokio::test]
async fn one_who_takes_nothing_that_is_sent() {
    let scene = Scene::new(quick()).await;
    let mut bad = Bare::connect(&scene.auth, &scene.bad()).await;
    let window = [0, 4, 0, 0, 0, 0]; // SETTINGS_INITIAL_WINDOW_SIZE
    let said = UpstreamInventoryOneOf { msg: Some(Up::Hello(hello("bad"))) }.encode_to_vec();
    let said = bare::message(0, u32::try_from(said.len()).expect("a length"), &said);
    bad.write(&[bare::asked(&window), bare::frame(bare::DATA, 0, bare::STREAM, &said)].concat()).await;
    eventually("it joined", || known(&scene.auth).len() == 2).await;
    bad.closed("takes nothing").await;
    eventually("it left", || known(&scene.auth) == [GOOD]).await;
    assert!(scene.good.progress.latest().connected);
}

#[tokio::test]
async fn one_who_asks_for_nothing() {
    let scene = Scene::new(quick()).await;
    Bare::connect(&scene.auth, &scene.bad()).await.closed("says nothing").await;
    let mut bad = Bare::connect(&scene.auth, &scene.bad()).await;
    bad.write(&[bare::PREFACE, &bare::frame(bare::SETTINGS, 0, 0, &[])].concat()).await;
    bad.closed("asks for nothing").await;
    assert_eq!(known(&scene.auth), [GOOD]);
    assert!(scene.good.progress.latest().connected);
}

#[tokio::test]
async fn a_host_that_takes_more_connections_than_it_may_takes_none_of_the_others() {
    let scene = Scene::new(with(quick(), |limits| limits.connections_per_host = 2)).await;
    let identity = scene.bad();
    let (_first, _second) =
        (Bare::connect(&scene.auth, &identity).await, Bare::connect(&scene.auth, &identity).await);
    let crowded = || scene.auth.inventory.counters().get(Outcome::Crowded);
    assert_eq!(crowded(), 0);
    Bare::connect(&scene.auth, &identity).await.closed("one too many").await;
    assert_eq!(crowded(), 1);
    let admin = scene.auth.client(&scene.cluster.admin()).await;
    assert!(admin.summary().await.is_ok());
}

#[tokio::test]
async fn what_nobody_can_read() {
    let scene = Scene::new(quick()).await;
    let joined = scene.auth.inventory.counters().get(Outcome::Joined);
    let started = bare::asked(&[]);
    let (open, settings) =
        ([bare::PREFACE, &bare::frame(bare::SETTINGS, 0, 0, &[])].concat(), bare::SETTINGS);
    let data = |flags, payload: &[u8]| {
        [started.clone(), bare::frame(bare::DATA, flags, bare::STREAM, payload)].concat()
    };
    let noise: Vec<u8> =
        (0..4096_u32).map(|byte| byte.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let frames: [(&str, Vec<u8>); 8] = [
        ("no HTTP/2", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
        ("noise", noise.clone()),
        ("noise for frames", [&open[..], &noise].concat()),
        ("a frame of 16 MB", [&open[..], &[0xff, 0xff, 0xff, bare::DATA, 0, 0, 0, 0, 1]].concat()),
        ("settings of no size", [&open[..], &bare::frame(settings, 0, 0, &[0; 5])].concat()),
        (
            "headers that are none",
            [&open[..], &bare::frame(bare::HEADERS, bare::END_HEADERS, 1, &noise[..99])].concat(),
        ),
        ("headers without an end", {
            let more = bare::frame(bare::CONTINUATION, 0, 1, b"\x00\x01a\x01b").repeat(100_000);
            [&open[..], &bare::frame(bare::HEADERS, 0, 1, &bare::request()), &more].concat()
        }),
        ("requests taken back at once", {
            let pair = |stream: u32| {
                [
                    bare::frame(bare::HEADERS, bare::END_HEADERS, stream, &bare::request()),
                    bare::frame(bare::RST_STREAM, 0, stream, &[0, 0, 0, 8]),
                ]
                .concat()
            };
            let pairs: Vec<u8> = (0..10_000).flat_map(|number| pair(2 * number + 1)).collect();
            [&open[..], &pairs].concat()
        }),
    ];
    let messages: [(&str, Vec<u8>); 6] = [
        ("a message of 4 GB", data(0, &bare::message(0, u32::MAX, b"x"))),
        ("a compressed message", data(0, &bare::message(1, 1, b"x"))),
        ("a message of no kind", data(0, &bare::message(7, 1, b"x"))),
        ("half a message", data(bare::END_STREAM, &bare::message(0, 9, b"x"))),
        ("no protobuf", data(0, &bare::message(0, 12, &[0xff; 12]))),
        ("a field longer than its message", data(0, &bare::message(0, 3, &[0x0a, 0x7f, 0x01]))),
    ];
    let expected = u64::try_from(messages.len()).expect("a number");
    let all = frames.into_iter().chain(messages).map(async |(what, bytes)| {
        let mut bad = Bare::connect(&scene.auth, &scene.bad()).await;
        bad.write(&bytes).await;
        bad.closed(what).await;
    });
    futures_util::future::join_all(all).await;
    assert_eq!(known(&scene.auth), [GOOD]);
    assert!(scene.good.progress.latest().connected);
    let counted = |outcome| scene.auth.inventory.counters().get(outcome);
    assert_eq!(counted(Outcome::Garbage), expected);
    assert_eq!(counted(Outcome::Joined), joined, "the good agent kept its stream");
}

#[tokio::test]
async fn what_broke_is_counted_and_what_said_goodbye_is_not() {
    let scene = Scene::new(Limits::default()).await;
    let counted = |outcome| scene.auth.inventory.counters().get(outcome);
    let raw = scene.joined().await;
    raw.send(Up::Goodbye(UpstreamInventoryGoodbye::default())).await;
    drop(raw.up);
    eventually("it left", || known(&scene.auth) == [GOOD]).await;
    assert_eq!(counted(Outcome::Lost), 0);
    drop(scene.joined().await);
    eventually("it left", || known(&scene.auth) == [GOOD]).await;
    eventually("counted", || counted(Outcome::Lost) == 1).await;
}

/// Before it reports it asks whether this is an auth server that self-checks report to, which only an administrator is told.
#[tokio::test]
async fn a_daemon_that_is_well_is_not_counted_as_denied() {
    let scene = Scene::new(Limits::default()).await;
    let identity = scene.cluster.identity("a2", NODE);
    let mut beside = Agent::beside(&scene.auth.server(), &identity, Neighbour::StockAgent);
    beside.says(status(HEALTHY, 1));
    beside.until_acked(1).await;
    assert_eq!(scene.auth.inventory.counters().get(Outcome::Denied), 0);
    // Whoever else asks is.
    let agent = scene.auth.client(&identity).await;
    assert!(agent.agents(&Filter::default(), None).await.is_err());
    assert_eq!(scene.auth.inventory.counters().get(Outcome::Denied), 1);
}
