//! What a self-check says while it cannot see, under paused time.

use std::time::Duration;

use jiff::SignedDuration;
use selfcheck_core::Fact;
use selfcheck_core::Why;
use selfcheck_core::observation::Observation;
use selfcheck_daemon::SelfCheck;
use selfcheck_tests::Stage;
use tokio::time::Instant;
use tokio::time::sleep;

use super::HEALTHY;
use super::MINUTE;
use super::is_silent;
use super::next;
use super::start;

/// The bus is away.
fn hide_units(observation: &mut Observation) {
    let why = Why::Closed;
    observation.systemd.manager = Fact::Unreadable(why);
    observation.agent.unit = Fact::Unreadable(why);
    (observation.v2.timer, observation.v2.service) = (Fact::Unreadable(why), Fact::Unreadable(why));
    (observation.v1.timer, observation.v1.service) = (Fact::Unreadable(why), Fact::Unreadable(why));
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_away_for_a_while_changes_nothing() {
    let stage = Stage::like("schedule: the timer is masked");
    let check = start(&stage);
    let mut statuses = check.subscribe();
    let seen = next(&mut statuses).await;
    let before = stage.clone();
    stage.change(hide_units);
    sleep(5 * MINUTE).await;
    assert!(is_silent(&mut statuses));
    assert_eq!(check.status().expect("it stays").observed_at, seen.observed_at, "with its age");
    let tries = before.looks();
    assert!((10..60).contains(&tries), "{tries} looks, ever more rarely");
    stage.become_like("schedule: the timer is masked");
    sleep(2 * MINUTE).await;
    assert!(is_silent(&mut statuses));
    assert!(check.status().expect("a status").observed_at > seen.observed_at);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_goes_away_long_after_the_last_look_changes_nothing() {
    // Its safety look comes late, so the last one may be old.
    let mut found = None;
    for seed in 0..100 {
        let stage = Stage::like("schedule: the timer is masked");
        let source = stage.clone();
        let check = SelfCheck::builder().seed(seed).start_on(move || source.clone()).expect("started");
        check.recheck().await.expect("running");
        let looks = stage.looks();
        sleep(16 * MINUTE).await;
        if stage.looks() == looks {
            found = Some((stage, check));
            break;
        }
    }
    let (stage, check) = found.expect("a seed of which the first safety look comes late");
    let mut statuses = check.subscribe();
    next(&mut statuses).await;
    stage.change(hide_units);
    sleep(MINUTE).await;
    assert!(is_silent(&mut statuses));
    let waited = Instant::now();
    assert_eq!(next(&mut statuses).await.label(), "unknown.bus-unavailable");
    assert!(waited.elapsed() < 16 * MINUTE, "{:?}", waited.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_would_no_longer_hold_is_not_said_by_one_who_cannot_see() {
    // Its timer is overdue in 18 minutes.
    let stage = Stage::like(HEALTHY);
    let check = start(&stage);
    let mut statuses = check.subscribe();
    let first = next(&mut statuses).await;
    assert_eq!(first.holds_until, Some(first.observed_at + SignedDuration::from_mins(18)));
    sleep(10 * MINUTE).await;
    let waited = Instant::now();
    stage.change(hide_units);
    assert_eq!(next(&mut statuses).await.label(), "unknown.bus-unavailable");
    assert!(waited.elapsed() >= 7 * MINUTE && waited.elapsed() < 10 * MINUTE, "{:?}", waited.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_stays_away_is_said_some_time() {
    let stage = Stage::like("schedule: the timer is masked");
    let check = start(&stage);
    let mut statuses = check.subscribe();
    next(&mut statuses).await;
    let waited = Instant::now();
    stage.change(hide_units);
    assert_eq!(next(&mut statuses).await.label(), "unknown.bus-unavailable");
    assert!(waited.elapsed() >= 14 * MINUTE && waited.elapsed() < 17 * MINUTE, "{:?}", waited.elapsed());
}

#[tokio::test(start_paused = true)]
async fn without_a_bus_from_the_start_that_is_said_at_once() {
    let stage = Stage::like(HEALTHY);
    stage.quietly(hide_units);
    let check = start(&stage);
    let mut statuses = check.subscribe();
    assert_eq!(next(&mut statuses).await.label(), "unknown.bus-unavailable");
    stage.quietly(|observation| *observation = Stage::like(HEALTHY).observation());
    let waited = Instant::now();
    assert_eq!(next(&mut statuses).await.label(), "accompanied");
    assert!(waited.elapsed() < Duration::from_secs(1));
}
