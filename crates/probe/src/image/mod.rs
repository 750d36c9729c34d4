//! A static look: an unpacked image or another disk, judged by its files alone.

mod units;

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use selfcheck_core::EvidenceKind;
use selfcheck_core::Fact;
use selfcheck_core::Generation;
use selfcheck_core::Namespace;
use selfcheck_core::Observation;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::Agent;
use selfcheck_core::observation::AgentConfig;
use selfcheck_core::observation::AgentUnit;
use selfcheck_core::observation::ConfigSource;
use selfcheck_core::observation::Host;
use selfcheck_core::observation::ObservationSchema;
use selfcheck_core::observation::Systemd;
use selfcheck_core::observation::UpdaterV1;
use selfcheck_core::observation::UpdaterV2;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::clock;
use crate::configuration::Configuration;
use crate::files;
use crate::files::AgentFiles;
use crate::files::FileError;
use crate::files::FilesV1;
use crate::files::FilesV2;
use crate::files::Tree;
use crate::host;
use crate::other_installations::other_installations;
use crate::other_installations::suffixed_installations;
use crate::target::Target;
#[cfg(fuzzing)]
use crate::unit_files;

use units::Units;

/// systemd's own program: where it is, systemd will run.
const SYSTEMD: [&str; 2] = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];
/// A file with a name or two in it.
const SHORT: u64 = 64 << 10;

/// An unpacked image or another disk. No path and no link in it leads out of it.
#[derive(Debug)]
pub struct Image {
    tree: Tree,
}

/// A folder that cannot be looked at as an image.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be opened as the root of an image", .folder.display())]
#[non_exhaustive]
pub struct OpenImage {
    /// The folder.
    pub folder: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl Image {
    /// The image in `folder`.
    ///
    /// # Errors
    ///
    /// Where there is no such folder, or it cannot be opened.
    pub fn open(folder: &Path) -> Result<Self, OpenImage> {
        let tree = Tree::within(folder).map_err(|source| OpenImage { folder: folder.to_owned(), source })?;
        Ok(Self { tree })
    }

    /// Reads the UTF-8 text of a file of the image, of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// As [`read_text`](crate::read_text); a link that leads out of the image leads to nothing.
    pub fn read_text(&self, path: &Path, limit: u64) -> Result<String, FileError> {
        files::text_of(&self.tree, path, limit)
    }

    /// Looks once, for `target`, whose paths are paths in the image. What is not read after `time` is unreadable.
    ///
    /// Must be called within a tokio runtime that has its time driver.
    pub async fn look(&self, target: &Target, time: Duration) -> Observation {
        let (tree, wanted) = (self.tree.clone(), target.clone());
        let looking = spawn_blocking(move || look(&tree, &wanted));
        match timeout(time, looking).await {
            Ok(Ok(observation)) => observation,
            // A panic while reading is contained.
            Ok(Err(_)) => unreadable(target, Why::Io),
            Err(_) => unreadable(target, Why::Timeout),
        }
    }
}

/// What the text of a service's file starts.
#[cfg(fuzzing)]
pub fn exec_start(text: &str) -> Vec<(bool, Vec<String>)> {
    unit_files::command_lines(&unit_files::settings(text, ""))
}

/// What a service with these words runs, seen through programs that only start another one.
#[cfg(fuzzing)]
pub fn runs(words: Vec<String>) {
    let lines = [unit_files::Line::new(words)];
    let exec = unit_files::exec(&Tree::default(), &lines, Generation::V2.updater());
    assert!(exec.runs.is_some());
}

fn look(tree: &Tree, target: &Target) -> Observation {
    let units = Units::look(tree);
    let assumed = target.namespace.clone().unwrap_or_default();
    let observation = look_at(tree, target, &units, &assumed);
    let nothing = observation.agent.config.is_absent() && observation.v2.config.is_absent();
    if !nothing || target.namespace.is_some() || target.config.is_some() {
        return observation;
    }
    match suffixed_installations(tree).as_slice() {
        [only] => look_at(tree, target, &units, only),
        _ => observation,
    }
}

fn look_at(tree: &Tree, target: &Target, units: &Units<'_>, namespace: &Namespace) -> Observation {
    let unit = units.agent(&namespace.agent_unit(), &namespace.update_config());
    let limit = target.file_bytes;
    let reach = Ok(tree.clone());
    let agent = Configuration::look(
        &reach,
        target.config.as_deref(),
        units.agent_config(&namespace.agent_unit()),
        namespace,
        limit,
        |path| AgentFiles::look(&reach, path, &namespace.data_dir(), limit),
    );
    let v2 = FilesV2::look(tree, namespace, &namespace.update_config(), target.file_bytes);
    let v1 = FilesV1::look(tree);
    let timer_v1 = units.timer(&Generation::V1.timer(namespace), &namespace.agent_unit());
    let judges_v1 = v2.config.is_absent() && timer_v1.is_present();
    Observation {
        schema: ObservationSchema,
        clock: clock::now(),
        evidence: EvidenceKind::Static,
        host: Host {
            os_version: host::os_version(tree),
            hostname: tree
                .read(Path::new("/etc/hostname"), SHORT)
                .present()
                .map(|name| Text::new(name.trim())),
            architecture: None,
            other_installations: other_installations(tree, namespace),
            ..host::without_files()
        },
        agent: Agent {
            program: program_of(tree, namespace, &unit, &agent.files.config),
            namespace: namespace.clone(),
            unit,
            process: Fact::NotApplicable,
            candidates: Vec::new(),
            config_source: agent.source,
            config_path: agent.path,
            config: agent.files.config,
            host_id: agent.files.host_id,
            version: None,
        },
        systemd: Systemd {
            booted: systemd(tree),
            resumed: None,
            units_loaded: None,
            manager: Fact::NotApplicable,
        },
        v2: UpdaterV2 {
            config_path: v2.config_path,
            config: v2.config,
            legible: v2.legible,
            config_written: v2.config_written,
            lock: Fact::NotApplicable,
            binary: v2.binary,
            timer: units.timer(&Generation::V2.timer(namespace), &namespace.agent_unit()),
            service: units.service(&Generation::V2.service(namespace), Generation::V2.updater()),
        },
        v1: UpdaterV1 {
            script: v1.script,
            timer: timer_v1,
            service: units.service(&Generation::V1.service(namespace), Generation::V1.updater()),
            endpoint: v1.endpoint,
            schedule: v1.schedule,
            schedule_written: v1.schedule_written,
            installer: v1.installer,
            neutralised: v1.neutralised,
            holds: if judges_v1 { files::holds(tree) } else { Fact::NotApplicable },
        },
        kubernetes: Fact::NotApplicable,
        history: None,
    }
}

/// The agent's program, which matters where nothing else of one is there.
fn program_of(
    tree: &Tree,
    namespace: &Namespace,
    unit: &Fact<AgentUnit>,
    config: &Fact<AgentConfig>,
) -> Fact<Text> {
    if unit.is_absent() && config.is_absent() {
        files::agents_program(tree, namespace)
    } else {
        Fact::NotApplicable
    }
}

fn systemd(tree: &Tree) -> Fact<Text> {
    let [first, second] = SYSTEMD.map(|path| tree.exists(path));
    if first.is_absent() { second } else { first }
}

/// Nothing could be seen.
fn unreadable(target: &Target, why: Why) -> Observation {
    let namespace = target.namespace.clone().unwrap_or_default();
    let files = FilesV2::unreadable(&namespace.update_config(), why);
    let v1 = FilesV1::unreadable(why);
    Observation {
        schema: ObservationSchema,
        clock: clock::now(),
        evidence: EvidenceKind::Static,
        host: host::without_files(),
        agent: Agent {
            unit: Fact::Unreadable(why),
            process: Fact::NotApplicable,
            candidates: Vec::new(),
            program: Fact::Unreadable(why),
            config_source: ConfigSource::File,
            config_path: Text::new(&namespace.agent_config()),
            config: Fact::Unreadable(why),
            host_id: Fact::Unreadable(why),
            version: None,
            namespace,
        },
        systemd: Systemd {
            booted: Fact::Unreadable(why),
            resumed: None,
            units_loaded: None,
            manager: Fact::NotApplicable,
        },
        v2: UpdaterV2 {
            config_path: files.config_path,
            config: files.config,
            legible: None,
            config_written: None,
            lock: Fact::NotApplicable,
            binary: files.binary,
            timer: Fact::Unreadable(why),
            service: Fact::Unreadable(why),
        },
        v1: UpdaterV1 {
            script: v1.script,
            timer: Fact::Unreadable(why),
            service: Fact::Unreadable(why),
            endpoint: v1.endpoint,
            schedule: v1.schedule,
            schedule_written: None,
            installer: v1.installer,
            neutralised: v1.neutralised,
            holds: Fact::NotApplicable,
        },
        kubernetes: Fact::NotApplicable,
        history: None,
    }
}
