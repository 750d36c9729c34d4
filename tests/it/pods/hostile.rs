//! Mounted files that are not what they should be: nothing crashes, hangs or misleads.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use selfcheck_core::Fact;
use selfcheck_core::Policy;
use selfcheck_core::Verdict;
use selfcheck_core::Why;
use selfcheck_core::observation::Marks;
use selfcheck_probe::Probe;
use selfcheck_probe::SYSTEM_BUS;
use selfcheck_probe::Target;
use selfcheck_tests::kubernetes::cluster::judged;
use tempfile::TempDir;

/// How a file is, and what is seen of it.
type Hostility = (&'static str, fn(&Path), Result<Marks, Why>);

fn hostilities() -> Vec<Hostility> {
    let named = |app: &str| Ok(Marks { app: Some(app.into()), ..Marks::default() });
    vec![
        ("a FIFO", |path| mkfifo(path, Mode::S_IRWXU).expect("fifo"), Err(Why::NotAFile)),
        ("a folder", |path| fs::create_dir(path).expect("folder"), Err(Why::NotAFile)),
        ("endless", |path| symlink("/dev/zero", path).expect("link"), Err(Why::NotAFile)),
        ("a loop", |path| symlink(path, path).expect("link"), Err(Why::LinkLoop)),
        ("not UTF-8", |path| fs::write(path, b"app=\"\xff\"\n").expect("file"), Err(Why::Encoding)),
        ("too large", |path| fs::write(path, "a=\"b\"\n".repeat(1 << 18)).expect("file"), Err(Why::TooLarge)),
        ("no labels", |path| fs::write(path, "<html>").expect("file"), Err(Why::Protocol)),
        ("many", |path| fs::write(path, "a=\"b\"\n".repeat(100_000)).expect("file"), Ok(Marks::default())),
        ("empty", |path| fs::write(path, "").expect("file"), Ok(Marks::default())),
        ("a command", |path| fs::write(path, "app=\"$(reboot)\"\n").expect("file"), named("$(reboot)")),
        ("two names", |path| fs::write(path, "app=\"a\"\napp=\"b\"\n").expect("file"), named("b")),
    ]
}

#[tokio::test]
async fn whatever_is_mounted_as_labels_only_a_name_gets_into_a_command() {
    let mut agent = Command::new("sleep")
        .arg("3600")
        .env_clear()
        .env("TELEPORT_INSTALL_METHOD_HELM_KUBE_AGENT", "true")
        .spawn()
        .expect("sleep");
    for (what, make, expected) in hostilities() {
        let folder = TempDir::new().expect("folder");
        let labels = folder.path().join("labels");
        make(&labels);
        let mut policy = Policy::default();
        policy.kubernetes.labels = labels;
        policy.kubernetes.annotations = folder.path().join("annotations");
        let target = Target::default().pid(agent.id()).under(&policy);
        let seen = Probe::new(target, SYSTEM_BUS).look(Duration::from_secs(20)).await;
        let kubernetes = seen.kubernetes.present().expect("a pod");
        assert_eq!(kubernetes.labels, expected.clone().into(), "{what}");
        assert_eq!(kubernetes.annotations, Fact::Absent, "{what}");
        let status = judged(&seen);
        assert_eq!(status.verdict, Verdict::Unaccompanied, "{what}");
        let release = if what == "two names" { "b" } else { "RELEASE" };
        let command = status.remedy.expect("a remedy").shell;
        assert!(command.starts_with(&format!("helm upgrade {release} ")), "{what}: {command}");
    }
    agent.kill().expect("it runs");
    agent.wait().expect("it ends");
}
