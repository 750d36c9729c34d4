//! When a timer fired and will fire.

use jiff::Timestamp;
use selfcheck_core::Clock;
use selfcheck_core::Moment;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::Schedule;

use super::properties::Properties;

/// A timer's last firing since boot. A wall-clock time alone is the stamp of an earlier boot, which a `Persistent=` timer
/// keeps; systemd before 235 has no other.
pub(super) fn last_trigger(timer: &mut Properties, clock: Clock) -> Result<Option<Moment>, Why> {
    let is_old = !timer.has("LastTriggerUSecMonotonic");
    let monotonic = timer.usec("LastTriggerUSecMonotonic")?;
    let realtime = timer.instant("LastTriggerUSec")?;
    Ok(match (realtime, monotonic) {
        (Some(realtime), Some(monotonic)) => Some(Moment { realtime, monotonic }),
        (None, Some(monotonic)) => Some(Moment { realtime: clock.realtime_of(monotonic), monotonic }),
        (Some(realtime), None) if is_old && is_of_this_boot(realtime, clock) => {
            Some(Moment { realtime, monotonic: clock.monotonic_of(realtime) })
        }
        (Some(_) | None, None) => None,
    })
}

fn is_of_this_boot(instant: Timestamp, clock: Clock) -> bool {
    let since = clock.realtime.duration_since(instant).as_micros();
    since <= i128::from(clock.boottime)
}

/// A timer's next firing: the earlier of those by the monotonic and by the wall clock.
pub(super) fn next_elapse(timer: &mut Properties, clock: Clock) -> Result<Option<Moment>, Why> {
    let monotonic = timer.usec("NextElapseUSecMonotonic")?;
    let realtime = timer.instant("NextElapseUSecRealtime")?;
    let by_monotonic =
        monotonic.map(|monotonic| Moment { realtime: clock.realtime_of(monotonic), monotonic });
    let by_realtime = realtime.map(|realtime| Moment { realtime, monotonic: clock.monotonic_of(realtime) });
    Ok(by_monotonic.into_iter().chain(by_realtime).min_by_key(|moment| moment.monotonic))
}

/// When the timer fires.
pub(super) fn schedule(timer: &mut Properties) -> Result<Schedule, Why> {
    let monotonic: Vec<(String, u64, u64)> = timer.take("TimersMonotonic")?.unwrap_or_default();
    let calendar: Vec<(String, String, u64)> = timer.take("TimersCalendar")?.unwrap_or_default();
    let shortest = |wanted: fn(&str) -> bool| {
        monotonic.iter().filter(|(base, ..)| wanted(base)).map(|(_, length, _)| *length).min()
    };
    Ok(Schedule {
        first: shortest(|base| matches!(base, "OnActiveUSec" | "OnBootUSec" | "OnStartupUSec")),
        interval: shortest(|base| matches!(base, "OnUnitActiveUSec" | "OnUnitInactiveUSec")),
        calendar: calendar.iter().take(16).map(|(_, expression, _)| Text::new(expression)).collect(),
        random_delay: timer.usec("RandomizedDelayUSec")?.unwrap_or(0),
        accuracy: timer.usec("AccuracyUSec")?.unwrap_or(0),
    })
}
