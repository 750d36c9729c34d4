//! A policy, as text of any kind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use selfcheck_core::Policy;

fuzz_target!(|text: &str| {
    match selfcheck_probe::from_yaml::<Policy>(text) {
        Ok(policy) => {
            let _ = policy.check();
            let json = serde_json::to_string(&policy).expect("json");
            assert_eq!(serde_json::from_str::<Policy>(&json).expect("json"), policy);
        }
        Err(error) => assert!(!error.to_string().chars().any(char::is_control), "{error}"),
    }
});
