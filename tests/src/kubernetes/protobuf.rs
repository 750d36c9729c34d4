//! Secrets as newer clients send them: in the API's protobuf, of which helm writes nothing else. Fields and numbers as in `k8s.io/api`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use serde_json::Value;
use serde_json::json;

/// What goes before it.
const MAGIC: &[u8] = b"k8s\0";

#[derive(Clone, PartialEq, Message)]
struct Unknown {
    #[prost(message, optional, tag = "1")]
    of: Option<Kind>,
    #[prost(bytes = "vec", tag = "2")]
    raw: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Kind {
    #[prost(string, tag = "1")]
    api_version: String,
    #[prost(string, tag = "2")]
    kind: String,
}

#[derive(Clone, PartialEq, Message)]
struct Secret {
    #[prost(message, optional, tag = "1")]
    metadata: Option<Metadata>,
    #[prost(btree_map = "string, bytes", tag = "2")]
    data: BTreeMap<String, Vec<u8>>,
    #[prost(string, tag = "3")]
    kind: String,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(btree_map = "string, string", tag = "11")]
    labels: BTreeMap<String, String>,
}

/// The object that `sent` is, in JSON or as such a secret.
pub(super) fn object(sent: &[u8]) -> Value {
    let Some(envelope) = sent.strip_prefix(MAGIC) else { return serde_json::from_slice(sent).expect("JSON") };
    let Unknown { of, raw } = Unknown::decode(envelope).expect("an envelope");
    let of = of.expect("a kind");
    assert_eq!((of.api_version.as_str(), of.kind.as_str()), ("v1", "Secret"));
    let secret = Secret::decode(raw.as_slice()).expect("a secret");
    let Metadata { name, labels } = secret.metadata.expect("metadata");
    let data: BTreeMap<_, _> = secret.data.iter().map(|(key, bytes)| (key, STANDARD.encode(bytes))).collect();
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": secret.kind, "data": data,
        "metadata": {"name": name, "labels": labels},
    })
}
