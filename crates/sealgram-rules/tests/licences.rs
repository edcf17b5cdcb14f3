//! A dependency is code that our users run: it comes from a registry, under a licence of the list in deny.toml, and a
//! direct one has a row in docs/dependencies.md that says why it is here.

use std::collections::BTreeSet;

use sealgram_rules::{TextFile, assert_none, output_of, table};

#[test]
fn every_package_has_a_licence_of_the_list_and_comes_from_a_registry() {
    let allowed = allowed_licences();
    let mut wrong = Vec::new();
    for package in packages(&[]) {
        if !satisfied(&package.licence, &allowed) {
            wrong.push(format!("{}: the licence {:?} is not within deny.toml's list", package.name, package.licence));
        }
        if let Some(source) = package.foreign_source {
            wrong.push(format!("{}: comes from {source}, not from a registry or this workspace", package.name));
        }
    }
    assert_none("packages that may not be depended on", &wrong);
}

#[test]
fn every_direct_dependency_has_a_row_that_is_true() {
    let document = TextFile::read("docs/dependencies.md").text;
    let rows = table(&document, "\n## Direct dependencies");
    let mut wrong = Vec::new();
    let direct: BTreeSet<Package> = packages(&["--depth", "1"]).into_iter().filter(|p| !p.is_ours()).collect();
    for package in &direct {
        match rows.iter().find(|row| row.first() == Some(&format!("`{}`", package.name).as_str())) {
            None => wrong.push(format!("{} has no row", package.name)),
            Some(row) if row.len() != 5 || row.iter().any(|cell| cell.is_empty()) => {
                wrong.push(format!("{}'s row lacks a cell", package.name));
            }
            Some(row) if row.last() != Some(&package.licence.as_str()) => {
                wrong.push(format!("{}'s licence is {}", package.name, package.licence));
            }
            Some(_) => {}
        }
    }
    let manifest = TextFile::read("Cargo.toml").text;
    for name in rows.iter().filter_map(|row| row.first()).map(|cell| cell.trim_matches('`')) {
        if !manifest.contains(&format!("\n{name} = ")) && !manifest.contains(&format!("package = \"{name}\"")) {
            wrong.push(format!("{name} has a row and is not in [workspace.dependencies]"));
        }
    }
    assert_none("docs/dependencies.md", &wrong);
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    licence: String,
    /// Where it comes from, if that is neither a registry nor this workspace.
    foreign_source: Option<String>,
}

impl Package {
    fn is_ours(&self) -> bool {
        self.name == "sealgram" || self.name.starts_with("sealgram-")
    }

    /// Reads a line of `cargo tree`: `name v1.2.3 (source)` and the licence after a tab. No source is a registry.
    fn parse(line: &str) -> Self {
        let (package, licence) = line.split_once('\t').expect("a tab before the licence");
        let name = package.split(' ').next().expect("a name").to_owned();
        let source = package.split_once(" (").map(|(_, rest)| rest.trim_end_matches(')'));
        let mut found = Self { name, licence: licence.to_owned(), foreign_source: None };
        found.foreign_source = source.filter(|s| !found.is_ours() && *s != "proc-macro").map(str::to_owned);
        found
    }
}

/// The packages of the workspace's tree, for every target, feature and kind of dependency.
fn packages(more: &[&str]) -> BTreeSet<Package> {
    let mut arguments = vec!["tree", "--locked", "--workspace", "--all-features", "--target", "all", "--no-dedupe"];
    arguments.extend(["--edges", "normal,build,dev", "--prefix", "none", "--format", "{p}\t{l}"]);
    arguments.extend(more);
    let tree = output_of(env!("CARGO"), &arguments);
    let packages: BTreeSet<Package> = tree.lines().filter(|line| !line.is_empty()).map(Package::parse).collect();
    assert!(packages.iter().any(|package| package.name == "rustls-pki-types"), "the tree was not read");
    packages
}

/// The `allow` list of deny.toml's `[licenses]`.
fn allowed_licences() -> BTreeSet<String> {
    let text = TextFile::read("deny.toml").text;
    let (_, section) = text.split_once("\n[licenses]").expect("a section [licenses]");
    let (_, list) = section.split_once("\nallow = [").expect("an allow list");
    let (list, _) = list.split_once(']').expect("the end of the list");
    list.lines().map(|line| line.trim().trim_matches([',', '"']).to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Whether an SPDX expression can be met by allowed licences: some side of every OR, both of every AND.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    // The slash is the old way to say OR.
    let spaced =
        expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ").replace(" WITH ", "\u{1f}WITH\u{1f}");
    let words: Vec<&str> = spaced.split_ascii_whitespace().filter(|word| !word.is_empty()).collect();
    let mut at = 0;
    let met = either(&words, &mut at, allowed);
    met && at == words.len()
}

fn either(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(words, at, allowed);
    }
    met
}

fn both(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let word = words.get(*at).copied().unwrap_or_default();
    *at += 1;
    if word != "(" {
        return allowed.contains(&word.replace('\u{1f}', " "));
    }
    let met = either(words, at, allowed);
    *at += 1;
    met
}

mod rules_that_can_fail {
    use super::*;

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned(), "A WITH B".to_owned()]);
        for good in ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "MIT AND (GPL-3.0 OR ISC)", "A WITH B"] {
            assert!(satisfied(good, &allowed), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "A", "MIT GPL-3.0"] {
            assert!(!satisfied(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn a_git_source_is_foreign_and_a_macro_crate_is_not() {
        let source = |line| Package::parse(line).foreign_source;
        assert_eq!(
            source("x v1.0.0 (https://example.org/x.git#0123)\tMIT").as_deref(),
            Some("https://example.org/x.git#0123")
        );
        assert_eq!(source("x v1.0.0 (proc-macro)\tMIT"), None);
        assert_eq!(source("x v1.0.0\tMIT"), None);
        assert_eq!(source("sealgram v0.1.0 (wherever it stands)\tMIT"), None);
    }
}
