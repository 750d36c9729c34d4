//! What the Kubernetes API tells of an agent in a pod, as far as its service account may see it: the pod itself, what makes
//! it, and the updater's Deployment. Each is asked for by name. Nothing is listed, and no Secret is read.

mod backoff;
mod client;
mod connect;
mod events;
mod failure;
mod names;
mod objects;
#[cfg(test)]
mod patience;
mod slot;
mod telling;
mod token;

use std::fmt;

use selfcheck_core::Fact;
use selfcheck_core::Why;
use selfcheck_core::observation::Environment;
use selfcheck_core::observation::Kubernetes;
use selfcheck_core::observation::KubernetesApi;
use selfcheck_core::observation::UpdaterDeployment;
use selfcheck_core::observation::Workload;
use tokio::time::Instant;

use crate::files::Tree;
use crate::pool::Pool;
use crate::target::ApiServer;

use backoff::Backoff;
use client::Client;
use names::Key;
use names::Kind;
use names::Owner;
use names::Place;
use objects::Object;
use objects::OwnPod;
use slot::Keeping;
use slot::Slot;
use slot::Told;

/// Where the chart does not say it: a pod is called like its host, unless it shares the network of its node.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// Asks the API of one cluster, again and again over one connection.
pub(crate) struct Session {
    server: Option<ApiServer>,
    files: Pool,
    client: Option<Client>,
    /// The next look makes another client.
    is_stale: bool,
    /// There is no client, and one can be tried again then.
    retry: Option<Instant>,
    failures: Backoff,
    pod: Slot<OwnPod>,
    workload: Slot<Workload>,
    /// The updater's Deployment, by each name that it may have.
    updaters: [Slot<UpdaterDeployment>; 2],
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Session {
    /// Nobody is asked where there is no server.
    pub(crate) fn new(server: Option<ApiServer>) -> Self {
        Self {
            server,
            files: Pool::default(),
            client: None,
            is_stale: false,
            retry: None,
            failures: Backoff::default(),
            pod: Slot::new(Keeping::Nothing),
            workload: Slot::new(Keeping::Nothing),
            updaters: [Slot::new(Keeping::Nothing), Slot::new(Keeping::Nothing)],
        }
    }

    /// Is told of changes from now on, and asks no more than that takes.
    pub(crate) const fn watch(&mut self) {
        // What made a pod, and of which image, stays while it lives.
        self.pod.keep(Keeping::Once);
        self.workload.keep(Keeping::Told);
        let [first, second] = &mut self.updaters;
        first.keep(Keeping::Told);
        second.keep(Keeping::Told);
    }

    /// What the API tells by `deadline`.
    pub(crate) async fn look(
        &mut self,
        environment: &Environment,
        mounted: &Kubernetes,
        deadline: Instant,
    ) -> Fact<KubernetesApi> {
        if self.server.is_none() {
            return Fact::NotApplicable;
        }
        let Some(place) = Place::of(environment, mounted) else { return Fact::NotApplicable };
        if let Err(why) = self.connect(deadline).await {
            return Fact::Unreadable(why);
        }
        let name = self.pod_name(environment, deadline).await;
        let pod = name.as_deref().and_then(|name| place.object(Kind::Pod, name));
        let pod = self.object(|session| &mut session.pod, pod, deadline).await;
        let owner = owner(&pod, name.as_deref(), &place);
        let workload = owner.as_ref().and_then(|owner| place.object(owner.kind, &owner.name));
        let workload = self.object(|session| &mut session.workload, workload, deadline).await;
        let updater = self.updater(&place, owner.as_ref(), deadline).await;
        Fact::Present(KubernetesApi { pod: pod.map(|own| own.pod), workload, updater })
    }

    async fn pod_name(&self, environment: &Environment, deadline: Instant) -> Option<String> {
        if let Some(name) = &environment.replica_name {
            return Some(name.as_str().to_owned());
        }
        let host_name = self.files.start(|| Tree::default().read(HOST_NAME.as_ref(), 256));
        let host_name = host_name.wait(deadline).await.ok()?;
        host_name.present().map(|name| name.trim().to_owned())
    }

    /// The updater, which is named after its agent, or after the release that both are of.
    async fn updater(
        &mut self,
        place: &Place,
        owner: Option<&Owner>,
        deadline: Instant,
    ) -> Fact<UpdaterDeployment> {
        let by_owner = owner.map(|owner| owner.name.as_str());
        let by_release = place.release.as_ref().map(selfcheck_core::DnsLabel::as_str);
        let named = |name: &str| place.object(Kind::Deployment, &format!("{name}-updater"));
        let [first, second] = [by_owner, by_release.filter(|release| by_owner != Some(*release))];
        let seen = self.object(|session| &mut session.updaters[0], first.and_then(named), deadline).await;
        let is_its_own = seen.present().is_some_and(|seen| !is_of_another(seen, by_owner));
        let (false, Some(second)) = (is_its_own, second.and_then(named)) else { return seen };
        let other = self.object(|session| &mut session.updaters[1], Some(second), deadline).await;
        match (&seen, &other) {
            // That one of them may not be seen says nothing of the other.
            (Fact::Unreadable(_), Fact::Absent) => seen,
            // A release may have several agents, and whose is whose is told.
            (Fact::Unreadable(_), Fact::Present(other)) if is_of_another(other, by_owner) => seen,
            (Fact::Present(_), _) if !other.is_present() => seen,
            _ => other,
        }
    }

    /// One object. A token that is not taken is read anew, once.
    async fn object<T: Object>(
        &mut self,
        slot: fn(&mut Self) -> &mut Slot<T>,
        key: Option<Key>,
        deadline: Instant,
    ) -> Fact<T> {
        let Some(key) = key else { return Fact::NotApplicable };
        for _ in 0..2 {
            if let Err(why) = self.connect(deadline).await {
                return Fact::Unreadable(why);
            }
            let Some(client) = self.client.clone() else { break };
            match slot(self).look(&client, &key, deadline).await {
                Ok(fact) => {
                    self.is_stale |= slot(self).wants_connection();
                    return fact;
                }
                Err(Told::Reconnect | Told::Changed) => self.is_stale = true,
            }
        }
        slot(self).unauthorized()
    }

    /// Makes the client, which reads the token and the certificates.
    async fn connect(&mut self, deadline: Instant) -> Result<(), Why> {
        if self.client.is_some() && !self.is_stale {
            return Ok(());
        }
        let Some(server) = self.server.clone() else { return Err(Why::Missing) };
        let files = self.files.clone();
        let made = self.files.start(move || connect::client(&server, &files)).wait(deadline).await;
        match made.and_then(|made| made) {
            Ok(client) => {
                self.client = Some(client);
                self.is_stale = false;
                self.retry = None;
                self.failures.succeeded();
                Ok(())
            }
            // The one before may still do.
            Err(_) if self.client.is_some() => Ok(()),
            Err(why) => {
                // A pod without a token is meant to be one. Looks find it if it gets one after all.
                let may_pass = why != Why::Denied;
                self.retry = may_pass.then(|| Instant::now() + self.failures.wait(None));
                Err(why)
            }
        }
    }

    /// Waits for a change of what was seen; for ever if none can be told. It may be dropped at any time.
    pub(crate) async fn changed(&mut self) {
        let Some(client) = &self.client else {
            slot::until(self.retry).await;
            self.retry = None;
            return;
        };
        let [first, second] = &mut self.updaters;
        let told = tokio::select! {
            told = self.pod.told(client) => told,
            told = self.workload.told(client) => told,
            told = first.told(client) => told,
            told = second.told(client) => told,
        };
        self.is_stale |= told == Told::Reconnect;
    }
}

/// Whether it says that it updates another agent than this one.
fn is_of_another(updater: &UpdaterDeployment, agent: Option<&str>) -> bool {
    let its = updater.agent.as_ref().map(selfcheck_core::Text::as_str);
    agent.is_some() && its.is_some() && its != agent
}

/// What made the pod: as the pod itself says, else as its name does, else as the chart names it.
fn owner(pod: &Fact<OwnPod>, name: Option<&str>, place: &Place) -> Option<Owner> {
    let by_pod = pod.present().and_then(|own| own.owner.clone());
    let by_name = name.filter(|_| pod.is_unreadable()).and_then(Owner::by_name);
    by_pod.or(by_name).or_else(|| place.release.as_ref().map(Owner::by_release))
}
