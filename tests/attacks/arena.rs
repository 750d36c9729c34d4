//! An auth server that is attacked: the program itself, in a process of its own.

use std::future::Future;
use std::io::BufRead;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;

use jiff::SignedDuration;
use selfcheck_authority::Authority;
use selfcheck_authority::Validity;
use selfcheck_protocol::Role;
use selfcheck_tests::NODE;
use selfcheck_tests::binary;
use selfcheck_tests::wall_clock;
use tempfile::TempDir;

use crate::witness::Bounds;
use crate::witness::Seen;
use crate::witness::Witness;

/// An auth server, its authority, and who is known to it.
pub(crate) struct Arena {
    folder: TempDir,
    pub(crate) authority: Authority,
    pub(crate) address: SocketAddr,
    server: Child,
    /// Open for as long as it runs.
    _output: BufReader<ChildStdout>,
}

impl Drop for Arena {
    fn drop(&mut self) {
        let _ = self.server.kill(); // it may have ended
        let _ = self.server.wait();
    }
}

impl Arena {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let authority = Authority::init(&folder.path().join("ca"), "attacked.example.com", wall_clock())
            .expect("authority");
        std::fs::write(folder.path().join("policy.yaml"), "").expect("a policy");
        let mut server = Command::new(binary("teleport-selfcheck"))
            .args(["auth", "serve", "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--dir"])
            .arg(folder.path().join("ca"))
            .arg("--policy")
            .arg(folder.path().join("policy.yaml"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("teleport-selfcheck");
        let mut output = BufReader::new(server.stdout.take().expect("output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("that it serves");
        let address = line.trim().rsplit(' ').next().and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in {line:?}"));
        Self { folder, authority, address, server, _output: output }
    }

    /// The policy that it keeps to.
    pub(crate) fn policy(&self, text: &str) {
        std::fs::write(self.folder.path().join("policy.yaml"), text).expect("a policy");
    }

    pub(crate) fn process(&self) -> u32 {
        self.server.id()
    }

    pub(crate) fn server(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The identity of an agent.
    pub(crate) fn agent(&self, host_id: &str) -> PathBuf {
        self.identity(host_id, host_id, &NODE, SignedDuration::from_hours(1))
    }

    /// The identity of an administrator, each with its own certificate and all with one name.
    pub(crate) fn administrator(&self, file: &str) -> PathBuf {
        self.identity(file, "admin", &[Role::Admin], SignedDuration::from_hours(1))
    }

    pub(crate) fn identity(
        &self,
        file: &str,
        host_id: &str,
        roles: &[Role],
        lasts: SignedDuration,
    ) -> PathBuf {
        let path = self.folder.path().join(format!("{file}.pem"));
        let validity =
            Validity { from: wall_clock() - SignedDuration::from_mins(5), to: wall_clock() + lasts };
        self.authority.issue_to(&path, host_id, roles.iter().copied(), validity).expect("an identity");
        path
    }

    /// Lets a witness go on until `attack` is over. What was seen, and what came of it.
    pub(crate) async fn witness<T>(&self, bounds: &Bounds, attack: impl Future<Output = T>) -> (Seen, T) {
        Witness::new(self).await.watch(self, bounds, attack).await
    }
}
