//! What was answered about one object.

use std::collections::HashMap;

use jiff::Timestamp;
use selfcheck_core::Moment;
use selfcheck_core::Text;
use selfcheck_core::Usec;
use selfcheck_core::Why;
use zbus::OwnedVariant;

/// Properties by name. One that an old systemd does not have is simply not there.
#[derive(Debug, Default)]
pub(super) struct Properties(HashMap<String, OwnedVariant>);

impl Properties {
    /// Adds what else was answered.
    pub(super) fn add(&mut self, properties: impl IntoIterator<Item = (String, OwnedVariant)>) {
        self.0.extend(properties);
    }

    /// A property of another type than it must have is a breach of protocol.
    pub(super) fn take<T: TryFrom<OwnedVariant>>(&mut self, name: &str) -> Result<Option<T>, Why> {
        self.0.remove(name).map(|value| T::try_from(value).map_err(|_| Why::Protocol)).transpose()
    }

    /// Whether there is one of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A list of strings, of which so many are kept.
    pub(super) fn list(&mut self, name: &str, most: usize) -> Result<Vec<Text>, Why> {
        let list: Vec<String> = self.take(name)?.unwrap_or_default();
        Ok(list.iter().take(most).map(|text| Text::new(text)).collect())
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
        let realtime = self.instant(name)?;
        let monotonic = self.usec(&format!("{name}Monotonic"))?;
        Ok(realtime.zip(monotonic).map(|(realtime, monotonic)| Moment { realtime, monotonic }))
    }

    /// An instant by the wall clock.
    pub(super) fn instant(&mut self, name: &str) -> Result<Option<Timestamp>, Why> {
        Ok(self.usec(name)?.and_then(|usec| Timestamp::from_microsecond(i64::try_from(usec).ok()?).ok()))
    }
}
