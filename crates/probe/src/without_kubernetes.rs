//! Asks nobody: the feature `kubernetes` is not compiled in.
#![expect(
    clippy::unused_self,
    clippy::unused_async,
    reason = "what is called is the same as where somebody is asked"
)]

use selfcheck_core::Fact;
use selfcheck_core::observation::Environment;
use selfcheck_core::observation::Kubernetes;
use selfcheck_core::observation::KubernetesApi;
use tokio::time::Instant;

use crate::target::ApiServer;

#[derive(Debug)]
pub(crate) struct Session;

impl Session {
    pub(crate) fn new(_server: Option<ApiServer>) -> Self {
        Self
    }

    pub(crate) const fn watch(&mut self) {}

    pub(crate) async fn look(
        &mut self,
        _environment: &Environment,
        _mounted: &Kubernetes,
        _deadline: Instant,
    ) -> Fact<KubernetesApi> {
        Fact::NotApplicable
    }

    pub(crate) async fn changed(&mut self) {
        std::future::pending::<()>().await;
    }
}
