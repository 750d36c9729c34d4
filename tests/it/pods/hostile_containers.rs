//! A pod in which something is up to no good, or merely busy: nothing crashes, hangs or misleads whoever looks from within it or from beside.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use selfcheck_core::Status;
use selfcheck_core::Verdict;
use selfcheck_tests::Debugger;
use selfcheck_tests::Pod;
use selfcheck_tests::PodFolder;
use selfcheck_tests::UPDATED;
use selfcheck_tests::eventually;
use selfcheck_tests::shown;

use super::STATUS;
use super::reasons;
use super::status;

/// What is said from a container beside the agent's.
fn debugged(pod: &Pod) -> Status {
    let output = pod.debug(Debugger::ROOT, &STATUS);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", shown(&output)))
}

fn healthy() -> Option<PodFolder> {
    let folder = PodFolder::new()?;
    folder.mount("updater-config", &[("update.yaml", UPDATED)]);
    Some(folder.with_updater())
}

#[test]
fn no_link_of_the_agents_leads_to_what_only_another_container_sees() {
    let Some(folder) = healthy() else { return };
    folder.mount("trap", &[("update.yaml", UPDATED)]);
    let pod = folder.start();
    assert_eq!(debugged(&pod).verdict, Verdict::Accompanied);
    for target in [
        "/trap/update.yaml",
        "../../../../../../trap/update.yaml",
        "/proc/self/root/trap/update.yaml",
        "/proc/1/root/trap/update.yaml",
        "/proc/thread-self/root/trap/update.yaml",
    ] {
        let file = pod.volume("updater-config").join("..data/update.yaml");
        fs::remove_file(&file).expect("there is one");
        symlink(target, &file).expect("linked");
        let seen = debugged(&pod);
        assert_eq!((seen.verdict, reasons(&seen)), (Verdict::Unknown, vec!["kube-unproven"]), "{target}");
        // From within, the first process may be another user's.
        assert_eq!(status(&pod).verdict, Verdict::Unknown, "{target}");
    }
}

#[test]
fn whatever_kind_of_file_the_agent_has_is_told_from_beside_as_from_within() {
    type Make = fn(&Path);
    let kinds: [(&str, Make, &str); 5] = [
        ("a FIFO", |path| mkfifo(path, Mode::from_bits_truncate(0o644)).expect("fifo"), "not-a-file"),
        ("a folder", |path| fs::create_dir(path).expect("folder"), "not-a-file"),
        ("10 GB", |path| fs::File::create(path).expect("file").set_len(10 << 30).expect("long"), "too-large"),
        ("a loop", |path| symlink("update.yaml", path).expect("link"), "link-loop"),
        ("bytes", |path| fs::write(path, b"\xff\xfe").expect("file"), "encoding"),
    ];
    let Some(folder) = healthy() else { return };
    let pod = folder.start();
    let file = pod.volume("updater-config").join("..data/update.yaml");
    for (what, make, why) in kinds {
        if file.is_dir() { fs::remove_dir(&file) } else { fs::remove_file(&file) }.expect("removed");
        make(&file);
        for seen in [debugged(&pod), status(&pod)] {
            assert_eq!((seen.verdict, reasons(&seen)), (Verdict::Impaired, vec!["config-corrupt"]), "{what}");
            let evidence = serde_json::to_value(&seen.findings[0].evidence).expect("evidence");
            assert_eq!(evidence["why"], why, "{what}");
        }
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_read_as_something_it_was() {
    let Some(folder) = healthy() else { return };
    let pod = folder.start();
    let file = pod.volume("updater-config").join("..data/update.yaml");
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                fs::write(&file, UPDATED).expect("written");
                fs::write(&file, UPDATED.replace("enabled: true", "enabled: false")).expect("written");
            }
        });
        for _ in 0..20 {
            for seen in [debugged(&pod), status(&pod)] {
                let label = seen.label();
                // Cut off in the middle it may be anything, and never what nobody wrote.
                let written = ["accompanied", "held.updates-disabled", "unknown.kube-unproven"];
                assert!(written.contains(&&*label) || label == "impaired.config-corrupt", "{label}");
            }
        }
        ends.store(true, Ordering::Relaxed);
    });
}

#[test]
fn an_agent_that_ends_while_it_is_looked_at_is_seen_whole_or_not_at_all() {
    let Some(folder) = healthy() else { return };
    let argv = ["/usr/local/bin/supervise", "churn", "/usr/local/bin/teleport", "start"];
    let config = "--config=/etc/teleport/teleport.yaml";
    let pod = folder.changed(|container| container.running(&[&argv[..], &[config]].concat())).start();
    let mut labels = Vec::new();
    for _ in 0..40 {
        for seen in [debugged(&pod), status(&pod)] {
            labels.push(seen.label());
        }
    }
    labels.sort_unstable();
    labels.dedup();
    let possible =
        ["accompanied", "unknown.applicability-unreadable", "unknown.no-agent", "unknown.config-denied"];
    assert!(labels.iter().all(|label| possible.contains(&&**label)), "{labels:?}");
}

#[test]
fn an_agent_is_found_among_ten_thousand_processes() {
    let Some(folder) = healthy() else { return };
    let pod = folder
        .changed(|container| container.running(&["/usr/local/bin/supervise", "crowd", "10000"]))
        .start();
    let is_found = || status(&pod).verdict == Verdict::Accompanied;
    eventually("10,000 processes run, and the agent after them", is_found);
    assert_eq!(debugged(&pod).verdict, Verdict::Accompanied);
    let processes = fs::read_dir(pod.path("/proc")).expect("processes");
    let pids = processes
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok());
    assert!(pids.count() > 10_000);
}
