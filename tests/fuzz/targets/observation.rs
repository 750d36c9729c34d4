//! A recorded observation, as bytes of any kind, judged under the usual policy.
#![no_main]

use libfuzzer_sys::fuzz_target;
use selfcheck_core::Observation;
use selfcheck_core::Policy;
use selfcheck_core::Status;
use selfcheck_core::assess;

fuzz_target!(|bytes: &[u8]| {
    let Ok(observation) = serde_json::from_slice::<Observation>(bytes) else { return };
    let status = assess(&observation, &Policy::default(), observation.clock);
    let json = serde_json::to_string(&status).expect("json");
    assert_eq!(serde_json::from_str::<Status>(&json).expect("json"), status);
    assert!(!json.chars().any(char::is_control), "{json:?}");
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    assert!(status.label().chars().all(plain), "{}", status.label());
    if let Some(remedy) = &status.remedy {
        assert!(!remedy.shell.contains(['\n', '\r']), "{}", remedy.shell);
    }
});
