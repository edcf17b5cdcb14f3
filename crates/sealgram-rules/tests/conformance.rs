//! docs/conformance.md says for every requirement which tests see it, or why none does. It is compared with the sources:
//! a test names its rows in its doc comment. `SEALGRAM_BLESS=1` writes the tests into the document anew.

use std::collections::BTreeMap;

use sealgram_rules::{TextFile, assert_none, root, text_files};

const DOCUMENT: &str = "docs/conformance.md";

/// What a row says that has lost its test and not got a reason.
const NONE: &str = "none";

#[test]
fn every_row_names_its_tests_or_its_reason() {
    let tests = tests_by_row();
    let mut document = TextFile::read(DOCUMENT).text;
    if std::env::var_os("SEALGRAM_BLESS").is_some() {
        document = blessed(&document, &tests);
        std::fs::write(root().join(DOCUMENT), &document).expect("the document is writable");
    }
    let mut wrong = Vec::new();
    for row in rows(&document) {
        match tests.get(row.id) {
            Some(tests) if row.evidence != listed(tests) => {
                wrong.push(format!("{}: the sources have {}", row.id, listed(tests)));
            }
            None if row.evidence.contains('`') => wrong.push(format!("{}: no such test: {}", row.id, row.evidence)),
            None if row.evidence == NONE => wrong.push(format!("{}: neither test nor reason", row.id)),
            _ => {}
        }
    }
    assert_none("rows that do not fit the sources (SEALGRAM_BLESS=1 writes the tests anew)", &wrong);
}

/// A row that got lost is a requirement that nobody looks at any more.
#[test]
fn no_row_is_missing_and_none_is_unknown() {
    let document = TextFile::read(DOCUMENT).text;
    let mut numbers: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for row in rows(&document) {
        numbers.entry(group(row.id)).or_default().push(number(row.id));
    }
    for (group, numbers) in &numbers {
        assert!(numbers.iter().copied().eq((1..).take(numbers.len())), "the rows of {group} are not 1, 2, 3 …");
    }
    assert_eq!(numbers.values().map(Vec::len).sum::<usize>(), 379, "rows in all");
    let mut wrong = Vec::new();
    for (id, tests) in tests_by_row() {
        if !numbers.get(group(&id)).is_some_and(|numbers| numbers.contains(&number(&id))) {
            wrong.push(format!("{id}, named by {}", listed(&tests)));
        }
    }
    assert_none("rows that tests name and that do not exist", &wrong);
}

struct Row<'d> {
    id: &'d str,
    evidence: &'d str,
}

/// The rows of the tables: `| REC-01 | section | what | evidence |`.
fn rows(document: &str) -> impl Iterator<Item = Row<'_>> {
    document.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [id, _, _, evidence] = cells.as_slice() else { return None };
        is_id(id).then_some(Row { id, evidence })
    })
}

fn blessed(document: &str, tests: &BTreeMap<String, Vec<String>>) -> String {
    let mut lines = Vec::new();
    for line in document.lines() {
        let row = rows(line).next();
        let new = row.and_then(|row| {
            let kept = line.strip_suffix(" |")?.strip_suffix(row.evidence)?;
            match tests.get(row.id) {
                Some(tests) => Some(format!("{kept}{} |", listed(tests))),
                None if row.evidence.contains('`') => Some(format!("{kept}{NONE} |")),
                None => None,
            }
        });
        lines.push(new.unwrap_or_else(|| line.to_owned()));
    }
    lines.join("\n") + "\n"
}

/// The first three tests of a row; the sources know the rest.
fn listed(tests: &[String]) -> String {
    let mut shown: Vec<String> = tests.iter().take(3).map(|test| format!("`{test}`")).collect();
    if tests.len() > 3 {
        shown.push(format!("and {} more", tests.len() - 3));
    }
    shown.join(", ")
}

/// `file::test` by the rows that the test's doc comment names.
fn tests_by_row() -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in text_files().into_iter().filter(|file| file.path.ends_with(".rs")) {
        for (comment, name) in documented_tests(&file) {
            for id in ids(&comment) {
                found.entry(id).or_default().push(format!("{}::{name}", file.path.trim_start_matches("crates/")));
            }
        }
    }
    for tests in found.values_mut() {
        tests.sort();
        tests.dedup();
    }
    found
}

/// The doc comment and the name of each test. In the interoperability crate every function is a test or a part of one.
fn documented_tests(file: &TextFile) -> Vec<(String, String)> {
    let all_are_tests = file.path.starts_with("crates/sealgram-interop/");
    let (mut comment, mut is_test) = (String::new(), all_are_tests);
    let mut tests = Vec::new();
    for line in file.text.lines().map(str::trim_start) {
        if let Some(text) = line.strip_prefix("///") {
            comment.push_str(text);
        } else if line.starts_with("#[test]") {
            is_test = true;
        } else if line.starts_with("#[") || line.starts_with("#![") {
        } else {
            let name = line.split_once("fn ").and_then(|(_, rest)| rest.split(['(', '<']).next());
            if let (true, false, Some(name)) = (is_test, comment.is_empty(), name) {
                tests.push((core::mem::take(&mut comment), name.to_owned()));
            }
            comment.clear();
            is_test = all_are_tests;
        }
    }
    tests
}

/// The rows that a comment names: `REC-19`, `FRG-04, -05`, `FLT-01 .. FLT-11` and `FLT-01..-11`.
fn ids(comment: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    // What stands between the latest row and here: dots make a range, and a short form needs to be near.
    let (mut is_near, mut is_range) = (false, false);
    let mut rest = comment;
    while let Some(next) = rest.chars().next() {
        let latest = found.last().filter(|_| is_near);
        let id = match latest {
            _ if rest.get(..6).is_some_and(is_id) && !starts_with_digit(rest.get(6..)) => {
                rest.get(..6).map(str::to_owned)
            }
            Some(latest) if rest.get(..3).is_some_and(is_number) => rest.get(..3).map(|n| group(latest).to_owned() + n),
            _ => None,
        };
        let Some(id) = id else {
            is_near = is_near && [' ', ',', '.'].contains(&next);
            is_range = is_near && (is_range || rest.starts_with(".."));
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
            continue;
        };
        if let (true, Some(latest)) = (is_range, latest.cloned()) {
            found.extend((number(&latest) + 1..number(&id)).map(|number| format!("{}-{number:02}", group(&id))));
        }
        let is_short = !rest.starts_with(group(&id));
        rest = rest.get(if is_short { 3 } else { 6 }..).unwrap_or_default();
        found.push(id);
        (is_near, is_range) = (true, false);
    }
    found
}

fn starts_with_digit(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.starts_with(|first: char| first.is_ascii_digit()))
}

fn number(id: &str) -> u32 {
    id.get(4..).and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn group(id: &str) -> &str {
    id.get(..3).unwrap_or_default()
}

fn is_id(text: &str) -> bool {
    text.len() == 6
        && text.bytes().take(3).all(|byte| byte.is_ascii_uppercase())
        && text.get(3..).is_some_and(is_number)
}

fn is_number(text: &str) -> bool {
    text.len() == 3 && text.starts_with('-') && text.bytes().skip(1).all(|byte| byte.is_ascii_digit())
}

#[test]
fn lists_and_ranges_of_rows_are_read() {
    assert_eq!(ids("REC-19: a bad record. See FRG-04, -05."), ["REC-19", "FRG-04", "FRG-05"]);
    assert_eq!(ids("FLT-01 .. FLT-04, and MTU-03"), ["FLT-01", "FLT-02", "FLT-03", "FLT-04", "MTU-03"]);
    assert_eq!(ids("AEA-01..-03"), ["AEA-01", "AEA-02", "AEA-03"]);
    assert_eq!(ids("SHA-256 and RSA-2048 are no rows, P-256 neither"), [""; 0]);
}
