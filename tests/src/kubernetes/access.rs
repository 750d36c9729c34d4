//! Who is let in, and what RBAC objects let them do.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ADMIN;

/// Tokens, roles and bindings.
#[derive(Debug, Default)]
pub(super) struct Access {
    tokens: BTreeMap<String, (String, String)>,
    objects: Vec<Value>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum User {
    Admin,
    ServiceAccount { namespace: String, name: String },
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) verb: &'a str,
    pub(super) group: &'a str,
    pub(super) resource: &'a str,
    pub(super) namespace: &'a str,
    /// Of the one object, if it is one.
    pub(super) name: Option<&'a str>,
}

impl Access {
    pub(super) fn let_in(&mut self, token: &str, namespace: &str, account: &str) {
        self.tokens.insert(token.to_owned(), (namespace.to_owned(), account.to_owned()));
    }

    pub(super) fn lock_out(&mut self, token: &str) {
        self.tokens.remove(token);
    }

    pub(super) fn grant(&mut self, objects: &[Value]) {
        self.objects.extend(objects.iter().cloned());
    }

    pub(super) fn revoke(&mut self) {
        self.objects.clear();
    }

    pub(super) fn user(&self, authorization: Option<&str>) -> Option<User> {
        let token = authorization?.strip_prefix("Bearer ")?;
        if token == ADMIN {
            return Some(User::Admin);
        }
        let (namespace, name) = self.tokens.get(token)?.clone();
        Some(User::ServiceAccount { namespace, name })
    }

    /// Whether a binding of the user's refers to a role with a rule for it.
    pub(super) fn permits(&self, user: &User, wanted: &Wanted<'_>) -> bool {
        let User::ServiceAccount { namespace, name } = user else { return true };
        let bindings = self.objects.iter().filter(|object| {
            let is_subject = |subject: &Value| {
                subject["kind"] == "ServiceAccount"
                    && subject["name"] == **name
                    && subject["namespace"] == **namespace
            };
            let applies = match object["kind"].as_str() {
                Some("ClusterRoleBinding") => true,
                Some("RoleBinding") => object["metadata"]["namespace"] == wanted.namespace,
                _ => false,
            };
            applies && object["subjects"].as_array().is_some_and(|subjects| subjects.iter().any(is_subject))
        });
        let mut roles = bindings.filter_map(|binding| self.role(binding));
        roles.any(|role| rules(role).iter().any(|rule| is_for(rule, wanted)))
    }

    fn role(&self, binding: &Value) -> Option<&Value> {
        let wanted = &binding["roleRef"];
        self.objects.iter().find(|role| {
            role["kind"] == wanted["kind"]
                && role["metadata"]["name"] == wanted["name"]
                && (wanted["kind"] == "ClusterRole"
                    || role["metadata"]["namespace"] == binding["metadata"]["namespace"])
        })
    }
}

fn rules(role: &Value) -> &[Value] {
    role["rules"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn is_for(rule: &Value, wanted: &Wanted<'_>) -> bool {
    let has = |list: &str, item: &str| {
        let mut items = rule[list].as_array().into_iter().flatten();
        items.any(|listed| listed == "*" || listed == item)
    };
    // A rule with names grants nothing about what has none.
    let is_named =
        rule["resourceNames"].is_null() || wanted.name.is_some_and(|name| has("resourceNames", name));
    has("verbs", wanted.verb)
        && has("apiGroups", wanted.group)
        && has("resources", wanted.resource)
        && is_named
}
