//! Which module of a crate uses which: none may need another one that needs it.
//!
//! What is read is the text of the sources, by the house's rule that each `use` names one thing and has a line of its own. A
//! module may use the ones around it; what lies in it is a part of it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::Outcome;

/// A module, by its names from the crate's root.
type Module = Vec<String>;

/// Modules that need each other by their nature.
const EXPLAINED: [(&str, &[&str], &str); 2] = [
    (
        "probe",
        &["unit_files::program", "unit_files::shell", "unit_files::wrappers"],
        "a line of a unit runs a program, which may be a shell or a wrapper, whose own line runs a program",
    ),
    (
        "server",
        &["accounts", "caller"],
        "a caller has an account, which knows its callers so that it can end those that are denied",
    ),
];

/// Requires that there are none but those.
pub(crate) fn check() -> Outcome {
    let mut crates: Vec<_> = entries(Path::new("crates"))?;
    crates.sort();
    let mut found = Vec::new();
    for folder in crates {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let sources = Sources::read(&folder.join("src"))?;
        found.extend(sources.circles().into_iter().map(|circle| (name.clone(), circle)));
    }
    for (name, modules, why) in EXPLAINED {
        let explained: BTreeSet<_> = modules.iter().map(ToString::to_string).collect();
        let is_it = |(found, circle): &(String, BTreeSet<String>)| found == name && *circle == explained;
        match found.iter().position(is_it) {
            Some(place) => _ = found.remove(place),
            None => return Err(format!("error: in {name} nothing needs to be explained any more: {why}")),
        }
    }
    match found.as_slice() {
        [] => Ok(()),
        circles => Err(format!("error: modules that need each other: {circles:?}")),
    }
}

/// The sources of a crate.
struct Sources(BTreeMap<Module, Source>);

#[derive(Default)]
struct Source {
    /// The paths that it names.
    names: Vec<Vec<String>>,
    /// What it passes on, under which name.
    passes_on: BTreeMap<String, Vec<String>>,
}

impl Sources {
    fn read(root: &Path) -> Result<Self, String> {
        let mut sources = BTreeMap::new();
        let mut folders = vec![(root.to_owned(), Vec::new())];
        while let Some((folder, module)) = folders.pop() {
            for path in entries(&folder)? {
                let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
                let mut inner = module.clone();
                if path.is_dir() {
                    inner.push(name);
                    folders.push((path, inner));
                } else if path.extension().is_some_and(|end| end == "rs") && name != "build" {
                    if !matches!(name.as_str(), "mod" | "lib" | "main") {
                        inner.push(name);
                    }
                    let text = fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
                    sources.insert(inner, Source::read(&text));
                }
            }
        }
        Ok(Self(sources))
    }

    /// The modules that a module uses, but for those around it.
    fn used_by(&self, module: &Module) -> BTreeSet<&Module> {
        let named = self.0[module].names.iter().filter_map(|path| self.module_of(path, module, 0));
        named.filter(|used| !module.starts_with(used)).collect()
    }

    /// The module that a path leads to, seen from `from`, through what others pass on.
    fn module_of(&self, path: &[String], from: &Module, passed: usize) -> Option<&Module> {
        let mut rest = path;
        let mut module = match rest.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => from.clone(),
            child => {
                let inner = [&**from, &[child.to_owned()]].concat();
                return self.0.contains_key(&inner).then(|| self.within(inner, &rest[1..], passed)).flatten();
            }
        };
        while let Some(first) =
            rest.first().filter(|first| ["crate", "self", "super"].contains(&first.as_str()))
        {
            if first == "super" {
                module.pop();
            }
            rest = &rest[1..];
        }
        self.within(module, rest, passed)
    }

    fn within(&self, mut module: Module, mut rest: &[String], passed: usize) -> Option<&Module> {
        /// Nothing is passed on through more modules than this.
        const MOST: usize = 8;
        while let Some(first) = rest.first() {
            module.push(first.clone());
            if !self.0.contains_key(&module) {
                module.pop();
                break;
            }
            rest = &rest[1..];
        }
        let (module, source) = self.0.get_key_value(&module)?;
        let passed_on = rest.first().and_then(|name| source.passes_on.get(name)).filter(|_| passed < MOST);
        passed_on.and_then(|path| self.module_of(path, module, passed + 1)).or(Some(module))
    }

    /// The largest sets of modules each of which needs all others.
    fn circles(&self) -> Vec<BTreeSet<String>> {
        let uses: BTreeMap<_, _> = self.0.keys().map(|module| (module, self.used_by(module))).collect();
        let reach: BTreeMap<_, _> = uses.keys().map(|module| (*module, reached(&uses, module))).collect();
        let mut circles = BTreeSet::new();
        for (module, reached) in &reach {
            let circle: BTreeSet<_> = reached
                .iter()
                .filter(|other| reach[**other].contains(module))
                .map(|other| other.join("::"))
                .collect();
            if circle.len() > 1 {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }
}

fn reached<'a>(uses: &BTreeMap<&'a Module, BTreeSet<&'a Module>>, from: &'a Module) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<_> = uses[from].iter().copied().collect();
    while let Some(module) = next.pop() {
        if reached.insert(module) {
            next.extend(&uses[module]);
        }
    }
    reached
}

impl Source {
    fn read(text: &str) -> Self {
        let mut source = Self::default();
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for line in code.lines() {
            let line = line.split("//").next().unwrap_or_default().trim();
            let item = without_visibility(line);
            let Some(used) = item.strip_prefix("use ").and_then(|used| used.strip_suffix(';')) else {
                source.names.extend(paths(item));
                continue;
            };
            let (path, name) = used.split_once(" as ").unwrap_or((used, used));
            if item == line {
                source.names.push(parts(path));
            } else {
                let name = name.rsplit("::").next().unwrap_or_default();
                source.passes_on.insert(name.to_owned(), parts(path));
            }
        }
        source
    }
}

/// A visibility says where something is seen, and uses nothing.
fn without_visibility(line: &str) -> &str {
    let seen_in = line.strip_prefix("pub(").and_then(|rest| rest.split_once(") "));
    seen_in.map(|(_, item)| item).or(line.strip_prefix("pub ")).unwrap_or(line)
}

fn parts(path: &str) -> Vec<String> {
    path.split("::").map(str::to_owned).collect()
}

/// The paths from the crate's root, or from the module around, that are named in the middle of a line.
fn paths(line: &str) -> Vec<Vec<String>> {
    let words = line.split(|part: char| !(part.is_alphanumeric() || part == '_' || part == ':'));
    words.filter(|word| word.starts_with("crate::") || word.starts_with("super::")).map(parts).collect()
}

fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| failed(folder, &error))?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(|error| failed(folder, &error))).collect()
}

fn failed(path: &Path, error: &std::io::Error) -> String {
    format!("error: `{}` could not be read: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> Sources {
        let module = |name: &str| if name.is_empty() { Vec::new() } else { parts(name) };
        Sources(files.iter().map(|(name, text)| (module(name), Source::read(text))).collect())
    }

    #[test]
    fn a_circle_is_found_through_what_is_passed_on() {
        let circle = sources(&[
            ("", "mod a;\nmod b;\npub use b::C;\n"),
            ("a", "use crate::C;\n"),
            ("b", "mod c;\npub(crate) use c::C;\n"),
            ("b::c", "pub struct C;\nfn f() { crate::a::g() }\n"),
        ]);
        assert_eq!(circle.circles(), [["a".to_owned(), "b::c".to_owned()].into()]);
    }

    #[test]
    fn a_part_may_use_what_is_around_it_and_tests_anything() {
        let none = sources(&[
            ("", "mod a;\nmod b;\n"),
            ("a", "mod c;\nuse c::C;\n"),
            ("a::c", "use super::D;\npub(in crate::b) struct C;\n"),
            ("b", "use crate::a::D;\n"),
            ("d", "#[cfg(test)]\nmod tests {\n    use crate::b::E;\n}\n"),
        ]);
        assert_eq!(none.circles(), [] as [BTreeSet<String>; 0]);
    }
}
