//! update.yaml, as text of any kind.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(config) = selfcheck_probe::fuzzing::update_yaml(text) {
        // What was understood can be written down and read again.
        let json = serde_json::to_string(&config).expect("json");
        assert_eq!(
            serde_json::from_str::<selfcheck_core::observation::UpdateConfig>(&json).expect("json"),
            config
        );
        assert!(!json.chars().any(char::is_control), "{json:?}");
    }
});
