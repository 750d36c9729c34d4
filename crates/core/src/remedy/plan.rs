//! What a remedy comes to: its steps, and what is said of them.

use super::Remedy;
use super::RemedyId;
use super::Step;
use super::shell;

/// Teleport's reference of the updater's command line.
pub(super) const CLI: &str = "https://goteleport.com/docs/reference/cli/teleport-update";
/// Teleport's documentation of managed updates.
pub(super) const UPDATES: &str = "https://goteleport.com/docs/upgrading/agent-managed-updates/";

/// The parts of a remedy that differ from one to the next.
pub(super) struct Plan {
    steps: Vec<Step>,
    effect: String,
    undo: Option<Vec<String>>,
    docs: &'static str,
    runs: Runs,
    /// What a person has to do first, as writing something for a word of the command.
    first: Option<String>,
}

/// Where the commands of a plan are run, and by whom.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// On the agent's host, by root.
    OnHost,
    /// Where the cluster is managed, by whoever does that.
    OnCluster,
}

impl Plan {
    /// Begins with a command that root runs on the agent's host.
    pub(super) fn new(argv: Vec<String>, effect: impl Into<String>, docs: &'static str) -> Self {
        let steps = vec![Step { argv, stdin_from: None }];
        Self { steps, effect: effect.into(), undo: None, docs, runs: Runs::OnHost, first: None }
    }

    /// Begins with a command that is run where the cluster is managed.
    pub(super) fn on_cluster(argv: Vec<String>, effect: impl Into<String>, docs: &'static str) -> Self {
        Self { runs: Runs::OnCluster, ..Self::new(argv, effect, docs) }
    }

    /// Runs this, too, once all before it went well.
    pub(super) fn then(mut self, argv: Vec<String>) -> Self {
        self.steps.push(Step { argv, stdin_from: None });
        self
    }

    /// Feeds what the last step prints to this one.
    pub(super) fn piped_to(mut self, argv: Vec<String>) -> Self {
        let from = self.steps.len() - 1;
        self.steps.push(Step { argv, stdin_from: Some(from) });
        self
    }

    /// How to take it back.
    pub(super) fn undone_by(self, argv: Vec<String>) -> Self {
        Self { undo: Some(argv), ..self }
    }

    /// Where something is not known, a person has to do this before anything can be run.
    pub(super) fn needs(self, first: Option<impl Into<String>>) -> Self {
        Self { first: first.map(Into::into), ..self }
    }

    /// The remedy that it makes.
    pub(super) fn finish(self, id: RemedyId) -> Remedy {
        let root = self.runs == Runs::OnHost;
        let shell = shell::line(&self.steps, root);
        let (steps, first) = match self.first {
            None => (self.steps, String::new()),
            Some(first) => (Vec::new(), format!("; {first}")),
        };
        Remedy {
            id: id.into(),
            steps,
            shell,
            root,
            effect: self.effect + &first,
            undo: self.undo.map(|argv| shell::line(&[Step { argv, stdin_from: None }], root)),
            docs: self.docs.to_owned(),
        }
    }
}

/// The words of a command.
pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
