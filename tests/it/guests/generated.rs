//! Legal settings of systemd, thrown together: what really happens is measured, and the verdict held against it.
//!
//! The stand-in updater leaves a mark when it has run to a good end. Where the timer's pace shows in the marks, nothing may
//! be impaired; where no mark comes, nothing may be accompanied. `SELFCHECK_GENERATED_SECONDS` says how long to try,
//! `SELFCHECK_GENERATED_SEED` repeats a run.

use std::time::Duration;
use std::time::Instant;

use selfcheck_tests::Host;
use selfcheck_tests::User;

const TIMER: &str = "teleport-update.timer";
const SERVICE: &str = "teleport-update.service";
/// Guests at once.
const GUESTS: u64 = 3;
/// The timer of these guests fires four times a second.
const PACE: &str = "[Unit]\nStartLimitIntervalSec=0\n[Timer]\nOnActiveSec=\nOnActiveSec=50ms\nOnUnitActiveSec=250ms\n\
                    RandomizedDelaySec=0\nAccuracySec=1us\n";
/// So many marks are a pace, and so long without is none.
const MARKS: usize = 4;
const SILENCE: Duration = Duration::from_secs(4);
/// The limits of the judgement for such a timer.
const POLICY: &str =
    "thresholds: {overdue: 2s, overdue_periods: 3, never_fired: 2s, never_fired_margin: 1s, stuck: 2s}\n";
/// How long the verdict may take to follow; on a busy machine everything is late.
const PATIENCE: Duration = Duration::from_secs(20);

/// One setting: of which unit, in which section, and what it says.
type Setting = (&'static str, &'static str, &'static str);

const SETTINGS: [Setting; 70] = [
    (TIMER, "Timer", "Unit=other.service"),
    (TIMER, "Timer", "Unit=teleport-update.service"),
    (TIMER, "Timer", "OnActiveSec=\nOnActiveSec=50ms"),
    (TIMER, "Timer", "OnActiveSec=\nOnUnitActiveSec=300ms"),
    (TIMER, "Timer", "OnActiveSec=\nOnActiveSec=1s\nOnUnitInactiveSec=200ms"),
    (TIMER, "Timer", "OnActiveSec=\nOnCalendar=*:*:0/1"),
    (TIMER, "Timer", "OnActiveSec=\nOnBootSec=1ms\nOnUnitActiveSec=300ms"),
    (TIMER, "Timer", "OnActiveSec=\nOnStartupSec=1ms\nOnUnitInactiveSec=300ms"),
    (TIMER, "Timer", "OnActiveSec=\nOnBootSec=1ms"),
    (TIMER, "Timer", "OnActiveSec="),
    (TIMER, "Timer", "Persistent=yes"),
    (TIMER, "Timer", "RemainAfterElapse=no"),
    (TIMER, "Timer", "RandomizedDelaySec=100ms"),
    (TIMER, "Timer", "AccuracySec=50ms"),
    (TIMER, "Unit", "ConditionPathExists=/none"),
    (TIMER, "Unit", "ConditionPathExists=/etc"),
    (TIMER, "Unit", "AssertPathExists=/none"),
    (TIMER, "Unit", "Requires=broken.service\nAfter=broken.service"),
    (TIMER, "Unit", "BindsTo=teleport.service"),
    (TIMER, "Unit", "PartOf=teleport.service"),
    (TIMER, "Unit", "StopWhenUnneeded=yes"),
    (SERVICE, "Service", "RemainAfterExit=yes"),
    (SERVICE, "Service", "RemainAfterExit=no"),
    (SERVICE, "Unit", "StopWhenUnneeded=yes"),
    (SERVICE, "Service", "Type=simple"),
    (SERVICE, "Service", "Type=exec"),
    (SERVICE, "Service", "Type=notify"),
    (SERVICE, "Service", "Type=simple\nRestart=always\nRestartSec=100ms"),
    (SERVICE, "Service", "Restart=on-failure\nRestartSec=100ms"),
    (SERVICE, "Service", "SuccessExitStatus=1 2"),
    (SERVICE, "Service", "ExecStart=\nExecStart=/bin/true"),
    (SERVICE, "Service", "ExecStart=\nExecStart=-/bin/false"),
    (SERVICE, "Service", "ExecStart=\nExecStart=/bin/echo teleport-update"),
    (SERVICE, "Service", "ExecStart=\nExecStart=-/usr/local/bin/teleport-update update"),
    (SERVICE, "Service", "ExecStart=\nExecStart=/usr/local/bin/teleport-update nonsense"),
    (SERVICE, "Service", "ExecStart=\nExecStart=-/usr/local/bin/teleport-update nonsense"),
    (SERVICE, "Service", "ExecStart=\nExecStart=/bin/sh -c 'exec /usr/local/bin/teleport-update update'"),
    (SERVICE, "Service", "ExecStart=\nExecStart=/usr/bin/nice /usr/local/bin/teleport-update update"),
    (SERVICE, "Service", "ExecStart=\nExecStart=@/usr/local/bin/teleport-update another update"),
    (SERVICE, "Service", "ExecStart=/bin/true"),
    (SERVICE, "Service", "ExecStart=/bin/false"),
    (SERVICE, "Service", "ExecStartPre=/bin/true"),
    (SERVICE, "Service", "ExecStartPre=/bin/false"),
    (SERVICE, "Service", "ExecStartPre=-/bin/false"),
    (SERVICE, "Service", "ExecStartPost=/bin/true"),
    (SERVICE, "Service", "ExecStartPost=/bin/false"),
    (SERVICE, "Service", "ExecCondition=/bin/true"),
    (SERVICE, "Service", "ExecCondition=/bin/false"),
    (SERVICE, "Service", "ExecCondition=/bin/sh -c 'exit 255'"),
    (SERVICE, "Service", "ExecStopPost=/bin/true"),
    (SERVICE, "Service", "User=nobody"),
    (SERVICE, "Service", "ReadOnlyPaths=/opt"),
    (SERVICE, "Service", "PrivateTmp=yes"),
    (SERVICE, "Service", "WorkingDirectory=/none"),
    (SERVICE, "Service", "Environment=HTTPS_PROXY=http://proxy:3128"),
    (SERVICE, "Service", "Nice=10"),
    (SERVICE, "Service", "TimeoutStartSec=1min"),
    (SERVICE, "Unit", "ConditionPathExists=/none"),
    (SERVICE, "Unit", "ConditionPathExists=!/none"),
    (SERVICE, "Unit", "ConditionPathExists=|/none\nConditionPathExists=|/etc"),
    (SERVICE, "Unit", "ConditionVirtualization=no"),
    (SERVICE, "Unit", "AssertPathExists=/none"),
    (SERVICE, "Unit", "AssertPathExists=/etc"),
    (SERVICE, "Unit", "Wants=never.service\nAfter=never.service"),
    (SERVICE, "Unit", "Wants=never.service\nAfter=never.service\nJobTimeoutSec=1s"),
    (SERVICE, "Unit", "Requires=broken.service\nAfter=broken.service"),
    (SERVICE, "Unit", "Wants=broken.service\nAfter=broken.service"),
    (SERVICE, "Unit", "StartLimitIntervalSec=1h\nStartLimitBurst=1"),
    (SERVICE, "Unit", "RefuseManualStart=yes"),
    (SERVICE, "Unit", "After=teleport.service"),
];

/// What else may be done to the units, as commands.
const DEEDS: [&str; 12] = [
    "systemctl disable -q teleport-update.timer",
    "systemctl disable -q teleport-update.timer; systemctl enable -q --runtime teleport-update.timer",
    "systemctl disable -q teleport-update.timer; systemctl add-wants -q multi-user.target teleport-update.timer",
    "systemctl disable -q teleport-update.timer; systemctl add-requires -q teleport.service teleport-update.timer",
    "systemctl disable -q teleport-update.timer; systemctl add-wants -q absent.service teleport-update.timer || \
     { mkdir -p $U/absent.service.wants; ln -s ../teleport-update.timer $U/absent.service.wants/; }",
    "sed -i /Install/,\\$d $U/teleport-update.timer",
    "ln -sf /dev/null $U/teleport-update.service",
    "ln -sf /dev/null $U/teleport-update.timer",
    "rm $U/teleport-update.service",
    "mv $U/teleport-update.service $U/real.service; ln -s real.service $U/teleport-update.service",
    "ln -sf $U/other.timer $U/teleport-update.timer",
    "mv $U/teleport-update.timer /run/systemd/system/; systemctl -q daemon-reload; systemctl enable -q --force \
     teleport-update.timer",
];

const PREPARE: &str = r"
U=/etc/systemd/system; mkdir -p /run/base; cp $U/teleport-update.timer $U/teleport-update.service /run/base/
printf '[Service]\nType=oneshot\nExecStart=/bin/false\n' > $U/broken.service
printf '[Service]\nType=oneshot\nTimeoutStartSec=infinity\nExecStart=/bin/sleep infinity\n' > $U/never.service
printf '[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nExecStart=/bin/true\n' > $U/other.service
printf '[Timer]\nOnActiveSec=50ms\nOnUnitActiveSec=250ms\nAccuracySec=1us\n' > $U/other.timer
systemctl enable -q teleport.service
";

const RESET: &str = r"
U=/etc/systemd/system
systemctl stop teleport-update.timer other.timer teleport-update.service real.service never.service >/dev/null 2>&1 || true
rm -rf $U/teleport-update.* $U/real.* /run/systemd/system/teleport-update.* /run/systemd/system/*.wants/teleport-update.timer
rm -rf $U/*.wants/teleport-update.timer $U/*.requires/teleport-update.timer $U/absent.service.wants /run/standin-runs
cp /run/base/teleport-update.* $U/
systemctl daemon-reload; systemctl reset-failed; systemctl enable -q teleport-update.timer
systemctl restart teleport.service; systemctl stop teleport-update.timer teleport-update.service
";

/// One combination.
#[derive(Debug, Clone)]
struct Combination {
    settings: Vec<Setting>,
    deed: Option<&'static str>,
}

impl Combination {
    fn random(random: &mut fastrand::Rng) -> Self {
        let mut settings = Vec::new();
        for _ in 0..random.usize(1..=3) {
            let setting = SETTINGS[random.usize(..SETTINGS.len())];
            let key = |setting: Setting| setting.2.split('=').next();
            if !settings.iter().any(|other: &Setting| other.0 == setting.0 && key(*other) == key(setting)) {
                settings.push(setting);
            }
        }
        let deed = (random.u8(..4) == 0).then(|| DEEDS[random.usize(..DEEDS.len())]);
        if deed.is_some() && random.bool() {
            settings.clear();
        }
        Self { settings, deed }
    }

    /// Makes it so in the guest, and starts the timer.
    fn set_up(&self, host: &Host) {
        host.guest.must(&["sh", "-ec", RESET]);
        if let Some(deed) = self.deed {
            host.guest.must(&["sh", "-ec", &format!("U=/etc/systemd/system; {deed}")]);
        }
        let drop_in = |unit: &str, name: &str, text: &str| {
            host.guest.write(&format!("/etc/systemd/system/{unit}.d/{name}.conf"), text);
        };
        drop_in(TIMER, "0-pace", PACE);
        drop_in(SERVICE, "0-pace", "[Unit]\nStartLimitIntervalSec=0\n");
        for (index, (unit, section, lines)) in self.settings.iter().enumerate() {
            drop_in(unit, &format!("{}-setting", index + 1), &format!("[{section}]\n{lines}\n"));
        }
        host.guest.run(User::Root, &["systemctl", "daemon-reload"]);
        host.guest.run(User::Root, &["systemctl", "start", TIMER]);
    }
}

/// What really happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    /// The updater runs at the timer's pace, and would after a boot.
    Works,
    /// It runs, and would not after a boot.
    UntilBoot,
    /// It does not run, or not any more.
    Broken,
}

fn marks(host: &Host) -> usize {
    std::fs::read(host.guest.path("/run/standin-runs")).map_or(0, |marks| marks.len() / 4)
}

#[expect(clippy::disallowed_methods, reason = "what happens is measured in real time")]
fn now() -> Instant {
    Instant::now()
}

/// Whether so many more marks come, one no later than the silence after the other.
fn runs_at_its_pace(host: &Host) -> bool {
    let (before, mut seen, mut last) = (marks(host), marks(host), now());
    while seen < before + MARKS {
        if last.elapsed() > SILENCE {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5)); // marks are files, and nobody tells of them
        let count = marks(host);
        if count > seen {
            (seen, last) = (count, now());
        }
    }
    true
}

/// Whether what a boot starts starts the timer.
fn starts_at_boot(host: &Host) -> bool {
    let boot = "rm -rf /run/systemd/system/*.wants/teleport-update.timer /run/systemd/system/teleport-update.*
        systemctl stop teleport-update.timer; systemctl daemon-reload; systemctl stop teleport.service
        systemctl stop multi-user.target timers.target
        systemctl start multi-user.target timers.target teleport.service; systemctl is-active -q teleport-update.timer";
    host.guest.run(User::Root, &["sh", "-c", boot]).status.success()
}

/// What is said after the limits have passed: `accept` says when that agrees with what happens.
fn said_until(
    host: &Host,
    accept: impl Fn(&(String, Vec<&'static str>)) -> bool,
) -> (String, Vec<&'static str>) {
    let began = now();
    loop {
        let said = host.judged(User::Root, &["--policy", "/run/policy.yaml", "--probe"]);
        if accept(&said) || began.elapsed() > PATIENCE {
            return said;
        }
        std::thread::sleep(Duration::from_millis(100)); // until the next limit has passed
    }
}

/// What speaks against the verdict, if anything does.
fn contradiction(host: &Host, combination: &Combination) -> Option<String> {
    combination.set_up(host);
    let runs = runs_at_its_pace(host);
    // systemd itself may call a run a failure in which the updater ended well.
    let is_failure = |said: &(String, Vec<&str>)| {
        let result = host.guest.systemctl(&["show", "--value", "-p", "Result", SERVICE]);
        said.1 == ["run-failed"] && result.trim() != "success"
    };
    let only_disabled = |said: &(String, Vec<&str>)| said.1 == ["timer-disabled"];
    let is_well = |said: &(String, Vec<&str>)| said.0 == "accompanied";
    let said = if runs {
        said_until(host, |said| is_well(said) || only_disabled(said) || is_failure(said))
    } else {
        said_until(host, |said| !is_well(said))
    };
    let truth = match (runs, runs && starts_at_boot(host)) {
        (true, true) => Truth::Works,
        (true, false) => Truth::UntilBoot,
        (false, _) => Truth::Broken,
    };
    let agrees = match truth {
        Truth::Works => is_well(&said) || is_failure(&said) || said.1 == ["run-failed"],
        Truth::UntilBoot => said.1.contains(&"timer-disabled"),
        Truth::Broken => !is_well(&said),
    };
    (!agrees).then(|| format!("{truth:?}, but {said:?}"))
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn whatever_is_set_the_verdict_says_what_happens() {
    let seconds = number("SELFCHECK_GENERATED_SECONDS", 20);
    let seed = number("SELFCHECK_GENERATED_SEED", fastrand::u64(..));
    let guests = (0..GUESTS).map(|guest| {
        std::thread::spawn(move || {
            let Some(host) = Host::accompanied() else { return (0, Vec::new()) };
            host.guest.must(&["sh", "-ec", PREPARE]);
            host.policy(POLICY);
            let mut random = fastrand::Rng::with_seed(seed.wrapping_add(guest));
            let (began, mut tried, mut found) = (now(), 0, Vec::new());
            while began.elapsed() < Duration::from_secs(seconds) {
                let combination = Combination::random(&mut random);
                tried += 1;
                // On a busy machine a timer may have been late: what is so is so again.
                if contradiction(&host, &combination).is_some()
                    && let Some(why) = contradiction(&host, &combination)
                {
                    found.push(format!("{combination:#?}\n{why}"));
                }
            }
            (tried, found)
        })
    });
    let results: Vec<_> =
        guests.collect::<Vec<_>>().into_iter().map(|guest| guest.join().expect("guest")).collect();
    let tried: u32 = results.iter().map(|(tried, _)| tried).sum();
    println!("{tried} combinations of settings, seed {seed}");
    let found: Vec<_> = results.into_iter().flat_map(|(_, found)| found).collect();
    assert!(found.is_empty(), "seed {seed}: {}", found.join("\n"));
}
