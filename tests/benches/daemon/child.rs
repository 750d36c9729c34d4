//! A tokio program that does nothing, or nothing but watch.

use std::io::Write;
use std::os::fd::AsFd;

use selfcheck_agent::SelfCheck;
use tokio::io::AsyncReadExt;

/// Nothing at all.
pub(crate) const EMPTY: &str = "--empty";
/// Nothing but a self-check.
pub(crate) const WATCHING: &str = "--watching";

/// Says when it is ready, and ends when its input does.
pub(crate) fn run(mode: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let check = (mode == WATCHING).then(|| SelfCheck::builder().start().expect("started"));
        if let Some(check) = &check {
            check.recheck().await.expect("running");
        }
        println!("ready");
        std::io::stdout().flush().expect("told");
        // Not on a thread, whose waiting would count.
        let input = std::io::stdin().as_fd().try_clone_to_owned().expect("descriptor");
        let mut input = tokio::net::unix::pipe::Receiver::from_owned_fd(input).expect("a pipe");
        let _ = input.read(&mut [0]).await;
    });
}
