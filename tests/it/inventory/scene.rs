//! An agent that works as it should, and one that does not.

use std::path::PathBuf;

use selfcheck_fleet::Outcome;
use selfcheck_server::Limits;
use selfcheck_tests::Auth;
use selfcheck_tests::Cluster;
use selfcheck_tests::NODE;

use super::Agent;
use super::MASKED;
use super::Raw;
use super::eventually_known;
use super::hello;
use super::status;

/// How the agent is known that works as it should.
pub(super) const GOOD: &str = "good: impaired observed timer-masked";

/// A cluster with an agent that works as it should, and one more identity.
pub(super) struct Scene {
    pub(super) cluster: Cluster,
    pub(super) auth: Auth,
    pub(super) good: Agent,
}

impl Scene {
    pub(super) async fn new(limits: Limits) -> Self {
        let cluster = Cluster::default();
        let auth = cluster.serve_with(limits).await;
        let mut good = Agent::start(&auth.server(), &cluster.identity("good", NODE));
        good.says(status(MASKED, 1));
        good.until_acked(1).await;
        Self { cluster, auth, good }
    }

    /// The identity of another agent.
    pub(super) fn bad(&self) -> PathBuf {
        self.cluster.identity("bad", NODE)
    }

    pub(super) async fn raw(&self) -> Raw {
        Raw::open(&self.auth, &self.bad()).await.expect("stream")
    }

    pub(super) async fn joined(&self) -> Raw {
        Raw::of_stock_agent(&self.auth, &self.bad(), hello("bad")).await
    }

    /// Only the offender is gone, and that was counted.
    pub(super) async fn only_the_offender_is_gone(&self, outcome: Outcome) {
        eventually_known(&self.auth, &[GOOD]).await;
        assert_eq!(self.auth.inventory.counters().get(outcome), 1, "{outcome:?}");
        assert!(self.good.progress.latest().connected);
    }
}
