//! Preparing a self-check.

use std::fmt;
use std::time::Duration;

use prometheus::Registry;
use selfcheck_core::Policy;
use selfcheck_core::policy::InvalidPolicy;
use selfcheck_probe::SYSTEM_BUS;
use selfcheck_probe::Target;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::SelfCheck;
use crate::engine::Engine;
use crate::handle::Handle;
use crate::metrics::Metrics;
use crate::source::HostSource;
use crate::source::Source;

/// The most time one look takes where nothing else is said.
const LOOK_TIME: Duration = Duration::from_secs(3);
/// How many requests wait while a look is taken; more wait at the asker's.
const REQUESTS: usize = 16;

/// Prepares a self-check.
#[derive(Debug, Clone)]
pub struct SelfCheckBuilder {
    target: Target,
    policy: Policy,
    bus_address: String,
    look_time: Duration,
    seed: Option<u64>,
    registry: Option<Registry>,
}

/// Why a self-check could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It was started outside a tokio runtime.
    #[error("a self-check is started within a tokio runtime, and there is none here")]
    NoRuntime,
    /// The tokio runtime was built without this driver.
    #[error("the tokio runtime has no {0} driver; build it with `enable_all`")]
    NoDriver(&'static str),
    /// The policy makes no sense.
    #[error("the policy is not valid")]
    Policy(#[source] InvalidPolicy),
    /// The registry did not take the metrics, as where another self-check has registered with it.
    #[error("the metrics could not be registered")]
    Metrics(#[source] prometheus::Error),
}

impl Default for SelfCheckBuilder {
    fn default() -> Self {
        Self {
            target: Target::default(),
            policy: Policy::default(),
            bus_address: SYSTEM_BUS.to_owned(),
            look_time: LOOK_TIME,
            seed: None,
            registry: None,
        }
    }
}

impl SelfCheck {
    /// Prepares a self-check of this host's agent.
    pub fn builder() -> SelfCheckBuilder {
        SelfCheckBuilder::default()
    }
}

impl SelfCheckBuilder {
    /// What to look at. Default: the agent of the default installation, found by its unit. An agent that looks at itself
    /// says [`Target::this_process`].
    #[must_use]
    pub fn target(self, target: Target) -> Self {
        Self { target, ..self }
    }

    /// What to judge by. Default: [`Policy::default`].
    #[must_use]
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// The system bus. Default: [`SYSTEM_BUS`].
    #[must_use]
    pub fn bus_address(self, bus_address: impl Into<String>) -> Self {
        Self { bus_address: bus_address.into(), ..self }
    }

    /// The most time one look may take. What has not answered by then could not be seen. Default: 3 s.
    #[must_use]
    pub fn look_time(self, look_time: Duration) -> Self {
        Self { look_time, ..self }
    }

    /// Where to register metrics. Without it there are none.
    #[must_use]
    pub fn metrics(self, registry: Registry) -> Self {
        Self { registry: Some(registry), ..self }
    }

    /// What all jitter is drawn from, to have the same in every run. Default: something random.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Starts a self-check of this host on the present tokio runtime. It looks for the first time at once.
    ///
    /// # Errors
    ///
    /// Where there is no tokio runtime here, or one without a driver that is needed; where the policy makes no sense; where the
    /// registry does not take the metrics. Then nothing has been started, and the agent goes on without a self-check.
    pub fn start(self) -> Result<SelfCheck, StartError> {
        let (target, bus_address, look_time) =
            (self.target.clone(), self.bus_address.clone(), self.look_time);
        let target = target.under(&self.policy);
        self.start_on(move || HostSource::new(target.clone(), bus_address.clone(), look_time))
    }

    /// Starts a self-check of another source than this host; `make_source` is called again after a panic. Target, bus
    /// address and look time do not apply.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_on<S: Source>(
        self,
        make_source: impl Fn() -> S + Send + 'static,
    ) -> Result<SelfCheck, StartError> {
        self.policy.check().map_err(StartError::Policy)?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        require_drivers()?;
        let (sender, published) = watch::channel(None);
        let registered = self.registry.map(|registry| Metrics::register(&registry, published.clone()));
        let (looks_counter, looks) = watch::channel(0);
        let (asker, requests) = mpsc::channel(REQUESTS);
        let engine = Engine {
            make_source: Box::new(make_source),
            policy: self.policy,
            random: self.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed),
            metrics: registered.transpose().map_err(StartError::Metrics)?,
            published: sender,
            looks: looks_counter,
            requests,
        };
        let (stop, stopped) = oneshot::channel();
        let task = runtime.spawn(engine.run(stopped));
        Ok(SelfCheck::new(Handle::new(published, looks, asker), stop, task))
    }
}

/// Without its drivers, a runtime panics at the first wait. It tells in no other way, and does so before anything waits.
fn require_drivers() -> Result<(), StartError> {
    let has_time = std::panic::catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).is_ok();
    if !has_time {
        return Err(StartError::NoDriver("time"));
    }
    let has_io = std::panic::catch_unwind(|| drop(tokio::net::UnixDatagram::unbound())).is_ok();
    if has_io { Ok(()) } else { Err(StartError::NoDriver("IO")) }
}

impl<S> fmt::Debug for Engine<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
