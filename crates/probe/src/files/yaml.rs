//! YAML within bounds.

use selfcheck_core::Text;
use serde::de::DeserializeOwned;
use serde_saphyr::Budget;
use serde_saphyr::Options;

/// A document that is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct YamlError(
    /// What is wrong and where, on one line.
    pub Text,
);

/// Reads one YAML document. Nesting, aliases, nodes and total size are bounded.
pub fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
        let whole = error.to_string();
        let line = whole.lines().next().unwrap_or_default();
        // The parser advises its own caller here, not the writer of the document.
        let line = line.split_once(", set DuplicateKeyPolicy").map_or(line, |(what, _)| what);
        YamlError(line.into())
    })
}

fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_events = 200_000;
    budget.max_nodes = 100_000;
    budget.max_depth = 64;
    budget.max_aliases = 1_000;
    budget.max_anchors = 1_000;
    budget.max_documents = 1;
    budget.max_recorded_anchor_events = 100_000;
    budget.max_recorded_anchor_bytes = 4 << 20;
    budget.max_total_scalar_bytes = 4 << 20;
    let mut options = Options::default();
    options.budget = Some(budget);
    // An error must never quote the file: teleport.yaml may hold a join token.
    options.with_snippet = false;
    options
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::de::IgnoredAny;

    use super::*;

    #[test]
    fn refuses_a_bomb() {
        let level = |level: u32| {
            let alias = format!("*a{}", level - 1);
            format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 9].join(", "))
        };
        let bomb: String =
            std::iter::once("a0: &a0 [x, x, x]\n".to_owned()).chain((1..12).map(level)).collect();
        assert!(from_yaml::<BTreeMap<String, Vec<IgnoredAny>>>(&bomb).is_err());
    }

    #[test]
    fn an_error_does_not_quote_the_document() {
        let error = from_yaml::<BTreeMap<String, u32>>("auth_token: verysecret\n").expect_err("not a number");
        assert!(!error.to_string().contains("verysecret"), "{error}");
    }
}
