//! Units as their files say: where systemd would find them, and whether a link enables them.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

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
use crate::process;

use super::unit_file;
use super::unit_file::Setting;

/// Where the administrator's units lie, which come before all others.
const ADMINISTRATORS: &str = "/etc/systemd/system";
/// A unit file is a few hundred bytes.
const LIMIT: u64 = 64 << 10;
/// The most entries of a folder of units.
const MOST_UNITS: usize = 10_000;
/// The most drop-ins of one unit that are read.
const MOST_DROP_INS: usize = 64;

/// The units of a tree.
pub(super) struct Units<'a> {
    tree: &'a Tree,
    /// The folders of links by which units start others, as `teleport.service.wants`, each once and in the place that
    /// counts most; or why they could not be listed.
    starting: Result<Vec<String>, Why>,
}

/// The file of a unit.
struct UnitFile {
    path: String,
    load: LoadState,
    settings: Vec<Setting>,
}

/// A link to a unit.
enum Link {
    /// To /dev/null, which is how units and links are masked.
    Null,
    /// To anything else.
    Other,
    /// Something is there that is no link.
    None,
}

impl<'a> Units<'a> {
    pub(super) fn look(tree: &'a Tree) -> Self {
        Self { tree, starting: starting(tree) }
    }

    pub(super) fn agent(&self, name: &str) -> Fact<AgentUnit> {
        self.unit(name, |file, state| {
            let words = unit_file::exec_start(&self.with_drop_ins(name, file.settings));
            AgentUnit { state, main_pid: None, command_line: words.as_deref().map(process::command_line) }
        })
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
        self.unit(name, |file, mut state| {
            let words = unit_file::exec_start(&self.with_drop_ins(name, file.settings));
            if words.is_none() && state.load_state == LoadState::Loaded {
                state.load_state = LoadState::BadSetting; // systemd does not load a service that starts nothing
            }
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

    fn unit<T>(&self, name: &str, make: impl FnOnce(UnitFile, UnitState) -> T) -> Fact<T> {
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
            Ok(make(file, state))
        })
    }

    fn enablement(&self, name: &str, file: &UnitFile) -> Result<UnitFileState, Why> {
        if file.load == LoadState::Masked {
            return Ok(UnitFileState::Masked);
        }
        if self.is_started_by_another(name)? {
            return Ok(UnitFileState::Enabled);
        }
        let can_be_enabled = file.settings.iter().any(|setting| setting.section == "Install");
        Ok(if can_be_enabled { UnitFileState::Disabled } else { UnitFileState::Static })
    }

    /// Whether a link in some unit's `.wants` or `.requires` folder starts `name`.
    fn is_started_by_another(&self, name: &str) -> Result<bool, Why> {
        let mut hidden = None;
        for starting in self.starting.as_ref().map_err(|why| *why)? {
            match self.first(&format!("{starting}/{name}")) {
                Ok(Some((_, Link::Other))) => return Ok(true),
                Ok(_) => {}
                // What is no folder starts nothing.
                Err(why) if why.is_corruption() => {}
                Err(why) => hidden = Some(why),
            }
        }
        hidden.map_or(Ok(false), Err)
    }

    /// The file that systemd would load for `name`.
    fn file(&self, name: &str) -> Fact<UnitFile> {
        for folder in folders() {
            let path = format!("{folder}/{name}");
            match self.link(&path) {
                Ok(Some(Link::Null)) => {
                    return Fact::Present(UnitFile { path, load: LoadState::Masked, settings: Vec::new() });
                }
                Ok(Some(_)) => {}
                Ok(None) => continue,
                Err(why) => return Fact::Unreadable(why),
            }
            let (load, text) = match self.tree.read(Path::new(&path), LIMIT) {
                Fact::Present(text) if text.is_empty() => (LoadState::Masked, text),
                Fact::Present(text) => (LoadState::Loaded, text),
                Fact::Unreadable(why) if why.is_corruption() => (LoadState::Error, String::new()),
                Fact::Unreadable(why) => return Fact::Unreadable(why),
                // A link to nowhere is no unit.
                Fact::Absent | Fact::NotApplicable => continue,
            };
            return Fact::Present(UnitFile { path, load, settings: unit_file::settings(&text) });
        }
        Fact::Absent
    }

    /// What is at `name` in the first folder of units that has it, and where.
    fn first(&self, name: &str) -> Result<Option<(String, Link)>, Why> {
        for folder in folders() {
            let path = format!("{folder}/{name}");
            if let Some(link) = self.link(&path)? {
                return Ok(Some((path, link)));
            }
        }
        Ok(None)
    }

    /// What kind of link is at `path`, if anything is. An image need not have the device /dev/null.
    fn link(&self, path: &str) -> Result<Option<Link>, Why> {
        let read = || -> io::Result<Link> {
            let place = self.tree.place_of_link(Path::new(path))?;
            if !place.metadata()?.is_symlink() {
                return Ok(Link::None);
            }
            let target = readlinkat(&place, "")?;
            let folder = Path::new(path).parent().unwrap_or(Path::new("/"));
            let target = plain(&folder.join(Path::new(&target)));
            Ok(if target.as_os_str().as_bytes() == b"/dev/null" { Link::Null } else { Link::Other })
        };
        match read() {
            Ok(link) => Ok(Some(link)),
            Err(error) => files::failed::<()>(&error).why().map_or(Ok(None), Err),
        }
    }

    /// The settings of a unit with those of its drop-ins behind. Drop-ins out of reach change nothing.
    fn with_drop_ins(&self, name: &str, mut settings: Vec<Setting>) -> Vec<Setting> {
        let mut found = BTreeMap::new();
        for folder in folders() {
            let folder = format!("{folder}/{name}.d");
            for file in self.tree.names(&folder, MOST_UNITS).unwrap_or_default() {
                if has_ending(&file, &["conf"]) {
                    let path = format!("{folder}/{file}");
                    found.entry(file).or_insert(path);
                }
            }
        }
        for path in found.values().take(MOST_DROP_INS) {
            if let Fact::Present(text) = self.tree.read(Path::new(path), LIMIT) {
                settings.extend(unit_file::settings(&text));
            }
        }
        settings
    }
}

/// Where units lie, the most important folder first.
fn folders() -> impl Iterator<Item = &'static str> {
    [ADMINISTRATORS].into_iter().chain(files::VENDOR_DIRS)
}

/// The names of all `.wants` and `.requires` folders.
fn starting(tree: &Tree) -> Result<Vec<String>, Why> {
    let mut found = Vec::new();
    for folder in folders() {
        let names = tree.names(folder, MOST_UNITS)?;
        found.extend(names.into_iter().filter(|name| has_ending(name, &["wants", "requires"])));
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn has_ending(name: &str, endings: &[&str]) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending))
}

/// `path` without `.` and `..`, by its words alone.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::Normal(name) => plain.push(name),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    plain
}
