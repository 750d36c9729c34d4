//! A host with an agent, as the product leaves it after installing.

use std::process::Output;

use selfcheck_core::Status;

use crate::Proxy;
use crate::SystemdGuest;
use crate::User;
use crate::eventually;
use crate::guest::BINARIES;

/// The services of an agent that runs nothing but SSH.
const SSH_ONLY: &str =
    "auth_service: {enabled: no}\nproxy_service: {enabled: no}\nssh_service: {enabled: yes}\n";

/// How soon a timer is to fire that was started. A systemd that comes to a timer later than that, as on a busy machine, takes
/// it for one that has fired already.
const SOON: &str = "200ms";

/// A guest with an agent, a proxy it connects to, and the updater's program.
#[derive(Debug)]
pub struct Host {
    /// The guest.
    pub guest: SystemdGuest,
    /// The cluster's proxy.
    pub proxy: Proxy,
}

impl Host {
    /// A host with a Teleport package on it: agent running, updater shipped but never enabled.
    pub fn with_package() -> Option<Self> {
        let host = Self::bare()?;
        host.install_agent();
        Some(host)
    }

    /// Installs a package, and starts an agent that runs the SSH service.
    pub fn install_agent(&self) {
        self.install_package();
        self.configure("", SSH_ONLY);
        self.guest.systemctl(&["start", "teleport.service"]);
    }

    /// A host whose agent is accompanied: the updater is enabled and has run once.
    pub fn accompanied() -> Option<Self> {
        let host = Self::with_package()?;
        host.enable_updater();
        Some(host)
    }

    /// A host with an accompanied agent in the installation `suffix`, and no other.
    pub fn only_suffixed(suffix: &str) -> Option<Self> {
        let host = Self::bare()?;
        host.install_package();
        host.guest.must(&["rm", "/etc/systemd/system/teleport.service"]);
        host.guest.systemctl(&["daemon-reload"]);
        host.configure(suffix, SSH_ONLY);
        let enable = ["teleport-update", "--install-suffix", suffix, "enable", "--group", "production"];
        host.guest.must(&enable);
        host.guest.systemctl(&["start", &format!("teleport_{suffix}.service")]);
        Some(host)
    }

    /// Enables the updater and lets it run once.
    pub fn enable_updater(&self) {
        self.guest.must(&["teleport-update", "enable", "--group", "production"]);
        self.guest.systemctl(&["restart", "teleport.service"]);
        assert!(self.run_updater().status.success(), "the updater runs");
    }

    /// A host without Teleport, but with this project's command.
    pub fn bare() -> Option<Self> {
        Some(Self::on(SystemdGuest::boot()?))
    }

    /// A host without Teleport that is this guest.
    pub fn on(guest: SystemdGuest) -> Self {
        guest.must(&[
            "ln",
            "-s",
            &format!("{BINARIES}/teleport-selfcheck"),
            "/usr/local/bin/teleport-selfcheck",
        ]);
        // Debian's own sudo may be missing; remedies are run as printed.
        guest.write("/usr/local/sbin/sudo", "#!/bin/sh\nexec \"$@\"\n");
        guest.must(&["chmod", "755", "/usr/local/sbin/sudo"]);
        guest.must(&["rm", "-rf", "/opt/teleport", "/etc/teleport.yaml"]);
        Self { guest, proxy: Proxy::start("18.2.0") }
    }

    /// Installs what a Teleport package brings.
    pub fn install_package(&self) {
        self.guest.install("standin-teleport", "/opt/teleport/system/bin/teleport");
        self.guest.install("standin-teleport-update", "/opt/teleport/system/bin/teleport-update");
        for program in ["teleport", "teleport-update"] {
            let link = format!("/usr/local/bin/{program}");
            self.guest.must(&["ln", "-sf", &format!("/opt/teleport/system/bin/{program}"), &link]);
        }
        self.guest.write(
            "/etc/systemd/system/teleport.service",
            "[Unit]\nDescription=Teleport Service\n\n[Service]\nType=exec\nExecStart=/usr/local/bin/teleport start --config \
             /etc/teleport.yaml\n\n[Install]\nWantedBy=multi-user.target\n",
        );
        self.guest.systemctl(&["daemon-reload"]);
    }

    /// A host whose agent is updated by the older updater, which has run once.
    pub fn with_v1() -> Option<Self> {
        let host = Self::with_package()?;
        host.install_v1();
        host.guest.systemctl(&["restart", "teleport.service"]);
        host.guest.systemctl(&["start", "teleport-upgrade.service"]);
        Some(host)
    }

    /// Installs what the package of the older updater brings, and starts its timer as the package does.
    pub fn install_v1(&self) {
        let script = include_str!("../standins/teleport-upgrade.sh");
        self.guest.write("/usr/sbin/teleport-upgrade", script);
        self.guest.must(&["chmod", "755", "/usr/sbin/teleport-upgrade"]);
        self.guest.write(
            "/usr/lib/systemd/system/teleport-upgrade.service",
            "[Unit]\nDescription=Teleport updater\n\n[Service]\nType=oneshot\nExecStart=/usr/sbin/teleport-upgrade run\n",
        );
        self.guest.write(
            "/usr/lib/systemd/system/teleport-upgrade.timer",
            "[Unit]\nDescription=Teleport updater timer\n\n[Timer]\nOnActiveSec=1m\nOnUnitActiveSec=30m\n\n[Install]\n\
             WantedBy=timers.target\n",
        );
        self.guest.write(
            "/etc/systemd/system/teleport.service.d/teleport-upgrader-env.conf",
            "[Service]\nEnvironment=TELEPORT_EXT_UPGRADER=unit\n",
        );
        let endpoint = format!("{}/v1/webapi/automaticupgrades/channel/stable/cloud", self.proxy.address());
        for (name, text) in
            [("endpoint", endpoint.as_str()), ("schedule", "1795600000 1795603600\n"), ("installer", "apt\n")]
        {
            self.guest.write(&format!("/etc/teleport-upgrade.d/{name}"), text);
        }
        self.guest.systemctl(&["daemon-reload"]);
        self.guest.systemctl(&["enable", "--now", "teleport-upgrade.timer"]);
    }

    /// Writes the agent's configuration for installation `suffix` ("" is the default one) with these `services`.
    pub fn configure(&self, suffix: &str, services: &str) {
        let path = if suffix.is_empty() {
            "/etc/teleport.yaml".to_owned()
        } else {
            format!("/etc/teleport_{suffix}.yaml")
        };
        let proxy = self.proxy.address();
        self.guest.write(&path, &format!("version: v3\nteleport:\n  proxy_server: {proxy}\n{services}"));
        self.guest.must(&["chmod", "600", &path]);
    }

    /// Runs the updater's service once, as its timer would; it may fail.
    pub fn run_updater(&self) -> Output {
        self.guest.run(User::Root, &["systemctl", "start", "teleport-update.service"])
    }

    /// Lets the timer itself start the updater, at once.
    pub fn fire_timer(&self) {
        let drop_in = "/etc/systemd/system/teleport-update.timer.d/soon.conf";
        let soon =
            "OnActiveSec=\nOnActiveSec=1ms\nOnUnitActiveSec=5m\nRandomizedDelaySec=0\nAccuracySec=1us\n";
        self.guest.write(drop_in, &format!("[Timer]\n{soon}"));
        self.guest.systemctl(&["daemon-reload"]);
        self.guest.systemctl(&["restart", "teleport-update.timer"]);
        assert!(self.run_updater().status.success(), "the updater runs");
    }

    /// Adds a drop-in to a unit, and lets systemd read it.
    pub fn drop_in(&self, unit: &str, text: &str) {
        self.guest.write(&format!("/etc/systemd/system/{unit}.d/test.conf"), text);
        self.guest.systemctl(&["daemon-reload"]);
    }

    /// Lets the timer fire at once and then every five minutes, whatever its service does about that.
    pub fn fire(&self) {
        self.fire_again_after("5m");
    }

    /// The same, and then again and again so long after each firing.
    pub fn fire_again_after(&self, interval: &str) {
        let schedule = format!(
            "[Unit]\nStartLimitIntervalSec=0\n[Timer]\nOnActiveSec=\nOnActiveSec={SOON}\n\
             OnUnitActiveSec={interval}\nRandomizedDelaySec=0\nAccuracySec=1us\n"
        );
        let timer = "teleport-update.timer";
        self.guest.write(&format!("/etc/systemd/system/{timer}.d/often.conf"), &schedule);
        let often = "/etc/systemd/system/teleport-update.service.d/often.conf";
        self.guest.write(often, "[Unit]\nStartLimitIntervalSec=0\n");
        self.guest.systemctl(&["daemon-reload"]);
        let fired = || self.guest.systemctl(&["show", "--value", "-p", "LastTriggerUSecMonotonic", timer]);
        let before = fired();
        self.guest.systemctl(&["restart", timer]);
        eventually("the timer fires", || fired() != before);
        // Its own job is done after that of the firing has begun.
        self.guest.systemctl(&["start", timer]);
        let state = ["show", "--value", "-p", "SubState", timer, "teleport-update.service"];
        eventually("the firing is over", || {
            let state = self.guest.systemctl(&state);
            let is_starting = state.contains("start") || state.contains("condition");
            !is_starting || state.contains("auto-restart")
        });
    }

    /// Records what is seen now, and judges it as so much later, in minutes.
    pub fn judged_later(&self, minutes: i64) -> (String, Vec<&'static str>) {
        let seen = self.status(User::Root, &["--save-observation", "/run/seen.json"]);
        let at = (seen.observed_at + jiff::SignedDuration::from_mins(minutes)).to_string();
        self.judged(User::Root, &["--observation", "/run/seen.json", "--now", &at])
    }

    /// What the command prints as root.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.look(User::Root, &[]).stdout).into_owned()
    }

    /// Lets the updater's service execute this instead; `PROGRAM` stands for the program `program` under the updater's name.
    pub fn execute(&self, program: &str, settings: &str) {
        let place = "/usr/libexec/standin/teleport-update";
        self.guest.must(&["sh", "-c", &format!("mkdir -p /usr/libexec/standin && cp {program} {place}")]);
        let settings = settings.replace("PROGRAM", place);
        let drop_in = "/etc/systemd/system/teleport-update.service.d/test.conf";
        self.guest.write(drop_in, &format!("[Service]\n{settings}\n"));
        self.guest.systemctl(&["daemon-reload"]);
    }

    /// Starts a process in the control group of the agent's unit, beside its main process, as one that serves its sessions
    /// to the end after a graceful restart; the result is its id.
    pub fn start_beside_the_agent(&self, program: &str) -> String {
        let group = "/sys/fs/cgroup/system.slice/teleport.service/cgroup.procs";
        self.guest.start(&format!("echo 0 > {group}; setsid {program}"), program).to_string()
    }

    /// `debug updater-status` inside the guest.
    pub fn look(&self, user: User, flags: &[&str]) -> Output {
        self.guest.run(user, &[&["teleport-selfcheck", "debug", "updater-status"], flags].concat())
    }

    /// The status that the command prints as JSON.
    pub fn status(&self, user: User, flags: &[&str]) -> Status {
        let output = self.look(user, &[&["--format", "json"], flags].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!(
                "{error}: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        })
    }

    /// What the command says as root: the label of the verdict, and all reasons.
    pub fn judged(&self, user: User, flags: &[&str]) -> (String, Vec<&'static str>) {
        let status = self.status(user, flags);
        let reasons = status.findings.iter().map(|finding| finding.reason.code()).collect();
        (status.verdict.code().to_owned(), reasons)
    }

    /// Requires this verdict and exactly these reasons, whoever looks.
    pub fn expect(&self, verdict: &str, reasons: &[&str]) {
        for user in [User::Root, User::Ordinary] {
            self.expect_with(user, &[], verdict, reasons);
        }
    }

    /// The same where only root can see what it takes.
    pub fn expect_as_root(&self, verdict: &str, reasons: &[&str]) {
        self.expect_with(User::Root, &[], verdict, reasons);
    }

    /// The same seen by `user`, with more `flags`.
    pub fn expect_with(&self, user: User, flags: &[&str], verdict: &str, reasons: &[&str]) {
        let (seen, because) = self.judged(user, flags);
        assert_eq!((seen.as_str(), because.as_slice()), (verdict, reasons), "as {user:?} with {flags:?}");
    }

    /// Requires this remedy, runs it as it is printed, and requires that the agent is accompanied then.
    pub fn remedy_helps(&self, command: &str) {
        let status = self.status(User::Root, &[]);
        let remedy = status.remedy.unwrap_or_else(|| panic!("{} has no remedy", status.verdict));
        assert_eq!(remedy.shell, command);
        let printed = String::from_utf8_lossy(&self.look(User::Root, &[]).stdout).replace(" \\\n      ", " ");
        assert!(printed.contains(command), "{printed}");
        self.guest.must(&["sh", "-ec", command]);
        let after = self.status(User::Root, &[]);
        assert_eq!(after.verdict.code(), "accompanied", "after `{command}`: {:#?}", after.findings);
    }

    /// Replaces `from` by `to` in a file of the guest.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.guest.path(path)).expect(path);
        assert!(text.contains(from), "{path} has no {from}: {text}");
        self.guest.write(path, &text.replace(from, to));
    }

    /// Writes a policy and returns the flags that select it.
    pub fn policy(&self, yaml: &str) -> [&'static str; 2] {
        self.guest.write("/run/policy.yaml", yaml);
        ["--policy", "/run/policy.yaml"]
    }
}
