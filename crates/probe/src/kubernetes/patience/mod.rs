//! How a slot treats a server over hours and days, in paused time.

mod asking;

use std::time::Duration;

use selfcheck_core::Fact;
use selfcheck_core::Why;
use tokio::time::Instant;

use super::slot::Keeping;
use super::slot::Told;

use asking::Answer;
use asking::Asking;
use asking::FAULTS;
use asking::object;
use asking::updater;
use asking::with_available;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test(start_paused = true)]
async fn without_changes_an_hour_takes_less_than_one_request() {
    let mut asking = Asking::new(Answer::Well, Answer::Well);
    assert_eq!(asking.for_a_while(HOUR).await, [updater()]);
    assert_eq!(asking.asked(), 2, "the object, and its changes");
    assert_eq!(asking.for_a_while(240 * HOUR).await, [updater()]);
    let asked = asking.asked();
    assert!((180..=240).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn whatever_a_server_does_it_is_not_asked_too_often() {
    for watches in FAULTS {
        for gets in [Answer::Well].into_iter().chain(FAULTS) {
            let mut asking = Asking::new(gets, watches);
            asking.for_a_while(24 * HOUR).await;
            let asked = asking.asked();
            // One in three minutes, though it waits for five between failures: half of them ask anew, and are answered.
            assert!((2..=480).contains(&asked), "{gets:?} {watches:?}: {asked}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_is_believed_for_a_quarter_of_an_hour() {
    for (fault, why) in [
        (Answer::Status(500, None), Why::Refused),
        (Answer::Status(429, Some(7_200)), Why::Refused),
        (Answer::Status(401, None), Why::Denied),
        (Answer::Status(404, None), Why::Protocol),
        (Answer::Garbage, Why::Protocol),
        (Answer::Never, Why::Timeout),
    ] {
        for watches in [Answer::Well, Answer::Ends, Answer::Blind] {
            let mut asking = Asking::new(Answer::Well, watches);
            asking.for_a_while(MINUTE).await;
            asking.does(fault, fault);
            assert_eq!(asking.for_a_while(13 * MINUTE).await, [updater()], "{fault:?}");
            let doubted = [updater(), Fact::Unreadable(why)];
            assert_eq!(asking.for_a_while(3 * MINUTE).await, doubted, "{fault:?}");
            // It is believed again as soon as it answers.
            asking.does(Answer::Well, Answer::Well);
            let believed = [Fact::Unreadable(why), updater()];
            assert_eq!(asking.for_a_while(16 * MINUTE).await, believed, "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_doubted_is_not_believed_again_without_evidence() {
    for watches in [Answer::Well, Answer::Ends, Answer::Blind, Answer::Garbage, Answer::Status(410, None)] {
        let mut asking = Asking::new(Answer::Well, Answer::Well);
        asking.look().await;
        asking.does(Answer::Status(500, None), Answer::Status(500, None));
        asking.for_a_while(40 * MINUTE).await;
        asking.has(None);
        asking.does(Answer::Well, watches);
        let expected = [Fact::Unreadable(Why::Refused), Fact::Absent];
        assert_eq!(asking.for_a_while(11 * MINUTE).await, expected, "{watches:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_change_is_missed_where_changes_are_not_told() {
    for watches in FAULTS.into_iter().chain([Answer::Status(403, None)]) {
        for (then, expected) in [(None, Fact::Absent), (Some(object(8, 0)), with_available(0))] {
            let mut asking = Asking::new(Answer::Well, watches);
            asking.for_a_while(HOUR).await;
            asking.has(then);
            let seen = asking.for_a_while(16 * MINUTE).await;
            // A server that goes on, and tells of nothing, cannot be told from one that has nothing to tell.
            if watches != Answer::Blind {
                assert_eq!(seen, [updater(), expected], "{watches:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_went_away_between_two_watches_is_missed_at_once() {
    let mut asking = Asking::new(Answer::Well, Answer::Well);
    asking.for_a_while(HOUR / 2).await;
    asking.has(None);
    asking.does(Answer::Well, Answer::Well);
    asking.asked();
    assert_eq!(asking.for_a_while(MINUTE / 2).await, [updater(), Fact::Absent]);
    assert_eq!(asking.asked(), 2, "its changes, and it");
    // What comes is told.
    asking.has(Some(object(9, 1)));
    asking.does(Answer::Well, Answer::Well);
    assert_eq!(asking.for_a_while(MINUTE / 2).await, [Fact::Absent, updater()]);
    assert_eq!(asking.asked(), 1, "its changes");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_behind_is_not_believed() {
    let mut asking = Asking::new(Answer::Well, Answer::Never);
    asking.look().await;
    // Another server of the same cluster, which does not know the latest yet.
    asking.has(Some(object(6, 0)));
    asking.does(Answer::Status(500, None), Answer::Well);
    assert_eq!(asking.for_a_while(2 * MINUTE).await, [updater()]);
    // Where that is how it is, as after the cluster was restored from a copy, it is believed when asked.
    asking.does(Answer::Well, Answer::Well);
    assert_eq!(asking.for_a_while(16 * MINUTE).await, [updater(), with_available(0)]);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_had_at_first_is_had_soon_after() {
    for keeping in [Keeping::Told, Keeping::Once] {
        for fault in FAULTS {
            let mut asking = Asking::new(fault, fault);
            asking.slot.keep(keeping);
            let seen = asking.for_a_while(MINUTE).await;
            assert!(seen.iter().all(Fact::is_unreadable), "{fault:?}: {seen:?}");
            assert!((5..=20).contains(&asking.asked()), "{fault:?}");
            asking.does(Answer::Well, Answer::Well);
            // The last wait was of a minute or so, and at most of two.
            assert_eq!(
                asking.for_a_while(2 * MINUTE).await.last(),
                Some(&updater()),
                "{keeping:?} {fault:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_flapping_server_changes_nothing_that_is_said() {
    let mut asking = Asking::new(Answer::Well, Answer::Ends);
    asking.look().await;
    for turn in 0..500 {
        let answer = FAULTS[turn % FAULTS.len()];
        asking.does(answer, answer);
        assert_eq!(asking.for_a_while(7 * MINUTE).await, [updater()], "{turn}: {answer:?}");
        asking.does(Answer::Well, Answer::Well);
        assert_eq!(asking.for_a_while(21 * MINUTE).await, [updater()], "{turn}: after {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_seen_is_asked_for_again_at_looks() {
    let mut asking = Asking::new(Answer::Status(403, None), Answer::Status(403, None));
    let denied = Fact::Unreadable(Why::Denied);
    assert_eq!(asking.for_a_while(59 * MINUTE).await, std::slice::from_ref(&denied));
    assert_eq!(asking.asked(), 4);
    assert_eq!(asking.look().await, denied, "ten minutes have not passed");
    assert_eq!(asking.asked(), 0);
    // A right that was taken back is no more believed in than one that was never given.
    asking.does(Answer::Well, Answer::Status(403, None));
    assert_eq!(asking.for_a_while(19 * MINUTE).await, [denied.clone(), updater()]);
    // What may be seen and not watched is asked for after ten minutes, whether there is a look or not.
    asking.does(Answer::Status(403, None), Answer::Status(403, None));
    assert_eq!(asking.for_a_while(11 * MINUTE).await, [updater(), denied]);
}

#[tokio::test(start_paused = true)]
async fn a_server_is_not_asked_before_the_time_it_says() {
    let mut asking = Asking::new(Answer::Status(503, Some(600)), Answer::Well);
    asking.for_a_while(9 * MINUTE).await;
    assert_eq!(asking.asked(), 1);
    asking.for_a_while(2 * MINUTE).await;
    assert_eq!(asking.asked(), 1);
    let mut asking = Asking::new(Answer::Well, Answer::Status(429, Some(600)));
    asking.for_a_while(9 * MINUTE).await;
    assert_eq!(asking.asked(), 2, "the object, and its changes");
    // What says a week is not believed.
    let mut asking = Asking::new(Answer::Status(503, Some(604_800)), Answer::Well);
    asking.for_a_while(HOUR).await;
    assert!((3..=5).contains(&asking.asked()));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_begin_to_tell_gets_another_connection() {
    let mut asking = Asking::new(Answer::Well, Answer::Never);
    asking.look().await;
    let asked = Instant::now();
    assert_eq!(asking.slot.told(&asking.client).await, Told::Reconnect);
    assert_eq!(asked.elapsed(), Duration::from_secs(30));
    // Time in which nobody waits to be told counts as well.
    let before = Instant::now();
    assert_eq!(asking.slot.told(&asking.client).await, Told::Reconnect);
    assert!(before.elapsed() <= Duration::from_secs(30 + 4));
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_for_ever_is_looked_for_until_it_is_there() {
    let mut asking = Asking::new(Answer::Well, Answer::Well);
    asking.slot.keep(Keeping::Once);
    asking.has(None);
    assert_eq!(asking.for_a_while(5 * MINUTE).await, [Fact::Absent]);
    asking.has(Some(object(7, 1)));
    assert_eq!(asking.for_a_while(19 * MINUTE).await, [Fact::Absent, updater()]);
    asking.asked();
    asking.has(None);
    assert_eq!(asking.for_a_while(24 * HOUR).await, [updater()]);
    assert_eq!(asking.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_failure_now_and_then_is_soon_forgotten() {
    let mut asking = Asking::new(Answer::Well, Answer::Status(403, None));
    asking.for_a_while(MINUTE).await;
    asking.asked();
    for turn in 0..20 {
        asking.does(Answer::Status(500, None), Answer::Status(403, None));
        while asking.asked() == 0 {
            asking.for_a_while(Duration::from_secs(1)).await;
        }
        asking.does(Answer::Well, Answer::Status(403, None));
        assert_eq!(asking.for_a_while(Duration::from_secs(10)).await, [updater()]);
        assert_eq!(asking.asked(), 2, "{turn}: it, and its changes");
    }
}
