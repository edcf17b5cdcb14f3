//! What must hold for the repository as a whole. The rules are the tests of this crate; here is what they share.
#![expect(clippy::panic, reason = "this is a library of tests, and a test fails by panicking")]

use core::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
///
/// # Panics
///
/// If this crate was moved out of `crates/`.
#[must_use]
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/ stands in the root");
    root.to_owned()
}

/// What `program` prints when it is run in the root of the repository.
///
/// # Panics
///
/// If it cannot be started, fails, or prints what is not UTF-8.
#[must_use]
pub fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output();
    let output = output.unwrap_or_else(|error| panic!("{program} did not start: {error}"));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?} failed:\n{complaints}");
    String::from_utf8(output.stdout).expect("UTF-8 output")
}

/// A text file of the repository.
#[derive(Debug)]
pub struct TextFile {
    /// Its path below the root, with `/` between the names.
    pub path: String,
    /// What it says.
    pub text: String,
}

impl TextFile {
    /// Reads the file at `path` below the root.
    ///
    /// # Panics
    ///
    /// If it is not there or not UTF-8.
    #[must_use]
    pub fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path: path.to_owned(), text }
    }
}

/// Every text file that is committed or could be: ignored files are not looked at, nor is what is not UTF-8.
#[must_use]
pub fn text_files() -> Vec<TextFile> {
    let listed = output_of("git", &["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let paths = listed.split_terminator('\0').filter(|path| root().join(path).is_file());
    paths
        .filter_map(|path| Some(TextFile { path: path.to_owned(), text: fs::read_to_string(root().join(path)).ok()? }))
        .collect()
}

/// The cells of the Markdown table that follows the heading `heading`, row by row, without its header.
///
/// # Panics
///
/// If the heading is not there: a table that was renamed away must not count as an empty one.
#[must_use]
pub fn table<'a>(text: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let (_, section) = text.split_once(heading).unwrap_or_else(|| panic!("no heading {heading:?}"));
    let section = section.split("\n## ").next().unwrap_or(section);
    let rows = section.lines().filter(|line| line.starts_with('|'));
    rows.skip(2).map(|row| row.trim().trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// Fails with every finding at once.
///
/// # Panics
///
/// If there is a finding.
pub fn assert_none(what: &str, findings: &[String]) {
    let mut list = String::new();
    for finding in findings {
        let _ = write!(list, "\n  {finding}");
    }
    assert!(findings.is_empty(), "{what}:{list}");
}
