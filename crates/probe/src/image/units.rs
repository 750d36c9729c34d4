//! Units as their files say: where systemd would find them, and whether a link enables them.

use std::path::Path;

use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::ActiveState;
use selfcheck_core::observation::AgentUnit;
use selfcheck_core::observation::DropIn;
use selfcheck_core::observation::Exec;
use selfcheck_core::observation::LoadState;
use selfcheck_core::observation::Schedule;
use selfcheck_core::observation::ServiceUnit;
use selfcheck_core::observation::TimerUnit;
use selfcheck_core::observation::UnitFileState;
use selfcheck_core::observation::UnitState;

use crate::configuration::Named;
use crate::configuration::VARIABLE;
use crate::files::Tree;
use crate::process::Arguments;
use crate::unit_files;
use crate::unit_files::ADMIN_DIRS;
use crate::unit_files::Line;
use crate::unit_files::Link;
use crate::unit_files::Setting;
use crate::unit_files::VENDOR_DIRS;
use crate::versions::Versions;

/// A unit file is a few hundred bytes.
const LIMIT: u64 = 64 << 10;
/// The most entries of a folder of units.
const MOST_UNITS: usize = 10_000;
/// The most drop-ins of one unit that are told of.
const MOST_TOLD: usize = 16;

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
    /// The unit's own name.
    name: String,
    load: LoadState,
    settings: Vec<Setting>,
}

impl<'a> Units<'a> {
    pub(super) fn look(tree: &'a Tree) -> Self {
        Self { tree, starting: starting(tree) }
    }

    pub(super) fn agent(&self, name: &str, update_config: &str) -> Fact<AgentUnit> {
        self.unit(name, |file, state| {
            let lines = lines(&self.with_drop_ins(name, file.settings));
            AgentUnit {
                state,
                main_pid: None,
                command_line: lines.first().map(|line| Arguments::of_line(&line.all_words()).kept()),
                starts: unit_files::agents_start(self.tree, &lines, |path| {
                    Versions::beside(self.tree, update_config).place_of(path)
                }),
            }
        })
    }

    /// What the agent started by the unit `name` is told to read its configuration from.
    pub(super) fn agent_config(&self, name: &str) -> Fact<Named> {
        self.file(name).and_then(|file| {
            let settings = self.with_drop_ins(name, file.settings);
            let lines = lines(&settings);
            let words = lines.first().map(Line::all_words).unwrap_or_default();
            let said = Arguments::of_line(&words);
            match unit_files::variable(self.tree, &settings, VARIABLE) {
                Fact::Unreadable(why) if said.config_string.is_none() => Fact::Unreadable(why),
                encoded => said.config_of(encoded.present().map(String::as_str)),
            }
        })
    }

    pub(super) fn timer(&self, name: &str, agent: &str) -> Fact<TimerUnit> {
        self.unit(name, |file, state| {
            let own = file.name.clone();
            let settings = self.with_drop_ins(name, file.settings);
            let triggers = unit_files::last(&settings, "Timer", "Unit").map_or_else(
                || own.strip_suffix(".timer").map(|stem| format!("{stem}.service")),
                |unit| Some(unit.to_owned()),
            );
            let triggers = triggers.map(|unit| self.own_name(&unit));
            // systemd does not load a timer that is never to fire.
            let load_state = match state.load_state {
                LoadState::Loaded if !unit_files::has_schedule(&settings) => LoadState::BadSetting,
                other => other,
            };
            TimerUnit {
                state: UnitState { drop_ins: self.drop_ins(name), load_state, ..state },
                result: None,
                active_since: None,
                last_trigger: None,
                next_elapse: None,
                refusal: None,
                triggers: triggers.map(|unit| Text::new(&unit)),
                starters: unit_files::starters(self.tree, name, agent, &[]),
                schedule: Schedule::default(),
            }
        })
    }

    pub(super) fn service(&self, name: &str, updater: &str) -> Fact<ServiceUnit> {
        self.unit(name, |file, mut state| {
            let settings = self.with_drop_ins(name, file.settings);
            let lines = lines(&settings);
            if lines.is_empty() && state.load_state == LoadState::Loaded {
                state.load_state = LoadState::BadSetting; // systemd does not load a service that starts nothing
            }
            let is_set = |section, key| unit_files::last(&settings, section, key).map(unit_files::is_yes);
            ServiceUnit {
                state: UnitState { drop_ins: self.drop_ins(name), ..state },
                result: None,
                exit_status: None,
                started: None,
                main_started: Fact::NotApplicable,
                exited: None,
                refusal: None,
                restarts: None,
                remains_after_exit: is_set("Service", "RemainAfterExit"),
                stops_when_unneeded: is_set("Unit", "StopWhenUnneeded"),
                exec: (!lines.is_empty()).then(|| Exec {
                    is_missing: unit_files::is_missing(self.tree, &lines, updater),
                    ..unit_files::exec(self.tree, &lines, updater)
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
                lasting_file: Fact::NotApplicable,
                id: Some(Text::new(&file.name)).filter(|id| *id != *name),
                job: None,
                drop_ins: Vec::new(),
            };
            unit_files::complete(self.tree, &mut state);
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
                Ok(Some((_, Link::To(_)))) => return Ok(true),
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
            let name = self.own_name(name);
            match self.link(&path) {
                Ok(Some(Link::Null)) => {
                    let (load, settings) = (LoadState::Masked, Vec::new());
                    return Fact::Present(UnitFile { path, name, load, settings });
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
            let settings = unit_files::settings(&text, &path);
            return Fact::Present(UnitFile { path, name, load, settings });
        }
        Fact::Absent
    }

    /// The own name of a unit that may be an alias.
    fn own_name(&self, unit: &str) -> String {
        let link = match self.first(unit) {
            Ok(Some((_, Link::To(target)))) => {
                target.file_name().and_then(|name| name.to_str().map(str::to_owned))
            }
            _ => None,
        };
        link.unwrap_or_else(|| unit.to_owned())
    }

    /// The drop-ins that say something of the unit `name`.
    fn drop_ins(&self, name: &str) -> Vec<DropIn> {
        let mut files: Vec<_> =
            self.settings_of_drop_ins(name).into_iter().map(|setting| setting.file).collect();
        files.dedup();
        let drop_in =
            |path: &String| DropIn { path: Text::new(path), sets: unit_files::keys_of(self.tree, path) };
        files.iter().take(MOST_TOLD).map(drop_in).collect()
    }

    fn settings_of_drop_ins(&self, name: &str) -> Vec<Setting> {
        unit_files::drop_ins(self.tree, &folders().collect::<Vec<_>>(), name)
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

    fn link(&self, path: &str) -> Result<Option<Link>, Why> {
        unit_files::link(self.tree, path)
    }

    /// The settings of a unit with those of its drop-ins behind. Drop-ins out of reach change nothing.
    fn with_drop_ins(&self, name: &str, mut settings: Vec<Setting>) -> Vec<Setting> {
        settings.extend(self.settings_of_drop_ins(name));
        settings
    }
}

/// Where units lie, the most important folder first.
fn folders() -> impl Iterator<Item = &'static str> {
    [ADMIN_DIRS[0]].into_iter().chain(VENDOR_DIRS)
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

fn lines(settings: &[Setting]) -> Vec<Line> {
    unit_files::command_lines(settings).into_iter().map(|(_, words)| Line::new(words)).collect()
}
