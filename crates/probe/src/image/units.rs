//! Units as their files say: where systemd would find them, and whether a link enables them.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::fs::DirEntry;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::fcntl::readlinkat;
use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::ActiveState;
use selfcheck_core::observation::AgentUnit;
use selfcheck_core::observation::Exec;
use selfcheck_core::observation::LoadState;
use selfcheck_core::observation::Schedule;
use selfcheck_core::observation::ServiceUnit;
use selfcheck_core::observation::TimerUnit;
use selfcheck_core::observation::UnitFileState;
use selfcheck_core::observation::UnitState;

use crate::files;
use crate::files::Tree;

use super::unit_file;

/// Where the administrator's units lie, which come before all others.
const ADMINISTRATORS: &str = "/etc/systemd/system";
/// A unit file is a few hundred bytes.
const LIMIT: u64 = 1 << 20;
/// The most entries of one folder that are looked at.
const MOST: usize = 10_000;

/// The units of a tree.
pub(super) struct Units<'a> {
    tree: &'a Tree,
    /// The units that a link of another unit starts, or why those could not be listed.
    wanted: Result<HashSet<String>, Why>,
}

/// The file of a unit.
struct UnitFile {
    path: String,
    load: LoadState,
    text: String,
}

impl<'a> Units<'a> {
    pub(super) fn look(tree: &'a Tree) -> Self {
        Self { tree, wanted: wanted(tree) }
    }

    pub(super) fn agent(&self, name: &str) -> Fact<AgentUnit> {
        self.unit(name, |_, state| AgentUnit { state, main_pid: None })
    }

    pub(super) fn timer(&self, name: &str) -> Fact<TimerUnit> {
        self.unit(name, |_, state| TimerUnit {
            state,
            result: None,
            active_since: None,
            last_trigger: None,
            next_elapse: None,
            schedule: Schedule::default(),
        })
    }

    pub(super) fn service(&self, name: &str) -> Fact<ServiceUnit> {
        self.unit(name, |file, state| {
            let mut settings = unit_file::settings(&file.text);
            for drop_in in self.drop_ins(name) {
                settings.extend(unit_file::settings(&drop_in));
            }
            let words = unit_file::exec_start(&settings);
            ServiceUnit {
                state,
                result: None,
                exit_status: None,
                started: None,
                exited: None,
                exec: words.and_then(|words| {
                    Some(Exec {
                        path: Text::new(words.first()?),
                        insecure: words.iter().any(|word| word == "--insecure"),
                    })
                }),
            }
        })
    }

    fn unit<T>(&self, name: &str, make: impl FnOnce(&UnitFile, UnitState) -> T) -> Fact<T> {
        self.file(name).and_read(|file| {
            let mut state = UnitState {
                unit: name.into(),
                load_state: file.load,
                active_state: ActiveState::Inactive, // nothing runs in an image
                sub_state: None,
                unit_file_state: Some(self.enablement(name, &file)?),
                need_daemon_reload: None,
                fragment: Fact::Present(Text::new(&file.path)),
                vendor_file: Fact::NotApplicable,
            };
            files::complete(self.tree, &mut state);
            Ok(make(&file, state))
        })
    }

    fn enablement(&self, name: &str, file: &UnitFile) -> Result<UnitFileState, Why> {
        if file.load == LoadState::Masked {
            return Ok(UnitFileState::Masked);
        }
        if self.wanted.as_ref().map_err(|why| *why)?.contains(name) {
            return Ok(UnitFileState::Enabled);
        }
        let can_be_enabled =
            unit_file::settings(&file.text).iter().any(|setting| setting.section == "Install");
        Ok(if can_be_enabled { UnitFileState::Disabled } else { UnitFileState::Static })
    }

    /// The file that systemd would load for `name`.
    fn file(&self, name: &str) -> Fact<UnitFile> {
        for folder in folders() {
            let path = format!("{folder}/{name}");
            match self.leads_to_null(&path) {
                Ok(true) => {
                    return Fact::Present(UnitFile { path, load: LoadState::Masked, text: String::new() });
                }
                Ok(false) => {}
                Err(error) => match files::failed::<()>(&error) {
                    Fact::Unreadable(why) => return Fact::Unreadable(why),
                    _ => continue,
                },
            }
            let (load, text) = match self.tree.read(Path::new(&path), LIMIT) {
                Fact::Present(text) if text.is_empty() => (LoadState::Masked, text),
                Fact::Present(text) => (LoadState::Loaded, text),
                Fact::Unreadable(why) if why.is_corruption() => (LoadState::Error, String::new()),
                Fact::Unreadable(why) => return Fact::Unreadable(why),
                // A link to nowhere is no unit.
                Fact::Absent | Fact::NotApplicable => continue,
            };
            return Fact::Present(UnitFile { path, load, text });
        }
        Fact::Absent
    }

    /// Whether `path` is a link to /dev/null, which is how units are masked. An image need not have that device.
    fn leads_to_null(&self, path: &str) -> io::Result<bool> {
        let place = self.tree.place_of_link(Path::new(path))?;
        if !place.metadata()?.is_symlink() {
            return Ok(false);
        }
        Ok(readlinkat(&place, "")?.as_bytes() == b"/dev/null")
    }

    /// The drop-ins of a unit, in the order in which they are read. Those out of reach change nothing.
    fn drop_ins(&self, name: &str) -> Vec<String> {
        let mut found = BTreeMap::new();
        for folder in folders() {
            let folder = format!("{folder}/{name}.d");
            for file in self.tree.entries(&folder).into_iter().flatten().take(MOST).flatten() {
                let file = file.file_name().to_string_lossy().into_owned();
                if has_ending(&file, &["conf"]) {
                    let path = format!("{folder}/{file}");
                    found.entry(file).or_insert(path);
                }
            }
        }
        found.values().filter_map(|path| self.tree.read(Path::new(path), LIMIT).present().cloned()).collect()
    }
}

/// Where units lie, the most important folder first.
fn folders() -> impl Iterator<Item = &'static str> {
    [ADMINISTRATORS].into_iter().chain(files::VENDOR_DIRS)
}

/// The units that stand in some unit's `.wants` or `.requires` folder.
fn wanted(tree: &Tree) -> Result<HashSet<String>, Why> {
    let mut wanted = HashSet::new();
    for folder in folders() {
        for name in names(tree, folder)? {
            if has_ending(&name, &["wants", "requires"]) {
                wanted.extend(names(tree, &format!("{folder}/{name}"))?);
            }
        }
    }
    Ok(wanted)
}

fn has_ending(name: &str, endings: &[&str]) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending))
}

/// The names in a folder; none where there is no such folder.
fn names(tree: &Tree, folder: &str) -> Result<Vec<String>, Why> {
    match tree.entries(folder) {
        Ok(entries) => {
            let name = |entry: io::Result<DirEntry>| match entry {
                Ok(entry) => Ok(entry.file_name().to_string_lossy().into_owned()),
                Err(error) => Err(files::why(&error)),
            };
            let names: Vec<_> = entries.take(MOST + 1).map(name).collect::<Result<_, _>>()?;
            // What lies beyond is not known to be absent.
            if names.len() > MOST { Err(Why::TooLarge) } else { Ok(names) }
        }
        Err(error) => match files::failed::<()>(&error) {
            Fact::Unreadable(why) => Err(why),
            _ => Ok(Vec::new()),
        },
    }
}
