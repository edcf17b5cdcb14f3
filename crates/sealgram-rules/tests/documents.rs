//! A document that points to what is not there is worse than none.

use std::collections::BTreeSet;
use std::path::Path;

use sealgram_rules::{TextFile, assert_none, output_of, root, text_files};

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut broken = Vec::new();
    for file in documents() {
        for target in links(&file.text).into_iter().filter(|target| !target.contains("://")) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = Path::new(&file.path).parent().unwrap_or_else(|| Path::new(""));
            let linked = if path.is_empty() { root().join(&file.path) } else { root().join(folder).join(path) };
            let there = if anchor.is_empty() {
                linked.exists()
            } else {
                std::fs::read_to_string(&linked).is_ok_and(|text| anchors(&text).contains(anchor))
            };
            if !there {
                broken.push(format!("{}: {target}", file.path));
            }
        }
    }
    assert_none("links that lead nowhere", &broken);
}

#[test]
fn the_commands_of_the_readme_exist() {
    let readme = TextFile::read("README.md").text;
    for command in ["cargo run --release --bin sealgram -- demo", "cargo test --workspace", "./check"] {
        assert!(readme.lines().any(|line| line.trim() == command), "the README does not show {command:?} on a line");
    }
    let metadata = output_of(env!("CARGO"), &["metadata", "--locked", "--no-deps", "--format-version", "1"]);
    assert!(
        metadata.contains(r#""kind":["bin"],"crate_types":["bin"],"name":"sealgram""#),
        "no binary target is named sealgram"
    );
}

/// `./check NAME` in a document names a step that the script knows.
#[test]
fn the_steps_that_documents_name_exist() {
    let listed = output_of("bash", &["check", "list"]);
    let mut steps: BTreeSet<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    steps.extend(["list", "long"]);
    let mut unknown = Vec::new();
    for file in documents() {
        for after in file.text.split("./check ").skip(1) {
            let name =
                after.split(|c: char| !c.is_ascii_lowercase() && c != '-' && c != '_').next().unwrap_or_default();
            // A word in capitals stands for any step.
            if !name.is_empty() && !steps.contains(name) {
                unknown.push(format!("{}: ./check {name}", file.path));
            }
        }
    }
    assert_none("steps that ./check does not know", &unknown);
}

fn documents() -> impl Iterator<Item = TextFile> {
    text_files().into_iter().filter(|file| file.path.ends_with(".md"))
}

/// The targets of the links `[text](target)` outside code blocks.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose
        .flat_map(|part| part.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .collect()
}

/// The anchors of a document's headings: lower case, blanks become hyphens, other punctuation goes.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn links_and_anchors_are_read() {
    assert_eq!(links("a [b](c.md) d\n```\n[x](y)\n```\n[e](#f)"), ["c.md", "#f"]);
    assert!(anchors("# One, two `three`\n").contains("one-two-three"));
}
