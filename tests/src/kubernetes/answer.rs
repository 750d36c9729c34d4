//! Answers to requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream;
use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::Request;
use hyper::Response;
use hyper::body::Bytes;
use hyper::body::Frame;
use hyper::body::Incoming;
use serde_json::Value;
use serde_json::json;

use super::Fault;
use super::State;
use super::access::Wanted;
use super::protobuf;
use super::store::At;
use super::writes;
use super::writes::Patch;

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A path of the API, taken apart.
struct Asked {
    group: &'static str,
    resource: String,
    namespace: String,
    name: Option<String>,
    subresource: Option<String>,
    query: BTreeMap<String, String>,
}

/// Where the objects of each group are.
const GROUPS: [(&str, &str); 3] = [
    ("/api/v1/", ""),
    ("/apis/apps/v1/", "apps"),
    ("/apis/rbac.authorization.k8s.io/v1/", "rbac.authorization.k8s.io"),
];

impl Asked {
    fn of(path: &str, query: &str) -> Option<Self> {
        let of_group = |(prefix, group): &(&str, &'static str)| Some((*group, path.strip_prefix(prefix)?));
        let (group, rest) = GROUPS.iter().find_map(of_group)?;
        let mut parts = rest.split('/').map(str::to_owned).peekable();
        let is_namespaced = parts.next_if(|part| part == "namespaces").is_some();
        let namespace = if is_namespaced { parts.next()? } else { String::new() };
        let resource = parts.next()?;
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let decoded = |value: &str| value.replace("%3D", "=").replace("%2C", ",");
        let query = pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect();
        Some(Self { group, resource, namespace, name: parts.next(), subresource: parts.next(), query })
    }

    /// The one object it is about: also where a list is limited to one.
    fn name(&self) -> Option<&str> {
        let selected = self.query.get("fieldSelector").and_then(|field| field.strip_prefix("metadata.name="));
        self.name.as_deref().or(selected)
    }

    fn verb(&self, method: &str) -> &'static str {
        let is_watch = self.query.get("watch").is_some_and(|watch| watch == "true" || watch == "1");
        match (method, &self.name) {
            ("GET", Some(_)) => "get",
            ("GET", None) if is_watch => "watch",
            ("GET", None) => "list",
            ("PATCH", _) => "patch",
            ("DELETE", _) => "delete",
            ("PUT", _) => "update",
            _ => "create",
        }
    }
}

/// The answer to `request`; `None` to close the connection.
pub(super) async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Option<Response<Body>> {
    let (head, body) = request.into_parts();
    let (path, query) = (head.uri.path().to_owned(), head.uri.query().unwrap_or_default().to_owned());
    if let Some(discovered) = discovery(&path) {
        return Some(json(200, &discovered));
    }
    // Without schemas nothing is checked against one.
    if path == "/openapi/v2" {
        return Some(response(200, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", full("")));
    }
    let Some(asked) = Asked::of(&path, &query) else { return Some(status(404, "NotFound")) };
    let verb = asked.verb(head.method.as_str());
    let fault = {
        let mut state = state.lock().expect("not poisoned");
        state.requests.push(format!("{verb} {path}"));
        state.fault
    };
    if let Some(fault) = fault {
        return faulty(fault).await;
    }
    let authorization = head.headers.get("authorization").and_then(|value| value.to_str().ok());
    let wanted = Wanted {
        verb,
        group: asked.group,
        resource: &asked.resource,
        namespace: &asked.namespace,
        name: asked.name(),
    };
    {
        let state = state.lock().expect("not poisoned");
        let Some(user) = state.access.user(authorization) else { return Some(status(401, "Unauthorized")) };
        if !state.access.permits(&user, &wanted) {
            return Some(status(403, "Forbidden"));
        }
    }
    match verb {
        "get" => Some(get(&state, &asked)),
        "list" => Some(list(&state, &asked)),
        "watch" => Some(watch(state, &asked)),
        "delete" => Some(deleted(&state, &asked)),
        _ => {
            let content = head.headers.get("content-type").and_then(|value| value.to_str().ok());
            let is_strategic = content == Some("application/strategic-merge-patch+json");
            let sent = body.collect().await.ok()?.to_bytes();
            let sent = protobuf::object(&sent);
            Some(match verb {
                "patch" if is_strategic => patched(&state, &asked, Patch::Strategic, &sent),
                "patch" => patched(&state, &asked, Patch::Merge, &sent),
                _ => written(&state, &asked, sent),
            })
        }
    }
}

fn get(state: &Mutex<State>, asked: &Asked) -> Response<Body> {
    if asked.subresource.as_deref() == Some("log") {
        return response(200, "text/plain", full("the updater says what it does\n"));
    }
    let state = state.lock().expect("not poisoned");
    let object = asked.name.clone().and_then(|name| state.store.get(&at(asked, &name)));
    object.map_or_else(|| not_found(asked), |object| json(200, object))
}

fn at(asked: &Asked, name: &str) -> At {
    (asked.resource.clone(), asked.namespace.clone(), name.to_owned())
}

fn list(state: &Mutex<State>, asked: &Asked) -> Response<Body> {
    let state = state.lock().expect("not poisoned");
    let selector = asked.query.get("labelSelector").map(String::as_str).unwrap_or_default();
    let is_selected = |object: &&Value| {
        let labels = &object["metadata"]["labels"];
        selector
            .split(',')
            .filter_map(|part| part.split_once('='))
            .all(|(label, value)| labels[label] == value)
    };
    let items: Vec<_> = state.store.list(&asked.resource, &asked.namespace).filter(is_selected).collect();
    let kind = items.first().and_then(|item| item["kind"].as_str()).unwrap_or("");
    let version = state.store.version().to_string();
    json(
        200,
        &json!({
            "kind": format!("{kind}List"), "apiVersion": version_of(asked.group),
            "metadata": {"resourceVersion": version}, "items": items,
        }),
    )
}

fn version_of(group: &str) -> String {
    if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") }
}

fn patched(state: &Mutex<State>, asked: &Asked, kind: Patch, patch: &Value) -> Response<Body> {
    let mut state = state.lock().expect("not poisoned");
    let at = at(asked, asked.name().unwrap_or_default());
    if state.store.get(&at).is_none() {
        return not_found(asked);
    }
    state.store.change(&at.0, &at.1, &at.2, |object| writes::apply(kind, object, patch));
    json(200, state.store.get(&at).expect("changed"))
}

/// Creates an object, or replaces the one that is named.
fn written(state: &Mutex<State>, asked: &Asked, mut object: Value) -> Response<Body> {
    let mut state = state.lock().expect("not poisoned");
    let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
    if state.store.get(&at(asked, &name)).is_some() != asked.name.is_some() {
        return if asked.name.is_some() { not_found(asked) } else { status(409, "AlreadyExists") };
    }
    object["metadata"]["namespace"] = asked.namespace.clone().into();
    if asked.group == "rbac.authorization.k8s.io" {
        state.access.grant(std::slice::from_ref(&object));
    }
    state.store.put(object);
    json(if asked.name.is_some() { 200 } else { 201 }, state.store.get(&at(asked, &name)).expect("written"))
}

fn deleted(state: &Mutex<State>, asked: &Asked) -> Response<Body> {
    let mut state = state.lock().expect("not poisoned");
    let at = at(asked, asked.name().unwrap_or_default());
    if state.store.get(&at).is_none() {
        return not_found(asked);
    }
    state.store.remove(&at.0, &at.1, &at.2);
    json(200, &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}))
}

fn watch(state: Arc<Mutex<State>>, asked: &Asked) -> Response<Body> {
    let wanted = |at: &At, resource: &str, namespace: &str, name: Option<&str>| {
        at.0 == resource && at.1 == namespace && name.is_none_or(|name| at.2 == name)
    };
    let (resource, namespace) = (asked.resource.clone(), asked.namespace.clone());
    let name = asked.name().map(str::to_owned);
    let (first, mut from, news, hung_up) = {
        let state = state.lock().expect("not poisoned");
        let from = asked.query.get("resourceVersion").and_then(|version| version.parse().ok());
        let mut first = Vec::new();
        if from.is_none() {
            let named =
                |object: &&Value| name.as_ref().is_none_or(|name| object["metadata"]["name"] == **name);
            let objects = state.store.list(&resource, &namespace).filter(named);
            first = objects.map(|object| line("ADDED", object)).collect();
        }
        (first, from.unwrap_or(state.store.version()), state.store.news(), state.store.hung_up())
    };
    let events = move |state: &Mutex<State>| {
        let state = state.lock().expect("not poisoned");
        if state.store.hung_up() != hung_up {
            return None;
        }
        let Some(events) = state.store.since(from) else {
            let gone = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired",
                              "code": 410, "message": "too old resource version", "metadata": {}});
            return Some((vec![line("ERROR", &gone)], true));
        };
        from = state.store.version();
        let of = |event: &&super::store::Event| {
            event.at.as_ref().is_none_or(|at| wanted(at, &resource, &namespace, name.as_deref()))
        };
        Some((events.iter().filter(of).map(|event| line(event.kind, &event.object)).collect(), false))
    };
    let lines = stream::iter(first).chain(told(state, news, events));
    let frames = lines.map(|line| Ok(Frame::data(Bytes::from(line))));
    response(200, "application/json", StreamBody::new(frames).boxed_unsync())
}

/// Lines as there are events, until `events` has none for ever.
fn told(
    state: Arc<Mutex<State>>,
    news: tokio::sync::watch::Receiver<()>,
    events: impl FnMut(&Mutex<State>) -> Option<(Vec<String>, bool)> + Send + 'static,
) -> impl Stream<Item = String> + Send + 'static {
    let batches = stream::unfold(Some((state, news, events)), |now| async move {
        let (state, mut news, mut events) = now?;
        news.mark_unchanged();
        let (lines, is_last) = events(&state)?;
        if is_last {
            return Some((lines, None));
        }
        if lines.is_empty() {
            news.changed().await.ok()?;
        }
        Some((lines, Some((state, news, events))))
    });
    batches.flat_map(stream::iter)
}

fn line(kind: &str, object: &Value) -> String {
    format!("{}\n", json!({"type": kind, "object": object}))
}

async fn faulty(fault: Fault) -> Option<Response<Body>> {
    let started = "{\"kind\": \"StatefulSet\", \"metadata\": {";
    match fault {
        Fault::Status(code, wait) => {
            let mut answer = status(code, "Unavailable");
            if let Some(wait) = wait {
                answer.headers_mut().insert("retry-after", wait.into());
            }
            Some(answer)
        }
        Fault::Silence => std::future::pending().await,
        Fault::Close => None,
        Fault::Truncated => {
            let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            let frames = stream::iter([Ok(Frame::data(Bytes::from(started))), Err(broken)]);
            Some(response(200, "application/json", StreamBody::new(frames).boxed_unsync()))
        }
        Fault::Endless => {
            let more = Bytes::from(" ".repeat(1 << 16));
            let first = stream::iter([Ok(Frame::data(Bytes::from(started)))]);
            let frames = first.chain(stream::repeat_with(move || Ok(Frame::data(more.clone()))));
            Some(response(200, "application/json", StreamBody::new(frames).boxed_unsync()))
        }
        Fault::Garbage => Some(response(200, "text/html", full("<html>log in first</html>"))),
    }
}

/// What clients ask before they ask for objects.
fn discovery(path: &str) -> Option<Value> {
    let verbs = ["create", "delete", "get", "list", "patch", "update", "watch"];
    let of_cluster = |name: &str, kind: &str| json!({"name": name, "singularName": kind.to_lowercase(), "namespaced": false, "kind": kind, "verbs": verbs});
    let resource = |name: &str, kind: &str| json!({"name": name, "singularName": kind.to_lowercase(), "namespaced": true, "kind": kind, "verbs": verbs});
    let group = |name: &str| {
        let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
        json!({"name": name, "versions": [version], "preferredVersion": version})
    };
    match path {
        "/version" => Some(json!({"major": "1", "minor": "32", "gitVersion": "v1.32.0"})),
        "/api" => Some(json!({"kind": "APIVersions", "versions": ["v1"]})),
        "/openapi/v3" => Some(json!({"paths": {}})),
        "/apis" => Some(json!({"kind": "APIGroupList", "apiVersion": "v1",
            "groups": [group("apps"), group("rbac.authorization.k8s.io")]})),
        "/apis/rbac.authorization.k8s.io/v1" => Some(json!({"kind": "APIResourceList",
        "groupVersion": "rbac.authorization.k8s.io/v1", "resources": [
            of_cluster("clusterroles", "ClusterRole"), of_cluster("clusterrolebindings", "ClusterRoleBinding"),
            resource("roles", "Role"), resource("rolebindings", "RoleBinding"),
        ]})),
        "/api/v1" => Some(json!({"kind": "APIResourceList", "groupVersion": "v1",
            "resources": [resource("pods", "Pod"), resource("secrets", "Secret")]})),
        "/apis/apps/v1" => Some(json!({"kind": "APIResourceList", "groupVersion": "apps/v1",
            "resources": [resource("deployments", "Deployment"), resource("statefulsets", "StatefulSet")]})),
        _ => None,
    }
}

fn not_found(asked: &Asked) -> Response<Body> {
    let details = json!({"name": asked.name(), "group": asked.group, "kind": asked.resource});
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                        "reason": "NotFound", "message": "not found", "details": details, "code": 404});
    json(404, &status)
}

fn status(code: u16, reason: &str) -> Response<Body> {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                        "reason": reason, "message": reason, "code": code});
    json(code, &status)
}

fn json(code: u16, value: &Value) -> Response<Body> {
    response(code, "application/json", full(&value.to_string()))
}

fn full(text: &str) -> Body {
    Full::new(Bytes::from(text.to_owned())).map_err(|never| match never {}).boxed_unsync()
}

fn response(code: u16, content: &str, body: Body) -> Response<Body> {
    Response::builder().status(code).header("content-type", content).body(body).expect("a response")
}
