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
    /// In the order in which they were told, each host id once.
    agents: Vec<ConnectedAgent>,
    places: HashMap<Bytes, usize>,
    server: ServerFields,
    unread: usize,
}

/// What one of them says, and whether an instance was completed by it.
#[derive(Debug)]
struct ConnectedAgent {
    hello: Bytes,
    is_kept: bool,
}

impl Connected {
    /// Reads an `InventoryStatusSummary`. The Hellos are left as they came: there may be very many, and of most no more than the
    /// host id is needed. Which fields the server has may show in what it tells. `None` if it is no such message.
    pub(crate) fn read(mut summary: Bytes, server: ServerFields) -> Option<Self> {
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
            self.unread += 1;
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
        let agent = ConnectedAgent { hello, is_kept: false };
        // During a reload an agent is connected twice, and says the newer last.
        match self.places.entry(glance.server_id) {
            Entry::Occupied(place) => self.agents[*place.get()] = agent,
            Entry::Vacant(place) => {
                place.insert(self.agents.len());
                self.agents.push(agent);
            }
        }
    }

    /// What `instance` lacks is filled in by what its agent says on its stream, which is also newer.
    pub fn complete(&mut self, instance: &mut Instance) {
        let place = self.places.get(instance.server_id.as_str().as_bytes());
        let Some(agent) = place.and_then(|place| self.agents.get_mut(*place)) else { return };
        agent.is_kept = true;
        let Some(agent) = agent.read(&self.server) else { return };
        let (kept, now) = (std::mem::take(&mut instance.updater), agent.updater);
        let updater = InstanceUpdater {
            kind: now.kind.or(kept.kind),
            version: now.version.or(kept.version),
            group: now.group.or(kept.group),
            status: now.status.or(kept.status),
        };
        *instance = Instance { updater, last_seen: instance.last_seen, ..agent };
    }

    /// How many are.
    pub fn len(&self) -> usize {
        self.agents.len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// Those that are and that no instance was completed by, for the auth server has not kept them yet; none for each that cannot
    /// be read.
    pub fn agents(&self) -> impl Iterator<Item = Option<Instance>> {
        let rest = self.agents.iter().filter(|agent| !agent.is_kept);
        rest.map(|agent| agent.read(&self.server)).chain(std::iter::repeat_n(None, self.unread))
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
            ("b", &FieldValue::Set("kube".into())),
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
