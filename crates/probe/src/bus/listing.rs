//! The state of many units in one call.

use futures_util::future::join_all;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::ActiveState;
use selfcheck_core::observation::LoadState;
use zbus::Connection;
use zbus::OwnedObjectPath;

use super::answer;
use super::properties;
use super::properties::SYSTEMD;

const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";

/// The state of one unit, and where to ask for more.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) load: LoadState,
    pub(super) active: ActiveState,
    pub(super) sub: Option<Text>,
    pub(super) object: String,
}

/// A unit as systemd lists it: name, description, load, active and sub state, followed unit, object, job.
type Row = (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);

/// The states of `names`, in their order.
pub(super) async fn list(connection: &Connection, names: &[String]) -> Result<Vec<Listed>, Why> {
    let reply = connection
        .call_method(Some(SYSTEMD), MANAGER_PATH, Some(MANAGER), "ListUnitsByNames", &(names,))
        .await;
    let rows: Vec<Row> = match reply {
        Ok(message) => message.body().deserialize().map_err(|_| Why::Protocol)?,
        // systemd before 230 cannot list by name.
        Err(error) if answer::is_unknown(&error) => return one_by_one(connection, names).await,
        Err(error) => return Err(answer::why(&error)),
    };
    if rows.len() != names.len() {
        return Err(Why::Protocol);
    }
    Ok(rows.into_iter().map(listed).collect())
}

fn listed((_, _, load, active, sub, _, object, ..): Row) -> Listed {
    Listed {
        load: load.as_str().into(),
        active: active.as_str().into(),
        sub: Some(sub.as_str().into()),
        object: object.as_str().to_owned(),
    }
}

async fn one_by_one(connection: &Connection, names: &[String]) -> Result<Vec<Listed>, Why> {
    let wanted = [("Unit", "LoadState"), ("Unit", "ActiveState"), ("Unit", "SubState")];
    let asked = names.iter().map(async |name| {
        let object = object_path(name);
        let mut properties = properties::get(connection, &object, &wanted).await?;
        let load = properties.text("LoadState")?.ok_or(Why::Protocol)?;
        let active = properties.text("ActiveState")?.ok_or(Why::Protocol)?;
        let sub = properties.text("SubState")?;
        Ok(Listed { load: load.as_str().into(), active: active.as_str().into(), sub, object })
    });
    join_all(asked).await.into_iter().collect()
}

/// The object of a unit. systemd escapes every byte that is not a letter or, but for the first, a digit.
fn object_path(unit: &str) -> String {
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
