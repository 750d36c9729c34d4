//! Changes that the Kubernetes API tells a watch, and what it is asked meanwhile.

use std::time::Duration;

use selfcheck_core::Fact;
use selfcheck_core::Observation;
use selfcheck_core::Why;
use selfcheck_probe::Change;
use selfcheck_probe::Watch;
use selfcheck_tests::kubernetes::Fault;
use selfcheck_tests::kubernetes::cluster::AgentOfRelease;
use selfcheck_tests::kubernetes::cluster::NAMESPACE;
use selfcheck_tests::kubernetes::cluster::RELEASE;
use selfcheck_tests::kubernetes::cluster::TOKEN;
use selfcheck_tests::kubernetes::cluster::api;
use selfcheck_tests::kubernetes::cluster::stock_role;
use selfcheck_tests::kubernetes::cluster::updater;

const LOOK_TIME: Duration = Duration::from_secs(20);
/// Long enough for what is tried again after a second or two.
const LONG: Duration = Duration::from_secs(60);

/// A watch beside its agent.
struct Watching {
    agent: AgentOfRelease,
    watch: Watch,
}

impl Watching {
    /// One that is told: it has looked, and has its watches.
    async fn told() -> Self {
        let agent = AgentOfRelease::permitted().await;
        let watch = Watch::new(agent.probe());
        let mut watching = Self { agent, watch };
        watching.look().await;
        watching.is_told().await;
        watching.agent.api.requests();
        watching
    }

    async fn look(&mut self) -> Observation {
        self.watch.look(LOOK_TIME).await
    }

    /// Waits until both watches are there.
    async fn is_told(&mut self) {
        let api = &self.agent.api;
        tokio::select! {
            () = api.is_watched_by(2) => {}
            change = changed(&mut self.watch) => panic!("{change:?} before the watches were there"),
        }
    }

    /// Waits for a change that Kubernetes tells, and looks.
    async fn changed(&mut self) -> Observation {
        assert_eq!(tokio::time::timeout(LONG, changed(&mut self.watch)).await, Ok(Change::Kubernetes));
        self.look().await
    }

    /// Requires that nothing is told for a moment.
    async fn is_quiet(&mut self) {
        let told = tokio::time::timeout(Duration::from_millis(200), changed(&mut self.watch)).await;
        assert!(told.is_err(), "{told:?}");
    }

    fn scale(&self, available: u32) {
        self.agent.api.change("deployments", NAMESPACE, "agents-updater", |updater| {
            updater["status"]["availableReplicas"] = available.into();
        });
    }
}

/// A change that is none of this host's files, on which other tests work.
async fn changed(watch: &mut Watch) -> Change {
    loop {
        let change = watch.changed().await;
        if change != Change::Files && change != Change::Systemd {
            return change;
        }
    }
}

fn available(observation: &Observation) -> u32 {
    api(observation).updater.present().expect("an updater").available
}

#[tokio::test]
async fn nobody_is_asked_while_nothing_changes() {
    let mut watching = Watching::told().await;
    for _ in 0..3 {
        assert_eq!(available(&watching.look().await), 1);
    }
    watching.is_quiet().await;
    assert_eq!(watching.agent.api.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_change_is_told_and_seen_without_asking() {
    let mut watching = Watching::told().await;
    watching.scale(0);
    assert_eq!(available(&watching.changed().await), 0);
    watching.agent.api.change("statefulsets", NAMESPACE, RELEASE, |workload| {
        workload["metadata"]["annotations"]["teleport.dev/skipreconcile"] = "true".into();
    });
    assert!(api(&watching.changed().await).workload.present().expect("a workload").paused);
    watching.agent.api.remove("deployments", NAMESPACE, "agents-updater");
    assert_eq!(api(&watching.changed().await).updater, Fact::Absent);
    watching.agent.api.put(updater(RELEASE));
    assert_eq!(available(&watching.changed().await), 1);
    assert_eq!(watching.agent.api.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn what_does_not_matter_is_not_told() {
    let mut watching = Watching::told().await;
    watching.agent.api.bookmark();
    watching.agent.api.change("deployments", NAMESPACE, "agents-updater", |updater| {
        updater["status"]["observedGeneration"] = 7.into();
    });
    // A watch is limited to its object.
    watching.agent.api.put(updater("neighbours"));
    watching.is_quiet().await;
    watching.scale(0);
    assert_eq!(available(&watching.changed().await), 0);
    assert_eq!(watching.agent.api.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn what_happened_while_nothing_was_told_is_told_later() {
    let mut watching = Watching::told().await;
    watching.agent.api.fault(Some(Fault::Close));
    watching.scale(0);
    watching.is_quiet().await;
    assert_eq!(available(&watching.look().await), 1, "it is not known yet, and no fault of the agent's");
    watching.agent.api.fault(None);
    assert_eq!(available(&watching.changed().await), 0);
    let requests = watching.agent.api.requests();
    assert!(requests.iter().all(|request| request.starts_with("watch ")), "{requests:?}");
}

#[tokio::test]
async fn what_the_api_has_forgotten_is_shown_anew() {
    let mut watching = Watching::told().await;
    watching.agent.api.forget();
    watching.scale(0);
    assert_eq!(available(&watching.changed().await), 0);
    watching.scale(1);
    assert_eq!(available(&watching.changed().await), 1);
    let requests = watching.agent.api.requests();
    assert!(requests.iter().all(|request| request.starts_with("watch ")), "{requests:?}");
}

#[tokio::test]
async fn a_server_that_asks_for_patience_is_not_asked_meanwhile() {
    let mut watching = Watching::told().await;
    watching.agent.api.fault(Some(Fault::Status(429, Some(900))));
    let mut seen = watching.look().await;
    for _ in 0..20 {
        seen = watching.look().await;
        watching.is_quiet().await;
    }
    // What was seen is believed for a while.
    assert_eq!(available(&seen), 1);
    let requests = watching.agent.api.requests();
    assert!(requests.len() <= 6, "{requests:?}");
}

#[tokio::test]
async fn a_first_answer_of_no_use_is_not_asked_for_at_each_look() {
    let agent = AgentOfRelease::permitted().await;
    agent.api.fault(Some(Fault::Status(429, Some(900))));
    let mut watching = Watching { watch: Watch::new(agent.probe()), agent };
    for _ in 0..5 {
        assert_eq!(api(&watching.look().await).updater, Fact::Unreadable(Why::Refused));
    }
    assert_eq!(watching.agent.api.requests().len(), 3);
}

#[tokio::test]
async fn a_first_answer_of_no_use_is_followed_by_another() {
    let agent = AgentOfRelease::permitted().await;
    agent.api.fault(Some(Fault::Close));
    let mut watching = Watching { watch: Watch::new(agent.probe()), agent };
    assert_eq!(api(&watching.look().await).updater, Fact::Unreadable(Why::Closed));
    watching.agent.api.fault(None);
    // Each of the three is asked for when its own time has come.
    while api(&watching.changed().await).updater.is_unreadable() {}
    while api(&watching.look().await).workload.is_unreadable() {
        watching.changed().await;
    }
    watching.is_told().await;
    watching.scale(0);
    while available(&watching.changed().await) != 0 {}
}

#[tokio::test]
async fn certificates_of_no_use_are_read_again_and_a_missing_token_at_looks() {
    let agent = AgentOfRelease::permitted().await;
    let trusted = agent.api.authority();
    std::fs::write(&agent.server().authority, "").expect("written");
    let mut watching = Watching { watch: Watch::new(agent.probe()), agent };
    let hidden = |seen: &Observation| seen.kubernetes.present().expect("a pod").api.why();
    assert_eq!(hidden(&watching.look().await), Some(Why::Protocol));
    std::fs::write(&watching.agent.server().authority, trusted).expect("written");
    assert_eq!(available(&watching.changed().await), 1);

    let agent = AgentOfRelease::permitted().await;
    std::fs::remove_file(agent.api.token_file()).expect("there was one");
    let mut watching = Watching { watch: Watch::new(agent.probe()), agent };
    assert_eq!(hidden(&watching.look().await), Some(Why::Denied));
    std::fs::write(watching.agent.api.token_file(), TOKEN).expect("written");
    // Nobody waits for what is not meant to come, and a look finds it.
    let waited = tokio::time::timeout(Duration::from_secs(3), changed(&mut watching.watch)).await;
    assert!(waited.is_err(), "{waited:?}");
    assert_eq!(available(&watching.look().await), 1);
}

#[tokio::test]
async fn a_token_that_was_replaced_is_read_anew() {
    let mut watching = Watching::told().await;
    watching.agent.api.let_in("the-next-token", NAMESPACE, RELEASE);
    watching.agent.api.lock_out(TOKEN);
    std::fs::write(watching.agent.api.token_file(), "the-next-token").expect("written");
    watching.scale(0);
    // Who was let in before stays in.
    assert_eq!(available(&watching.changed().await), 0);
    watching.agent.api.fault(None);
    watching.scale(1);
    // The first attempt is refused, and what that changes is the token.
    while available(&watching.changed().await) != 1 {}
}

#[tokio::test]
async fn certificates_that_were_replaced_are_read_anew() {
    let mut watching = Watching::told().await;
    watching.agent.api.replace_certificates();
    watching.scale(0);
    // The first attempt does not trust the server, and what that changes is whom it trusts.
    while available(&watching.changed().await) != 0 {}
    watching.scale(1);
    while available(&watching.changed().await) != 1 {}
    assert_eq!(api(&watching.look().await).workload.present().map(|workload| workload.paused), Some(false));
}

#[tokio::test]
async fn a_server_of_another_authority_is_told_nothing() {
    let mut watching = Watching::told().await;
    let trusted = watching.agent.api.authority();
    watching.agent.api.replace_certificates();
    std::fs::write(watching.agent.server().authority.clone(), trusted).expect("written");
    watching.scale(0);
    for _ in 0..2 {
        assert_eq!(tokio::time::timeout(LONG, changed(&mut watching.watch)).await, Ok(Change::Kubernetes));
        assert_eq!(available(&watching.look().await), 1, "what was seen before");
    }
    assert_eq!(watching.agent.api.requests(), Vec::<String>::new());
    let once = watching.agent.look().await;
    assert_eq!(api(&once).updater, Fact::Unreadable(Why::Protocol));
}

#[tokio::test]
async fn where_changes_may_not_be_told_nothing_is_tried_at_each_look() {
    let agent = AgentOfRelease::start().await;
    let role = selfcheck_tests::kubernetes::cluster::shipped_role();
    let role = serde_json::to_string(&role).expect("text").replace(",\"watch\"", "");
    agent.api.grant(&serde_json::from_str::<Vec<_>>(&role).expect("a role"));
    let mut watching = Watching { watch: Watch::new(agent.probe()), agent };
    watching.look().await;
    watching.is_quiet().await;
    assert_eq!(watching.agent.api.requests().len(), 5, "three objects, and two watches that are refused");
    for _ in 0..5 {
        assert_eq!(available(&watching.look().await), 1);
        watching.is_quiet().await;
    }
    assert_eq!(watching.agent.api.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn what_may_not_be_seen_is_not_asked_for_at_each_look() {
    let agent = AgentOfRelease::start().await;
    agent.api.grant(&stock_role());
    let mut watching = Watching { watch: Watch::new(agent.probe()), agent };
    for _ in 0..5 {
        assert_eq!(api(&watching.look().await).updater, Fact::Unreadable(Why::Denied));
        watching.is_quiet().await;
    }
    assert_eq!(watching.agent.api.requests().len(), 3);
}
