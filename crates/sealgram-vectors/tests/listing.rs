//! Every file of `vectors/` is listed, is what it was when it was listed, and has a reader.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use sealgram_vectors::{hex, listed, read, root};
use sha2::{Digest, Sha256};

/// A file that nobody listed has no source, and one that changed is not the published one any more.
#[test]
fn every_file_is_listed_with_its_digest() {
    let mut found = files_below(&root());
    found.retain(|name| name != "README.md");
    found.sort();
    let listed = listed();
    let names: Vec<_> = listed.iter().map(|file| file.name.clone()).collect();
    assert_eq!(names, found, "the list (left) and the files, in order");
    for file in listed {
        assert_eq!(hex(Sha256::digest(read(&file.name))), file.digest, "the digest of {}", file.name);
    }
}

/// The source that is said to read a file names it, or says that it reads all of its folder.
#[test]
fn every_listed_file_has_a_reader() {
    let workspace = root().join("..");
    for file in listed() {
        let source = fs::read_to_string(workspace.join(&file.reader));
        let source = source.unwrap_or_else(|error| panic!("{} is read by {}: {error}", file.name, file.reader));
        let (folder, name) = file.name.rsplit_once('/').unwrap_or(("", &file.name));
        let reads_folder = source.contains(&format!("listed_below(\"{folder}\")"));
        // What follows the first dot or dash may be put together where it is read.
        let stem = name.split(['.', '-']).next().unwrap();
        assert!(reads_folder || source.contains(stem), "{} does not name {}", file.reader, file.name);
    }
}

/// Files below `directory`, by their paths from `vectors/`.
fn files_below(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => files_below(&path),
            false => vec![path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()],
        })
        .collect()
}
