//! What no committed text may hold: paths of one machine, host names of package registries, unfinished code.

use sealgram_rules::{TextFile, assert_none, text_files};

#[test]
fn no_absolute_path_of_a_machine() {
    findings("absolute paths of a machine (a temporary folder is asked for, a file is named from the root)", |file| {
        if file.path.ends_with(".lock") { None } else { machine_path(&file.text) }
    });
}

#[test]
fn no_host_name_of_a_package_registry() {
    findings("host names of package registries", |file| {
        if file.path.ends_with(".lock") { None } else { registry_host(&file.text) }
    });
}

#[test]
fn no_unfinished_code() {
    findings("unfinished code", |file| if file.path.ends_with(".rs") { unfinished(&file.text) } else { None });
}

/// The core is `no_std` whatever its features are; what it has of std stands behind the feature of that name.
#[test]
fn the_core_is_no_std_and_gates_std() {
    let root = TextFile::read("crates/sealgram/src/lib.rs").text;
    assert!(root.lines().any(|line| line == "#![no_std]"), "crates/sealgram/src/lib.rs lacks an unconditional no_std");
    findings("std outside its gate", |file| {
        let in_core = file.path.starts_with("crates/sealgram/src/") && file.path.ends_with(".rs");
        if in_core { ungated_std(&file.text) } else { None }
    });
}

/// Fails if `rule` finds something in a file.
fn findings(what: &str, rule: impl Fn(&TextFile) -> Option<String>) {
    let found =
        text_files().iter().filter_map(|file| Some(format!("{}: {}", file.path, rule(file)?))).collect::<Vec<_>>();
    assert_none(what, &found);
}

/// The needles are put together here, so that this file does not hold them.
fn machine_path(text: &str) -> Option<String> {
    let folders = ["farm", "home", "root", "tmp", "work", "Users"].map(|name| format!("/{name}/"));
    let begins_path = |before: &str| !before.ends_with(|c: char| c.is_alphanumeric() || "_.-~/".contains(c));
    line_with(text, |line| {
        folders.iter().any(|folder| line.match_indices(folder).any(|(at, _)| begins_path(line.get(..at).unwrap_or(""))))
    })
}

fn registry_host(text: &str) -> Option<String> {
    let hosts = [
        ["crates", "io"],
        ["pypi", "org"],
        ["pythonhosted", "org"],
        ["npmjs", "org"],
        ["npmjs", "com"],
        ["debian", "org"],
        ["golang", "org"],
    ];
    let hosts = hosts.map(|labels| labels.join("."));
    line_with(text, |line| hosts.iter().any(|host| line.contains(host)))
}

fn unfinished(text: &str) -> Option<String> {
    let macros = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    line_with(text, |line| macros.iter().any(|name| line.contains(name)))
}

fn ungated_std(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let gated = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| lines.get(before)).copied().unwrap_or_default();
        before.starts_with("#[cfg(") && (before.contains("feature = \"std\"") || before.contains("test"))
    };
    let is_std = |line: &str| line.split("//").next().is_some_and(|code| code.contains("extern crate std"));
    let (at, line) = lines.iter().enumerate().find(|(at, line)| is_std(line) && !gated(*at))?;
    Some(format!("{}: {}", at + 1, line.trim()))
}

fn line_with(text: &str, mut holds: impl FnMut(&str) -> bool) -> Option<String> {
    let (at, line) = text.lines().enumerate().find(|(_, line)| holds(line))?;
    Some(format!("{}: {}", at + 1, line.trim()))
}

mod rules_that_can_fail {
    use super::*;

    #[test]
    fn a_machine_path_is_told_from_other_slashes() {
        for folder in ["home", "tmp", "Users"] {
            assert!(machine_path(&["cd ", folder, "x"].join("/")).is_some(), "{folder}");
        }
        assert!(machine_path("https://example.org/home/x and src/root/x").is_none());
    }

    #[test]
    fn hosts_macros_and_std_are_found() {
        assert!(registry_host(&["see https://crates", "io/"].join(".")).is_some());
        assert!(registry_host("https://example.org/").is_none());
        assert!(unfinished(&["    todo", "(\"later\")"].join("!")).is_some());
        assert!(unfinished("// a todo list").is_none());
        assert!(ungated_std("extern crate std;").is_some());
        assert!(ungated_std("#[cfg(feature = \"std\")]\nextern crate std;").is_none());
    }
}
