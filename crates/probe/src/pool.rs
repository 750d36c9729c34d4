//! Reads that may block, on the runtime's blocking pool, with a bound on how many can hang there.

use std::sync::Arc;

use selfcheck_core::Why;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio::time::timeout_at;

/// One look needs at most one at a time of each kind.
const MOST: usize = 3;

/// A bounded share of the blocking pool, for one kind of reads: what hangs in the kernel keeps its place until it comes
/// back, and takes none from other kinds.
#[derive(Debug, Clone)]
pub(crate) struct Pool(Arc<Semaphore>);

/// Work in progress, or none where every place is taken by what hangs.
pub(crate) struct Work<T>(Option<JoinHandle<T>>);

impl Default for Pool {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

impl Pool {
    /// Starts `work`, if there is a place for it.
    pub(crate) fn start<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Work<T> {
        let place = Arc::clone(&self.0).try_acquire_owned().ok();
        Work(place.map(|place| {
            spawn_blocking(move || {
                let done = work();
                drop(place);
                done
            })
        }))
    }
}

impl<T> Work<T> {
    /// Its result, or why that cannot be had by `deadline`.
    pub(crate) async fn wait(self, deadline: Instant) -> Result<T, Why> {
        let work = self.0.ok_or(Why::Timeout)?;
        match timeout_at(deadline, work).await {
            Ok(Ok(done)) => Ok(done),
            // A panic while reading is contained; what it was about to say is unreadable.
            Ok(Err(_)) => Err(Why::Io),
            Err(_) => Err(Why::Timeout),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_hangs_is_bounded_and_comes_back() {
        let pool = Pool::default();
        let deadline = || Instant::now() + Duration::from_millis(1);
        let (hanging, release): (Vec<_>, Vec<_>) = (0..MOST)
            .map(|_| {
                let (release, released) = mpsc::channel::<()>();
                (pool.start(move || released.recv().is_ok()), release)
            })
            .unzip();
        assert_eq!(pool.start(|| 1).wait(deadline()).await, Err(Why::Timeout));
        drop(release);
        for work in hanging {
            assert_eq!(work.wait(Instant::now() + Duration::from_secs(60)).await, Ok(false));
        }
        assert_eq!(pool.start(|| 1).wait(Instant::now() + Duration::from_secs(60)).await, Ok(1));
    }
}
