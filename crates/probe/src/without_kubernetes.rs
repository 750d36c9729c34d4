//! Asks nobody: the feature `kubernetes` is not compiled in.

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

    #[expect(clippy::unused_async, reason = "as where somebody is asked")]
    pub(crate) async fn look(
        &mut self,
        _environment: &Environment,
        _mounted: &Kubernetes,
        _deadline: Instant,
    ) -> Fact<KubernetesApi> {
        Fact::NotApplicable
    }

    pub(crate) async fn changed(&mut self) {
        std::future::pending().await
    }
}
