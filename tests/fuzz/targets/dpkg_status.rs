//! dpkg's database and the lists of other package managers, as bytes of any kind.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for package in selfcheck_probe::fuzzing::held_packages(bytes) {
        assert!(package.starts_with("teleport"), "{package}");
    }
});
