//! Which module of a crate uses which: none may need another one that needs it.
//!
//! What is read is the text of the sources, by the house's rule that each `use` names one thing and has a line of its own. A
//! module may use the ones around it; what lies in a module is a part of it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::Outcome;

/// A module, by its names from the crate's root.
type Module = Vec<String>;

/// Modules that need each other by their nature.
const EXPLAINED: [(&str, &[&str], &str); 3] = [
    (
        "core",
        &["reason", "remedy"],
        "a reason names what helps, and what a remedy does is said for the reason that it helps against",
    ),
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
        let mut texts = BTreeMap::new();
        let mut folders = vec![(root.to_owned(), Vec::new())];
        while let Some((folder, module)) = folders.pop() {
            for path in entries(&folder)? {
                let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
                let mut inner = module.clone();
                if path.is_dir() {
                    inner.push(name);
                    folders.push((path, inner));
                } else if path.extension().is_some_and(|end| end == "rs") {
                    if !matches!(name.as_str(), "mod" | "lib" | "main") {
                        inner.push(name);
                    }
                    let text = fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
                    texts.insert(inner, text);
                }
            }
        }
        // What is written by a program keeps no rule of the house, and uses nothing of the crate.
        texts.retain(|module, _| !module.contains(&"generated".to_owned()));
        Self::of(&texts)
    }

    fn of(texts: &BTreeMap<Module, String>) -> Result<Self, String> {
        let of_tests: Vec<_> = texts.iter().flat_map(|(module, text)| tests_of(module, text)).collect();
        let is_test = |module: &Module| of_tests.iter().any(|test| module.starts_with(test));
        let code: Vec<_> = texts.iter().filter(|(module, _)| !is_test(module)).collect();
        let mut sources = BTreeMap::new();
        for (module, text) in &code {
            let is_child =
                |other: &&&Module| other.split_last().is_some_and(|(_, parent)| parent == &***module);
            let children = code.iter().map(|(other, _)| other).filter(is_child);
            let children: Vec<_> = children.filter_map(|child| child.last().cloned()).collect();
            let source = Source::read(text, &children);
            let source = source.map_err(|why| format!("error: in {}: {why}", module.join("::")))?;
            sources.insert((*module).clone(), source);
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

    /// The largest sets of modules of one parent each of which needs all others, with all that lies in it.
    fn circles(&self) -> BTreeSet<BTreeSet<String>> {
        let parents: BTreeSet<_> =
            self.0.keys().filter_map(|module| module.split_last()).map(|(_, parent)| parent).collect();
        parents.into_iter().flat_map(|parent| self.circles_within(parent)).collect()
    }

    fn circles_within(&self, parent: &[String]) -> BTreeSet<BTreeSet<String>> {
        let part = |module: &'_ Module| {
            module.starts_with(parent).then(|| module.get(parent.len()).cloned()).flatten()
        };
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for module in self.0.keys() {
            let Some(from) = part(module) else { continue };
            let to = self.used_by(module).into_iter().filter_map(part).filter(|to| *to != from);
            edges.entry(from.clone()).or_default().extend(to);
        }
        let reach: BTreeMap<_, _> = edges.keys().map(|module| (module, reached(&edges, module))).collect();
        let path = |name: &str| [parent, &[name.to_owned()]].concat().join("::");
        let circle = |(module, reached): (&&String, &BTreeSet<&String>)| {
            let back = reached.iter().filter(|other| reach[**other].contains(*module));
            back.map(|other| path(other)).collect::<BTreeSet<_>>()
        };
        reach.iter().map(circle).filter(|circle| circle.len() > 1).collect()
    }
}

fn reached<'a>(edges: &'a BTreeMap<String, BTreeSet<String>>, from: &'a String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<_> = edges[from].iter().collect();
    while let Some(module) = next.pop() {
        if reached.insert(module) {
            next.extend(&edges[module]);
        }
    }
    reached
}

impl Source {
    fn read(text: &str, children: &[String]) -> Result<Self, String> {
        let mut source = Self::default();
        for line in without_tests(text).lines() {
            let line = line.split("//").next().unwrap_or_default().trim();
            let item = without_visibility(line);
            let Some(used) = item.strip_prefix("use ") else {
                source.names.extend(paths(item, children));
                continue;
            };
            let path = used.strip_suffix(';').filter(|used| !used.contains(['{', '*']));
            let Some(path) = path else {
                let first = used.split("::").next().unwrap_or_default();
                if ["crate", "self", "super"].contains(&first) || children.iter().any(|child| child == first)
                {
                    return Err(format!("`{item}` names more than one thing"));
                }
                continue;
            };
            let (path, name) = path.split_once(" as ").unwrap_or((path, path));
            if item == line {
                source.names.push(parts(path));
            } else {
                let name = name.rsplit("::").next().unwrap_or_default();
                source.passes_on.insert(name.to_owned(), parts(path));
            }
        }
        Ok(source)
    }
}

const TESTS: &str = "#[cfg(test)]\nmod ";

/// The modules of a module that are files of tests.
fn tests_of(module: &Module, text: &str) -> Vec<Module> {
    let declared = text.split(TESTS).skip(1).filter_map(|rest| rest.lines().next()?.strip_suffix(';'));
    declared.map(|name| [&**module, &[name.to_owned()]].concat()).collect()
}

/// The code before the tests within the file; where tests are files of their own they are declared anywhere.
fn without_tests(text: &str) -> &str {
    let begins = |(place, _): &(usize, &str)| {
        text[place + TESTS.len()..].lines().next().is_some_and(|line| line.ends_with('{'))
    };
    text.match_indices(TESTS).find(begins).map_or(text, |(place, _)| &text[..place])
}

/// A visibility says where something is seen, and uses nothing.
fn without_visibility(line: &str) -> &str {
    let seen_in = line.strip_prefix("pub(").and_then(|rest| rest.split_once(") "));
    seen_in.map(|(_, item)| item).or(line.strip_prefix("pub ")).unwrap_or(line)
}

fn parts(path: &str) -> Vec<String> {
    path.split("::").map(str::to_owned).collect()
}

/// The paths that are named in the middle of a line: from the crate's root, from the module around, or to one of the `children`.
fn paths(line: &str, children: &[String]) -> Vec<Vec<String>> {
    let words = line.split(|part: char| !(part.is_alphanumeric() || part == '_' || part == ':'));
    let paths = words.filter(|word| word.contains("::")).map(parts);
    paths.filter(|path| ["crate", "super"].contains(&&*path[0]) || children.contains(&path[0])).collect()
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

    fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let module = |name: &str| if name.is_empty() { Vec::new() } else { parts(name) };
        let texts = files.iter().map(|(name, text)| (module(name), (*text).to_owned())).collect();
        let circles = Sources::of(&texts).expect("one thing on a line").circles();
        circles.into_iter().map(|circle| circle.into_iter().collect()).collect()
    }

    #[test]
    fn a_circle_is_found_through_what_is_passed_on_and_with_what_lies_in_a_module() {
        let found = circles(&[
            ("", "#[cfg(test)]\nmod tests_elsewhere;\nmod a;\nmod b;\npub use b::C;\n"),
            ("a", "use crate::C;\n"),
            ("b", "mod c;\npub(crate) use c::C;\n"),
            ("b::c", "pub struct C;\nfn f() { crate::a::g() }\n"),
        ]);
        assert_eq!(found, [["a", "b"]]);
        let by_child = circles(&[
            ("", "mod a;\n"),
            ("a", "mod b;\nmod c;\n"),
            ("a::b", "mod d;\nfn f() { d::g() }\n"),
            ("a::b::d", "use super::super::c::E;\n"),
            ("a::c", "use crate::a::b::F;\n"),
        ]);
        assert_eq!(by_child, [["a::b", "a::c"]]);
    }

    #[test]
    fn a_part_may_use_what_is_around_it_and_tests_anything() {
        let none = circles(&[
            ("", "mod a;\nmod b;\n"),
            ("a", "mod c;\nuse c::C;\n"),
            ("a::c", "use super::D;\npub(in crate::b) struct C;\n"),
            ("b", "use crate::a::D;\n"),
            ("d", "#[cfg(test)]\nmod tests {\n    use crate::b::E;\n}\n"),
        ]);
        assert_eq!(none, [] as [Vec<String>; 0]);
    }

    #[test]
    fn what_names_several_things_at_once_is_refused() {
        for bad in ["use crate::{a, b};", "pub use a::*;", "use super::a::{"] {
            assert!(Source::read(bad, &["a".to_owned()]).is_err(), "{bad}");
        }
        assert!(Source::read("use another::prelude::*;", &["a".to_owned()]).is_ok());
    }
}
