//! The command line: exit codes, and one `error:` line that names the input, for every flag with bad input.

use std::os::unix::fs::symlink;
use std::path::Path;

use selfcheck_core::Reason;
use selfcheck_core::Verdict;
use selfcheck_tests::cases;
use selfcheck_tests::selfcheck;
use selfcheck_tests::shown;
use tempfile::TempDir;

const STATUS: [&str; 2] = ["debug", "updater-status"];

/// A folder with files that no reader likes.
fn bad_files() -> TempDir {
    let folder = TempDir::new().expect("folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("empty"), "").expect("write");
    std::fs::write(at("latin1"), [0xe9, 0x0a]).expect("write");
    std::fs::write(at("huge"), vec![b' '; 5 << 20]).expect("write");
    std::fs::write(at("nonsense"), "{ this is: [neither").expect("write");
    std::fs::write(at("unknown-key"), "thresholds: {overdu: 5m}\n").expect("write");
    std::fs::write(at("no-reason"), "acknowledged: {reason: \" \"}\n").expect("write");
    std::fs::write(at("nobody"), "alerts: {acknowledged: [{reason: x}]}\n").expect("write");
    std::fs::write(at("no-right"), "alerts: {verb_permit: \"Token: create\"}\n").expect("write");
    std::fs::write(at("no-bytes"), "limits: {file_bytes: 0}\n").expect("write");
    std::fs::write(at("twice"), "limits: {file_bytes: 1, file_bytes: 2}\n").expect("write");
    std::fs::write(at("two-targets"), "targets: [{version: 1.0.0}, {version: 2.0.0}]\n").expect("write");
    std::fs::write(at("no-group"), "targets: [{group: \"\", version: 1.0.0}]\n").expect("write");
    std::fs::write(at("no-version"), "targets: [{version: newest}]\n").expect("write");
    std::fs::write(at("bad-length"), "thresholds: {overdue: soon}\n").expect("write");
    std::fs::write(at("future.json"), "{\"schema\": \"teleport.selfcheck.observation/v2\"}").expect("write");
    std::fs::write(at("other.json"), "{\"schema\": \"something/v1\"}").expect("write");
    std::fs::create_dir(at("folder")).expect("folder");
    symlink("loop", at("loop")).expect("link");
    nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::S_IRWXU).expect("fifo");
    folder
}

/// Requires failure with `code`, one error line that names `named`, at most one hint, and nothing on stdout.
fn fails(arguments: &[&str], code: i32, named: &str) {
    let output = selfcheck(arguments, "");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let told = shown(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    let lines: Vec<_> = stderr.lines().collect();
    assert!(
        lines[0].starts_with("error: ") && lines[0].contains(named),
        "{arguments:?} names {named}: {told}"
    );
    assert!(
        lines.len() <= 2 && lines[1..].iter().all(|line| line.starts_with("hint: ")),
        "{arguments:?}: {told}"
    );
    assert!(output.stdout.is_empty(), "{arguments:?}: {told}");
}

fn usage(arguments: &[&str], named: &str) {
    fails(&[&STATUS, arguments].concat(), 2, named);
}

#[test]
fn every_flag_with_bad_input_is_a_usage_error_that_names_it() {
    for (flag, value) in [
        ("--install-suffix", "a_b"),
        ("--install-suffix", "system"),
        ("--install-suffix", ""),
        ("--pid", "0"),
        ("--pid", "-4"),
        ("--pid", "agent"),
        ("--now", "yesterday"),
        ("--timeout", "0s"),
        ("--timeout", "3"),
        ("--timeout", "-3s"),
        ("--ok", "healthy"),
        ("--ok", "held,fine"),
        ("--format", "xml"),
        ("--color", "red"),
    ] {
        usage(&[&format!("{flag}={value}")], flag);
    }
    for flag in
        ["--config", "--pid", "--socket", "--bus", "--observation", "--save-observation", "--policy", "--ok"]
    {
        usage(&[flag], flag); // its value is missing
    }
    usage(&["--unknown"], "--unknown");
    usage(&["extra"], "extra");
}

#[test]
fn flags_that_exclude_each_other_are_a_usage_error() {
    for arguments in [
        ["--live", "--probe"].as_slice(),
        &["--live", "--observation=x"],
        &["--live", "--pid=1"],
        &["--probe", "--socket=/x"],
        &["--observation=x", "--pid=1"],
        &["--observation=x", "--bus=unix:path=y"],
        &["--observation=x", "--watch"],
        &["--observation=x", "--save-observation=y"],
        &["--observation=x", "--config=y"],
        &["--observation=x", "--install-suffix=y"],
        &["--watch", "--save-observation=y"],
    ] {
        usage(arguments, arguments[0].split('=').next().expect("flag"));
    }
    usage(&["--now=2026-11-22T10:00:00Z"], "--observation");
    usage(&["--include-identifiers"], "--save-observation");
}

#[test]
fn commands_that_are_missing_or_unknown_are_a_usage_error() {
    fails(&[], 2, "command");
    fails(&["debug"], 2, "command");
    fails(&["frobnicate"], 2, "frobnicate");
    fails(&["reasons", "timer-broken"], 2, "timer-broken");
    fails(&["policy", "check"], 2, "FILE");
    fails(&["completions", "dos"], 2, "dos");
}

#[test]
fn files_that_cannot_be_read_or_understood_are_named() {
    let folder = bad_files();
    let at = |name: &str| folder.path().join(name).to_str().expect("path").to_owned();
    for name in
        ["none", "latin1", "huge", "nonsense", "folder", "loop", "fifo", "empty", "future.json", "other.json"]
    {
        fails(&[&STATUS, ["--observation", &at(name)].as_slice()].concat(), 1, &at(name));
    }
    for name in ["none", "latin1", "huge", "nonsense", "folder", "loop", "fifo", "unknown-key", "bad-length"]
    {
        fails(&["policy", "check", &at(name)], 1, &at(name));
        fails(&[&STATUS, ["--policy", &at(name)].as_slice()].concat(), 1, &at(name));
    }
    fails(&["policy", "check", &at("unknown-key")], 1, "overdu");
    fails(&["policy", "check", &at("bad-length")], 1, "soon");
    fails(&["policy", "check", &at("no-reason")], 1, "acknowledged.reason");
    fails(&["policy", "check", &at("nobody")], 1, "alerts.acknowledged");
    fails(&["policy", "check", &at("no-right")], 1, "alerts.verb_permit");
    fails(&["policy", "check", &at("no-bytes")], 1, "limits.file_bytes");
    fails(&["policy", "check", &at("two-targets")], 1, "two entries for the same group");
    fails(&["policy", "check", &at("no-group")], 1, "empty `group`");
    fails(&["policy", "check", &at("no-version")], 1, "version number at line 1");
    fails(&["policy", "check", &at("twice")], 1, "file_bytes");
    fails(&[&STATUS, ["--save-observation", &at("folder")].as_slice()].concat(), 1, &at("folder"));
    fails(&[&STATUS, ["--save-observation", &at("none/below")].as_slice()].concat(), 1, &at("none/below"));
}

#[test]
fn what_is_not_there_is_named() {
    fails(&[&STATUS, ["--pid", "4294967294"].as_slice()].concat(), 1, "4294967294");
    fails(&[&STATUS, ["--live"].as_slice()].concat(), 1, "/run/teleport-selfcheck/default.sock");
    fails(&[&STATUS, ["--live", "--socket", "/run/x.sock"].as_slice()].concat(), 1, "/run/x.sock");
}

#[test]
fn more_is_said_when_asked_for() {
    let output = selfcheck(&[&STATUS, ["-v", "--save-observation", "/none/x"].as_slice()].concat(), "");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("caused by: No such file or directory"), "{stderr}");
    let output = selfcheck(&[&STATUS, ["-v"].as_slice()].concat(), "");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no self-check daemon answers"));
}

/// Judges the observation of a case with `flags`.
fn judge(case: &str, flags: &[&str]) -> std::process::Output {
    let case = cases().iter().find(|known| known.name == case).expect(case);
    let observation = serde_json::to_string(&case.observation).expect("json");
    selfcheck(&[&STATUS, ["--observation", "-"].as_slice(), flags].concat(), &observation)
}

#[test]
fn the_exit_code_is_the_verdicts() {
    for (case, code) in [
        ("schedule: all is well", 0),
        ("applicability: the auth service is enabled", 0),
        ("schedule: the timer is masked", 10),
        ("applicability: nothing updates this agent", 11),
        ("buses: no bus", 12),
        ("config: the version is pinned", 13),
        ("applicability: a container without systemd", 14),
    ] {
        assert_eq!(judge(case, &[]).status.code(), Some(code), "{case}");
        assert_eq!(judge(case, &["--format", "json"]).status.code(), Some(code), "{case}");
        assert_eq!(judge(case, &["--format", "label"]).status.code(), Some(0), "{case}");
        let all = "impaired,unaccompanied,unknown,held,unsupported";
        assert_eq!(judge(case, &["--ok", all]).status.code(), Some(0), "{case}");
    }
    let held = judge("config: the version is pinned", &["--ok", "unknown"]);
    assert_eq!(held.status.code(), Some(13));
}

#[test]
fn a_recorded_observation_is_judged_at_its_own_clock_or_at_a_later_one() {
    let case = "schedule: all is well";
    assert_eq!(judge(case, &["--now", "2026-11-22T10:17:59Z"]).status.code(), Some(0));
    assert_eq!(judge(case, &["--now", "2026-11-22T10:18:00Z"]).status.code(), Some(10));
    let early = judge(case, &["--now", "2026-11-22T09:00:00Z"]);
    assert_eq!(early.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&early.stderr).contains("--now 2026-11-22T09:00:00Z is before"));
}

#[test]
fn unknown_fields_of_an_observation_are_ignored() {
    let case = selfcheck_tests::case("schedule: all is well");
    let mut document = serde_json::to_value(&case.observation).expect("json");
    document["schema"] = "teleport.selfcheck.observation/v1.7".into();
    document["added"] = serde_json::json!({"later": true});
    document["v2"]["added"] = 7.into();
    let output = selfcheck(&[&STATUS, ["--observation", "-"].as_slice()].concat(), &document.to_string());
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
}

#[test]
fn a_policy_may_be_empty_and_is_printed_with_its_defaults() {
    let folder = bad_files();
    let empty = folder.path().join("empty");
    let output = selfcheck(&["policy", "check", empty.to_str().expect("path"), "--format", "json"], "");
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let policy: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
    assert_eq!(policy["thresholds"]["overdue"], "18m");
    // What is printed is itself a policy.
    let printed = folder.path().join("printed");
    std::fs::write(&printed, &output.stdout).expect("write");
    assert_eq!(selfcheck(&["policy", "check", printed.to_str().expect("path")], "").status.code(), Some(0));
}

#[test]
fn reasons_are_the_catalogue() {
    let all = selfcheck(&["reasons", "--format", "json"], "");
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&all.stdout).expect("json");
    let codes: Vec<_> = rows.iter().map(|row| row["code"].as_str().expect("code").to_owned()).collect();
    let known: Vec<_> = Reason::catalogue().iter().map(|entry| entry.code).collect();
    assert_eq!(codes, known);
    let text = String::from_utf8_lossy(&selfcheck(&["reasons"], "").stdout).into_owned();
    assert!(text.lines().all(|line| line.chars().count() <= 80));
    for code in known {
        assert!(text.contains(code), "{code}");
        let one = selfcheck(&["reasons", code], "");
        assert!(one.status.success() && String::from_utf8_lossy(&one.stdout).starts_with(code), "{code}");
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = selfcheck(&["completions", shell], "");
        assert!(
            output.status.success() && String::from_utf8_lossy(&output.stdout).contains("updater-status"),
            "{shell}"
        );
    }
}

#[test]
fn help_and_version_are_data() {
    for arguments in
        [["--help"].as_slice(), &["--version"], &["debug", "updater-status", "--help"], &["help", "reasons"]]
    {
        let output = selfcheck(arguments, "");
        assert!(
            output.status.success() && !output.stdout.is_empty() && output.stderr.is_empty(),
            "{arguments:?}"
        );
    }
}

#[test]
fn saved_observations_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().expect("folder");
    let path = folder.path().join("seen.json");
    let output =
        selfcheck(&[&STATUS, ["--save-observation", path.to_str().expect("path")].as_slice()].concat(), "");
    assert!(Path::new(&path).exists(), "{}", shown(&output));
    let mode = || std::fs::metadata(&path).expect("saved").permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("mode");
    selfcheck(&[&STATUS, ["--save-observation", path.to_str().expect("path")].as_slice()].concat(), "");
    assert_eq!(mode(), 0o600);
    let link = folder.path().join("link.json");
    symlink(&path, &link).expect("link");
    fails(
        &[&STATUS, ["--save-observation", link.to_str().expect("path")].as_slice()].concat(),
        1,
        "link.json",
    );
}

#[test]
fn a_daemon_that_could_never_do_its_work_does_not_start() {
    let folder = TempDir::new().expect("folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("path").to_owned();
    let socket = at("debug.sock");
    fails(
        &["daemon", "--socket", &socket, "--metrics-file", &at("missing/x.prom")],
        1,
        "metrics could not be written",
    );
    fails(&["daemon", "--socket", &socket, "--metrics-file", &at("metrics.txt")], 2, "`.prom`");
    fails(&["daemon", "--socket", &at("a/b/debug.sock")], 1, "could not be made: entity not found");
    fails(&["agent", "--socket", &at(&"x".repeat(120))], 1, "too long for the path of a socket");
    fails(&["daemon", "--socket", &socket, "--policy", &at("missing.yaml")], 1, "missing.yaml");
    assert_eq!(std::fs::read_dir(folder.path()).expect("read").count(), 0, "nothing is left");
}

#[test]
fn an_authority_is_made_once_and_issues_what_makes_sense() {
    let folder = TempDir::new().expect("folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("path").to_owned();
    let (dir, out) = (at("ca"), at("a.pem"));
    let first = ["auth", "issue", "--dir", &dir, "--out", &out];
    let issue = |flags: &[&'static str]| [&first, flags].concat();
    fails(&issue(&["--host-id", "a", "--roles", "Node"]), 1, "ca-key.pem");
    let made = selfcheck(&["auth", "init", "--dir", &dir, "--cluster", "test"], "");
    assert!(made.status.success(), "{}", shown(&made));
    fails(&["auth", "init", "--dir", &dir], 1, &dir);
    fails(&["auth", "init", "--dir", &at("b"), "--cluster", "a\nb"], 1, "cluster");
    fails(&issue(&["--roles", "Node"]), 2, "--host-id");
    fails(&issue(&["--roles", "Admin,Node"]), 2, "Admin");
    fails(&issue(&["--host-id", "a", "--roles", "Nobody"]), 2, "Nobody");
    fails(&issue(&["--host-id", "a.b", "--roles", "Node"]), 1, "a.b");
    fails(&issue(&["--host-id", "a", "--roles", "Node", "--ttl", "1s"]), 2, "--ttl");
    let issued = selfcheck(&issue(&["--host-id", "a", "--roles", "Instance,Node"]), "");
    assert!(issued.status.success(), "{}", shown(&issued));
    let rights = |path: &str| {
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).expect(path).permissions())
    };
    assert_eq!((rights(&out) & 0o777, rights(&at("ca/ca-key.pem")) & 0o777), (0o600, 0o600));
}

#[test]
fn an_auth_server_that_cannot_be_asked_is_named() {
    let folder = bad_files();
    let at = |name: &str| folder.path().join(name).to_str().expect("path").to_owned();
    for name in ["none", "empty", "latin1", "huge", "nonsense", "folder", "loop", "fifo"] {
        fails(&["inventory", "ls", "--auth-server", "localhost", "-i", &at(name)], 1, &at(name));
    }
    fails(&["inventory", "status", "--auth-server", "localhost"], 2, "--identity");
    fails(&["inventory", "ls", "-i", &at("empty")], 2, "--auth-server");
    fails(&["daemon", "--auth-server", "localhost"], 2, "--identity");
    fails(&["auth", "serve", "--dir", &at("none")], 1, "ca-key.pem");
    let cluster = selfcheck_tests::Cluster::default();
    let admin = cluster.admin();
    let admin = admin.to_str().expect("path");
    // Nobody listens on the port that is given back as soon as it is known.
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address").port();
    let nobody = format!("127.0.0.1:{port}");
    fails(&["inventory", "ls", "--auth-server", &nobody, "-i", admin], 1, &nobody);
}

#[test]
fn the_examples_run() {
    let example = |name: &str, arguments: &[&str]| {
        let output = std::process::Command::new(selfcheck_tests::binary(&format!("examples/{name}")))
            .args(arguments)
            .output()
            .expect(name);
        assert!(output.status.success(), "{}", shown(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let verdict = example("look-and-judge", &[]);
    assert!(Verdict::ALL.iter().any(|known| verdict.starts_with(&format!("{known}: "))), "{verdict}");
    let folder = TempDir::new().expect("folder");
    let recording = folder.path().join("seen.json");
    let case = selfcheck_tests::case("schedule: all is well");
    std::fs::write(&recording, serde_json::to_string(&case.observation).expect("json")).expect("write");
    let judged = example("judge-a-recording", &[recording.to_str().expect("path")]);
    assert_eq!(judged, "when it was made: accompanied\nan hour later: impaired.timer-overdue\n");
}

#[test]
fn watching_ends_with_its_reader() {
    use std::io::BufRead;
    use std::io::BufReader;
    let mut child = std::process::Command::new(selfcheck_tests::binary("teleport-selfcheck"))
        .args([&STATUS, ["--watch", "--format", "json"].as_slice()].concat())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("teleport-selfcheck");
    let mut lines = BufReader::new(child.stdout.take().expect("output")).lines();
    assert!(lines.next().expect("a line").expect("text").starts_with("{\"schema\""));
    drop(lines);
    assert_eq!(child.wait().expect("end").code(), Some(0));
}

#[test]
fn the_demo_shows_the_whole_loop_and_ends() {
    let output = selfcheck(&["demo", "--once", "--agents", "40", "--web", "127.0.0.1:0"], "");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", shown(&output));
    let acts: Vec<_> = said.split("\n\n").collect();
    let act = |begins: &str| {
        *acts.iter().find(|act| act.starts_with(begins)).unwrap_or_else(|| panic!("no `{begins}`: {said}"))
    };
    assert!(
        act("An auth server on 127.0.0.1:").contains("\n40 of them replay recorded observations"),
        "{said}"
    );
    assert!(act("Its metrics are on http://127.0.0.1:").ends_with("/metrics"), "{said}");
    assert!(act("This host: ").contains('.'), "{said}");
    assert!(said.contains("   41 of 41 agents have reported and count\n"), "{said}");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let raised = words(act("Nothing is raised before"));
    // This host may have no updater either.
    for told in
        [" not installed", "2 not enabled", "2 timer-masked", "2 proxy-mismatch", "install.sh | sudo bash`"]
    {
        assert!(raised.contains(told), "{told}: {raised}");
    }
    let mended = words(act("The command is run on the 2 hosts"));
    assert!(mended.contains("2 not enabled") && !raised.ends_with(&mended), "{mended}");
    let unaccompanied = |text: &str| text.find(" have no updater").map(|end| text[..end].to_owned());
    assert_ne!(unaccompanied(&mended), unaccompanied(&raised));
    let last = act("All 12 others are repaired");
    assert!(last.contains("no alerts") || last.contains("What is left is this host."), "{last}");
}

/// Nothing is written to what somebody else put there, and nothing waits for a reader that never comes.
#[test]
fn what_is_no_file_of_ones_own_is_never_written_to() {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::TempDir::new().expect("folder");
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o666)).expect("fifo");
    for path in
        [fifo.to_str().expect("path"), "/dev/null", "/dev/full", folder.path().to_str().expect("path")]
    {
        let output = selfcheck(&[&STATUS, ["--save-observation", path].as_slice()].concat(), "");
        assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
        assert!(shown(&output).contains("no regular file"), "{}", shown(&output));
    }
    assert!(!std::fs::symlink_metadata("/dev/null").expect("there").is_file());
    // One that anybody may write to stays his who made it, and another one takes its place.
    let path = folder.path().join("seen.json");
    std::fs::write(&path, "").expect("file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).expect("mode");
    let theirs = std::fs::File::open(&path).expect("file");
    selfcheck(&[&STATUS, ["--save-observation", path.to_str().expect("path")].as_slice()].concat(), "");
    let (before, after) = (theirs.metadata().expect("there"), std::fs::metadata(&path).expect("there"));
    assert_eq!((before.len(), after.mode() & 0o777), (0, 0o600));
    assert_ne!(before.ino(), after.ino());
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("folder").collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_private_authority_is_whole_and_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().expect("folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("path").to_owned();
    let permit = |path: &str, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("mode");
    };
    let init = |dir: &str| selfcheck(&["auth", "init", "--dir", dir], "");
    // Of many at once one makes it, and what it made is whole.
    let dir = at("ca");
    let made: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..12).map(|_| scope.spawn(|| init(&dir).status.success())).collect();
        all.into_iter().map(|one| one.join().expect("no panic")).collect()
    });
    assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
    let (key, certificate, out) = (at("ca/ca-key.pem"), at("ca/ca.pem"), at("admin.pem"));
    let issue = |out: &str| {
        let arguments = ["auth", "issue", "--dir", &dir, "--roles", "Admin", "--out", out];
        let output = selfcheck(&arguments, "");
        (output.status.code(), shown(&output))
    };
    assert_eq!(issue(&out).0, Some(0));
    let left: Vec<_> =
        std::fs::read_dir(&dir).expect("folder").map(|entry| entry.expect("entry").file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
    // No identity takes the place of the authority.
    let before = std::fs::read(&key).expect("key");
    for own in [&key, &certificate, &at("ca/../ca/ca-key.pem")] {
        let (code, said) = issue(own);
        assert!(code == Some(1) && said.contains("authority itself"), "{said}");
    }
    symlink(&dir, at("link")).expect("link");
    assert_eq!(issue(&at("link/ca-key.pem")).0, Some(1));
    assert_eq!(std::fs::read(&key).expect("key"), before);
    // What others may read or change is not used.
    for (path, bad, good) in
        [(&key, 0o640, 0o600), (&key, 0o604, 0o600), (&dir, 0o770, 0o700), (&dir, 0o777, 0o700)]
    {
        permit(path, bad);
        let (code, said) = issue(&out);
        assert!(code == Some(1) && said.contains("others than its owner"), "{said}");
        permit(path, good);
    }
    // Key and certificate of different authorities.
    let other = at("other");
    assert!(init(&other).status.success());
    std::fs::copy(at("other/ca.pem"), &certificate).expect("copied");
    let (code, said) = issue(&out);
    assert!(code == Some(1) && said.contains("do not belong together"), "{said}");
    // Nothing is waited for, and nothing endless is read.
    std::fs::remove_file(&certificate).expect("removed");
    nix::unistd::mkfifo(certificate.as_str(), nix::sys::stat::Mode::from_bits_truncate(0o600)).expect("fifo");
    assert_eq!(issue(&out).0, Some(1));
    std::fs::remove_file(&certificate).expect("removed");
    symlink("/dev/zero", &certificate).expect("link");
    assert_eq!(issue(&out).0, Some(1));
    // A certificate without a key is no authority, and in nobody's way.
    let half = at("half");
    std::fs::create_dir(&half).expect("folder");
    permit(&half, 0o700);
    std::fs::copy(at("other/ca.pem"), at("half/ca.pem")).expect("copied");
    assert!(init(&half).status.success());
}
