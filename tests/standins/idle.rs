//! A tokio program that does nothing (`idle empty`), or nothing but watch this host (`idle watching`), or an agent of this pid that is asked
//! for at an API server of Kubernetes (`idle asking PID URL TOKEN CERTIFICATES`). It says when it is ready, and ends when its input does.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program of the benchmarks")]

use std::io::Write;
use std::os::fd::AsFd;

use selfcheck_daemon::ApiServer;
use selfcheck_daemon::SelfCheck;
use selfcheck_daemon::Target;
use tokio::io::AsyncReadExt;

fn main() {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let target = match *words.as_slice() {
        ["watching"] => Some(Target::default()),
        ["asking", pid, url, token, authority] => {
            let target = Target::default().pid(pid.parse().expect("a pid"));
            Some(target.kubernetes(ApiServer::new(url, token, authority)))
        }
        _ => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let check = target.map(|target| SelfCheck::builder().target(target).start().expect("started"));
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
