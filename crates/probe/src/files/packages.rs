//! Packages that a package manager is told not to change.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;

use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::Holds;

use super::outcome::why;
use super::tree::Tree;

/// The packages that hold an agent.
const PACKAGES: [&str; 3] = ["teleport", "teleport-ent", "teleport-ent-fips"];
/// dpkg's database is some tens of megabytes on a large host; it is streamed.
const DPKG_LIMIT: u64 = 512 << 20;
/// A line longer than this is none of dpkg's.
const LINE_LIMIT: u64 = 64 << 10;
/// Lists of locks are short.
const LIST_LIMIT: u64 = 1 << 20;

/// A list of holds: where it is, and how it is read.
type Source = (&'static str, fn(&Tree, &str) -> Fact<Vec<String>>);

/// The packages held, from every package manager that keeps such a list here.
pub(crate) fn holds(tree: &Tree) -> Fact<Holds> {
    let sources: [Source; 5] = [
        ("/var/lib/dpkg/status", dpkg),
        ("/etc/zypp/locks", |tree, path| listed(tree, path, zypper_line)),
        ("/etc/dnf/plugins/versionlock.list", |tree, path| listed(tree, path, versionlock_line)),
        ("/etc/yum/pluginconf.d/versionlock.list", |tree, path| listed(tree, path, versionlock_line)),
        ("/etc/dnf/versionlock.toml", |tree, path| listed(tree, path, dnf5_line)),
    ];
    let mut result = Fact::Absent;
    for (path, look) in sources {
        match look(tree, path) {
            Fact::Present(packages) if !packages.is_empty() => {
                let mut packages: Vec<_> = packages.iter().map(|package| Text::new(package)).collect();
                packages.sort();
                packages.dedup();
                return Fact::Present(Holds { packages, source: Some(path.into()) });
            }
            Fact::Present(_) if !result.is_unreadable() => result = Fact::Present(Holds::default()),
            Fact::Unreadable(why) => result = Fact::Unreadable(why),
            Fact::Present(_) | Fact::Absent | Fact::NotApplicable => {}
        }
    }
    result
}

/// Streams dpkg's database for held packages of Teleport.
fn dpkg(tree: &Tree, path: &str) -> Fact<Vec<String>> {
    tree.regular(Path::new(path)).and_read(|file| dpkg_stream(BufReader::new(file.take(DPKG_LIMIT))))
}

pub(super) fn dpkg_stream(mut database: impl BufRead) -> Result<Vec<String>, Why> {
    let mut held = Vec::new();
    let mut package = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read =
            (&mut database).take(LINE_LIMIT).read_until(b'\n', &mut line).map_err(|error| why(&error))?;
        if read == 0 {
            return Ok(held);
        }
        let text = line.trim_ascii_end();
        if let Some(name) = text.strip_prefix(b"Package: ") {
            package = PACKAGES.into_iter().find(|known| known.as_bytes() == name);
        } else if let (Some(name), Some(status)) = (package, text.strip_prefix(b"Status: "))
            && status.starts_with(b"hold ")
            && status.ends_with(b" installed")
        {
            held.push(name.to_owned());
        }
    }
}

/// Reads a list of locks, one line at a time.
fn listed(tree: &Tree, path: &str, package: fn(&str) -> Option<&str>) -> Fact<Vec<String>> {
    tree.read(Path::new(path), LIST_LIMIT).map(|text| named(&text, package))
}

/// The packages of Teleport that the lines of a list name.
pub(super) fn named(list: &str, package: fn(&str) -> Option<&str>) -> Vec<String> {
    let named = list.lines().filter_map(|line| package(line.trim()));
    named.filter(|name| PACKAGES.contains(name)).map(str::to_owned).collect()
}

/// `solvable_name: teleport-ent`
pub(super) fn zypper_line(line: &str) -> Option<&str> {
    line.strip_prefix("solvable_name:").map(str::trim)
}

/// `teleport-ent-0:17.4.1-1.*`, or with the epoch first: `0:teleport-ent-17.4.1-1.*`. A line with a `!` excludes that version
/// and holds nothing at the present one.
pub(super) fn versionlock_line(line: &str) -> Option<&str> {
    if line.starts_with('!') {
        return None;
    }
    let line = line
        .split_once(':')
        .filter(|(epoch, _)| epoch.bytes().all(|b| b.is_ascii_digit()))
        .map_or(line, |(_, rest)| rest);
    let digit =
        line.match_indices('-').find(|(at, _)| line[at + 1..].starts_with(|c: char| c.is_ascii_digit()))?;
    Some(&line[..digit.0])
}

/// `name = "teleport-ent"`
pub(super) fn dnf5_line(line: &str) -> Option<&str> {
    let value = line.strip_prefix("name")?.trim_start().strip_prefix('=')?;
    Some(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_dpkg_and_finds_held_packages_only() {
        let database = "Package: teleport-ent\nStatus: hold ok installed\nVersion: 17.4.1\n\n\
                        Package: bash\nStatus: hold ok installed\n\n\
                        Package: teleport\nStatus: install ok installed\n\n\
                        Package: teleport-ent-fips\nStatus: hold ok config-files\n";
        assert_eq!(dpkg_stream(database.as_bytes()), Ok(vec!["teleport-ent".to_owned()]));
    }

    #[test]
    fn an_endless_line_is_no_memory() {
        let database = std::io::repeat(b'x').take(10 << 20);
        assert_eq!(dpkg_stream(BufReader::new(database)), Ok(Vec::new()));
    }

    #[test]
    fn reads_the_lists_of_rpm_package_managers() {
        assert_eq!(zypper_line("solvable_name: teleport-ent"), Some("teleport-ent"));
        assert_eq!(versionlock_line("teleport-ent-0:17.4.1-1.*"), Some("teleport-ent"));
        assert_eq!(versionlock_line("0:teleport-17.4.1-1.*"), Some("teleport"));
        assert_eq!(versionlock_line("!teleport-ent-0:17.4.1-1.*"), None);
        assert_eq!(versionlock_line("# a comment"), None);
        assert_eq!(dnf5_line("name = \"teleport-ent\""), Some("teleport-ent"));
    }
}
