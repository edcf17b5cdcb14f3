//! What takes too long for every run is run now and then, and recorded in docs/long-runs.md. A record that is missing,
//! failed or old is a check that nobody makes.

use sealgram_rules::{TextFile, assert_none, output_of, table};

/// How many commits a record may be behind.
const LIMIT: usize = 100;

#[test]
fn every_long_run_was_recorded_and_not_long_ago() {
    let document = TextFile::read("docs/long-runs.md").text;
    let names = output_of("bash", &["check", "long"]);
    let names: Vec<&str> = names.lines().filter(|line| !line.is_empty()).collect();
    let age = |commit: &str| {
        let range = format!("{commit}..HEAD");
        output_of("git", &["rev-list", "--count", &range]).trim().parse().expect("a number of commits")
    };
    assert_none("docs/long-runs.md", &complaints(&names, &table(&document, "\n## Record"), age));
}

/// What is wrong with `rows` (name, result, seconds, commit, date), given the names that `./check long` knows.
fn complaints(names: &[&str], rows: &[Vec<&str>], age: impl Fn(&str) -> usize) -> Vec<String> {
    let mut found = Vec::new();
    for name in names {
        match rows.iter().find(|row| row.first() == Some(name)).map(Vec::as_slice) {
            None => found.push(format!("{name}: no row; run ./check long {name}")),
            Some([_, "ok", _, commit, _]) if age(commit) <= LIMIT => {}
            Some([_, "ok", _, commit, _]) => found.push(format!("{name}: {} commits old", age(commit))),
            Some(row) => found.push(format!("{name}: its row is not one of a run that passed: {row:?}")),
        }
    }
    let unknown = rows.iter().filter_map(|row| row.first()).filter(|name| !names.contains(name));
    found.extend(unknown.map(|name| format!("{name}: ./check long does not know it")));
    found
}

#[test]
fn missing_failed_old_and_unknown_rows_are_complaints() {
    let row = |name, result, commit| vec![name, result, "1", commit, "2026-01-01"];
    let age = |commit: &str| if commit == "old" { LIMIT + 1 } else { LIMIT };
    assert!(complaints(&["a"], &[row("a", "ok", "new")], age).is_empty());
    for rows in [vec![], vec![row("a", "failed", "new")], vec![row("a", "ok", "old")], vec![vec!["a", "ok"]]] {
        assert_eq!(complaints(&["a"], &rows, age).len(), 1, "{rows:?}");
    }
    assert_eq!(complaints(&[], &[row("a", "ok", "new")], age).len(), 1);
}
