//! `cargo xtask proto`: the code of the messages and services in `crates/inventory/proto`, written without protoc.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::Outcome;
use crate::run::cargo;
use crate::run::must;
use crate::run::root;

const FILES: [&str; 3] = ["authservice.proto", "selfcheck.proto", "types.proto"];

/// Writes the code anew.
pub(crate) fn write() -> Outcome {
    let folder = generated();
    generate(&folder)?;
    // As the tests want it.
    let files = files(&folder)?;
    let paths: Vec<_> = files.iter().map(|(name, _)| folder.join(name)).collect();
    let mut format = cargo(&["fmt", "--package", "selfcheck-inventory", "--"]);
    must(format.args(paths))
}

/// Requires that the code is as the .proto files say.
pub(crate) fn check() -> Outcome {
    let made = root().join("target/proto");
    let _ = fs::remove_dir_all(&made);
    fs::create_dir_all(&made).map_err(|error| format!("error: {}: {error}", made.display()))?;
    generate(&made)?;
    let paths: Vec<_> = files(&made)?.iter().map(|(name, _)| made.join(name)).collect();
    must(std::process::Command::new("rustfmt").args(["--edition", "2024"]).args(paths).current_dir(root()))?;
    if files(&made)? == files(&generated())? {
        return Ok(());
    }
    Err("error: the code in crates/inventory/src/generated differs from the .proto files; run `cargo xtask proto`"
        .to_owned())
}

fn generated() -> PathBuf {
    root().join("crates/inventory/src/generated")
}

fn generate(folder: &Path) -> Outcome {
    let protos = root().join("crates/inventory/proto");
    let compiled = protox::compile(FILES, [&protos]).map_err(|error| format!("error: {error:?}"))?;
    tonic_prost_build::configure()
        .codec_path("crate::codec::SmallCodec")
        .client_mod_attribute(".", "#[cfg(feature = \"agent\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"auth\")]")
        .btree_map(".")
        .out_dir(folder)
        .compile_fds(compiled)
        .map_err(|error| format!("error: {error}"))
}

/// The files of a folder by name.
fn files(folder: &Path) -> Result<Vec<(String, String)>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("error: {}: {error}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|end| end == "rs") {
            let name = entry.file_name().to_string_lossy().into_owned();
            let text =
                fs::read_to_string(&path).map_err(|error| format!("error: {}: {error}", path.display()))?;
            files.push((name, text));
        }
    }
    files.sort();
    Ok(files)
}
