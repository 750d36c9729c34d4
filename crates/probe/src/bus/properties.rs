//! Properties of one object, asked for one by one but all at once.

use std::collections::HashMap;

use futures_util::future::join_all;
use jiff::Timestamp;
use selfcheck_core::Moment;
use selfcheck_core::Text;
use selfcheck_core::Usec;
use selfcheck_core::Why;
use zbus::Connection;
use zbus::OwnedVariant;

use super::answer;

pub(super) const SYSTEMD: &str = "org.freedesktop.systemd1";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// What was answered. A property an old systemd does not have is simply not there.
#[derive(Debug, Default)]
pub(super) struct Properties(HashMap<String, OwnedVariant>);

/// Asks for the properties of `object` that `wanted` names, as interface and property.
pub(super) async fn get(
    connection: &Connection,
    object: &str,
    wanted: &[(&str, &'static str)],
) -> Result<Properties, Why> {
    let asked = wanted.iter().map(async |(interface, property)| {
        let interface = format!("{SYSTEMD}.{interface}");
        let reply = connection
            .call_method(Some(SYSTEMD), object, Some(PROPERTIES), "Get", &(interface, *property))
            .await;
        match reply {
            Ok(message) => {
                let value: OwnedVariant = message.body().deserialize().map_err(|_| Why::Protocol)?;
                Ok(Some(((*property).to_owned(), value)))
            }
            Err(error) if answer::is_unknown(&error) => Ok(None),
            Err(error) => Err(answer::why(&error)),
        }
    });
    let answers: Result<Vec<_>, Why> = join_all(asked).await.into_iter().collect();
    Ok(Properties(answers?.into_iter().flatten().collect()))
}

/// Asks for all properties of an interface with few of them.
pub(super) async fn get_all(
    connection: &Connection,
    object: &str,
    interface: &str,
) -> Result<Properties, Why> {
    let interface = format!("{SYSTEMD}.{interface}");
    let reply =
        connection.call_method(Some(SYSTEMD), object, Some(PROPERTIES), "GetAll", &interface.as_str()).await;
    match reply {
        Ok(message) => message.body().deserialize().map(Properties).map_err(|_| Why::Protocol),
        Err(error) if answer::is_unknown(&error) => Ok(Properties::default()),
        Err(error) => Err(answer::why(&error)),
    }
}

impl Properties {
    /// A property of another type than it must have is a breach of protocol.
    pub(super) fn take<T: TryFrom<OwnedVariant>>(&mut self, name: &str) -> Result<Option<T>, Why> {
        self.0.remove(name).map(|value| T::try_from(value).map_err(|_| Why::Protocol)).transpose()
    }

    /// A string that is not empty.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<Text>, Why> {
        let text: Option<String> = self.take(name)?;
        Ok(text.filter(|text| !text.is_empty()).map(|text| Text::new(&text)))
    }

    /// A number of microseconds; systemd writes 0 or the largest number for "never".
    pub(super) fn usec(&mut self, name: &str) -> Result<Option<Usec>, Why> {
        Ok(self.take::<u64>(name)?.filter(|usec| !matches!(*usec, 0 | Usec::MAX)))
    }

    /// An instant: `name` by the wall clock, and the same with `Monotonic` behind it.
    pub(super) fn moment(&mut self, name: &str) -> Result<Option<Moment>, Why> {
        let realtime = self.usec(name)?;
        let monotonic = self.usec(&format!("{name}Monotonic"))?;
        Ok(realtime
            .and_then(|usec| Timestamp::from_microsecond(i64::try_from(usec).ok()?).ok())
            .zip(monotonic)
            .map(|(realtime, monotonic)| Moment { realtime, monotonic }))
    }
}
