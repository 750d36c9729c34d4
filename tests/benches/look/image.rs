//! A static look at a large image.

use std::fs::File;

use nix::fcntl::FallocateFlags;
use nix::fcntl::fallocate;
use selfcheck_tests::UnpackedImage;
use selfcheck_tests::binary;

use crate::figures::Sample;
use crate::inside::time;

const FILES: u32 = 4_000;
const FILE_BYTES: i64 = 256 << 10;
const UNITS: u32 = 400;
const RUNS: usize = 100;

/// Times the whole command on an image of 1 GB with some hundred units.
pub(crate) fn measure() -> Sample {
    let image = UnpackedImage::accompanied();
    for number in 0..FILES {
        let path = format!("/usr/share/ballast/{}/{number}", number / 100);
        image.write(&path, "");
        let file = File::options().write(true).open(image.at(&path)).expect("file");
        fallocate(&file, FallocateFlags::empty(), 0, FILE_BYTES).expect("room for 1 GB");
    }
    for number in 0..UNITS {
        image.write(
            &format!("/usr/lib/systemd/system/unit-{number}.service"),
            "[Service]\nExecStart=/bin/true\n",
        );
        image.link(
            &format!("/etc/systemd/system/target-{}.target.wants/unit-{number}.service", number % 20),
            "/usr/lib/systemd/system/unit.service",
        );
    }
    let program = binary("teleport-selfcheck");
    let words = [program.to_str().expect("path"), "debug", "updater-status", "--root"];
    let root = image.root().to_str().expect("path");
    Sample::new((0..RUNS).map(|_| time(&[&words[..], &[root]].concat())).collect())
}
