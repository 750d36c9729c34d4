//! The libraries as packages: each has its front page as README.md, and nothing of it lies outside of its folder.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::Outcome;
use crate::layers;
use crate::run::cargo;
use crate::run::output;
use crate::run::root;

/// Writes the README.md of each library anew.
pub(crate) fn write() -> Outcome {
    for (path, text) in pages()? {
        fs::write(&path, text).map_err(|error| format!("error: {}: {error}", path.display()))?;
    }
    Ok(())
}

/// Requires that each is as it would be written, and that each library is whole as a package.
pub(crate) fn check() -> Outcome {
    for (path, text) in pages()? {
        if fs::read_to_string(&path).unwrap_or_default() != text {
            return Err(format!(
                "error: {} differs from the front page; run `cargo xtask docs`",
                path.display()
            ));
        }
    }
    layers::libraries().try_for_each(is_whole)
}

fn pages() -> Result<Vec<(PathBuf, String)>, String> {
    let page = |name: &'static str| {
        let folder = folder(name);
        let source = folder.join("src/lib.rs");
        let source =
            fs::read_to_string(&source).map_err(|error| format!("error: {}: {error}", source.display()))?;
        Ok((folder.join("README.md"), page(name, &source)))
    };
    layers::libraries().map(page).collect()
}

fn folder(name: &str) -> PathBuf {
    root().join("crates").join(name.trim_start_matches("selfcheck-"))
}

/// What a front page says, without the links that only its own documentation has, and with the lines that it hides.
fn page(name: &str, source: &str) -> String {
    let mut text = format!("# {name}\n\n");
    let (mut is_code, mut is_whole) = (false, false);
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        if line.starts_with("```") {
            is_code = !is_code;
            is_whole = line == "```no_run";
            text.push_str(match line {
                "```" if is_code => "```rust",
                "```no_run" => "```rust,no_run",
                _ => line,
            });
        } else if is_code && is_whole && (line == "#" || line.starts_with("# ")) {
            continue; // a whole program; what is hidden is about the features it takes
        } else if is_code {
            // What rustdoc hides is what makes the example whole.
            text.push_str(line.strip_prefix("# ").unwrap_or(line));
        } else {
            // A heading of the page is one below its title.
            text.push_str(if line.starts_with('#') { "#" } else { "" });
            text.push_str(&without_links(line));
        }
        text.push('\n');
    }
    text
}

/// `[Name]` and `[words](crate::Name)` without what only rustdoc can follow.
fn without_links(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('[') {
        let Some((words, after)) = after.split_once(']') else { break };
        text.push_str(before);
        let target = after.strip_prefix('(').and_then(|target| target.split_once(')'));
        match target {
            Some((url, _)) if url.starts_with("https://") => _ = write!(text, "[{words}]({url})"),
            _ => text.push_str(words),
        }
        rest = target.map_or(after, |(_, after)| after);
    }
    text + rest
}

fn is_whole(name: &'static str) -> Outcome {
    let listed = output(&mut cargo(&["package", "--list", "--locked", "--allow-dirty", "--package", name]))?;
    let has = |file: &str| listed.lines().any(|line| line == file);
    if !has("README.md") || !has("src/lib.rs") {
        return Err(format!("error: the package of {name} lacks its README.md or its lib.rs"));
    }
    let is_code = |file: &&Path| file.extension().is_some_and(|end| end == "rs");
    for file in listed.lines().map(Path::new).filter(is_code) {
        let text = fs::read_to_string(folder(name).join(file)).unwrap_or_default();
        let leads_out =
            |line: &&str| line.contains("\"../../") && (line.contains("include") || line.contains("path"));
        if let Some(line) = text.lines().find(leads_out) {
            return Err(format!(
                "error: {name}: {} reads what lies outside of its package: {}",
                file.display(),
                line.trim()
            ));
        }
    }
    Ok(())
}
