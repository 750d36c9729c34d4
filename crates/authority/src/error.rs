//! Why nothing is issued.

use std::io;
use std::path::PathBuf;

use selfcheck_core::Text;

/// Why nothing is issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// There is an authority in the folder already.
    #[error("there is an authority in `{}` already", .0.display())]
    Exists(
        /// The folder.
        PathBuf,
    ),
    /// A file cannot be read.
    #[error("`{}` could not be read", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("`{}` could not be written", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else makes one at this moment.
    #[error("another command makes an authority in `{}` at this moment", .0.display())]
    Busy(
        /// The folder.
        PathBuf,
    ),
    /// Others may do with it what only its owner should.
    #[error("others than its owner may {to} `{}`", .path.display())]
    Exposed {
        /// What.
        path: PathBuf,
        /// What they may.
        to: &'static str,
    },
    /// Its key and its certificate do not belong together.
    #[error("the key and the certificate in `{}` do not belong together", .0.display())]
    Mixed(
        /// The folder.
        PathBuf,
    ),
    /// An identity would take the place of the authority itself.
    #[error("`{}` is a file of the authority itself, which no identity replaces", .0.display())]
    Own(
        /// Which.
        PathBuf,
    ),
    /// A file is not what it should be.
    #[error("`{}` is not the {what} of an authority", .path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
    },
    /// A name that no certificate can have.
    #[error("`{0}` cannot be the name of a {1}")]
    Name(
        /// The name.
        Text,
        /// Of what.
        &'static str,
    ),
    /// The random numbers or the encoding failed.
    #[error("the certificate could not be made: {0}")]
    Make(
        /// Why.
        String,
    ),
}
