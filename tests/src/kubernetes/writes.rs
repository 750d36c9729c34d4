//! What is created, replaced and patched.

use serde_json::Map;
use serde_json::Value;

/// In which lists objects are told apart by a field of theirs, as the API's own types say.
const KEYS: [(&str, &str); 5] = [
    ("containers", "name"),
    ("env", "name"),
    ("volumes", "name"),
    ("volumeMounts", "mountPath"),
    ("ownerReferences", "uid"),
];

/// How a patch treats lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patch {
    /// It replaces them (RFC 7396).
    Merge,
    /// It merges those whose objects are told apart by a field.
    Strategic,
}

/// Applies `patch` to `object`.
pub(super) fn apply(kind: Patch, object: &mut Value, patch: &Value) {
    let Some(changes) = patch.as_object() else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    for (field, change) in changes.iter().filter(|(field, _)| !field.starts_with('$')) {
        if change.is_null() {
            object.as_object_mut().expect("an object").remove(field);
            continue;
        }
        let key = KEYS.iter().find(|(list, _)| list == field).map(|(_, key)| *key);
        match (key.filter(|_| kind == Patch::Strategic), change.as_array()) {
            (Some(key), Some(changes)) => merge(&mut object[field], changes, key),
            _ => apply(kind, &mut object[field], change),
        }
    }
}

fn merge(list: &mut Value, changes: &[Value], key: &str) {
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    let list = list.as_array_mut().expect("a list");
    for change in changes {
        let place = list.iter().position(|item| item[key] == change[key]);
        match (place, change["$patch"] == "delete") {
            (Some(place), true) => {
                list.remove(place);
            }
            (Some(place), false) => apply(Patch::Strategic, &mut list[place], change),
            (None, true) => {}
            (None, false) => {
                let mut item = Value::Null;
                apply(Patch::Strategic, &mut item, change);
                list.push(item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_merged_by_what_tells_their_objects_apart() {
        let mut object = json!({"spec": {"replicas": 1, "containers": [
            {"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}], "args": ["1", "2"]},
        ]}});
        let patch = json!({"spec": {"replicas": null, "$setElementOrder/containers": [{"name": "a"}], "containers": [
            {"name": "a", "args": ["3"], "env": [{"name": "X", "$patch": "delete"}, {"name": "Z", "value": "3"}]},
            {"name": "b"},
        ]}});
        apply(Patch::Strategic, &mut object, &patch);
        let expected = json!({"spec": {"containers": [
            {"name": "a", "env": [{"name": "Y", "value": "2"}, {"name": "Z", "value": "3"}], "args": ["3"]},
            {"name": "b"},
        ]}});
        assert_eq!(object, expected);
        apply(Patch::Merge, &mut object, &json!({"spec": {"containers": [{"name": "c"}]}}));
        assert_eq!(object, json!({"spec": {"containers": [{"name": "c"}]}}));
    }
}
