//! What a pod is made of.

use serde::Deserialize;
use serde::Serialize;

/// What a pod is made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PodShape {
    /// Whether it has the network of this machine, so that it reaches what listens on loopback.
    pub has_host_network: bool,
    /// Whether its containers share their processes, of which a pause is the first then. Else there is one container.
    pub shares_processes: bool,
    /// Its containers.
    pub containers: Vec<Container>,
}

/// A container: what it runs, and what it sees.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// As whom it runs.
    pub user: u32,
    /// What it runs.
    pub argv: Vec<String>,
    /// Its environment.
    pub environment: Vec<(String, String)>,
    /// Volumes, and where each is mounted.
    pub volumes: Vec<(String, String)>,
    /// Programs of the workspace, and the path of each in the image.
    pub programs: Vec<(String, String)>,
    /// Programs that a user put there: as above, and who owns them and their folder.
    pub users_programs: Vec<(String, String)>,
}

impl Container {
    /// One of the chart: it runs an agent, and has the volumes that the chart mounts.
    pub fn agent(name: &str) -> Self {
        let volumes = [
            ("config", "/etc/teleport"),
            ("podinfo", "/etc/podinfo"),
            ("updater-config", "/etc/updater-config"),
            ("serviceaccount", "/var/run/secrets/kubernetes.io/serviceaccount"),
        ];
        Self {
            argv: words(&[
                "/usr/local/bin/teleport",
                "start",
                "--config=/etc/teleport/teleport.yaml",
                "--diag-addr=0.0.0.0:3000",
            ]),
            volumes: pairs(&volumes),
            programs: pairs(&[
                ("standin-teleport", "/usr/local/bin/teleport"),
                ("teleport-selfcheck", "/usr/local/bin/teleport-selfcheck"),
                ("pod-init", "/usr/local/bin/supervise"),
            ]),
            ..Self::bare(name)
        }
    }

    /// One that sees nothing of the pod's volumes and has no agent.
    pub fn bare(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            user: USER,
            argv: words(&["/usr/local/bin/supervise", "pause"]),
            environment: Vec::new(),
            volumes: Vec::new(),
            programs: pairs(&[
                ("teleport-selfcheck", "/usr/local/bin/teleport-selfcheck"),
                ("pod-init", "/usr/local/bin/supervise"),
            ]),
            users_programs: Vec::new(),
        }
    }

    /// With this in its environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a volume mounted there.
    #[must_use]
    pub fn mounting(mut self, volume: &str, path: &str) -> Self {
        self.volumes.push((volume.to_owned(), path.to_owned()));
        self
    }

    /// Running this.
    #[must_use]
    pub fn running(self, argv: &[&str]) -> Self {
        Self { argv: words(argv), ..self }
    }

    /// Running the same, started by so many programs, each of which started the next.
    #[must_use]
    pub fn supervised(mut self, by: u32) -> Self {
        let argv = ["/usr/local/bin/supervise".to_owned(), "supervise".to_owned(), by.to_string()];
        self.argv.splice(0..0, argv);
        self
    }
}

/// Who everybody is in the chart's pods.
pub(super) const USER: u32 = 9807;

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
}
