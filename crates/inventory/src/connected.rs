//! The agents that are connected to an auth server, of which it tells all at once.

use std::collections::HashMap;

use prost::Message;
use prost::bytes::Bytes;

use crate::Instance;
use crate::ServerFields;
use crate::ToldUpdater;
use crate::wire::proto::UpstreamInventoryHello;

/// `InventoryStatusSummary` with the Hellos left as they came: there may be very many, and of most no more than the host id is needed.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Hellos {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    connected: Vec<Bytes>,
}

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

/// What the agents say that are connected to one auth server, by host id.
#[derive(Debug, Default)]
pub struct Connected {
    hellos: HashMap<Bytes, Bytes>,
    server: ServerFields,
}

impl Connected {
    /// Which fields the server has may show in what it tells.
    pub(crate) fn new(hellos: Hellos, mut server: ServerFields) -> Self {
        let read = hellos.connected.into_iter().filter_map(|hello| {
            let glance = Glance::decode(hello.clone()).ok()?;
            server.note_hello(
                !glance.external_upgrader.is_empty(),
                !glance.external_upgrader_version.is_empty(),
                glance.updater_info.is_some(),
            );
            Some((glance.server_id, hello))
        });
        Self { hellos: read.collect(), server }
    }

    /// Fills in what `instance` lacks and its agent says on its stream. Each is filled in once.
    pub fn complete(&mut self, instance: &mut Instance) {
        let hello = self.hellos.remove(instance.server_id.as_str().as_bytes());
        let Some(Instance { updater, .. }) = hello.and_then(|hello| self.read(&hello)) else { return };
        let lacking = std::mem::take(&mut instance.updater);
        instance.updater = ToldUpdater {
            kind: lacking.kind.or(updater.kind),
            version: lacking.version.or(updater.version),
            group: lacking.group.or(updater.group),
            status: lacking.status.or(updater.status),
        };
    }

    /// How many are.
    pub fn len(&self) -> usize {
        self.hellos.len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.hellos.is_empty()
    }

    /// Those that are, and that nothing was filled in for: the auth server has not kept them yet.
    pub fn agents(&self) -> impl Iterator<Item = Instance> {
        self.hellos.values().filter_map(|hello| self.read(hello))
    }

    fn read(&self, hello: &Bytes) -> Option<Instance> {
        let hello = UpstreamInventoryHello::decode(hello.clone()).ok()?;
        Some(Instance::of_hello(&hello, &self.server))
    }
}
