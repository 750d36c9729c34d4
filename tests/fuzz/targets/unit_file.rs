//! A unit file of an image, as text of any kind.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(words) = selfcheck_probe::fuzzing::exec_start(text) {
        assert!(words.iter().all(|word| !word.contains(|c: char| c.is_ascii_whitespace())), "{words:?}");
    }
});
