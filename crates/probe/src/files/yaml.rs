//! YAML within bounds.

use selfcheck_core::Text;
use selfcheck_core::Why;
use serde::Deserialize;
use serde::Deserializer;
use serde::de::DeserializeOwned;
use serde::de::IgnoredAny;
use serde::de::Unexpected;
use serde::de::Visitor;
use serde_saphyr::Budget;
use serde_saphyr::DuplicateKeyPolicy;
use serde_saphyr::Options;

/// A document that is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct YamlError(
    /// What is wrong and where, on one line.
    pub Text,
);

/// Reads one YAML document. Nesting, aliases, nodes and total size are bounded.
///
/// # Errors
///
/// Where the text is no YAML, breaks a bound, or is no `T`, in words that repeat no value of the document.
pub fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
        let whole = error.to_string();
        let line = whole.lines().next().unwrap_or_default();
        // The parser advises its own caller here, not the writer of the document.
        let line = line.split_once(", set DuplicateKeyPolicy").map_or(line, |(what, _)| what);
        YamlError(discreet(line).as_str().into())
    })
}

/// The most letters of a key that an error names.
const KEY: usize = 40;
/// How an error begins and goes on that has a word of the document in its middle.
const AROUND: [(&str, &str); 9] = [
    ("unknown field `", "`, expected"),
    ("unknown variant `", "`, expected"),
    ("invalid type: string \"", "\", expected"),
    ("invalid value: string \"", "\", expected"),
    ("invalid type: integer `", "`, expected"),
    ("invalid type: floating point `", "`, expected"),
    ("invalid type: boolean `", "`, expected"),
    ("`", "` is not"),
    ("unexpected character '", "' while parsing"), // of a version
];
/// How one begins that ends in a key.
const TWICE: &str = "duplicate mapping key: ";
/// How one begins that has none.
const WITHOUT: [&str; 3] = ["missing field `", "invalid type: sequence, ", "invalid type: map, "];

/// An error without what the document says, but for a word that looks like a key. Whoever may ask what is wrong with a file need
/// not be somebody who may read it.
fn discreet(error: &str) -> String {
    let is_key = |word: &str| {
        let mut bytes = word.bytes();
        (1..=KEY).contains(&word.len())
            && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if WITHOUT.iter().any(|beginning| error.starts_with(beginning)) {
        return error.to_owned();
    }
    for (beginning, rest) in AROUND {
        // Nothing that the document says comes after the last of these words.
        let found = error.strip_prefix(beginning).and_then(|said| Some((said, said.rfind(rest)?)));
        if let Some((said, at)) = found {
            if is_key(&said[..at]) {
                return error.to_owned();
            }
            let beginning = beginning.trim_end_matches(['`', '"', '\'', ' ']);
            let beginning = if beginning.is_empty() { "a value" } else { beginning };
            return format!("{beginning}{}", &said[at + 1..]);
        }
    }
    if let Some(key) = error.strip_prefix(TWICE).filter(|key| is_key(key)) {
        return format!("{TWICE}{key}");
    }
    let what = error.split([':', '`', '"', '\'']).next().unwrap_or_default();
    match error.rfind(" at line ") {
        Some(at) if at > what.len() => format!("{what}{}", &error[at..]),
        _ => what.to_owned(),
    }
}

/// Reads YAML as the product's own libraries do, which are written in Go: the first document alone counts, and a text in
/// quotes is no boolean. `None` where that document says nothing. What is well-formed and is no `T` is invalid.
pub(super) fn as_product<T: DeserializeOwned>(text: &str) -> Result<Option<T>, Why> {
    let first = first_document(text);
    let mut typed = options();
    typed.strict_booleans = true;
    serde_saphyr::from_str_with_options(first, typed).map_err(|error| {
        // What is too much is not read once more.
        if matches!(error.without_snippet(), serde_saphyr::Error::Budget { .. }) {
            return Why::Yaml;
        }
        let mut untyped = options();
        untyped.duplicate_keys = DuplicateKeyPolicy::LastWins;
        let is_well_formed =
            serde_saphyr::from_str_with_options::<Option<IgnoredAny>>(first, untyped).is_ok();
        if is_well_formed { Why::Invalid } else { Why::Yaml }
    })
}

/// The text up to the end of its first document. A marker at the beginning of a line is one wherever it stands.
fn first_document(text: &str) -> &str {
    let mut begun = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let rest = line.strip_prefix("---").or_else(|| line.strip_prefix("..."));
        let is_marker = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if is_marker && begun {
            return &text[..at];
        }
        let is_comment = line.trim_start_matches('\u{feff}').trim_start().starts_with('#');
        let is_preamble = line.trim().is_empty() || is_comment || line.starts_with('%');
        begun |= !is_preamble;
        at += line.len();
    }
    text
}

/// A boolean as Go's `yaml.v3` reads it into a typed value: the words of YAML 1.1 count also in quotes, `true` and `false`
/// only without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bool(pub(super) bool);

impl<'de> Deserialize<'de> for Bool {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BoolVisitor)
    }
}

struct BoolVisitor;

impl Visitor<'_> for BoolVisitor {
    type Value = Bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a boolean")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Bool, E> {
        Ok(Bool(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Bool, E> {
        match value {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Ok(Bool(true)),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Ok(Bool(false)),
            _ => Err(E::invalid_value(Unexpected::Other("this text"), &self)),
        }
    }
}

fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_events = 200_000;
    budget.max_nodes = 100_000;
    budget.max_depth = 64;
    budget.max_aliases = 1_000;
    budget.max_anchors = 1_000;
    budget.max_documents = 1;
    budget.max_recorded_anchor_events = 20_000;
    budget.max_recorded_anchor_bytes = 1 << 20;
    budget.max_total_scalar_bytes = 4 << 20;
    budget.max_merge_keys = 100;
    let mut options = Options::default();
    options.budget = Some(budget);
    // What an alias stands for is read again each time, and a merge copies it.
    options.alias_limits.max_total_replayed_events = 20_000;
    // An error must never quote the file: teleport.yaml may hold a join token.
    options.with_snippet = false;
    options
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
    fn refuses_a_bomb_of_merges_and_takes_a_few() {
        let keys: Vec<_> = (0..100).map(|key| format!("k{key}: {key}")).collect();
        let merged = |times: usize| {
            let aliases = vec!["*x"; times].join(", ");
            format!("x: &x {{{}}}\ny: {{<<: [{aliases}]}}\n", keys.join(", "))
        };
        let read = |times| from_yaml::<BTreeMap<String, BTreeMap<String, u32>>>(&merged(times));
        assert_eq!(read(3).expect("few")["y"].len(), 100);
        assert!(read(900).is_err());
    }

    #[test]
    fn an_error_tells_keys_that_look_like_keys_and_nothing_else() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Known {
            #[expect(dead_code, reason = "it is only read")]
            known: Option<u32>,
        }
        let told = |text: &str| from_yaml::<Known>(text).expect_err(text).to_string();
        assert!(told("unknown: 1\n").contains("`unknown`"), "{}", told("unknown: 1\n"));
        for secret in [
            "root:$6$verysecret:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n",
            "verySecret: 1\n",
            "\"a`, expected verysecret\": 1\n",
            "known: *verysecret\n",
            "known: 1\n\"very secret\": 1\n",
            "\"very secret\": 1\n\"very secret\": 1\n",
            "known: verysecret: verysecret\n",
            "known: verysecret\n",
            "known: \"very`secret`\"\n",
            "\"a` verysecret\": 1\n",
            "'a\" verysecret': 1\n",
            "known: [verysecret]\n",
            "- verysecret\n",
            "-----BEGIN PRIVATE KEY-----\nverysecret\n",
        ] {
            let told = told(secret).to_lowercase();
            assert!(
                !told.contains("verysecret") && !told.contains("$6$") && !told.contains("secret"),
                "{secret}: {told}"
            );
        }
    }

    #[test]
    fn an_error_does_not_quote_the_document() {
        let error = from_yaml::<BTreeMap<String, u32>>("auth_token: verysecret\n").expect_err("not a number");
        assert!(!error.to_string().contains("verysecret"), "{error}");
    }
}
