//! The names of systemd's objects, and of the units that matter to one installation.

use selfcheck_core::Generation;
use selfcheck_core::Namespace;

/// systemd on the bus.
pub(super) const SYSTEMD: &str = "org.freedesktop.systemd1";
/// The interface of its manager.
pub(super) const MANAGER: &str = "org.freedesktop.systemd1.Manager";
/// The manager's object.
pub(super) const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
/// The interface by which properties are asked for.
pub(super) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// The names of the units that matter to one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    pub(super) agent: String,
    pub(super) timer_v2: String,
    pub(super) service_v2: String,
    pub(super) timer_v1: String,
    pub(super) service_v1: String,
}

impl Names {
    pub(crate) fn of(namespace: &Namespace) -> Self {
        Self {
            agent: namespace.agent_unit(),
            timer_v2: Generation::V2.timer(namespace),
            service_v2: Generation::V2.service(namespace),
            timer_v1: Generation::V1.timer(namespace),
            service_v1: Generation::V1.service(namespace),
        }
    }

    pub(super) fn all(&self) -> [&str; 5] {
        [&self.agent, &self.timer_v2, &self.service_v2, &self.timer_v1, &self.service_v1]
    }
}

/// The object of a unit. systemd escapes every byte that is not a letter or, but for the first, a digit.
pub(super) fn object_path(unit: &str) -> String {
    let escaped: String = unit
        .bytes()
        .enumerate()
        .map(|(index, byte)| {
            let plain = byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit());
            if plain { char::from(byte).to_string() } else { format!("_{byte:02x}") }
        })
        .collect();
    format!("{MANAGER_PATH}/unit/{escaped}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_unit_names_as_systemd_does() {
        assert_eq!(
            object_path("teleport-update_2.timer"),
            "/org/freedesktop/systemd1/unit/teleport_2dupdate_5f2_2etimer"
        );
        assert_eq!(object_path("2a"), "/org/freedesktop/systemd1/unit/_32a");
    }
}
