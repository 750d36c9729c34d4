//! The one task of a self-check: wait, look, judge, publish.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use selfcheck_core::Policy;
use selfcheck_core::Status;
use selfcheck_core::Why;
use selfcheck_core::observation::FactName;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::cadence::Cadence;
use crate::cadence::Look;
use crate::cadence::Told;
use crate::handle::Request;
use crate::memory::Judged;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::source::Source;

/// Makes a source anew after a panic.
pub(crate) type MakeSource<S> = Box<dyn Fn() -> S + Send>;

/// The one task of a self-check.
pub(crate) struct Engine<S> {
    pub(crate) make_source: MakeSource<S>,
    pub(crate) policy: Policy,
    pub(crate) random: fastrand::Rng,
    pub(crate) metrics: Option<Metrics>,
    pub(crate) published: watch::Sender<Option<Arc<Status>>>,
    pub(crate) looks: watch::Sender<u64>,
    pub(crate) requests: mpsc::Receiver<Request>,
}

/// Those who wait for the next look.
type Waiting = Vec<oneshot::Sender<Arc<Status>>>;

impl<S: Source> Engine<S> {
    /// Runs until `stop` is dropped.
    pub(crate) async fn run(mut self, stop: oneshot::Receiver<()>) {
        tokio::select! {
            _ = stop => {}
            () = self.watch_for_ever() => {}
        }
    }

    async fn watch_for_ever(&mut self) {
        let mut memory = Memory::default();
        let mut cadence = Cadence::new(Instant::now(), self.random.clone());
        let mut source = None;
        let mut waiting = Waiting::new();
        loop {
            let round = self.round(&mut source, &mut memory, &mut cadence, &mut waiting);
            if AssertUnwindSafe(round).catch_unwind().await.is_err() {
                // The agent goes on whatever happens in here. Those who wait get the next look.
                cadence.end(Instant::now(), Look::Panicked);
                self.clear_up(source.take());
                // Whatever it was, others have their turn, and the runtime may end.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Ends a source after a panic, and tells. That may panic as well: what has panicked may be the source or who is told.
    fn clear_up(&self, source: Option<S>) {
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| {
            drop(source);
            if let Some(metrics) = &self.metrics {
                metrics.panicked();
            }
            tracing::error!("the self-check panicked and starts anew");
        }));
    }

    /// Waits until a look is due, looks, judges and publishes.
    ///
    /// `source` is there once it has looked: before that it has nothing to tell, so that one which panics at every turn is
    /// still asked ever more rarely.
    async fn round(
        &mut self,
        source: &mut Option<S>,
        memory: &mut Memory,
        cadence: &mut Cadence,
        waiting: &mut Waiting,
    ) {
        self.wait(source, cadence, waiting).await;
        let began = Instant::now();
        cadence.begin(began);
        let mut looking = source.take().unwrap_or_else(|| (self.make_source)());
        let observation = looking.look().await;
        let is_told = looking.is_complete();
        *source = Some(looking);
        let unseen = observation.unreadable();
        let judgement = memory.judge(observation, &self.policy, began);
        let ended = Instant::now();
        if let Some(metrics) = &self.metrics {
            metrics.looked(ended - began, &unseen, is_told);
        }
        if !unseen.is_empty() {
            tracing::debug!(unseen = list(&unseen), "something could not be seen");
        }
        let told = if is_told { Told::All } else { Told::Some };
        let holds_for = judgement.holds_for.map(|holds| until_then(holds, began, ended));
        let look = if judgement.unseen.is_empty() {
            Look::Saw { holds_for, told }
        } else {
            Look::Blind { holds_for, unseen: judgement.unseen }
        };
        cadence.end(ended, look);
        self.publish(judgement.judged);
        self.looks.send_modify(|looks| *looks += 1);
        if let Some(status) = self.published.borrow().clone() {
            for asker in waiting.drain(..) {
                let _ = asker.send(Arc::clone(&status)); // one who has gone no longer wants it
            }
        }
    }

    async fn wait(&mut self, source: &mut Option<S>, cadence: &mut Cadence, waiting: &mut Waiting) {
        loop {
            tokio::select! {
                biased;
                Some(request) = self.requests.recv() => match request {
                    Request::Recheck(asker) => {
                        waiting.retain(|asker| !asker.is_closed());
                        waiting.push(asker);
                        cadence.asked();
                    }
                    Request::Judge(policy) => {
                        self.policy = *policy;
                        cadence.asked();
                    }
                    Request::Ping(asker) => {
                        let _ = asker.send(());
                    }
                },
                () = tokio::time::sleep_until(cadence.due()) => return,
                () = changed(source.as_mut()) => cadence.noticed(Instant::now()),
            }
        }
    }

    fn publish(&self, judged: Judged) {
        let (status, changed) = match judged {
            Judged::Changed(status) => (status, true),
            Judged::Same(status) => (status, false),
            Judged::Blind => {
                tracing::debug!("less can be seen than before; the last status stays");
                return;
            }
        };
        // Told first: whatever befalls who is told next, no change is lost.
        self.published.send_if_modified(|present| {
            *present = Some(Arc::clone(&status));
            changed
        });
        if changed {
            let reasons: Vec<_> = status.findings.iter().map(|finding| finding.reason.code()).collect();
            tracing::info!(
                status = status.label(),
                sequence = status.sequence,
                reasons = reasons.join(" "),
                agent = status.agent.pid,
                "{}",
                status.summary
            );
        }
    }
}

/// Facts and why they could not be seen, in one line.
fn list(unseen: &[(FactName, Why)]) -> String {
    let each = unseen.iter().map(|(fact, why)| format!("{fact}: {}", why.code()));
    each.collect::<Vec<_>>().join(", ")
}

async fn changed<S: Source>(source: Option<&mut S>) {
    match source {
        Some(source) => source.changed().await,
        None => std::future::pending().await,
    }
}

/// What is left at `ended` of what holds from `began` on. The instant itself is passed by a little, so that the next
/// look finds it behind.
fn until_then(holds: Duration, began: Instant, ended: Instant) -> Duration {
    (began + holds + Duration::from_millis(1)).saturating_duration_since(ended)
}
