//! A tokio program that does nothing (`idle empty`), or nothing but watch this host (`idle watching`). It says when it is ready, and ends
//! when its input does.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program of the benchmarks")]

use std::io::Write;
use std::os::fd::AsFd;

use selfcheck_agent::SelfCheck;
use tokio::io::AsyncReadExt;

fn main() {
    let is_watching = std::env::args().nth(1).is_some_and(|word| word == "watching");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let check = is_watching.then(|| SelfCheck::builder().start().expect("started"));
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
