//! The inventory of a stock auth server, read for what it can know.

use selfcheck_core::Text;
use selfcheck_protocol::Connected;
use selfcheck_protocol::Filter;
use selfcheck_protocol::Instance;
use selfcheck_protocol::ServerFields;
use selfcheck_protocol::wire::types::InstanceFilter;
use selfcheck_protocol::wire::types::InstanceV1;
use tonic::Code;

use crate::AuthClient;
use crate::ReportError;

/// So many instances are looked at for which fields there are.
const LOOKED_AT: usize = 1000;

/// The inventory of a stock auth server.
#[derive(Debug)]
#[non_exhaustive]
pub struct StockInventory<'a> {
    client: &'a AuthClient,
    /// The server's Teleport version, if it reports one.
    pub version: Option<Text>,
    /// Whether the server has any instance.
    pub has_instances: bool,
    /// Why the connected agents could not be read, if that was tried.
    pub connected_error: Option<ReportError>,
    fields: ServerFields,
    connected: Connected,
}

/// How much of an inventory was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReadCount {
    /// The agents.
    pub agents: usize,
    /// Entries that cannot be read or name no agent. They are left out.
    pub unreadable: usize,
}

impl<'a> StockInventory<'a> {
    /// Finds out which fields the server has. If its instances may lack one, the Hellos of the agents that are connected to it
    /// are read too, unless that is denied or they are too many.
    ///
    /// # Errors
    ///
    /// Where the auth server cannot be asked, or denies its instances to who asks ([`ReportError::is_denied`]).
    pub async fn open(client: &'a AuthClient) -> Result<Self, ReportError> {
        let version = client.server_version().await?;
        let mut fields = ServerFields::of_version(version.as_ref().map(Text::as_str));
        let mut looked_at = 0;
        let look = |instance: Option<InstanceV1>| {
            if let Some(instance) = instance {
                fields.learn_from(&instance);
            }
            looked_at += 1;
            looked_at < LOOKED_AT && !fields.has_all_updater_fields()
        };
        client.instances(InstanceFilter::default(), look).await?;
        let (mut connected, mut connected_error) = (Connected::default(), None);
        if !fields.has_all_updater_fields() {
            match client.connected(fields.clone()).await {
                Ok(agents) => connected = agents,
                Err(error) if is_no_answer(&error) => connected_error = Some(error),
                Err(error) => return Err(error),
            }
        }
        Ok(Self { client, version, has_instances: looked_at > 0, connected_error, fields, connected })
    }

    /// Passes every agent to `take` until that returns false. The server may ignore conditions of `filter`,
    /// and knows neither verdict nor reason: they are for who asks to check. Connected agents without
    /// an instance come last.
    ///
    /// # Errors
    ///
    /// Where the answer breaks off, takes too long, or has no end; what was passed on until then stands.
    pub async fn read(
        self,
        filter: &Filter,
        mut take: impl FnMut(Instance) -> bool,
    ) -> Result<ReadCount, ReportError> {
        let Self { client, fields, mut connected, .. } = self;
        let mut filter = filter.to_stock();
        if !connected.is_empty() {
            // The server filters by instances, and the Hello of an agent may differ from its instance.
            filter = InstanceFilter { server_id: filter.server_id, ..InstanceFilter::default() };
        }
        let mut read = ReadCount::default();
        let mut goes_on = true;
        let mut pass_on = |instance: Option<Instance>, read: &mut ReadCount| {
            let Some(instance) = instance else {
                read.unreadable += 1;
                return true;
            };
            read.agents += 1;
            take(instance)
        };
        let each = |instance: Option<InstanceV1>| {
            let mut instance = instance.and_then(|instance| Instance::from_wire(instance, &fields));
            if let Some(instance) = &mut instance {
                connected.complete(instance);
            }
            goes_on = pass_on(instance, &mut read);
            goes_on
        };
        client.instances(filter, each).await?;
        for instance in connected.agents() {
            goes_on = goes_on && pass_on(instance, &mut read);
        }
        Ok(read)
    }
}

/// Whether the answer is denied, not available, or too large.
fn is_no_answer(error: &ReportError) -> bool {
    let is_too_large = |status: &tonic::Status| status.code() == Code::OutOfRange;
    error.is_denied()
        || error.is_unknown_call()
        || matches!(error, ReportError::Answer { status, .. } if is_too_large(status))
}
