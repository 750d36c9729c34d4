//! Agents, page by page.

use jiff::Timestamp;
use selfcheck_core::Basis;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;

use crate::ClaimedUpdater;
use crate::Report;
use crate::basis_from_wire;
use crate::wire::teleport::selfcheck::v1 as wire;

/// The most services of an agent that are read; there are not so many.
const SERVICES: usize = 32;
/// The most connections of one agent that are read.
const PEERS: usize = 64;

/// Some of the agents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AgentPage {
    /// These.
    pub agents: Vec<ListedAgent>,
    /// So many more, of which the auth server tells what cannot be.
    pub unreadable: usize,
    /// Where the next page begins; `None` if there are no more.
    pub next: Option<String>,
}

/// An agent, as an auth server with this project's extension knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedAgent {
    /// Its host id.
    pub server_id: Text,
    /// Its host's name.
    pub hostname: Text,
    /// Its system roles.
    pub services: Vec<Text>,
    /// Its Teleport version, without a leading `v`.
    pub version: Text,
    /// Its updater, as stock Teleport would tell of it; without its state.
    pub updater: ClaimedUpdater,
    /// On what ground the report stands.
    pub basis: Basis,
    /// Its report: its own, or its claim judged.
    pub report: Report,
    /// When it was last heard of.
    pub last_heard: Option<Timestamp>,
    /// Where its connections come from, the oldest first.
    pub peers: Vec<Text>,
}

impl AgentPage {
    /// The page of a message, which was asked for from `token` on. A page begins where the one before ended; where a server says
    /// otherwise, it is the last one: it would be listened to for ever.
    pub fn from_wire(page: wire::ListAgentsResponse, token: &str) -> Self {
        let told = page.agents.len();
        let agents: Vec<_> = page.agents.iter().filter_map(ListedAgent::from_wire).collect();
        let next = Some(page.next_page_token).filter(|next| next.as_str() > token);
        Self { unreadable: told - agents.len(), agents, next }
    }
}

impl ListedAgent {
    /// Reads an agent; `None` if the message says what cannot be.
    pub fn from_wire(agent: &wire::Agent) -> Option<Self> {
        let report = Report::from_wire(agent.report.as_ref()?).ok()?;
        let some = |text: &str| (!text.is_empty()).then(|| Text::words(text));
        Some(Self {
            server_id: Text::words(&agent.server_id),
            hostname: Text::host_name(&agent.hostname),
            services: agent.services.iter().take(SERVICES).map(|service| Text::words(service)).collect(),
            version: Text::words(&agent.version),
            updater: ClaimedUpdater {
                kind: UpdaterKind::named(Text::words(&agent.upgrader)),
                version: some(&agent.upgrader_version),
                group: some(&agent.update_group),
                status: None,
            },
            basis: basis_from_wire(agent.basis()),
            report,
            last_heard: Timestamp::from_second(agent.last_heard).ok(),
            peers: agent.peers.iter().take(PEERS).map(|peer| Text::words(peer)).collect(),
        })
    }
}
