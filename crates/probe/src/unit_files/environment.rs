//! The environment that a unit's settings give to its programs.

use std::path::Path;

use selfcheck_core::Fact;

use crate::files::Tree;

use super::settings::Setting;
use super::settings::split;

/// Files of variables are short.
const LIMIT: u64 = 64 << 10;

/// The value that `settings` give to the variable `name`. What files say goes before what the unit says.
pub(crate) fn variable(tree: &Tree, settings: &[Setting], name: &str) -> Fact<String> {
    let mut value = None;
    let mut in_file = None;
    for setting in settings.iter().filter(|setting| setting.section == "Service") {
        match setting.key.as_str() {
            "Environment" if setting.value.is_empty() => value = None,
            "Environment" => {
                let words = split(&setting.value);
                value = words.iter().rev().find_map(|word| value_of(word, name)).or(value);
            }
            "EnvironmentFile" if setting.value.is_empty() => in_file = None,
            "EnvironmentFile" => match tree.read(Path::new(setting.value.trim_start_matches('-')), LIMIT) {
                Fact::Present(text) => {
                    // One assignment on each line.
                    let lines = text.lines().rev().map(str::trim);
                    let mut found = lines.filter_map(|line| value_of(line, name));
                    let unquoted = |value: String| split(&value).concat();
                    in_file = found.next().map(unquoted).or(in_file);
                }
                Fact::Unreadable(why) => return Fact::Unreadable(why),
                Fact::Absent | Fact::NotApplicable => {}
            },
            _ => {}
        }
    }
    in_file.or(value).filter(|value| !value.is_empty()).map_or(Fact::Absent, Fact::Present)
}

fn value_of(word: &str, name: &str) -> Option<String> {
    word.strip_prefix(name)?.strip_prefix('=').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::settings::settings;
    use super::*;

    #[test]
    fn the_last_one_counts_and_files_go_before() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("env"), "# A=0\nB=\"from file\"\n").expect("write");
        let tree = Tree::within(folder.path()).expect("tree");
        let of = |text: &str, name: &str| variable(&tree, &settings(&format!("[Service]\n{text}"), ""), name);
        let present = |value: &str| Fact::Present(value.to_owned());
        assert_eq!(of("Environment=A=1 \"B=x y\"\nEnvironment=A=2\n", "A"), present("2"));
        assert_eq!(of("Environment=A=1 \"B=x y\"\n", "B"), present("x y"));
        assert_eq!(
            of("Environment=B=1\nEnvironmentFile=-/env\nEnvironment=B=2\n", "B"),
            present("from file")
        );
        assert_eq!(of("Environment=A=1\nEnvironment=\nEnvironmentFile=-/nowhere\n", "A"), Fact::Absent);
        assert_eq!(of("Environment=AB=1\nEnvironmentFile=/env\n", "A"), Fact::Absent);
    }
}
