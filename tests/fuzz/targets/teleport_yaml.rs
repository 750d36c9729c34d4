//! teleport.yaml, as text of any kind.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(config) = selfcheck_probe::fuzzing::teleport_yaml(text) {
        let json = serde_json::to_string(&config).expect("json");
        assert_eq!(
            serde_json::from_str::<selfcheck_core::observation::AgentConfig>(&json).expect("json"),
            config
        );
        assert!(config.roles().len() <= 11);
    }
});
