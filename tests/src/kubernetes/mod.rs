//! Something like the API server of Kubernetes: TLS, tokens, rights as RBAC objects give them, objects with versions, and
//! being told of their changes. It also does what servers do on bad days.

mod access;
mod answer;
pub mod cluster;
mod protobuf;
mod store;
mod writes;

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::IsCa;
use rcgen::KeyPair;
use selfcheck_probe::ApiServer;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::available;

use access::Access;
use store::Store;

/// What nobody but an administrator is let in with.
pub const ADMIN: &str = "admin-token";

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running API server. It ends when this is dropped.
#[derive(Debug)]
pub struct KubernetesApi {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    folder: TempDir,
    tls: watch::Sender<Arc<ServerConfig>>,
    task: JoinHandle<()>,
}

/// What a server does instead of answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It answers with this status, and says when to come back.
    Status(u16, Option<u64>),
    /// It never answers.
    Silence,
    /// It closes the connection.
    Close,
    /// It ends its answer too early.
    Truncated,
    /// It sends and sends.
    Endless,
    /// It sends something else.
    Garbage,
}

#[derive(Debug)]
struct State {
    store: Store,
    access: Access,
    fault: Option<Fault>,
    requests: Vec<String>,
}

impl KubernetesApi {
    /// Starts one without objects, which lets in nobody but the administrator.
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("folder");
        let (tls, authority) = tls();
        fs::write(folder.path().join("ca.crt"), authority).expect("written");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let state =
            State { store: Store::default(), access: Access::default(), fault: None, requests: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let (tls, used) = watch::channel(Arc::new(tls));
        let task = tokio::spawn(serve(listener, used, Arc::clone(&state)));
        Self { address, state, folder, tls, task }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// It as the service account `namespace`/`account` sees it, whose token this is.
    pub fn server(&self, namespace: &str, account: &str, token: &str) -> ApiServer {
        self.let_in(token, namespace, account);
        fs::write(self.token_file(), token).expect("written");
        let authority = self.folder.path().join("ca.crt");
        ApiServer::new(format!("https://{}", self.address), self.token_file(), authority)
    }

    /// The file that the token is in.
    pub fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// The certificate of its authority.
    pub fn authority(&self) -> String {
        fs::read_to_string(self.folder.path().join("ca.crt")).expect("read")
    }

    /// Has certificates of another authority from now on, as its file says. Every connection ends.
    pub fn replace_certificates(&self) {
        let (tls, authority) = tls();
        fs::write(self.folder.path().join("ca.crt"), authority).expect("written");
        self.tls.send_replace(Arc::new(tls));
    }

    /// Has a certificate from now on whose authority is of the curve P-521, as openssl makes it. Every connection ends. Whether that
    /// could be had; where not, the reason is told.
    pub fn be_of_p521(&self) -> bool {
        let Some((tls, authority)) = tls_of_p521() else { return false };
        fs::write(self.folder.path().join("ca.crt"), authority).expect("written");
        self.tls.send_replace(Arc::new(tls));
        true
    }

    /// A configuration of kubectl that has this token.
    pub fn kubeconfig(&self, token: &str) -> PathBuf {
        let path = self.folder.path().join(format!("kubeconfig-{token}"));
        let authority = self.folder.path().join("ca.crt");
        let text = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {
                "server": format!("https://{}", self.address), "certificate-authority": authority,
            }}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        });
        fs::write(&path, text.to_string()).expect("written");
        path
    }

    /// Lets the service account in with `token`.
    pub fn let_in(&self, token: &str, namespace: &str, account: &str) {
        self.state().access.let_in(token, namespace, account);
    }

    /// Takes `token` no more.
    pub fn lock_out(&self, token: &str) {
        self.state().access.lock_out(token);
    }

    /// Grants what these objects of RBAC grant.
    pub fn grant(&self, objects: &[Value]) {
        self.state().access.grant(objects);
    }

    /// Creates objects of any kind.
    pub fn apply(&self, objects: &[Value]) {
        let is_of_rbac = |object: &Value| object["apiVersion"] == "rbac.authorization.k8s.io/v1";
        let (rights, others): (Vec<_>, Vec<_>) = objects.iter().cloned().partition(is_of_rbac);
        self.grant(&rights);
        for object in others {
            self.put(object);
        }
    }

    /// Takes every right back.
    pub fn revoke(&self) {
        self.state().access.revoke();
    }

    /// Creates or replaces an object.
    pub fn put(&self, object: Value) {
        self.state().store.put(object);
    }

    /// The object, if there is one.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        self.state().store.get(&(resource.to_owned(), namespace.to_owned(), name.to_owned())).cloned()
    }

    /// Changes an object.
    pub fn change(&self, resource: &str, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) {
        self.state().store.change(resource, namespace, name, change);
    }

    /// Removes an object.
    pub fn remove(&self, resource: &str, namespace: &str, name: &str) {
        self.state().store.remove(resource, namespace, name);
    }

    /// Forgets what objects were like before, and tells everybody who watches that their version is too old.
    pub fn forget(&self) {
        self.state().store.forget();
    }

    /// Sends a bookmark to everybody who watches.
    pub fn bookmark(&self) {
        self.state().store.bookmark();
    }

    /// From now on it does this instead of answering. Everybody's watches end.
    pub fn fault(&self, fault: Option<Fault>) {
        let mut state = self.state();
        state.fault = fault;
        state.store.hang_up();
    }

    /// What it was asked since it was asked this last: verb, and path.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state().requests)
    }

    /// Waits until so many watch, or fails the test.
    pub async fn is_watched_by(&self, count: usize) {
        self.becomes("watched", |state| state.store.watchers() == count).await;
    }

    /// Waits until it is asked something, or fails the test.
    pub async fn is_asked(&self) {
        self.becomes("asked", |state| !state.requests.is_empty()).await;
    }

    async fn becomes(&self, what: &str, is_so: impl Fn(&State) -> bool) {
        let so = async {
            while !is_so(&self.state()) {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, so).await.is_ok(), "it is not {what}: {:?}", self.state());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }
}

impl Drop for KubernetesApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, mut tls: watch::Receiver<Arc<ServerConfig>>, state: Arc<Mutex<State>>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted.expect("a connection"),
            Ok(()) = tls.changed() => {
                connections.abort_all();
                continue;
            }
        };
        let (tls, state) = (TlsAcceptor::from(Arc::clone(&tls.borrow())), Arc::clone(&state));
        connections.spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = service_fn(|request| {
                let state = Arc::clone(&state);
                async move { answer::answer(state, request).await.ok_or(Closed) }
            });
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The connection ends without an answer.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed")
    }
}

impl std::error::Error for Closed {}

impl From<Infallible> for Closed {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// A certificate for loopback, of an authority of its own.
fn tls() -> (ServerConfig, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("key")).expect("authority");
    let key = KeyPair::generate().expect("key");
    let server = CertificateParams::new(["127.0.0.1".to_owned()]).expect("names");
    let certificate = server.signed_by(&key, &authority).expect("certificate");
    (config(certificate.der().clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into())), authority.pem())
}

/// The same, of an authority of a curve that the tests' own library does not have.
fn tls_of_p521() -> Option<(ServerConfig, String)> {
    let folder = TempDir::new().expect("folder");
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-521 -nodes -subj /CN=ca -days 2 \
                  -keyout ca.key -out ca.crt && \
                  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server -keyout key -out csr && \
                  printf subjectAltName=IP:127.0.0.1 > names && \
                  openssl x509 -req -in csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 1 -extfile names -out crt";
    let made = Command::new("sh").args(["-c", script]).current_dir(folder.path()).output().expect("sh");
    let missing = String::from_utf8_lossy(&made.stderr).into_owned();
    if !available("openssl", if made.status.success() { Ok(()) } else { Err(missing) }) {
        return None;
    }
    let at = |name: &str| folder.path().join(name);
    let certificate = CertificateDer::from_pem_file(at("crt")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(at("key")).expect("a key");
    Some((config(certificate, key), fs::read_to_string(at("ca.crt")).expect("an authority")))
}

fn config(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("certificate");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}
