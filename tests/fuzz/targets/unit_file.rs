//! A unit file of an image, as text of any kind.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for (_, words) in selfcheck_probe::fuzzing::exec_start(text) {
        assert!(!words.is_empty());
        selfcheck_probe::fuzzing::runs(words);
    }
});
