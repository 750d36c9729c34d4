//! `cargo xtask proto`: the code of the messages and services in `crates/protocol/proto`, written without protoc.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::Outcome;
use crate::run::must;
use crate::run::root;

const FILES: [&str; 3] = ["authservice.proto", "selfcheck.proto", "types.proto"];
/// The packages of messages, and where they are in Rust.
const PACKAGES: [(&str, &str); 3] = [
    (".proto", "::selfcheck_protocol::wire::proto"),
    (".types", "::selfcheck_protocol::wire::types"),
    (".teleport.selfcheck.v1", "::selfcheck_protocol::wire::teleport::selfcheck::v1"),
];

/// What is written for a crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Messages,
    Clients,
    Servers,
}

impl Part {
    const ALL: [Self; 3] = [Self::Messages, Self::Clients, Self::Servers];

    /// Whose it is.
    const fn of(self) -> &'static str {
        match self {
            Self::Messages => "protocol",
            Self::Clients => "reporter",
            Self::Servers => "server",
        }
    }

    /// Where its code is.
    fn folder(self) -> PathBuf {
        root().join("crates").join(self.of()).join("src/generated")
    }

    fn generate(self, folder: &Path) -> Outcome {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).map_err(|error| format!("error: {}: {error}", folder.display()))?;
        let protos = root().join("crates/protocol/proto");
        let compiled = protox::compile(FILES, [&protos]).map_err(|error| format!("error: {error:?}"))?;
        let mut builder = tonic_prost_build::configure()
            .build_client(self == Self::Clients)
            .build_server(self == Self::Servers)
            .btree_map(".")
            .out_dir(folder);
        // An auth server has many streams, and each keeps its buffers.
        if self == Self::Servers {
            builder = builder.codec_path("crate::codec::SmallCodec");
        }
        if self != Self::Messages {
            for (package, path) in PACKAGES {
                builder = builder.extern_path(package, path);
            }
        }
        builder.compile_fds(compiled).map_err(|error| format!("error: {error}"))?;
        // As the tests want it, and nothing where there is nothing.
        let files = files(folder)?;
        for (name, _) in files.iter().filter(|(_, text)| !text.contains("pub ")) {
            fs::remove_file(folder.join(name)).map_err(|error| format!("error: {name}: {error}"))?;
        }
        let paths = files.iter().filter(|(_, text)| text.contains("pub ")).map(|(name, _)| folder.join(name));
        must(Command::new("rustfmt").args(["--edition", "2024"]).args(paths).current_dir(root()))
    }
}

/// Writes the code anew.
pub(crate) fn write() -> Outcome {
    Part::ALL.into_iter().try_for_each(|part| part.generate(&part.folder()))
}

/// Requires that the code is as the .proto files say.
pub(crate) fn check() -> Outcome {
    for part in Part::ALL {
        let made = root().join("target/proto").join(part.of());
        part.generate(&made)?;
        if files(&made)? != files(&part.folder())? {
            let of = part.of();
            return Err(format!(
                "error: the code in crates/{of}/src/generated differs from the .proto files; run `cargo xtask proto`"
            ));
        }
    }
    Ok(())
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
