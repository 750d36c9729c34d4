//! What starts a unit at a boot: links in `.wants` and `.requires` folders, and what other units say of themselves.

use std::collections::BTreeSet;
use std::path::Path;

use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::Starter;
use selfcheck_core::observation::StarterState;

use crate::files::Tree;

use super::folders::LASTING_DIRS;
use super::folders::Link;
use super::folders::PASSING_DIRS;
use super::folders::link;
use super::settings::with_drop_ins;

/// The most entries of a folder of units.
const MOST_UNITS: usize = 10_000;
/// The most starters that are told of.
const MOST_STARTERS: usize = 16;
/// Names that lead to names are followed so far.
const MOST_ALIASES: usize = 16;
/// The folders of links by which a unit starts others.
const FOLDERS: [&str; 3] = ["wants", "requires", "upholds"];
/// The settings by which a unit starts others.
const SETTINGS: [&str; 4] = ["Wants", "Requires", "Upholds", "BindsTo"];
/// Units of these kinds are there without a file.
const WITHOUT_FILE: [&str; 6] = ["device", "mount", "swap", "slice", "scope", "automount"];
/// Where a unit is usually wanted from.
const TARGETS: [&str; 2] = ["timers.target", "multi-user.target"];
/// Targets that systemd brings, so that they are missing nowhere; but they may be masked.
const BROUGHT_BY_SYSTEMD: [&str; 9] = [
    "basic.target",
    "default.target",
    "graphical.target",
    "local-fs.target",
    "multi-user.target",
    "network-online.target",
    "network.target",
    "sysinit.target",
    "timers.target",
];

/// What starts `unit` at a boot: one starter that will be there, or all that will not. `agent` is the unit that usually
/// does, and `wanted_by` are those that systemd knows to want it.
pub(crate) fn starters(tree: &Tree, unit: &str, agent: &str, wanted_by: &[Text]) -> Fact<Vec<Starter>> {
    Search { tree, found: Vec::new() }.run(unit, agent, wanted_by).into()
}

struct Search<'a> {
    tree: &'a Tree,
    found: Vec<Starter>,
}

impl Search<'_> {
    fn run(mut self, unit: &str, agent: &str, wanted_by: &[Text]) -> Result<Vec<Starter>, Why> {
        // Nearly always it is one of these links.
        for parent in [agent, TARGETS[0]] {
            if self.try_link(&format!("{parent}.wants"), unit)? {
                return Ok(self.found);
            }
        }
        self.found.clear();
        let names = self.names_of(unit)?;
        for folder in self.folders_of_links()? {
            for name in &names {
                if self.try_link(&folder, name)? {
                    return Ok(self.found);
                }
            }
        }
        let known = wanted_by.iter().map(Text::as_str).take(MOST_STARTERS);
        let parents: BTreeSet<&str> = known.chain([agent]).chain(TARGETS).collect();
        for parent in parents {
            if let Some(by) = self.setting_of(parent, &names)?
                && self.add(parent, &by)?
            {
                return Ok(self.found);
            }
        }
        Ok(self.found)
    }

    /// Follows the link to `unit` in the folder `links`, as `teleport.service.wants`; the result is whether it starts the
    /// unit at a boot.
    fn try_link(&mut self, links: &str, unit: &str) -> Result<bool, Why> {
        let parent = links.rsplit_once('.').map_or(links, |(parent, _)| parent);
        for folder in LASTING_DIRS {
            let path = format!("{folder}/{links}/{unit}");
            match link(self.tree, &path) {
                Ok(None) => {}
                // A link to nothing takes back those of packages, and what is no link says nothing.
                Ok(Some(Link::Null | Link::None)) => return Ok(false),
                Ok(Some(Link::To(_))) => return self.add(parent, &path),
                Err(why) if why.is_corruption() => {} // what is no folder starts nothing
                Err(why) => return Err(why),
            }
        }
        for folder in PASSING_DIRS {
            let path = format!("{folder}/{links}/{unit}");
            if let Ok(Some(Link::To(_))) = link(self.tree, &path) {
                self.push(parent, &path, StarterState::UntilBoot);
            }
        }
        Ok(false)
    }

    fn add(&mut self, parent: &str, by: &str) -> Result<bool, Why> {
        let state = self.state_of(parent)?;
        if state == StarterState::There {
            self.found.clear();
        }
        self.push(parent, by, state);
        Ok(state == StarterState::There)
    }

    fn push(&mut self, parent: &str, by: &str, state: StarterState) {
        if self.found.len() < MOST_STARTERS {
            self.found.push(Starter { unit: Text::new(parent), by: Text::new(by), state });
        }
    }

    /// Whether the unit `name` will be there after a boot, by its own name, that which it is an alias of, or its template.
    fn state_of(&self, name: &str) -> Result<StarterState, Why> {
        let mut name = name.to_owned();
        for _ in 0..MOST_ALIASES {
            match self.entry(&name)? {
                Entry::There => return Ok(StarterState::There),
                Entry::Masked => return Ok(StarterState::Masked),
                Entry::AliasOf(other) => name = other,
                Entry::Missing => {
                    let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
                    if WITHOUT_FILE.contains(&kind) || BROUGHT_BY_SYSTEMD.contains(&name.as_str()) {
                        return Ok(StarterState::There);
                    }
                    match template_of(&name) {
                        Some(template) => name = template,
                        None => return Ok(StarterState::Missing),
                    }
                }
            }
        }
        Ok(StarterState::Missing) // names that lead in a circle
    }

    /// What a boot will find under a unit's name.
    fn entry(&self, name: &str) -> Result<Entry, Why> {
        for folder in LASTING_DIRS {
            let path = format!("{folder}/{name}");
            let target = match link(self.tree, &path)? {
                None => continue,
                Some(Link::Null) => return Ok(Entry::Masked),
                Some(Link::None) => None,
                Some(Link::To(target)) => Some(target),
            };
            let Ok(metadata) = self.tree.metadata(Path::new(&path)) else {
                continue; // a link to nowhere is no unit
            };
            if metadata.is_file() && metadata.len() == 0 {
                return Ok(Entry::Masked);
            }
            let other = target.and_then(|target| Some(target.file_name()?.to_str()?.to_owned()));
            return Ok(match other.filter(|other| other != name) {
                Some(other) if self.has_file(&other)? => Entry::AliasOf(other),
                _ => Entry::There,
            });
        }
        Ok(Entry::Missing)
    }

    /// Whether anything in the folders of units has this name.
    fn has_file(&self, name: &str) -> Result<bool, Why> {
        for folder in LASTING_DIRS {
            if link(self.tree, &format!("{folder}/{name}"))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The unit's names: its own, that which it is an alias of, and its aliases.
    fn names_of(&self, unit: &str) -> Result<BTreeSet<String>, Why> {
        let mut names = BTreeSet::from([unit.to_owned()]);
        if let Entry::AliasOf(other) = self.entry(unit)? {
            names.insert(other);
        }
        let kind = unit.rsplit_once('.').map_or("", |(_, kind)| kind);
        for folder in LASTING_DIRS {
            for name in self.tree.names(folder, MOST_UNITS)? {
                let is_of_kind = name.rsplit_once('.').is_some_and(|(_, other)| other == kind);
                if is_of_kind && matches!(self.entry(&name)?, Entry::AliasOf(other) if names.contains(&other))
                {
                    names.insert(name);
                }
            }
        }
        Ok(names)
    }

    /// The names of all folders of links.
    fn folders_of_links(&self) -> Result<BTreeSet<String>, Why> {
        let mut found = BTreeSet::new();
        for folder in LASTING_DIRS.into_iter().chain(PASSING_DIRS) {
            let names = self.tree.names(folder, MOST_UNITS)?;
            let of_links =
                |name: &String| name.rsplit_once('.').is_some_and(|(_, ending)| FOLDERS.contains(&ending));
            found.extend(names.into_iter().filter(of_links));
        }
        Ok(found)
    }

    /// The file of `parent` that says that it starts one of `names`, if one does.
    fn setting_of(&self, parent: &str, names: &BTreeSet<String>) -> Result<Option<String>, Why> {
        let mut name = parent.to_owned();
        for _ in 0..MOST_ALIASES {
            let Entry::AliasOf(other) = self.entry(&name)? else { break };
            name = other;
        }
        if parent.rsplit_once('.').is_some_and(|(_, kind)| kind == "device") {
            return Ok(Some(name)); // what it wants, a rule of the devices says
        }
        let mut settings = with_drop_ins(self.tree, &LASTING_DIRS, &name);
        if let Some(template) = template_of(&name) {
            settings.extend(with_drop_ins(self.tree, &LASTING_DIRS, &template));
        }
        let starts = settings.iter().find(|setting| {
            setting.section == "Unit"
                && SETTINGS.contains(&setting.key.as_str())
                && setting.value.split_ascii_whitespace().any(|word| names.contains(word))
        });
        Ok(starts.map(|setting| setting.file.clone()))
    }
}

/// What a boot will find under a unit's name.
enum Entry {
    There,
    Masked,
    AliasOf(String),
    Missing,
}

/// `name@.kind` of `name@instance.kind`.
fn template_of(name: &str) -> Option<String> {
    let (stem, kind) = name.rsplit_once('.')?;
    let (stem, instance) = stem.split_once('@')?;
    (!instance.is_empty()).then(|| format!("{stem}@.{kind}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const TIMER: &str = "teleport-update.timer";
    const ETC: &str = "etc/systemd/system";
    const USR: &str = "usr/lib/systemd/system";

    struct Image(tempfile::TempDir);

    impl Image {
        fn with(files: &[&str]) -> Self {
            let image = Self(tempfile::tempdir().expect("folder"));
            for file in files {
                image.write(file, "[Unit]\n");
            }
            image
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            std::fs::create_dir_all(path.parent().expect("folder")).expect("folder");
            std::fs::write(path, text).expect("written");
        }

        fn link(&self, path: &str, target: &str) {
            let path = self.0.path().join(path);
            std::fs::create_dir_all(path.parent().expect("folder")).expect("folder");
            symlink(target, path).expect("linked");
        }

        fn starters(&self) -> Vec<(String, &'static str)> {
            let tree = Tree::within(self.0.path()).expect("tree");
            let found = starters(&tree, TIMER, "teleport.service", &[]);
            let found = found.present().expect("readable").iter();
            found.map(|starter| (starter.unit.to_string(), starter.state.word())).collect()
        }
    }

    fn one(unit: &str, state: &'static str) -> Vec<(String, &'static str)> {
        vec![(unit.to_owned(), state)]
    }

    #[test]
    fn a_link_counts_as_far_as_its_parent_is_there() {
        let image = Image::with(&["etc/systemd/system/teleport-update.timer"]);
        assert_eq!(image.starters(), []);
        image.link(&format!("{ETC}/teleport.service.wants/{TIMER}"), "../teleport-update.timer");
        assert_eq!(image.starters(), one("teleport.service", "missing"));
        image.write(&format!("{USR}/teleport.service"), "[Service]\n");
        assert_eq!(image.starters(), one("teleport.service", "there"));
        image.link(&format!("{ETC}/teleport.service"), "/dev/null");
        assert_eq!(image.starters(), one("teleport.service", "masked"));
        // Another one suffices.
        image.link(&format!("{ETC}/node.service.requires/{TIMER}"), "../teleport-update.timer");
        image.write(&format!("{ETC}/node.service"), "[Service]\n");
        assert_eq!(image.starters(), one("node.service", "there"));
    }

    #[test]
    fn aliases_and_templates_of_parents_are_followed() {
        for (links, files, alias, expected) in [
            ("agent.service", vec!["real.service"], Some(("agent.service", "real.service")), "there"),
            ("agent.service", vec![], Some(("agent.service", "real.service")), "missing"),
            ("agent@db.service", vec!["agent@.service"], None, "there"),
            ("agent@db.service", vec!["agent@db.service"], None, "there"),
            ("agent@db.service", vec![], None, "missing"),
            ("dev-vda.device", vec![], None, "there"),
        ] {
            let image = Image::with(&[]);
            for file in files {
                image.write(&format!("{USR}/{file}"), "[Service]\n");
            }
            if let Some((alias, real)) = alias {
                image.link(&format!("{ETC}/{alias}"), &format!("/{USR}/{real}"));
            }
            image.link(&format!("{ETC}/{links}.wants/{TIMER}"), "/nowhere");
            assert_eq!(image.starters(), one(links, expected), "{links}");
        }
    }

    #[test]
    fn a_masked_unit_behind_an_alias_starts_nothing() {
        let image = Image::with(&["usr/lib/systemd/system/real.service"]);
        image.link(&format!("{ETC}/agent.service"), "/usr/lib/systemd/system/real.service");
        image.link(&format!("{ETC}/real.service"), "/dev/null");
        image.link(&format!("{ETC}/agent.service.wants/{TIMER}"), "/nowhere");
        assert_eq!(image.starters(), one("agent.service", "masked"));
    }

    #[test]
    fn an_alias_of_the_timer_is_the_timer() {
        let image =
            Image::with(&["etc/systemd/system/teleport-update.timer", "usr/lib/systemd/system/basic.target"]);
        image.link(&format!("{ETC}/updates.timer"), "teleport-update.timer");
        image.link(&format!("{ETC}/basic.target.wants/updates.timer"), "../updates.timer");
        assert_eq!(image.starters(), one("basic.target", "there"));
    }

    #[test]
    fn what_a_boot_forgets_and_what_is_taken_back_starts_nothing() {
        let image = Image::with(&["usr/lib/systemd/system/timers.target"]);
        image.link(&format!("run/systemd/system/timers.target.wants/{TIMER}"), "/nowhere");
        assert_eq!(image.starters(), one("timers.target", "until-boot"));
        image.link(&format!("{USR}/timers.target.wants/{TIMER}"), "/nowhere");
        assert_eq!(image.starters(), one("timers.target", "there"));
        image.link(&format!("{ETC}/timers.target.wants/{TIMER}"), "/dev/null");
        assert_eq!(image.starters(), []);
    }

    #[test]
    fn a_unit_may_say_itself_what_it_starts() {
        let image = Image::with(&[
            "etc/systemd/system/teleport-update.timer",
            "usr/lib/systemd/system/teleport.service",
        ]);
        assert_eq!(image.starters(), []);
        image.write(
            &format!("{ETC}/teleport.service.d/updates.conf"),
            &format!("[Unit]\nWants=a.service {TIMER}\n"),
        );
        assert_eq!(image.starters(), one("teleport.service", "there"));
    }

    #[test]
    fn names_that_lead_in_a_circle_end() {
        let image = Image::with(&["opt/a.service", "opt/b.service"]);
        image.link(&format!("{ETC}/a.service"), "/opt/b.service");
        image.link(&format!("{ETC}/b.service"), "/opt/a.service");
        image.link(&format!("{ETC}/a.service.wants/{TIMER}"), "/nowhere");
        assert_eq!(image.starters(), one("a.service", "missing"));
    }
}
