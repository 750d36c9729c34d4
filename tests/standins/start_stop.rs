//! Starts and ends self-checks of this host over and over, and says what each thousand of them left behind: descriptors,
//! tasks and kilobytes of memory.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program of the tests")]

use std::path::Path;
use std::time::Duration;

use selfcheck_daemon::SelfCheck;
use selfcheck_daemon::debug::DebugClient;
use selfcheck_daemon::debug::DebugService;
use selfcheck_daemon::debug::DebugSocket;
use tokio::runtime::Handle;

/// Enough for every pool and cache to have its size.
const WARM_UP: u32 = 100;
const CYCLES: u32 = 1_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for cycle in 0..WARM_UP {
        start_and_end(cycle).await;
    }
    let before = held().await;
    for cycle in 0..CYCLES {
        start_and_end(cycle).await;
    }
    let after = held().await;
    println!("{{\"before\": {before:?}, \"after\": {after:?}}}");
}

async fn start_and_end(cycle: u32) {
    let path = Path::new("/run/start-stop.sock");
    let check = SelfCheck::builder().start().expect("started");
    let socket = DebugSocket::bind(path).expect("bound");
    let service = DebugService::new(check.handle());
    let serving = tokio::spawn(async move { socket.serve(service).await });
    match cycle % 4 {
        // Before it has even looked.
        0 => check.shutdown().await,
        1 => drop(check),
        2 => {
            check.recheck().await.expect("running");
            drop(check);
        }
        _ => {
            check.recheck().await.expect("running");
            DebugClient::new(path, Duration::from_secs(5)).status().await.expect("status");
            check.shutdown().await;
        }
    }
    serving.await.expect("it ends by itself");
}

/// Descriptors, tasks and resident kilobytes, once nothing more ends by itself.
async fn held() -> [u64; 3] {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    let descriptors = std::fs::read_dir("/proc/self/fd").expect("descriptors").count();
    let tasks = Handle::current().metrics().num_alive_tasks();
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("memory");
    let resident = resident.trim().trim_end_matches(" kB").parse().expect("a number");
    [descriptors as u64, tasks as u64, resident]
}
