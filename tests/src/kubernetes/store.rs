//! Objects, their versions, and what became of them.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;
use tokio::sync::watch;

/// Where an object is: resource, namespace and name.
pub(super) type At = (String, String, String);

/// All objects, and what happened to them since it was forgotten last.
#[derive(Debug)]
pub(super) struct Store {
    objects: BTreeMap<At, Value>,
    version: u64,
    events: Vec<Event>,
    /// What happened up to this is not known any more.
    forgotten: u64,
    /// How often all watches were ended.
    hung_up: u64,
    news: watch::Sender<()>,
}

/// What happened to an object.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) version: u64,
    pub(super) at: Option<At>,
    pub(super) kind: &'static str,
    pub(super) object: Value,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            version: 100,
            events: Vec::new(),
            forgotten: 0,
            hung_up: 0,
            news: watch::Sender::new(()),
        }
    }
}

impl Store {
    pub(super) fn put(&mut self, object: Value) {
        let field = |field: &str| object["metadata"][field].as_str().expect("of an object").to_owned();
        let resource = format!("{}s", object["kind"].as_str().expect("kind").to_lowercase());
        let at = (resource, field("namespace"), field("name"));
        let kind = if self.objects.contains_key(&at) { "MODIFIED" } else { "ADDED" };
        self.happened(at, kind, object);
    }

    pub(super) fn change(
        &mut self,
        resource: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) {
        let at = (resource.to_owned(), namespace.to_owned(), name.to_owned());
        let mut object = self.objects.get(&at).expect("it exists").clone();
        change(&mut object);
        self.happened(at, "MODIFIED", object);
    }

    pub(super) fn remove(&mut self, resource: &str, namespace: &str, name: &str) {
        let at = (resource.to_owned(), namespace.to_owned(), name.to_owned());
        let object = self.objects.get(&at).expect("it exists").clone();
        self.happened(at, "DELETED", object);
    }

    fn happened(&mut self, at: At, kind: &'static str, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        if kind == "DELETED" {
            self.objects.remove(&at);
        } else {
            self.objects.insert(at.clone(), object.clone());
        }
        self.events.push(Event { version: self.version, at: Some(at), kind, object });
        self.news.send_replace(());
    }

    pub(super) fn bookmark(&mut self) {
        self.version += 1;
        let metadata = json!({"resourceVersion": self.version.to_string(), "creationTimestamp": null});
        let object = json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": metadata});
        self.events.push(Event { version: self.version, at: None, kind: "BOOKMARK", object });
        self.news.send_replace(());
    }

    pub(super) fn forget(&mut self) {
        self.version += 1;
        self.forgotten = self.version;
        self.events.clear();
        self.news.send_replace(());
    }

    pub(super) fn hang_up(&mut self) {
        self.hung_up += 1;
        self.news.send_replace(());
    }

    pub(super) const fn hung_up(&self) -> u64 {
        self.hung_up
    }

    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn get(&self, at: &At) -> Option<&Value> {
        self.objects.get(at)
    }

    pub(super) fn list(&self, resource: &str, namespace: &str) -> impl Iterator<Item = &Value> {
        let of = move |at: &At| at.0 == resource && at.1 == namespace;
        self.objects.iter().filter(move |(at, _)| of(at)).map(|(_, object)| object)
    }

    /// What happened after `version`; `None` if that is not known any more.
    pub(super) fn since(&self, version: u64) -> Option<Vec<Event>> {
        let known = self.events.iter().filter(|event| event.version > version).cloned();
        (version >= self.forgotten).then(|| known.collect())
    }

    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    pub(super) fn watchers(&self) -> usize {
        self.news.receiver_count()
    }
}
