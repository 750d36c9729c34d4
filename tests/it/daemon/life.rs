//! Beginnings, panics and ends of a self-check, under paused time.

use prometheus::Registry;
use prometheus::TextEncoder;
use selfcheck_core::Fact;
use selfcheck_core::policy::Policy;
use selfcheck_daemon::SelfCheck;
use selfcheck_tests::Acts;
use selfcheck_tests::Stage;
use tokio::time::sleep;
use tracing::Event;
use tracing::Level;
use tracing::Metadata;
use tracing::Subscriber;
use tracing::span::Attributes;
use tracing::span::Id;
use tracing::span::Record;

use super::HEALTHY;
use super::MINUTE;
use super::label;
use super::next;
use super::start;
use super::start_with;

#[tokio::test(start_paused = true)]
async fn a_panic_is_contained_counted_and_followed_by_a_fresh_start() {
    let stage = Stage::like(HEALTHY);
    let registry = Registry::new();
    let check = start_with(&stage, Policy::default(), Some(registry.clone()));
    let mut statuses = check.subscribe();
    next(&mut statuses).await;
    stage.acts(Acts::Panics);
    stage.tell();
    let looks = stage.looks();
    sleep(10 * MINUTE).await;
    let tries = stage.looks() - looks;
    assert!((5..=15).contains(&tries), "{tries} tries in ten minutes");
    assert_eq!(check.status().expect("it stays").label(), "accompanied");
    stage.acts(Acts::Sees);
    stage.quietly(|observation| observation.v2.timer = Fact::Absent);
    assert_eq!(label(&*next(&mut statuses).await), (2, "impaired.timer-missing".to_owned()));
    let metrics = TextEncoder::new().encode_to_string(&registry.gather()).expect("text");
    let counted = format!("teleport_updater_probe_errors_total{{kind=\"panic\"}} {tries}\n");
    assert!(metrics.contains(&counted), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_waiting_is_no_busy_loop() {
    let stage = Stage::like(HEALTHY);
    stage.acts(Acts::PanicsWhileWaiting);
    let check = start(&stage);
    let mut statuses = check.subscribe();
    assert_eq!(next(&mut statuses).await.label(), "accompanied");
    sleep(10 * MINUTE).await;
    let looks = stage.looks();
    assert!((5..=15).contains(&looks), "{looks} looks in ten minutes");
    check.handle().ping().await.expect("alive");
    stage.acts(Acts::Sees);
    check.recheck().await.expect("running");
}

/// Whoever the agent has told of events, and who does not take it well.
struct Unbearable;

impl Subscriber for Unbearable {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        panic!("as its log cannot be written");
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_log_that_panics_costs_no_change() {
    let stage = Stage::like(HEALTHY);
    // Whether anybody listens is remembered of each event when it comes up first, which another test could do meanwhile.
    next(&mut start(&stage).subscribe()).await;
    let _log = tracing::subscriber::set_default(Unbearable);
    let registry = Registry::new();
    let check = start_with(&stage, Policy::default(), Some(registry.clone()));
    let mut statuses = check.subscribe();
    assert_eq!(label(&*next(&mut statuses).await), (1, "accompanied".to_owned()));
    for change in [2, 4] {
        stage.become_like("schedule: the timer is masked");
        assert_eq!(label(&*next(&mut statuses).await), (change, "impaired.timer-masked".to_owned()));
        stage.become_like(HEALTHY);
        assert_eq!(label(&*next(&mut statuses).await), (change + 1, "accompanied".to_owned()));
    }
    let metrics = TextEncoder::new().encode_to_string(&registry.gather()).expect("text");
    assert!(metrics.contains("teleport_updater_probe_errors_total{kind=\"panic\"} 5\n"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn metrics_end_with_it_and_one_registry_is_for_one_at_a_time() {
    let (stage, registry) = (Stage::like(HEALTHY), Registry::new());
    let check = start_with(&stage, Policy::default(), Some(registry.clone()));
    check.recheck().await.expect("running");
    let families = registry.gather().len();
    assert!(families >= 3, "{families}");
    let source = stage.clone();
    let second = SelfCheck::builder().metrics(registry.clone()).start_on(move || source.clone());
    let error = second.expect_err("one registry for two");
    assert_eq!(error.to_string(), "the metrics could not be registered");
    assert_eq!(registry.gather().len(), families, "those of the first stay");
    check.shutdown().await;
    assert_eq!(registry.gather().len(), 0);
    let check = start_with(&stage, Policy::default(), Some(registry.clone()));
    check.recheck().await.expect("running");
    assert_eq!(registry.gather().len(), families);
}

#[tokio::test(start_paused = true)]
async fn everything_ends_with_it() {
    for by_dropping in [false, true] {
        let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let before = alive();
        let stage = Stage::like(HEALTHY);
        let check = start(&stage);
        let handle = check.handle();
        let mut statuses = handle.subscribe();
        handle.ping().await.expect("alive");
        assert_eq!(alive(), before + 1, "one task");
        if by_dropping {
            drop(check);
        } else {
            check.shutdown().await;
        }
        while statuses.next().await.is_some() {}
        handle.recheck().await.expect_err("ended");
        handle.ping().await.expect_err("ended");
        assert_eq!(alive(), before);
        let looks = stage.looks();
        stage.tell();
        sleep(60 * MINUTE).await;
        assert_eq!(stage.looks(), looks);
    }
}

#[test]
fn outside_a_runtime_it_does_not_start() {
    let error = SelfCheck::builder().start().expect_err("no runtime");
    assert!(error.to_string().contains("tokio runtime"), "{error}");
}

#[test]
fn on_a_runtime_without_drivers_it_does_not_start() {
    let mut without_time = tokio::runtime::Builder::new_current_thread();
    let mut without_io = tokio::runtime::Builder::new_current_thread();
    for (builder, missing) in [(without_time.enable_io(), "time"), (without_io.enable_time(), "IO")] {
        let runtime = builder.build().expect("runtime");
        let error = runtime.block_on(async { SelfCheck::builder().start().expect_err("no driver") });
        let expected = format!("the tokio runtime has no {missing} driver; build it with `enable_all`");
        assert_eq!(error.to_string(), expected);
    }
}
