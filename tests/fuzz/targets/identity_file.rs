//! An identity file, as bytes of any kind; also as a certificate by itself.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::IdentityFile;

fuzz_target!(|bytes: &[u8]| {
    let _ = HostIdentity::from_der(bytes);
    if let Err(error) = IdentityFile::parse(Path::new("identity"), bytes) {
        assert!(!error.to_string().contains(char::is_control), "{error}");
    }
});
