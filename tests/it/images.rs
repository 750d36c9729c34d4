//! Static looks: an unpacked image judged by its files alone.

use selfcheck_core::EvidenceKind;
use selfcheck_core::Proof;
use selfcheck_core::RemedyId;
use selfcheck_tests::Host;
use selfcheck_tests::UnpackedImage;
use selfcheck_tests::User;
use selfcheck_tests::selfcheck;
use selfcheck_tests::shown;

const UNITS: &str = "/etc/systemd/system";
const CONFIG: &str = "/opt/teleport/default/update.yaml";
const WANTED: &str = "/etc/systemd/system/teleport.service.wants/teleport-update.timer";
const ENABLED: &str =
    "version: v1\nkind: update_config\nspec: {proxy: teleport.example.com, group: g, enabled: true";

#[test]
fn an_image_with_an_enabled_updater_is_accompanied_without_proof() {
    let image = UnpackedImage::accompanied();
    image.expect("accompanied", &[]);
    let status = image.status(&[]);
    assert_eq!((status.evidence, status.proof), (EvidenceKind::Static, Proof::default()));
    assert_eq!(status.updater.expect("updater").version.expect("version").as_str(), "18.2.0");
    assert_eq!(status.agent.hostname.expect("hostname").as_str(), "image");
    assert_eq!(status.unseen.len(), 1, "{:?}", status.unseen);
    assert_eq!(status.holds_until, None);
    let output = image.look(&[]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("image_accompanied", shown(&output));
}

#[test]
fn the_schedule_chain_by_files_and_links() {
    let change = |change: &dyn Fn(&UnpackedImage)| {
        let image = UnpackedImage::accompanied();
        change(&image);
        image
    };
    let timer = format!("{UNITS}/teleport-update.timer");
    let service = format!("{UNITS}/teleport-update.service");
    change(&|image| image.remove(&timer)).expect("impaired", &["timer-missing"]);
    change(&|image| image.link(&timer, "/dev/null")).expect("impaired", &["timer-masked"]);
    change(&|image| image.write(&timer, "")).expect("impaired", &["timer-masked"]);
    change(&|image| image.link(&timer, "/nowhere")).expect("impaired", &["timer-missing"]);
    change(&|image| image.remove(&service)).expect("impaired", &["service-missing"]);
    change(&|image| image.link(&service, "/dev/null")).expect("impaired", &["service-masked"]);
    change(&|image| image.write(&service, [0xff, 0xfe])).expect("impaired", &["service-missing"]);
    let disabled = change(&|image| image.remove(WANTED));
    disabled.expect("impaired", &["timer-disabled"]);
    insta::assert_snapshot!("image_timer_disabled", shown(&disabled.look(&[])));
    // A link in any unit's folder starts the timer, also one that requires it.
    disabled.link(
        &format!("{UNITS}/multi-user.target.requires/teleport-update.timer"),
        "../teleport-update.timer",
    );
    disabled.expect("accompanied", &[]);
}

#[test]
fn a_masked_timer_over_a_packaged_one_is_unmasked() {
    let image = UnpackedImage::accompanied();
    image.link(&format!("{UNITS}/teleport-update.timer"), "/dev/null");
    image.write(
        "/usr/lib/systemd/system/teleport-update.timer",
        "[Timer]\nOnUnitActiveSec=30m\n[Install]\nWantedBy=timers.target\n",
    );
    let remedy = image.status(&[]).remedy.expect("remedy");
    assert!(remedy.shell.starts_with("sudo systemctl unmask teleport-update.timer"), "{}", remedy.shell);
}

#[test]
fn drop_ins_say_what_the_service_runs() {
    let image = UnpackedImage::accompanied();
    let drop_ins = format!("{UNITS}/teleport-update.service.d");
    let start = |flag: &str| {
        format!("[Service]\nExecStart=\nExecStart=/usr/local/bin/teleport-update {flag} update\n")
    };
    image.write(&format!("{drop_ins}/50-insecure.conf"), start("--insecure"));
    image.expect("accompanied", &["insecure-updater"]);
    image.write(&format!("{drop_ins}/60-secure.conf"), start(""));
    image.expect("accompanied", &[]);
}

#[test]
fn update_yaml_and_the_agents_roles_count_as_on_a_running_host() {
    let image = UnpackedImage::accompanied();
    image.write(CONFIG, format!("{ENABLED}, pinned: true}}\n"));
    image.expect("held", &["version-pinned"]);
    image.write(CONFIG, "version: v1\nkind: [\n");
    image.expect("impaired", &["config-corrupt"]);
    image.remove(CONFIG);
    image.expect("impaired", &["config-missing"]);
    image.write(CONFIG, format!("{ENABLED}}}\n"));
    image.write("/etc/teleport.yaml", "teleport: {proxy_server: other.example.com}\nauth_service: {enabled: no}\nproxy_service: {enabled: no}\n");
    image.expect("impaired", &["proxy-mismatch"]);
    image.write("/etc/teleport.yaml", "ssh_service: {enabled: yes}\n");
    image.expect("exempt", &["control-plane"]);
    image.write("/srv/agent.yaml", "auth_service: {enabled: no}\nproxy_service: {enabled: no}\n");
    image.expect_with(&["-c", "/srv/agent.yaml"], "accompanied", &[]);
}

#[test]
fn an_image_without_updater() {
    let image = UnpackedImage::bare();
    image.write("/etc/teleport.yaml", "auth_service: {enabled: no}\nproxy_service: {enabled: no}\n");
    image.expect("unaccompanied", &["no-updater"]);
    image.write("/usr/local/bin/teleport-update", "ELF");
    image.expect("unaccompanied", &["updater-not-enabled"]);
    image.remove("/usr/lib/systemd/systemd");
    image.expect("unsupported", &["platform-without-updater"]);
    image.write(CONFIG, format!("{ENABLED}}}\n"));
    image.expect("impaired", &["no-scheduler"]);
}

#[test]
fn the_older_updater_in_an_image() {
    let image = UnpackedImage::bare();
    image.write("/etc/teleport.yaml", "auth_service: {enabled: no}\nproxy_service: {enabled: no}\n");
    image.write("/usr/sbin/teleport-upgrade", "#!/bin/sh\n");
    image.write(
        "/usr/lib/systemd/system/teleport-upgrade.timer",
        "[Timer]\nOnUnitActiveSec=30m\n[Install]\nWantedBy=timers.target\n",
    );
    image.write(
        "/usr/lib/systemd/system/teleport-upgrade.service",
        "[Service]\nExecStart=/usr/sbin/teleport-upgrade run\n",
    );
    image.write("/etc/teleport-upgrade.d/endpoint", "https://teleport.example.com/v1");
    image.write("/etc/teleport-upgrade.d/installer", "apt");
    image.expect("impaired", &["timer-disabled", "v1-deprecated"]);
    image.link(
        "/etc/systemd/system/timers.target.wants/teleport-upgrade.timer",
        "/usr/lib/systemd/system/teleport-upgrade.timer",
    );
    image.expect("accompanied", &["v1-deprecated"]);
    image.write("/var/lib/dpkg/status", "Package: teleport-ent\nStatus: hold ok installed\n");
    image.expect("held", &["package-held", "v1-deprecated"]);
    image.remove("/var/lib/dpkg/status");
    // A lock holds the present version; an exclusion only keeps another one away.
    let locks = "/etc/dnf/plugins/versionlock.list";
    image.write(locks, "# Added lock\n!teleport-ent-0:17.4.1-1.*\n");
    image.expect("accompanied", &["v1-deprecated"]);
    image.write(locks, "# Added lock\nteleport-ent-0:17.4.1-1.*\n");
    image.expect("held", &["package-held", "v1-deprecated"]);
    // Beside an enabled newer one it will fight, once the image runs.
    let both = UnpackedImage::accompanied();
    let vendor = "/usr/lib/systemd/system";
    both.write("/usr/sbin/teleport-upgrade", "#!/bin/sh\n");
    both.write(&format!("{vendor}/teleport-upgrade.timer"), "[Timer]\nOnUnitActiveSec=30m\n");
    let run = "[Service]\nExecStart=/usr/sbin/teleport-upgrade run\n";
    both.write(&format!("{vendor}/teleport-upgrade.service"), run);
    both.expect("accompanied", &[]);
    both.link(
        &format!("{UNITS}/timers.target.wants/teleport-upgrade.timer"),
        "/usr/lib/systemd/system/teleport-upgrade.timer",
    );
    both.expect("impaired", &["two-updaters"]);
    // A timer that systemd does not load fires nothing.
    both.write(&format!("{vendor}/teleport-upgrade.timer"), "[Timer]\n");
    both.expect("accompanied", &[]);
}

#[test]
fn installations_with_a_suffix() {
    let image = UnpackedImage::accompanied();
    let blue = "/opt/teleport/blue/update.yaml";
    image.write(blue, format!("{ENABLED}}}\n"));
    let status = image.status(&[]);
    assert_eq!(status.agent.namespace.name(), "default");
    // It has neither an agent nor anything that says there was one.
    image.expect_with(&["--install-suffix", "blue"], "unknown", &["no-agent"]);
    image.write("/etc/teleport_blue.yaml", "auth_service: {enabled: no}\nproxy_service: {enabled: no}\n");
    image.expect_with(&["--install-suffix", "blue"], "impaired", &["timer-missing"]);
    let only = UnpackedImage::bare();
    only.write(blue, format!("{ENABLED}}}\n"));
    assert_eq!(only.status(&[]).agent.namespace.name(), "blue");
}

#[test]
fn folders_that_cannot_be_listed_hide_what_is_in_them() {
    let image = UnpackedImage::accompanied();
    let vendor = "/usr/lib/systemd/system";
    // A folder of links that is none starts nothing, and hides nothing.
    image.link(&format!("{UNITS}/loop.wants"), "loop.wants");
    image.write(&format!("{UNITS}/file.wants"), "");
    image.expect("accompanied", &[]);
    for number in 0..=10_000 {
        image.write(&format!("{vendor}/{number}.mount"), "");
    }
    image.expect("unknown", &["config-denied"]);
    image.remove(vendor);
    image.expect("accompanied", &[]);
    // What could not be seen is named as the updater's whose it is.
    let older = UnpackedImage::bare();
    older.write("/etc/teleport.yaml", "auth_service: {enabled: no}\nproxy_service: {enabled: no}\n");
    older.write(&format!("{vendor}/teleport-upgrade.timer"), "[Timer]\n");
    for number in 0..=10_000 {
        older.write(&format!("{vendor}/{number}.mount"), "");
    }
    older.expect("unknown", &["config-denied"]);
    let summary = older.status(&[]).summary;
    assert!(summary.starts_with("teleport-upgrade's configuration"), "{summary}");
}

#[test]
fn only_a_link_that_is_not_masked_starts_a_timer() {
    let timer = format!("{UNITS}/teleport-update.timer");
    let image = UnpackedImage::accompanied();
    image.link(WANTED, "/dev/null");
    image.expect("impaired", &["timer-disabled"]);
    image.write(WANTED, "[Timer]\n");
    image.expect("impaired", &["timer-disabled"]);
    image.remove(WANTED);
    image.write(&timer, "[Timer]\nOnUnitActiveSec=5m\n");
    image.expect("impaired", &["timer-disabled"]);
    // A mask of the administrator's counts more than the vendor's link.
    let vendors = "/usr/lib/systemd/system/teleport.service.wants/teleport-update.timer";
    image.link(vendors, "../teleport-update.timer");
    image.expect("accompanied", &[]);
    image.link(WANTED, "/dev/null");
    image.expect("impaired", &["timer-disabled"]);
}

#[test]
fn units_that_systemd_would_not_load() {
    let timer = format!("{UNITS}/teleport-update.timer");
    let service = format!("{UNITS}/teleport-update.service");
    let image = UnpackedImage::accompanied();
    image.write(&timer, [0xff]);
    image.expect("impaired", &["timer-missing"]);
    image.link(&timer, "../../../dev/null");
    image.expect("impaired", &["timer-masked"]);
    image.remove(&timer);
    image.write("/usr/lib/systemd/system/teleport-update.timer", "[Timer]\nOnUnitActiveSec=5m\n");
    image.expect("accompanied", &[]);
    image.link("/usr/local/lib/systemd/system/teleport-update.timer", "/dev/null");
    image.expect("impaired", &["timer-masked"]);
    image.remove("/usr/local/lib/systemd/system/teleport-update.timer");
    image.write(&service, "[Service]\nType=oneshot\n");
    image.expect("impaired", &["service-missing"]);
}

#[test]
fn a_timer_without_times_is_not_loaded() {
    let image = UnpackedImage::accompanied();
    let drop_in = format!("{UNITS}/teleport-update.timer.d/times.conf");
    image.write(&drop_in, "[Timer]\nOnUnitActiveSec=\n");
    image.expect("impaired", &["timer-missing"]);
    let status = image.status(&[]);
    assert_eq!(status.remedy.expect("remedy").id, RemedyId::RevertTimer);
    assert!(status.findings[0].evidence.contains_key("drop_in"), "{:?}", status.findings);
    // It takes the times back and gives others.
    image.write(&drop_in, "[Timer]\nOnUnitActiveSec=\nOnCalendar=hourly\n");
    image.expect("accompanied", &[]);
    image.remove(&drop_in);
    image.write(&format!("{UNITS}/teleport-update.timer"), "[Timer]\nUnit=teleport-update.service\n");
    image.expect("impaired", &["timer-missing"]);
    assert_eq!(image.status(&[]).remedy.expect("remedy").id, RemedyId::EnableV2);
}

#[test]
fn the_program_of_the_service_must_be_in_the_image() {
    let image = UnpackedImage::accompanied();
    let service = format!("{UNITS}/teleport-update.service");
    let starts = |program: &str| format!("[Service]\nType=oneshot\nExecStart={program} update\n");
    image.write(&service, starts("/usr/bin/teleport-update"));
    image.expect("impaired", &["service-replaced"]);
    let status = image.status(&[]);
    assert!(status.summary.ends_with("starts a program that is not in this image"), "{}", status.summary);
    assert_eq!(status.remedy.expect("remedy").id, RemedyId::EnableV2);
    image.link("/usr/bin/teleport-update", "/usr/local/bin/teleport-update");
    image.expect("accompanied", &[]);
    // A link into nowhere is no program.
    image.link("/usr/bin/teleport-update", "/opt/teleport/default/versions/17.0.0/bin/teleport-update");
    image.expect("impaired", &["service-replaced"]);
    image.write(&service, starts("/usr/local/bin/teleport-update"));
    image.expect("accompanied", &[]);
    for program in ["/usr/bin/teleport-update", "/usr/local/bin/teleport-update"] {
        image.remove(program);
    }
    image.expect("impaired", &["service-replaced"]);
    let remedy = image.status(&[]).remedy.expect("remedy");
    assert_eq!(remedy.id, RemedyId::InstallV2, "{remedy:?}");
}

#[test]
fn what_nixos_builds_is_updated_by_nixos() {
    let image = UnpackedImage::bare();
    image.remove("/usr/lib/systemd/systemd");
    let store = "/nix/store/0c0n-teleport-18.2.0/bin/teleport";
    image.write(store, "ELF");
    let unit = "/nix/store/1d1o-unit-teleport.service/teleport.service";
    image.write(unit, format!("[Service]\nExecStart={store} start\n"));
    image.link(&format!("{UNITS}/teleport.service"), unit);
    image.write("/etc/teleport.yaml", "auth_service: {enabled: no}\nproxy_service: {enabled: no}\n");
    image.write("/etc/os-release", "NAME=NixOS\nID=nixos\nVERSION_ID=\"24.05\"\n");
    image.expect("unsupported", &["platform-without-updater"]);
    let status = image.status(&[]);
    assert!(status.summary.contains("NixOS built this agent into its store"), "{}", status.summary);
    assert_eq!(status.remedy, None);
    // The same files on another system, and a program of another origin.
    image.write("/usr/lib/systemd/systemd", "ELF");
    image.write("/etc/os-release", "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n");
    image.expect("unaccompanied", &["no-updater"]);
    image.write("/etc/os-release", "NAME=NixOS\n");
    image.write("/srv/teleport", "ELF");
    image.remove(&format!("{UNITS}/teleport.service"));
    image.write(&format!("{UNITS}/teleport.service"), "[Service]\nExecStart=/srv/teleport start\n");
    image.expect("unaccompanied", &["no-updater"]);
}

#[test]
fn the_system_is_named_as_teleport_names_it() {
    let image = UnpackedImage::accompanied();
    image.write(
        "/etc/os-release",
        "NAME=\"Ubuntu\"\nPRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\nVERSION_ID=\"22.04\"\n",
    );
    let seen = image.root().join("seen.json");
    image.look(&["--save-observation", seen.to_str().expect("path")]);
    let seen = std::fs::read_to_string(seen).expect("saved");
    assert!(seen.contains("\"os_version\": \"Ubuntu 22.04\""), "{seen}");
}

#[test]
fn the_agents_unit_says_which_configuration_and_roles_it_has() {
    let image = UnpackedImage::bare();
    let agent = |flags: &str| {
        let text = format!("[Service]\nExecStart=/usr/local/bin/teleport start {flags}\n");
        image.write(&format!("{UNITS}/teleport.service"), text);
    };
    image.write("/etc/teleport.yaml", "auth_service: {enabled: no}\nproxy_service: {enabled: no}\n");
    image.write("/etc/proxy.yaml", "auth_service: {enabled: no}\n");
    agent("--config /etc/proxy.yaml");
    image.expect("exempt", &["control-plane"]);
    agent("--roles=proxy");
    image.expect("exempt", &["control-plane"]);
    agent("--roles=node");
    image.expect("unaccompanied", &["no-updater"]);
}

#[test]
fn an_image_brings_its_own_policy() {
    let image = UnpackedImage::accompanied();
    image.write("/etc/teleport-selfcheck/policy.yaml", "acknowledged: {reason: rebuilt every night}\n");
    image.expect("exempt", &["acknowledged"]);
    image.write("/etc/teleport-selfcheck/policy.yaml", "acknowledgd: {}\n");
    let output = image.look(&[]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("acknowledgd"), "{}", shown(&output));
    let none = image.at("/none.yaml");
    std::fs::write(&none, "").expect("policy");
    image.expect_with(&["--policy", none.to_str().expect("path")], "accompanied", &[]);
}

#[test]
fn no_link_leads_out_of_the_image() {
    let outside = UnpackedImage::accompanied();
    let image = UnpackedImage::bare();
    for path in ["/etc/teleport.yaml", CONFIG] {
        image.link(path, outside.at(path).to_str().expect("path"));
    }
    let deep = "../".repeat(40);
    image.link("/usr/local/bin/teleport-update", &format!("{deep}bin/sh"));
    image.link("/etc/systemd/system/teleport-update.timer", "/proc/self/root/etc/passwd");
    // Nothing that lies outside is seen: the image has neither agent nor updater.
    image.expect("unknown", &["no-agent"]);
}

#[test]
fn a_root_that_is_none_is_an_error_that_names_it() {
    let image = UnpackedImage::bare();
    let file = image.at("/usr/lib/systemd/systemd");
    for (root, named) in [("/nowhere", "/nowhere"), (file.to_str().expect("path"), "systemd")] {
        let output = selfcheck(&["debug", "updater-status", "--root", root], "");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
        assert!(stderr.starts_with("error: ") && stderr.contains(named), "{stderr}");
    }
    for flag in [["--bus", "unix:path=/x"], ["--pid", "1"], ["--observation", "x"], ["--socket", "x"]] {
        assert_eq!(image.look(&flag).status.code(), Some(2), "{flag:?}");
    }
}

#[test]
fn a_running_host_judged_by_its_files_is_judged_the_same() {
    let Some(host) = Host::accompanied() else { return };
    let files = ["--root", "/"];
    host.expect_with(User::Root, &files, "accompanied", &[]);
    host.guest.systemctl(&["disable", "teleport-update.timer"]);
    host.expect_with(User::Root, &files, "impaired", &["timer-disabled"]);
    host.guest.must(&["ln", "-sf", "/dev/null", "/etc/systemd/system/teleport-update.timer"]);
    host.expect_with(User::Root, &files, "impaired", &["timer-masked"]);
    host.guest.must(&["sh", "-ec", "sudo teleport-update enable"]);
    host.expect_with(User::Root, &files, "accompanied", &[]);
    // An ordinary user cannot read the agent's configuration, which an image without updater would be judged by.
    host.expect_with(User::Ordinary, &files, "accompanied", &[]);
}

/// What files alone tell of the chain, each beside what nearly is so.
#[test]
fn the_chain_from_timer_to_program_by_files() {
    let service = format!("{UNITS}/teleport-update.service.d/test.conf");
    let timer = format!("{UNITS}/teleport-update.timer.d/test.conf");
    let by_kind = format!("{UNITS}/teleport-.service.d/test.conf");
    for (path, text, reasons) in [
        (&timer, "[Timer]\nUnit=other.service\n", &["timer-misdirected"][..]),
        (&timer, "[Timer]\nUnit=teleport-update.service\n", &[]),
        (&service, "[Service]\nRemainAfterExit=yes\n", &["run-skipped"]),
        (&by_kind, "[Service]\nRemainAfterExit=on\n", &["run-skipped"]),
        (&service, "[Service]\nRemainAfterExit=no\n", &[]),
        (&service, "[Unit]\nStopWhenUnneeded=yes\n[Service]\nRemainAfterExit=yes\n", &[]),
        (&service, "[Service]\nExecStart=\nExecStart=/bin/true\n", &["service-replaced"]),
        (&service, "[Service]\nExecStart=\nExecStart=/bin/echo teleport-update\n", &["service-replaced"]),
        (
            &service,
            "[Service]\nExecStart=\nExecStart=/usr/bin/env A=b /usr/local/bin/teleport-update update\n",
            &[],
        ),
        (&service, "[Service]\nExecStart=/bin/true\n", &[]),
    ] {
        let image = UnpackedImage::accompanied();
        image.write(path, text);
        for program in ["/bin/true", "/bin/echo", "/usr/bin/env"] {
            image.write(program, "ELF");
        }
        image.expect(if reasons.is_empty() { "accompanied" } else { "impaired" }, reasons);
    }
    let image = UnpackedImage::accompanied();
    image.write("/usr/lib/systemd/system/backup.timer", "[Timer]\nOnUnitActiveSec=5m\n");
    image.link(&format!("{UNITS}/teleport-update.timer"), "/usr/lib/systemd/system/backup.timer");
    image.expect("impaired", &["timer-misdirected"]);
}

#[test]
fn the_unit_under_which_a_timer_is_linked_must_be_in_the_image() {
    let unit = format!("{UNITS}/teleport.service");
    let image = UnpackedImage::accompanied();
    image.remove(&unit);
    image.expect("impaired", &["timer-disabled"]);
    image.link(&unit, "/dev/null");
    image.expect("impaired", &["timer-disabled"]);
    image.remove(&unit);
    image.write("/usr/lib/systemd/system/teleport.service", "[Service]\nExecStart=/usr/local/bin/teleport\n");
    image.expect("accompanied", &[]);
    image.remove(WANTED);
    image.expect("impaired", &["timer-disabled"]);
    image.write(&format!("{unit}.d/wants.conf"), "[Unit]\nWants=teleport-update.timer\n");
    image.expect("accompanied", &[]);
}

#[test]
fn the_file_that_the_agents_unit_starts_must_be_one_that_the_updater_replaces() {
    let unit = format!("{UNITS}/teleport.service");
    let starts = |command: &str| format!("[Service]\nExecStart={command}\n");
    let image = UnpackedImage::accompanied();
    image.write("/usr/bin/teleport", "ELF");
    image.write("/usr/bin/docker", "ELF");
    image.write("/usr/bin/start-teleport", "#!/bin/sh\nexec teleport start\n");
    for (command, reasons) in [
        ("/usr/bin/teleport start", &["agent-not-managed"][..]),
        ("/usr/bin/nice /usr/bin/teleport start", &["agent-not-managed"]),
        ("/usr/bin/docker run teleport", &["agent-not-managed"]),
        ("/usr/local/bin/teleport start", &[]),
        ("teleport start", &[]),
        ("/opt/teleport/default/versions/18.2.0/bin/teleport start", &[]),
        ("/usr/bin/start-teleport", &[]),
        ("/nowhere/teleport start", &[]),
    ] {
        image.write(&unit, starts(command));
        image.expect(if reasons.is_empty() { "accompanied" } else { "impaired" }, reasons);
    }
    // A copy in the place of the link.
    image.make_room("/usr/local/bin/teleport");
    image.write("/usr/local/bin/teleport", "ELF");
    image.write(&unit, starts("/usr/local/bin/teleport start"));
    image.expect("impaired", &["agent-not-managed"]);
}
