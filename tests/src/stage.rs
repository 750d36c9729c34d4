//! A host on a stage: a source of observations that says what a test wants, in the test's own time.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use selfcheck_core::Clock;
use selfcheck_core::Observation;
use selfcheck_core::Usec;
use selfcheck_daemon::Source;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Case;

/// A host that is changed by the test and looked at by a self-check. Its clocks go with tokio's.
#[derive(Debug, Clone)]
pub struct Stage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    scene: Mutex<Scene>,
    news: Notify,
    looks: AtomicUsize,
    began: Instant,
}

#[derive(Debug)]
struct Scene {
    observation: Observation,
    acts: Acts,
}

/// What looking at a stage does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acts {
    /// It sees what is there.
    Sees,
    /// It panics.
    Panics,
    /// It sees, and then panics while waiting for a change.
    PanicsWhileWaiting,
}

impl Stage {
    /// A host like that of the case `name` of `tests/cases`.
    pub fn like(name: &str) -> Self {
        let observation = Self::case(name).observation.clone();
        let scene = Scene { observation, acts: Acts::Sees };
        Self(Arc::new(Inner {
            scene: Mutex::new(scene),
            news: Notify::new(),
            looks: AtomicUsize::new(0),
            began: Instant::now(),
        }))
    }

    fn case(name: &str) -> &'static Case {
        crate::case(name)
    }

    /// Changes what is there, without telling.
    pub fn quietly(&self, change: impl FnOnce(&mut Observation)) {
        change(&mut self.scene().observation);
    }

    /// Changes what is there, and tells.
    pub fn change(&self, change: impl FnOnce(&mut Observation)) {
        self.quietly(change);
        self.tell();
    }

    /// Becomes like the case `name`, at its own present time, and tells.
    pub fn become_like(&self, name: &str) {
        self.change(|observation| {
            *observation = Observation { clock: observation.clock, ..Self::case(name).observation.clone() };
        });
    }

    /// Tells of a change.
    pub fn tell(&self) {
        self.0.news.notify_one();
    }

    /// From now on looking does this.
    pub fn acts(&self, acts: Acts) {
        self.scene().acts = acts;
    }

    /// Sets the clocks ahead, as a sleep does to boot time and wall clock, and setting it to the wall clock alone.
    pub fn clock(&self, change: impl FnOnce(&mut Clock)) {
        change(&mut self.scene().observation.clock);
    }

    /// What is there.
    pub fn observation(&self) -> Observation {
        self.scene().observation.clone()
    }

    /// How many looks were taken.
    pub fn looks(&self) -> usize {
        self.0.looks.load(Ordering::Relaxed)
    }

    /// The clocks now.
    pub fn now(&self) -> Clock {
        let scene = self.scene();
        let passed = Usec::try_from(self.0.began.elapsed().as_micros()).expect("a short test");
        scene.observation.clock.after(passed)
    }

    fn scene(&self) -> MutexGuard<'_, Scene> {
        self.0.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Stage {
    async fn look(&mut self) -> Observation {
        self.0.looks.fetch_add(1, Ordering::Relaxed);
        let clock = self.now();
        let scene = self.scene();
        assert!(scene.acts != Acts::Panics, "the stage panics as it was told");
        Observation { clock, ..scene.observation.clone() }
    }

    async fn changed(&mut self) {
        assert!(self.scene().acts != Acts::PanicsWhileWaiting, "the stage panics as it was told");
        self.0.news.notified().await;
    }

    fn is_complete(&self) -> bool {
        true
    }
}
