//! Files that are not what they should be, everywhere a file is read: nothing crashes, hangs, grows or misleads.

use std::fs::File;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use nix::sys::stat::Mode;
use nix::sys::stat::SFlag;
use nix::sys::stat::makedev;
use nix::sys::stat::mknod;
use nix::unistd::mkfifo;
use selfcheck_core::Status;
use selfcheck_core::Verdict;
use selfcheck_tests::UnpackedImage;
use selfcheck_tests::binary;
use tempfile::NamedTempFile;

const CONFIG: &str = "/opt/teleport/default/update.yaml";
const AGENT: &str = "/etc/teleport.yaml";
/// Every file that a look reads.
const FILES: [&str; 17] = [
    CONFIG,
    AGENT,
    "/var/lib/teleport/host_uuid",
    "/etc/hostname",
    "/etc/os-release",
    "/etc/systemd/system/teleport.service",
    "/etc/systemd/system/teleport-update.timer",
    "/etc/systemd/system/teleport-update.service",
    "/etc/systemd/system/teleport-update.service.d/x.conf",
    "/usr/local/bin/teleport-update",
    "/usr/sbin/teleport-upgrade",
    "/etc/teleport-upgrade.d/endpoint",
    "/etc/teleport-upgrade.d/schedule",
    "/etc/teleport-upgrade.d/installer",
    "/var/lib/dpkg/status",
    "/etc/zypp/locks",
    "/etc/dnf/plugins/versionlock.list",
];
/// The most memory that a hostile file may cost a look, beyond what the command holds where every file is as it should be; that is
/// mostly its own code, of which a debug build has a lot.
const MOST_BYTES: u64 = 10 << 20;

/// One way of being hostile: what it is called, and how a file becomes that.
type Hostility = (&'static str, fn(&UnpackedImage, &str));

const HOSTILITIES: [Hostility; 20] = [
    ("a FIFO", |image, path| mkfifo(&place(image, path), Mode::S_IRWXU).expect("fifo")),
    ("a socket", |image, path| drop(UnixListener::bind(place(image, path)).expect("socket"))),
    ("a folder", |image, path| std::fs::create_dir(place(image, path)).expect("folder")),
    ("an endless device", |image, path| {
        let at = place(image, path);
        // Only root may make a device; for others a link to one has to do.
        if mknod(&at, SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 5)).is_err() {
            image.link(path, "/dev/zero");
        }
    }),
    ("a loop of links", |image, path| image.link(path, path)),
    ("a link out", |image, path| image.link(path, "../../../../../../../../etc/passwd")),
    ("a link to a process's file", |image, path| image.link(path, "/proc/self/environ")),
    ("10 GB", |image, path| File::create(place(image, path)).expect("file").set_len(10 << 30).expect("size")),
    ("empty", |image, path| image.write(path, "")),
    ("NUL bytes", |image, path| image.write(path, "kind: update_config\0\0\0version: v1\n")),
    ("not UTF-8", |image, path| image.write(path, [0x6b, 0xff, 0xfe, 0xc3, 0x28, 0x0a])),
    ("control characters", |image, path| image.write(path, controlling(path))),
    ("a megabyte in one word", |image, path| image.write(path, "x".repeat(1_000_000))),
    ("a megabyte as a value", |image, path| {
        image.write(
            path,
            format!("version: v1\nkind: update_config\nspec: {{proxy: {}}}\n", "x".repeat(1_000_000)),
        );
    }),
    ("a bomb of anchors", |image, path| image.write(path, bomb())),
    ("a bomb of merges", |image, path| image.write(path, merges())),
    ("a bomb of merges of merges", |image, path| image.write(path, merges_of_merges())),
    ("merges without number", |image, path| image.write(path, many_merges())),
    ("nested a hundred thousand deep", |image, path| image.write(path, "[".repeat(100_000))),
    ("a hundred thousand keys", |image, path| {
        let keys: Vec<_> = (0..100_000).map(|number| format!("k{number}: v\n")).collect();
        image.write(path, keys.concat());
    }),
];

/// Makes room for something other than a file.
fn place(image: &UnpackedImage, path: &str) -> std::path::PathBuf {
    image.make_room(path);
    image.at(path)
}

/// What the file should say, with terminal escapes, a line of its own and a bell in every value.
fn controlling(path: &str) -> String {
    let evil = "\\e[2J\\e]0;owned\\a\\nACCOMPANIED: all is well\\x9b31m\\u202e";
    if path == AGENT {
        return format!(
            "teleport: {{proxy_server: \"{evil}\"}}\nauth_service: {{enabled: no}}\nproxy_service: {{enabled: no}}\n"
        );
    }
    if path == CONFIG {
        return format!(
            "version: v1\nkind: update_config\nspec: {{proxy: \"{evil}\", group: \"{evil}\", enabled: true}}\n\
             status: {{active: {{version: \"{evil}\"}}, last_update: {{success: false, target: {{version: \"{evil}\"}}}}}}\n"
        );
    }
    "\u{1b}[2J\u{1b}]0;owned\u{7}\nACCOMPANIED: all is well\u{9b}31m\u{202e}\n".to_owned()
}

pub(crate) fn merges() -> String {
    let keys: Vec<_> = (0..200).map(|key| format!("k{key}: v")).collect();
    format!("x: &x {{{}}}\nversion: v1\nspec: {{<<: [{}]}}\n", keys.join(", "), vec!["*x"; 1500].join(", "))
}

pub(crate) fn merges_of_merges() -> String {
    let level = |level: u32| {
        let below = vec![format!("*m{}", level - 1); 20].join(", ");
        format!("m{level}: &m{level} {{<<: [{below}], k{level}: v}}\n")
    };
    std::iter::once("m0: &m0 {a: 1, b: 2, c: 3}\n".to_owned()).chain((1..8).map(level)).collect()
}

pub(crate) fn many_merges() -> String {
    let maps: Vec<_> = (0..2000).map(|map| format!("y{map}: {{<<: *x}}\n")).collect();
    format!("x: &x {{a: 1, b: 2, c: 3, d: 4}}\n{}", maps.concat())
}

pub(crate) fn bomb() -> String {
    let level = |level: u32| {
        format!("a{level}: &a{level} [{}]\n", [format!("*a{}", level - 1).as_str(); 9].join(", "))
    };
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned()].into_iter().chain((1..20).map(level)).collect()
}

/// Looks at an image with the command, and writes the most memory it held to the file `peak`.
fn measured(peak: &Path, root: &Path, format: &str) -> Output {
    Command::new(binary("peak-memory"))
        .arg(peak)
        .arg(binary("teleport-selfcheck"))
        .args(["debug", "updater-status", "--timeout", "20s", "--root"])
        .arg(root)
        .args(["--format", format])
        .output()
        .expect("command")
}

/// What the command holds where every file is as it should be.
fn bytes_of_the_command() -> u64 {
    static BYTES: OnceLock<u64> = OnceLock::new();
    *BYTES.get_or_init(|| {
        let (peak, image) = (NamedTempFile::new().expect("file"), UnpackedImage::accompanied());
        measured(peak.path(), image.root(), "text");
        std::fs::read_to_string(peak.path()).expect("peak").parse().expect("number")
    })
}

/// Looks at an image with the command, within bounds of memory; the text shows nothing that moves a terminal.
fn look(image: &UnpackedImage, what: &str) -> Status {
    let peak = NamedTempFile::new().expect("file");
    let run = |format: &str| {
        let output = measured(peak.path(), image.root(), format);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 10..=14)), "{what}: {:?} {stderr}", output.status);
        let held: u64 = std::fs::read_to_string(peak.path()).expect("peak").parse().expect("number");
        let own = bytes_of_the_command();
        assert!(held < own + MOST_BYTES, "{what}: {held} bytes, of which {own} are the command's own");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let text = run("text");
    let bad = text.chars().find(|c| c.is_control() && *c != '\n' || ('\u{202a}'..='\u{202e}').contains(c));
    assert_eq!(bad, None, "{what}: {text:?}");
    assert_eq!(
        text.lines().filter(|line| line.starts_with("ACCOMPANIED")).count(),
        usize::from(text.starts_with("ACC"))
    );
    serde_json::from_str(&run("json")).expect("json")
}

#[test]
fn every_file_in_every_way_beside_an_updater() {
    for path in FILES {
        for (what, make) in HOSTILITIES {
            let image = UnpackedImage::accompanied();
            make(&image, path);
            let what = format!("{path} is {what}");
            let status = look(&image, &what);
            // The updater is there whatever one file looks like.
            assert_ne!(status.verdict, Verdict::Unaccompanied, "{what}");
            if path == CONFIG {
                assert_ne!(status.verdict, Verdict::Accompanied, "{what}: {:?}", status.findings);
            }
        }
    }
}

#[test]
fn every_file_in_every_way_beside_the_older_updater() {
    for path in FILES
        .into_iter()
        .filter(|path| path.contains("upgrade") || path.contains("lock") || path.contains("dpkg"))
    {
        for (what, make) in HOSTILITIES {
            let image = UnpackedImage::bare();
            image.write(AGENT, "auth_service: {enabled: no}\nproxy_service: {enabled: no}\n");
            for unit in ["teleport-upgrade.timer", "teleport-upgrade.service"] {
                image.write(
                    &format!("/usr/lib/systemd/system/{unit}"),
                    "[Service]\nExecStart=/usr/sbin/teleport-upgrade\n",
                );
                image.link(&format!("/etc/systemd/system/x.wants/{unit}"), "/x");
            }
            make(&image, path);
            let what = format!("{path} is {what}");
            assert_ne!(look(&image, &what).verdict, Verdict::Unaccompanied, "{what}");
        }
    }
}

#[test]
fn a_folder_in_place_of_every_folder_above_is_a_file() {
    for path in FILES {
        let image = UnpackedImage::accompanied();
        let above = path.rsplit_once('/').expect("folder").0;
        if above == "/etc" {
            continue; // without /etc there is no image
        }
        image.write(above, "a file");
        look(&image, above);
    }
}

#[test]
fn a_file_that_is_replaced_while_it_is_read() {
    let image = UnpackedImage::accompanied();
    let good = std::fs::read_to_string(image.at(CONFIG)).expect("config");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let fresh = image.at("/opt/teleport/default/fresh");
            while !done.load(Ordering::Relaxed) {
                mkfifo(&fresh, Mode::S_IRWXU).expect("fifo");
                std::fs::rename(&fresh, image.at(CONFIG)).expect("rename");
                std::fs::write(&fresh, &good).expect("write");
                std::fs::rename(&fresh, image.at(CONFIG)).expect("rename");
            }
        });
        for _ in 0..50 {
            let status = image.status(&[]);
            let reasons: Vec<_> = status.findings.iter().map(|finding| finding.reason.code()).collect();
            // At each instant there is a whole file or a FIFO, never both and never none.
            assert!(matches!(reasons.as_slice(), [] | ["config-corrupt"]), "{reasons:?}");
        }
        done.store(true, Ordering::Relaxed);
    });
}
