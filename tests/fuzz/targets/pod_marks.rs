//! A pod's labels or annotations as the downward API writes them, as text of any kind.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(marks) = selfcheck_probe::fuzzing::pod_marks(text) {
        // What was understood can be written down and read again.
        let json = serde_json::to_string(&marks).expect("json");
        assert_eq!(serde_json::from_str::<selfcheck_core::observation::Marks>(&json).expect("json"), marks);
        assert!(!json.chars().any(char::is_control), "{json:?}");
    }
});
