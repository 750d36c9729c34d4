//! The text of unit files.

use std::collections::BTreeMap;
use std::path::Path;

use selfcheck_core::Fact;
use selfcheck_core::Text;

use crate::files::Tree;

use super::folders::Link;
use super::folders::link;

/// A unit file is a few hundred bytes.
const LIMIT: u64 = 64 << 10;
/// The most entries of a folder of drop-ins.
const MOST_NAMES: usize = 10_000;
/// The most settings of one drop-in that are told of.
const MOST_KEYS: usize = 64;
/// The most drop-ins of one unit that are read.
const MOST_DROP_INS: usize = 64;

/// One setting of a unit file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) section: String,
    pub(crate) key: String,
    pub(crate) value: String,
    /// The file that says so.
    pub(crate) file: String,
}

/// The settings of a unit file, in order. What is no setting is passed over, as systemd does.
pub(crate) fn settings(text: &str, file: &str) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut section = String::new();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    while let Some(line) = lines.next() {
        let mut whole = line.to_owned();
        while whole.ends_with('\\') {
            whole.pop();
            whole.push(' ');
            whole.push_str(lines.next().unwrap_or_default());
        }
        if let Some(name) = whole.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = whole.split_once('=') {
            settings.push(Setting {
                section: section.clone(),
                key: key.trim().to_owned(),
                value: value.trim().to_owned(),
                file: file.to_owned(),
            });
        }
    }
    settings
}

/// The settings of the unit `name`, from its file and its drop-ins in `folders`. What is out of reach says nothing.
pub(super) fn with_drop_ins(tree: &Tree, folders: &[&str], name: &str) -> Vec<Setting> {
    let own = folders.iter().find_map(|folder| {
        let path = format!("{folder}/{name}");
        match link(tree, &path) {
            Ok(Some(Link::Null)) => Some(Vec::new()),
            Ok(Some(_)) => Some(settings(tree.read(Path::new(&path), LIMIT).present()?, &path)),
            _ => None,
        }
    });
    let mut all = own.unwrap_or_default();
    all.extend(drop_ins(tree, folders, name));
    all
}

/// The settings in the drop-ins of the unit `name` in `folders`.
pub(crate) fn drop_ins(tree: &Tree, folders: &[&str], name: &str) -> Vec<Setting> {
    let mut found = BTreeMap::new();
    for of in drop_in_names(name) {
        for folder in folders {
            let folder = format!("{folder}/{of}.d");
            for file in tree.names(&folder, MOST_NAMES).unwrap_or_default() {
                if file.rsplit_once('.').is_some_and(|(_, ending)| ending == "conf") {
                    let path = format!("{folder}/{file}");
                    found.entry(file).or_insert(path);
                }
            }
        }
    }
    let read = |path: &String| match tree.read(Path::new(path), LIMIT) {
        Fact::Present(text) => settings(&text, path),
        _ => Vec::new(),
    };
    found.values().take(MOST_DROP_INS).flat_map(read).collect()
}

/// The names of the settings in the unit file or drop-in at `path`, each once; `None` where it cannot be read, or has too many.
pub(crate) fn keys_of(tree: &Tree, path: &str) -> Option<Vec<Text>> {
    let text = tree.read(Path::new(path), LIMIT);
    let mut keys: Vec<_> = settings(text.present()?, path).into_iter().map(|setting| setting.key).collect();
    keys.sort_unstable();
    keys.dedup();
    // Of what is not told whole nothing is told.
    (keys.len() <= MOST_KEYS).then(|| keys.iter().map(|key| Text::new(key)).collect())
}

/// For which names drop-ins of the unit `name` may lie: its own, its prefixes up to a dash, and its kind.
fn drop_in_names(name: &str) -> Vec<String> {
    let Some((stem, kind)) = name.rsplit_once('.') else { return vec![name.to_owned()] };
    let dashes = stem.match_indices('-').map(|(at, _)| format!("{}.{kind}", &stem[..=at]));
    let mut prefixes: Vec<_> = dashes.collect();
    prefixes.reverse();
    [name.to_owned()].into_iter().chain(prefixes).chain([kind.to_owned()]).collect()
}

/// What `key` is set to last; an empty value takes it back.
pub(crate) fn last<'a>(settings: &'a [Setting], section: &str, key: &str) -> Option<&'a str> {
    let mut latest_first = settings.iter().rev();
    let last = latest_first.find(|setting| setting.section == section && setting.key == key);
    last.map(|setting| setting.value.as_str()).filter(|value| !value.is_empty())
}

/// Whether a timer with these settings is to fire at all. An empty value takes back all kinds of times before it.
pub(crate) fn has_schedule(settings: &[Setting]) -> bool {
    let times =
        ["OnActiveSec", "OnBootSec", "OnCalendar", "OnStartupSec", "OnUnitActiveSec", "OnUnitInactiveSec"];
    let events = ["OnClockChange", "OnTimezoneChange"];
    let mut has = false;
    let mut told = false;
    for setting in settings.iter().filter(|setting| setting.section == "Timer") {
        if times.contains(&setting.key.as_str()) {
            has = !setting.value.is_empty();
        } else if events.contains(&setting.key.as_str()) {
            told = is_yes(&setting.value);
        }
    }
    has || told
}

/// What systemd takes for yes.
pub(crate) fn is_yes(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "1" | "y" | "yes" | "t" | "true" | "on")
}

/// The words of each command that `ExecStart=` starts, and whether its failure is ignored. An empty value takes back those
/// before it.
pub(crate) fn command_lines(settings: &[Setting]) -> Vec<(bool, Vec<String>)> {
    let lines = settings.iter().filter(|setting| setting.section == "Service" && setting.key == "ExecStart");
    let mut commands = Vec::new();
    for line in lines {
        if line.value.is_empty() {
            commands.clear();
        }
        let mut words = split(&line.value).into_iter().peekable();
        while words.peek().is_some() {
            let command: Vec<_> = words.by_ref().take_while(|word| word != ";").collect();
            commands.extend(command_line(command));
        }
    }
    commands
}

fn command_line(mut words: Vec<String>) -> Option<(bool, Vec<String>)> {
    let first = words.first_mut()?;
    let program = first.trim_start_matches(['@', '-', ':', '+', '!', '|']);
    let prefixes = &first[..first.len() - program.len()];
    let (ignored, renamed) = (prefixes.contains('-'), prefixes.contains('@'));
    *first = program.to_owned();
    if renamed && words.len() > 1 {
        words.remove(1); // what the program sees as its own name
    }
    Some((ignored, words))
}

/// Splits a command into words, as systemd does: by blanks, with quotes and backslashes.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (Some(open), _) if character == open => quote = None,
            (_, '\\') => word.get_or_insert_default().extend(characters.next()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words.into_iter().map(|word| word.replace("$$", "$").replace("%%", "%")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sections_comments_and_continued_lines() {
        let settings = settings(
            "# made up\n[Unit]\nDescription=An = sign\nno setting\n[Service]\n; more\nExecStart=-/bin/a \\\n  --insecure\n\
             [Install]\nWantedBy = teleport.service\n",
            "",
        );
        let flat: Vec<_> =
            settings.iter().map(|s| (s.section.as_str(), s.key.as_str(), s.value.as_str())).collect();
        assert_eq!(flat[0], ("Unit", "Description", "An = sign"));
        assert_eq!(flat[2], ("Install", "WantedBy", "teleport.service"));
        let expected = (true, vec!["/bin/a".to_owned(), "--insecure".to_owned()]);
        assert_eq!(command_lines(&settings), [expected]);
    }

    #[test]
    fn an_empty_line_takes_back_what_was_started() {
        let of = |text: &str| command_lines(&settings(text, ""));
        assert_eq!(of("[Service]\nExecStart=/a\nExecStart=\nExecStart=/b x\n")[0].1[0], "/b");
        assert_eq!(of("[Service]\nExecStart=/a\nExecStart=\n"), []);
        assert_eq!(of("[Timer]\nExecStart=/a\n"), []);
    }

    #[test]
    fn words_are_split_as_systemd_splits_them() {
        for (line, words) in [
            (
                r#"/bin/sh -c 'exec "$$0" %%' "a b" c\ d"#,
                vec!["/bin/sh", "-c", "exec \"$0\" %", "a b", "c d"],
            ),
            ("@/usr/bin/tu other-name update", vec!["/usr/bin/tu", "update"]),
            ("/a  ''", vec!["/a", ""]),
        ] {
            let lines = command_lines(&settings(&format!("[Service]\nExecStart={line}\n"), ""));
            assert_eq!(lines[0].1, words, "{line}");
        }
        let two = command_lines(&settings("[Service]\nExecStart=/a x ; -/b\n", ""));
        assert_eq!(two.len(), 2);
        assert!(!two[0].0 && two[1].0 && two[1].1 == ["/b"]);
    }

    #[test]
    fn a_timer_is_to_fire_unless_its_times_are_taken_back() {
        let of = |text: &str| has_schedule(&settings(&format!("[Timer]\n{text}"), ""));
        for has in ["OnActiveSec=1m\n", "OnUnitActiveSec=\nOnCalendar=daily\n", "OnClockChange=yes\n"] {
            assert!(of(has), "{has}");
        }
        for none in ["", "Unit=a.service\n", "OnActiveSec=1m\nOnUnitActiveSec=\n", "OnClockChange=no\n"] {
            assert!(!of(none), "{none}");
        }
    }

    #[test]
    fn drop_ins_may_lie_under_prefixes_and_kinds() {
        let names = ["teleport-update.service", "teleport-.service", "service"];
        assert_eq!(drop_in_names("teleport-update.service"), names);
    }

    #[test]
    fn a_file_that_ends_in_the_middle_is_no_trouble() {
        assert_eq!(settings("[Service]\nExecStart=/a \\", "")[0].value, "/a");
        assert!(settings("[", "").is_empty());
    }
}
