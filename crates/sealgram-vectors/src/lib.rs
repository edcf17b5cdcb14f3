//! The test vectors of `vectors/` at the root of the workspace: what is there, and how to read it.
//!
//! Two forms. Ours is a list of [`Section`]s: `[kind]`, then lines `field = value`. What comes from elsewhere keeps the
//! form in which NIST publishes: [`Case`]s between empty lines, under headings that hold for all that follow. Whoever
//! reads one takes its fields one by one and calls `finish`, which fails if one is left: nothing is there that no test
//! looks at. The tests of this crate want every file listed in `vectors/README.md`, with its digest and with a source
//! that reads it.
#![forbid(unsafe_code)]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "it reads files of this repository for tests, which fail by panicking"
)]

mod nist;
mod section;
mod tally;

use std::fs;
use std::path::{Path, PathBuf};

pub use nist::{Case, cases};
pub use section::{Section, sections};
pub use tally::Tally;

/// The content of a file, named by its path below `vectors/`.
#[must_use]
pub fn read(name: &str) -> Vec<u8> {
    fs::read(root().join(name)).unwrap_or_else(|error| panic!("vectors/{name}: {error}"))
}

/// The content of a file of text.
#[must_use]
pub fn read_text(name: &str) -> String {
    String::from_utf8(read(name)).unwrap_or_else(|error| panic!("vectors/{name}: {error}"))
}

/// The folder of the vectors.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

/// One file of `vectors/README.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a row of a table in this workspace")]
pub struct Listed {
    /// Its path below `vectors/`.
    pub name: String,
    /// The source that reads it, by its path from the root of the workspace.
    pub reader: String,
    /// SHA-256 in hexadecimal.
    pub digest: String,
}

/// The files that `vectors/README.md` lists: rows of a path, words about it, its reader and its digest.
#[must_use]
pub fn listed() -> Vec<Listed> {
    let readme = read_text("README.md");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (name, rest) = row.split_once('`').unwrap();
        let cells: Vec<&str> = rest.trim_end_matches(" |").rsplit(" | ").collect();
        let [digest, reader, ..] = cells.as_slice() else { panic!("{name}: cells are missing") };
        let [digest, reader] = [digest, reader].map(|cell| cell.trim_matches('`').to_owned());
        Listed { name: name.to_owned(), reader, digest }
    })
    .collect()
}

/// The names of the files in a folder of `vectors/`, as the README lists them.
#[must_use]
pub fn listed_below(folder: &str) -> Vec<String> {
    let names = listed().into_iter().map(|file| file.name);
    names.filter(|name| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))).collect()
}

/// Bytes of hexadecimal digits.
#[must_use]
pub fn unhex(digits: &str) -> Vec<u8> {
    assert!(digits.len() % 2 == 0 && digits.is_ascii(), "{digits}");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Hexadecimal digits of bytes.
#[must_use]
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
