//! What to do: a closed catalogue of remedies with typed parameters, rendered to commands.
//!
//! A remedy is never free text. The auth server renders the same ids with its own parameters, so no text of
//! an agent ever becomes a command.

mod catalogue;
mod kubernetes;
mod look;
mod plan;
mod render;
mod shell;
mod units;
mod updater;

use serde::Deserialize;
use serde::Serialize;

use crate::Coded;
use crate::DnsLabel;
use crate::Generation;
use crate::HelmRelease;
use crate::Namespace;
use crate::ProxyAddr;
use crate::Reason;
use crate::TeleportVersion;
use crate::observation::Legible;

pub use catalogue::RemedyId;
pub use catalogue::Writes;
pub use shell::shell_word;

/// What a remedy acts on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RemedyTarget<'a> {
    /// The installation.
    pub namespace: &'a Namespace,
    /// What it is to help against, where that is known.
    pub reason: Option<Reason>,
    /// Whether a person turned updates off, as far as that is known.
    pub updates: Updates,
    /// What is legible of a broken update.yaml, and lost where that is set aside.
    pub lost: Option<&'a Legible>,
    /// The updater whose units are meant.
    pub generation: Generation,
    /// The agent's unit; where it is not known, a person has to write it for `UNIT`.
    pub agent_unit: Option<&'a str>,
    /// The proxy the agent connects to, where known.
    pub proxy: Option<ProxyAddr>,
    /// Where update.yaml lies.
    pub update_config: &'a str,
    /// teleport-update as it must be called: by its name where a shell finds it, else by its path.
    pub program: &'a str,
    /// The Helm release, for what is run where the cluster is managed.
    pub kubernetes: KubernetesTarget,
}

impl<'a> RemedyTarget<'a> {
    /// The updater of an installation whose update.yaml is `update_config`, where nothing else is known.
    pub fn new(namespace: &'a Namespace, generation: Generation, update_config: &'a str) -> Self {
        Self {
            namespace,
            reason: None,
            updates: Updates::On,
            lost: None,
            generation,
            agent_unit: None,
            proxy: None,
            update_config,
            program: Generation::V2.updater(),
            kubernetes: KubernetesTarget::default(),
        }
    }
}

/// Whether updates are on in update.yaml.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Updates {
    /// They are, or that is not known.
    On,
    /// A person turned them off.
    Off,
}

/// What the remedies for pods are for: a Helm release, and a pod of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct KubernetesTarget {
    /// The release, as far as the chart or Helm says.
    pub release: HelmRelease,
    /// What it may be called where nobody says so, by a label that others than Helm write, too. A person has to confirm it.
    pub guess: Option<DnsLabel>,
    /// The namespace in which Helm holds it, where that is known to be another one.
    pub released_in: Option<DnsLabel>,
    /// The agent's pod, where known.
    pub pod: Option<DnsLabel>,
    /// The version of its chart, where known: one without pre-release or build.
    pub chart_version: Option<TeleportVersion>,
}

/// A remedy, ready to be shown and run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Remedy {
    /// Which one.
    pub id: Coded<RemedyId>,
    /// The programs to run, in order. Empty where a person must fill something in first.
    pub steps: Vec<Step>,
    /// The same as one line for a shell.
    pub shell: String,
    /// Whether it needs root.
    pub root: bool,
    /// What it does, including what one might not expect.
    pub effect: String,
    /// How to take it back, where that is possible.
    pub undo: Option<String>,
    /// Teleport's own documentation.
    pub docs: String,
}

/// One program to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Step {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The step whose output is this one's input, counted from 0.
    pub stdin_from: Option<usize>,
}
