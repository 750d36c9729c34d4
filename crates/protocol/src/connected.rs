//! The agents that are connected to an auth server, of which it tells all at once.
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use prost::Message;
use prost::bytes::Buf;
use prost::bytes::Bytes;
use prost::encoding::DecodeContext;
use prost::encoding::WireType;
use prost::encoding::decode_key;
use prost::encoding::decode_varint;
use prost::encoding::skip_field;

use crate::Instance;
use crate::InstanceUpdater;
use crate::ServerFields;
use crate::field::UpdaterField;
use crate::wire::proto::UpstreamInventoryHello;

/// The most that are listened to, however short each Hello is.
const MOST: usize = 1_000_000;
/// The field of `InventoryStatusSummary` that has the Hellos.
const CONNECTED: u32 = 1;

/// As much of a Hello as is read of every one.
#[derive(Clone, PartialEq, Message)]
struct Glance {
    #[prost(bytes = "bytes", tag = "2")]
    server_id: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    external_upgrader: Bytes,
    #[prost(bytes = "bytes", tag = "6")]
    external_upgrader_version: Bytes,
    #[prost(bytes = "bytes", optional, tag = "8")]
    updater_info: Option<Bytes>,
}

/// What the agents say that are connected to one auth server.
#[derive(Debug, Default)]
pub struct Connected {
    /// In the server's order, each host id once.
    agents: Vec<ConnectedAgent>,
    places: HashMap<Bytes, usize>,
    server: ServerFields,
    /// Hellos that cannot be read.
    unreadable: usize,
}

/// The Hello of an agent, and whether the server has an instance of it.
#[derive(Debug)]
struct ConnectedAgent {
    hello: Bytes,
    has_instance: bool,
}

impl Connected {
    /// Reads an `InventoryStatusSummary`; `None` if it is not one. The Hellos are kept as bytes: there may be very many, and most
    /// are needed for their host id only. They also show which fields the server has.
    pub fn read(mut summary: Bytes, server: ServerFields) -> Option<Self> {
        let mut connected = Self { server, ..Self::default() };
        while summary.has_remaining() {
            match decode_key(&mut summary).ok()? {
                (CONNECTED, WireType::LengthDelimited) => {
                    let length = usize::try_from(decode_varint(&mut summary).ok()?).ok()?;
                    if length > summary.remaining() {
                        return None;
                    }
                    connected.insert(summary.split_to(length));
                }
                (tag, kind) => skip_field(kind, tag, &mut summary, DecodeContext::default()).ok()?,
            }
        }
        Some(connected)
    }

    fn insert(&mut self, hello: Bytes) {
        let glance = Glance::decode(hello.clone()).ok();
        let Some(glance) = glance.filter(|glance| !glance.server_id.is_empty() && self.agents.len() < MOST)
        else {
            self.unreadable += 1;
            return;
        };
        for (field, is_shown) in [
            (UpdaterField::Kind, !glance.external_upgrader.is_empty()),
            (UpdaterField::Version, !glance.external_upgrader_version.is_empty()),
            (UpdaterField::Info, glance.updater_info.is_some()),
        ] {
            if is_shown {
                self.server.add(field.of_hello());
            }
        }
        let agent = ConnectedAgent { hello, has_instance: false };
        // During a reload an agent is connected twice, and says the newer last.
        match self.places.entry(glance.server_id) {
            Entry::Occupied(place) => self.agents[*place.get()] = agent,
            Entry::Vacant(place) => {
                place.insert(self.agents.len());
                self.agents.push(agent);
            }
        }
    }

    /// Replaces what an instance says by the Hello of its agent, which is newer, except for fields that the Hello may not have.
    pub fn complete(&mut self, instance: &mut Instance) {
        let place = self.places.get(instance.server_id.as_str().as_bytes());
        let Some(agent) = place.and_then(|place| self.agents.get_mut(*place)) else { return };
        agent.has_instance = true;
        let Some(agent) = agent.read(&self.server) else { return };
        let (old, new) = (std::mem::take(&mut instance.updater), agent.updater);
        let updater = InstanceUpdater {
            kind: new.kind.or(old.kind),
            version: new.version.or(old.version),
            group: new.group.or(old.group),
            status: new.status.or(old.status),
        };
        *instance = Instance { updater, last_seen: instance.last_seen, ..agent };
    }

    /// How many agents are connected.
    pub fn len(&self) -> usize {
        self.agents.len()
    }

    /// Whether no agent is connected.
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// The connected agents without an instance; `None` for a Hello that cannot be read.
    pub fn agents(&self) -> impl Iterator<Item = Option<Instance>> {
        let rest = self.agents.iter().filter(|agent| !agent.has_instance);
        rest.map(|agent| agent.read(&self.server)).chain(std::iter::repeat_n(None, self.unreadable))
    }
}

impl ConnectedAgent {
    fn read(&self, server: &ServerFields) -> Option<Instance> {
        let hello = UpstreamInventoryHello::decode(self.hello.clone()).ok()?;
        Some(Instance::of_hello(&hello, server))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FieldValue;
    use crate::wire::proto::InventoryStatusSummary;
    use selfcheck_core::UpdaterKind;

    fn read(summary: &[u8]) -> Option<Connected> {
        Connected::read(Bytes::copy_from_slice(summary), ServerFields::of_version(Some("14.0.0-dev")))
    }

    fn hello(id: &str, upgrader: &str) -> UpstreamInventoryHello {
        UpstreamInventoryHello {
            server_id: id.to_owned(),
            external_upgrader: upgrader.to_owned(),
            ..UpstreamInventoryHello::default()
        }
    }

    #[test]
    fn everybody_is_read_once_and_in_order() {
        let mut summary = InventoryStatusSummary { instance_count: 7, ..InventoryStatusSummary::default() };
        summary.connected = vec![hello("b", "unit"), hello("a", ""), hello("", "unit"), hello("b", "kube")];
        let connected = read(&summary.encode_to_vec()).expect("a summary");
        let agents: Vec<_> = connected.agents().collect();
        let [Some(b), Some(a), None] = agents.as_slice() else { panic!("{agents:?}") };
        assert_eq!(
            (b.server_id.as_str(), &b.updater.kind),
            ("b", &FieldValue::Set(UpdaterKind::Kube)),
            "the newer one"
        );
        assert_eq!((a.server_id.as_str(), &a.updater.kind), ("a", &FieldValue::Empty));
    }

    #[test]
    fn what_is_no_message_is_none_and_what_is_no_hello_is_counted() {
        let whole = InventoryStatusSummary { connected: vec![hello("a", "unit")], ..Default::default() };
        let whole = whole.encode_to_vec();
        for end in 1..whole.len() {
            assert!(read(&whole[..end]).is_none(), "{end}");
        }
        let empty = read(&[0x0a, 0x00].repeat(1000)).expect("a thousand without a word");
        assert_eq!((empty.len(), empty.agents().flatten().count(), empty.agents().count()), (0, 0, 1000));
        // A host name that is no text.
        let odd = read(&[0x0a, 0x06, 0x12, 0x01, b'a', 0x22, 0x01, 0xff]).expect("a Hello");
        assert_eq!((odd.len(), odd.agents().flatten().count()), (1, 0));
    }
}
