//! Files and command lines as the product's own libraries read them: `yaml.v3`, `yaml.v2` and kingpin, asked side by side.

mod agent;
mod update;
mod words;

use std::time::Duration;

use selfcheck_core::Observation;
use selfcheck_probe::Image;
use selfcheck_probe::Target;
use selfcheck_tests::Counterpart;
use selfcheck_tests::UnpackedImage;
use selfcheck_tests::interop;
use serde_json::Value;
use serde_json::json;

/// The longest a look at an image may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// An image, whose files are written anew for every look.
struct Looker {
    folder: UnpackedImage,
    image: Image,
    runtime: tokio::runtime::Runtime,
}

impl Looker {
    fn new() -> Self {
        let folder = UnpackedImage::accompanied();
        let image = Image::open(folder.root()).expect("image");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
        Self { folder, image, runtime }
    }

    /// What is seen once the file at `path` has this text.
    fn look(&self, path: &str, text: &str) -> Observation {
        self.folder.write(path, text);
        self.runtime.block_on(self.image.look(&Target::default(), PATIENCE))
    }
}

/// The product's libraries, or nothing where Go is not here.
fn product() -> Option<Counterpart> {
    interop(&["read"])
}

/// What the product makes of a text.
fn ask(product: &mut Counterpart, kind: &str, text: &str) -> Value {
    product.write(&json!({"kind": kind, "text": text}).to_string());
    product.tells("read")
}

/// Fails with every text that was read differently.
fn require_same(read: impl Iterator<Item = (String, Value, Value)>, least: usize) {
    let mut number = 0;
    let mut different = Vec::new();
    for (text, ours, theirs) in read {
        number += 1;
        if ours != theirs {
            different.push(format!("{text:?}\n  ours:   {ours}\n  theirs: {theirs}"));
        }
    }
    assert!(different.is_empty(), "{} of {number} differ:\n{}", different.len(), different.join("\n"));
    assert!(number >= least, "only {number} forms");
}
