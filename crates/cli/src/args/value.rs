//! The values of flags, and what is said where one is none.

use std::path::PathBuf;

use jiff::Timestamp;
use selfcheck_core::ProxyAddr;
use selfcheck_core::Reason;
use selfcheck_core::TeleportVersion;
use selfcheck_core::UpdaterKind;
use selfcheck_core::Verdict;
use selfcheck_core::policy::InvalidLength;
use selfcheck_core::policy::Length;
use selfcheck_probe::is_unix_address;
use selfcheck_protocol::Role;
use selfcheck_protocol::UpgraderFilter;

/// The word for an agent without an updater.
pub(crate) const NONE: &str = "none";

pub(super) fn positive(text: &str) -> Result<Length, String> {
    let length: Length = text.parse().map_err(|error: InvalidLength| error.to_string())?;
    if length == Length::seconds(0) { Err("a look needs some time".to_owned()) } else { Ok(length) }
}

pub(super) fn proxy(address: &str) -> Result<ProxyAddr, String> {
    address
        .parse()
        .map_err(|_| "an address is written like teleport.example.com or teleport.example.com:443".to_owned())
}

pub(super) fn metrics_file(path: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(path);
    if path.extension().is_some_and(|end| end == "prom") {
        return Ok(path);
    }
    Err("node_exporter reads only files whose name ends in `.prom`".to_owned())
}

pub(super) fn bus(address: &str) -> Result<String, String> {
    if is_unix_address(address) { Ok(address.to_owned()) } else { Err(BUS.to_owned()) }
}

/// How the address of a bus is written.
pub(crate) const BUS: &str =
    "the system bus is a socket of this host, written like unix:path=/run/dbus/system_bus_socket";

pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "a time is written like 2026-11-22T10:00:00Z".to_owned())
}

pub(super) fn lasting(text: &str) -> Result<Length, String> {
    let length: Length = text.parse().map_err(|error: InvalidLength| error.to_string())?;
    if length >= Length::minutes(1) { Ok(length) } else { Err("it counts for at least a minute".to_owned()) }
}

pub(super) fn role(name: &str) -> Result<Role, String> {
    let names = || Role::ALL.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
    name.parse().map_err(|_| format!("a role is one of {}", names()))
}

/// A service as tctl takes it.
pub(super) fn service(name: &str) -> Result<Role, String> {
    let names = || {
        let services = Role::ALL.iter().filter(|role| role.is_server());
        services.map(|role| role.name().to_lowercase()).collect::<Vec<_>>().join(", ")
    };
    let role = Role::from_word(name).ok();
    role.filter(|role| role.is_server()).ok_or_else(|| format!("a service is one of {}", names()))
}

pub(super) fn version(text: &str) -> Result<TeleportVersion, String> {
    TeleportVersion::relaxed(text).map_err(|_| "a version is written like 18.2.0, 18.2 or 18".to_owned())
}

pub(super) fn verdict(code: &str) -> Result<Verdict, String> {
    let codes = || Verdict::ALL.iter().map(|verdict| verdict.code()).collect::<Vec<_>>().join(", ");
    code.parse().map_err(|_| format!("a verdict is one of {}", codes()))
}

pub(super) fn reason(code: &str) -> Result<Reason, String> {
    code.parse().map_err(|_| "no such reason; `teleport-selfcheck reasons` lists all".to_owned())
}

pub(super) fn upgrader(kind: &str) -> Result<UpgraderFilter, String> {
    if kind == NONE {
        return Ok(UpgraderFilter::Without);
    }
    UpdaterKind::named(kind.into()).map(UpgraderFilter::Of).ok_or_else(|| "it is empty".to_owned())
}

/// The auth server takes an empty one for all agents.
pub(super) fn host_id(id: &str) -> Result<String, String> {
    if id.is_empty() { Err("it is empty".to_owned()) } else { Ok(id.to_owned()) }
}
