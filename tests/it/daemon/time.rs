//! When a self-check looks and what it publishes, under paused time.

use std::time::Duration;

use jiff::SignedDuration;
use selfcheck_core::Fact;
use selfcheck_core::Moment;
use selfcheck_core::Severity;
use selfcheck_core::observation::ActiveState;
use selfcheck_core::observation::Observation;
use selfcheck_core::observation::ServiceUnit;
use selfcheck_core::observation::UnitResult;
use selfcheck_core::policy::Acknowledgement;
use selfcheck_core::policy::InvalidPolicy;
use selfcheck_core::policy::Policy;
use selfcheck_daemon::JudgeError;
use selfcheck_tests::Stage;
use selfcheck_tests::with;
use tokio::time::Instant;
use tokio::time::sleep;

use super::HEALTHY;
use super::MINUTE;
use super::is_silent;
use super::label;
use super::next;
use super::start;
use super::start_with;

/// The updater's service.
fn service(observation: &mut Observation) -> &mut ServiceUnit {
    let Fact::Present(service) = &mut observation.v2.service else { panic!("no service") };
    service
}

/// A run that ended just now.
fn run(stage: &Stage, result: UnitResult) {
    let now = stage.now();
    let ended = Moment { realtime: now.realtime, monotonic: now.monotonic };
    stage.change(|observation| {
        let service = service(observation);
        let failed = result != UnitResult::Success;
        service.state.active_state = if failed { ActiveState::Failed } else { ActiveState::Inactive };
        (service.result, service.exited) = (Some(result), Some(ended));
        service.exit_status = Some(i32::from(failed));
        fire(observation, ended);
    });
}

/// The timer fired.
fn fire(observation: &mut Observation, at: Moment) {
    let Fact::Present(timer) = &mut observation.v2.timer else { panic!("no timer") };
    timer.last_trigger = Some(at);
}

#[tokio::test(start_paused = true)]
async fn changes_are_published_and_counted_and_nothing_else() {
    let stage = Stage::like(HEALTHY);
    let check = start(&stage);
    assert!(check.status().is_none(), "starting does not wait for the first look");
    let mut statuses = check.subscribe();
    assert_eq!(label(&*next(&mut statuses).await), (1, "accompanied".to_owned()));

    // A run that succeeds moves times only.
    sleep(MINUTE).await;
    run(&stage, UnitResult::Success);
    let ran = stage.now().realtime;
    sleep(MINUTE).await;
    assert!(is_silent(&mut statuses));
    let present = check.status().expect("a status");
    assert_eq!((present.sequence, present.proof.last_run), (Some(1), Some(ran)));

    stage.become_like("schedule: the timer is masked");
    assert_eq!(label(&*next(&mut statuses).await), (2, "impaired.timer-masked".to_owned()));
    for _ in 0..5 {
        stage.tell();
        sleep(MINUTE).await;
    }
    assert!(is_silent(&mut statuses));
    stage.become_like(HEALTHY);
    assert_eq!(label(&*next(&mut statuses).await), (3, "accompanied".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_status_that_stops_holding_is_judged_anew_at_that_instant() {
    // Its timer fired three minutes ago, and is overdue after three of its periods, each at most 7 minutes.
    let stage = Stage::like(HEALTHY);
    let check = start(&stage);
    let mut statuses = check.subscribe();
    let began = Instant::now();
    let first = next(&mut statuses).await;
    assert_eq!(first.holds_until, Some(first.observed_at + SignedDuration::from_mins(18)));
    let overdue = next(&mut statuses).await;
    assert_eq!(label(&overdue), (2, "impaired.timer-overdue".to_owned()));
    let waited = began.elapsed();
    assert!(waited >= 18 * MINUTE && waited < 18 * MINUTE + Duration::from_millis(20), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_while_a_status_holds() {
    let stage = Stage::like("config: the version is pinned");
    stage.quietly(|observation| {
        fire(observation, Moment { realtime: observation.clock.realtime, monotonic: u64::MAX / 2 });
    });
    let check = start(&stage);
    check.recheck().await.expect("running");
    let looks = stage.looks();
    sleep(11 * MINUTE).await;
    assert_eq!(stage.looks(), looks);
    // But what nobody told is found after a while.
    stage.quietly(|observation| observation.v2.timer = Fact::Absent);
    let mut statuses = check.subscribe();
    next(&mut statuses).await;
    let waited = Instant::now();
    assert_eq!(next(&mut statuses).await.label(), "impaired.timer-missing");
    assert!(waited.elapsed() < 8 * MINUTE, "{:?}", waited.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_grace_ends_by_itself() {
    for case in [
        "schedule: the timer is stopped, but the host booted 4 minutes ago",
        "schedule: the timer is stopped, but the host woke 4 minutes ago",
    ] {
        let stage = Stage::like(case);
        let check = start(&stage);
        let mut statuses = check.subscribe();
        assert_eq!(next(&mut statuses).await.label(), "accompanied", "{case}");
        let waited = Instant::now();
        assert_eq!(next(&mut statuses).await.label(), "impaired.timer-inactive", "{case}");
        let waited = waited.elapsed();
        assert!(waited >= MINUTE && waited < MINUTE + Duration::from_millis(20), "{case}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_ends_at_its_time() {
    let stage = Stage::like("schedule: the timer is masked");
    let until = stage.now().realtime + SignedDuration::from_secs(100);
    let acknowledged = Acknowledgement::new("Ansible");
    let policy =
        with(Policy::default(), |policy| policy.acknowledged = Some(acknowledged.clone().until(until)));
    let check = start_with(&stage, policy, None);
    let mut statuses = check.subscribe();
    assert_eq!(next(&mut statuses).await.label(), "exempt.acknowledged");
    let waited = Instant::now();
    assert_eq!(next(&mut statuses).await.label(), "impaired.timer-masked");
    assert_eq!(waited.elapsed().as_secs(), 100);
    // A new policy counts at once.
    let policy = with(Policy::default(), |policy| policy.acknowledged = Some(acknowledged));
    check.handle().judge_by(policy.clone()).await.expect("running");
    assert_eq!(next(&mut statuses).await.label(), "exempt.acknowledged");
    // One that makes no sense is refused.
    let senseless = with(policy, |policy| policy.limits.file_bytes = 0);
    let refused = check.handle().judge_by(senseless).await;
    assert_eq!(refused, Err(JudgeError::Policy(InvalidPolicy::NoBytes)));
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_news_costs_ten_looks_in_a_second_at_most() {
    let stage = Stage::like(HEALTHY);
    let check = start(&stage);
    check.recheck().await.expect("running");
    let looks = stage.looks();
    for _ in 0..10_000 {
        stage.tell();
        sleep(Duration::from_millis(1)).await;
    }
    let cost = stage.looks() - looks;
    assert!((10..=100).contains(&cost), "{cost} looks in ten seconds");
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_are_counted_and_a_run_in_progress_mends_nothing() {
    let stage = Stage::like(HEALTHY);
    let check = start(&stage);
    let mut statuses = check.subscribe();
    let succeeded = next(&mut statuses).await.proof.last_success;
    let since = stage.now().realtime;
    run(&stage, UnitResult::ExitCode);
    let failed = next(&mut statuses).await;
    assert_eq!(
        (label(&failed), failed.findings[0].severity),
        ((2, "impaired.run-failed".to_owned()), Severity::Warning)
    );
    assert_eq!(failed.findings[0].since, Some(since));
    assert_eq!(failed.proof.last_success, succeeded, "it is remembered");
    for _ in 0..2 {
        sleep(5 * MINUTE).await;
        // The next try begins, and systemd forgets how the last one ended.
        stage.change(|observation| {
            let service = service(observation);
            service.state.active_state = ActiveState::Activating;
            (service.result, service.exit_status) = (Some(UnitResult::Success), Some(0));
        });
        sleep(Duration::from_secs(1)).await;
        run(&stage, UnitResult::ExitCode);
        sleep(Duration::from_secs(1)).await;
    }
    let third = next(&mut statuses).await;
    assert_eq!(
        (third.sequence, third.findings[0].severity),
        (Some(3), Severity::Critical),
        "one change: graver"
    );
    assert_eq!(third.findings[0].since, Some(since));
    run(&stage, UnitResult::Success);
    let mended = next(&mut statuses).await;
    assert_eq!(label(&mended), (4, "accompanied".to_owned()));
    assert_eq!(mended.proof.last_success, mended.proof.last_run);
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_set_makes_nothing_overdue() {
    let stage = Stage::like(HEALTHY);
    let check = start(&stage);
    let mut statuses = check.subscribe();
    next(&mut statuses).await;
    for jump in [SignedDuration::from_hours(30 * 24), SignedDuration::from_hours(-60 * 24)] {
        stage.clock(|clock| clock.realtime += jump);
        stage.tell();
        sleep(MINUTE).await;
        assert!(is_silent(&mut statuses), "after {jump:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_sleep_nothing_is_overdue_at_once() {
    let stage = Stage::like(HEALTHY);
    let check = start(&stage);
    let mut statuses = check.subscribe();
    next(&mut statuses).await;
    // Eight hours of sleep: the monotonic clock stood still, and with it the timer.
    stage.clock(|clock| {
        clock.realtime += SignedDuration::from_hours(8);
        clock.boottime += 8 * 3_600_000_000;
    });
    stage.tell();
    sleep(MINUTE).await;
    assert!(is_silent(&mut statuses));
    // It still ends as it would have.
    assert_eq!(next(&mut statuses).await.label(), "impaired.timer-overdue");
}

#[tokio::test(start_paused = true)]
async fn who_asks_gets_the_status_of_a_look_after_asking() {
    let stage = Stage::like(HEALTHY);
    let check = start(&stage);
    check.recheck().await.expect("running");
    stage.quietly(|observation| observation.v2.timer = Fact::Absent);
    let (one, other) = tokio::join!(check.recheck(), check.recheck());
    let looks = stage.looks();
    assert_eq!(one.expect("running").label(), "impaired.timer-missing");
    assert_eq!(other.expect("running").label(), "impaired.timer-missing");
    assert_eq!(stage.looks(), looks, "one look serves both");
}
