//! What systemd tells by itself: narrow subscriptions, and which signals tell of a change.

use std::collections::HashMap;

use selfcheck_core::Why;
use zbus::MatchRule;
use zbus::Message;
use zbus::OwnedObjectPath;
use zbus::Variant;
use zbus::message::Type;
use zbus::names::UniqueName;

use super::answer;
use super::names::MANAGER;
use super::names::MANAGER_PATH;
use super::names::Names;
use super::names::PROPERTIES;
use super::names::SYSTEMD;
use super::names::object_path;

/// The bus itself.
pub(super) const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";
const UNIT: &str = "org.freedesktop.systemd1.Unit";

/// What a message that nobody asked for says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Something that matters may be otherwise now.
    Change,
    /// systemd itself has come or gone.
    NewSystemd,
    /// Nothing that matters.
    Nothing,
}

/// The calls that ask the bus for the signals about the units `names`.
pub(super) fn matches(names: &Names) -> Result<Vec<Message>, Why> {
    let call = |rule: Result<MatchRule<'_>, zbus::Error>| {
        let rule = rule?.to_string();
        Message::method_call(BUS_PATH, "AddMatch").destination(BUS).interface(BUS).build(&rule.as_str())
    };
    let calls: Result<_, zbus::Error> = rules(names).map(call).collect();
    calls.map_err(|error| answer::why(&error))
}

/// The call that asks systemd to send signals.
pub(super) fn subscription() -> Result<[Message; 1], Why> {
    let call = Message::method_call(MANAGER_PATH, "Subscribe").destination(SYSTEMD).interface(MANAGER);
    Ok([call.build(&()).map_err(|error| answer::why(&error))?])
}

/// Whether what was asked for is refused. A systemd that was executed anew remembers who had subscribed.
pub(super) fn is_refusal(reply: &Message) -> bool {
    let header = reply.header();
    let known = header.error_name().is_some_and(|name| name.as_str().ends_with(".AlreadySubscribed"));
    reply.message_type() == Type::Error && !known
}

/// Only what is matched here wakes the process. That a unit was loaded is left out: looking at one that is not
/// there loads it, so that every look would lead to the next.
fn rules(names: &Names) -> impl Iterator<Item = Result<MatchRule<'_>, zbus::Error>> {
    let of_systemd = || MatchRule::builder().msg_type(Type::Signal).sender(SYSTEMD);
    let of_manager = ["UnitFilesChanged", "Reloading"]
        .map(|member| of_systemd().path(MANAGER_PATH).interface(MANAGER).member(member).build());
    let of_units = names.all().map(|name| {
        let properties = of_systemd().path(object_path(name)).interface(PROPERTIES);
        properties.member("PropertiesChanged").arg(0, UNIT).build()
    });
    let bus = MatchRule::builder().msg_type(Type::Signal).sender(BUS).interface(BUS);
    let of_bus = bus.member("NameOwnerChanged").arg(0, SYSTEMD).build();
    of_manager.into_iter().chain(of_units).chain([of_bus])
}

/// What `message` says, if it comes from the bus itself or from `systemd`. Anybody may send anything to anybody.
pub(super) fn read(message: &Message, systemd: Option<&str>) -> Signal {
    if message.message_type() != Type::Signal {
        return Signal::Nothing;
    }
    let header = message.header();
    let sender = header.sender().map(UniqueName::as_str);
    let member = header.member().map(|member| member.as_str().to_owned());
    if sender == Some(BUS) {
        let is_new = member.as_deref() == Some("NameOwnerChanged");
        return if is_new { Signal::NewSystemd } else { Signal::Nothing };
    }
    if sender != systemd {
        return Signal::Nothing;
    }
    match member.as_deref() {
        Some("UnitFilesChanged") => Signal::Change,
        // It is told before and after; before there is nothing new to see.
        Some("Reloading") if message.body().deserialize::<bool>() == Ok(false) => Signal::Change,
        Some("PropertiesChanged") => properties_changed(message),
        _ => Signal::Nothing,
    }
}

/// A job in progress, and a run of the updater, end with another signal: only then there is something to see. A
/// run that does not end is found when the status that was judged before it stops holding.
fn properties_changed(message: &Message) -> Signal {
    let body = message.body();
    let Ok((_, changed, _)) = body.deserialize::<(&str, HashMap<&str, Variant<'_>>, Vec<&str>)>() else {
        return Signal::Change;
    };
    let word = |name: &str| changed.get(name).and_then(|value| <&str>::try_from(value).ok());
    let job = changed.get("Job").and_then(|value| <(u32, OwnedObjectPath)>::try_from(value.clone()).ok());
    let is_busy = job.is_some_and(|(id, _)| id != 0)
        || matches!(word("ActiveState"), Some("activating" | "deactivating"))
        || (word("ActiveState") == Some("active")
            && word("SubState") == Some("running")
            && is_timer(message));
    if is_busy { Signal::Nothing } else { Signal::Change }
}

/// A timer is "running" while what it started is.
fn is_timer(message: &Message) -> bool {
    message.header().path().is_some_and(|path| path.as_str().ends_with("_2etimer"))
}
