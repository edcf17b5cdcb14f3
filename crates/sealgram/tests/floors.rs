//! Imports point down: the floors of docs/architecture.md, read from the sources.
//!
//! What can go wrong: a module reaches for a type of a floor above it, and two floors can no longer be read, tested or
//! replaced apart. Every path into the crate outside `#[cfg(test)]` code is resolved to the module it names and judged
//! against the table below. A module that the table does not know fails too: giving it a floor is a decision.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Top-level modules and their floors. A module names its own floor and those below it.
const FLOORS: &[(&str, u8)] = &[
    ("cid", 0),
    ("code", 0),
    ("error", 0),
    ("first_byte", 0),
    ("path", 0),
    ("role", 0),
    ("stats", 0),
    ("time", 0),
    ("trace", 0),
    ("wire", 1),
    ("config", 2),
    ("crypto", 2),
    ("decision", 2),
    ("inspect", 2),
    ("key_log", 2),
    ("proof", 2),
    ("psk", 2),
    ("resumption", 2),
    ("session", 2),
    ("srtp", 2),
    ("verify", 2),
    ("cookie", 3),
    ("flight", 3),
    ("record", 3),
    ("handshake", 4),
    ("connection", 5),
    ("event", 5),
    ("received", 5),
    ("snapshot", 5),
    ("endpoint", 6),
    ("internals", 7),
];

/// Modules beside the floors: they name floors up to [`SIDE_SEES`]; who may name them stands in [`NAMES_SIDE`].
const SIDE: &[&str] = &["provider", "x509"];
const SIDE_SEES: u8 = 2;

/// The arrows into [`SIDE`]: a key that is not its certificate's is found when the configuration is built.
const NAMES_SIDE: &[(&str, &str)] = &[("config", "x509")];

/// What a module may not name even where the floors allow it.
const KEPT_APART: &[(&str, &str)] = &[
    ("cookie", "flight"),
    ("cookie", "record"),
    ("flight", "cookie"),
    ("flight", "record"),
    ("handshake", "record"),
    ("handshake", "wire::fragment"),
    ("handshake", "wire::record"),
    ("record", "cookie"),
    ("record", "flight"),
    ("record", "wire::hello"),
    ("record", "wire::key_exchange"),
];

/// External crates that one module alone may name.
const OWNED: &[(&str, &str)] = &[
    ("aes", "provider"),
    ("ccm", "provider"),
    ("ring", "provider"),
    ("tracing", "trace"),
    ("webpki", "x509"),
    ("x509_parser", "x509"),
];

#[test]
fn imports_point_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let root = fs::read_to_string(src.join("lib.rs")).expect("lib.rs");
    let exports = root_exports(&root);
    let mut wrong = Vec::new();
    for file in sources(&src) {
        let found = violations(&file.source, &file.module(), &exports);
        wrong.extend(found.into_iter().map(|what| format!("src/{}: {what}", file.relative.display())));
    }
    assert!(wrong.is_empty(), "arrows that do not point down:\n  {}", wrong.join("\n  "));
}

#[test]
fn every_module_has_a_floor_and_every_floor_its_modules() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let present: BTreeSet<String> = sources(&src).iter().map(|file| file.module()[0].clone()).collect();
    let listed: BTreeSet<String> =
        FLOORS.iter().map(|(name, _)| *name).chain(SIDE.iter().copied()).map(str::to_owned).collect();
    assert_eq!(present, listed, "the modules in src/ (left) and the table in this test (right) differ");
}

/// One source file below src/.
struct SourceFile {
    relative: PathBuf,
    source: String,
}

impl SourceFile {
    /// `handshake/client12.rs` is the module `handshake::client12`; `handshake/mod.rs` is `handshake`; `lib.rs` is none.
    fn module(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.relative.with_extension("").iter().map(|name| name.to_str().expect("UTF-8").to_owned()).collect();
        if names == ["lib"] || names.last().is_some_and(|name| name == "mod") {
            names.pop();
        }
        names
    }

    /// The files and folders of modules that this file declares under `#[cfg(test)]`.
    fn test_modules(&self) -> Vec<PathBuf> {
        let folder: PathBuf = self.module().iter().collect();
        let (_, declared) = without_tests(&tokens(&self.source));
        declared.iter().flat_map(|name| [folder.join(format!("{name}.rs")), folder.join(name)]).collect()
    }
}

/// The sources outside tests, lib.rs aside: the root names every floor by design.
fn sources(src: &Path) -> Vec<SourceFile> {
    let mut found = Vec::new();
    let mut folders = vec![src.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            let relative = path.strip_prefix(src).expect("below src").to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(SourceFile { relative, source: fs::read_to_string(&path).expect("UTF-8 source") });
            }
        }
    }
    let tests: BTreeSet<PathBuf> = found.iter().flat_map(SourceFile::test_modules).collect();
    found.retain(|file| !file.module().is_empty() && !tests.iter().any(|test| file.relative.starts_with(test)));
    found.sort_by(|a, b| a.relative.cmp(&b.relative));
    found
}

/// The names that lib.rs re-exports, each with the path it stands for: `Instant` is `time::Instant`.
fn root_exports(root: &str) -> BTreeMap<String, Vec<String>> {
    let all = tokens(root);
    let mut exports = BTreeMap::new();
    for at in (0..all.len()).filter(|at| all[*at] == "use") {
        let mut paths = Vec::new();
        use_tree(&all, at + 1, Vec::new(), &mut paths);
        for path in paths {
            if let Some(leaf) = path.last() {
                exports.insert(leaf.clone(), path);
            }
        }
    }
    exports
}

/// Every path in `source` that a file of `module` must not have.
fn violations(source: &str, module: &[String], exports: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let (code, _) = without_tests(&tokens(source));
    let own = module[0].as_str();
    let mut wrong: BTreeSet<String> = BTreeSet::new();
    for path in paths_into_crate(&code, module) {
        let resolved = path.first().and_then(|name| exports.get(name)).unwrap_or(&path);
        if let Err(why) = judge(own, resolved) {
            wrong.insert(format!("{own} names crate::{}: {why}", path.join("::")));
        }
    }
    for (at, token) in code.iter().enumerate() {
        let starts_path = code.get(at + 1) == Some(&"::") && (at == 0 || code[at - 1] != "::");
        let imported = at > 0 && code[at - 1] == "use";
        for (_, owner) in OWNED.iter().filter(|(name, owner)| name == token && *owner != own) {
            if starts_path || imported {
                wrong.insert(format!("{own} names {token}, which only {owner} may"));
            }
        }
    }
    wrong.into_iter().collect()
}

/// Whether module `own` may name `path`, which begins below the crate root.
fn judge(own: &str, path: &[String]) -> Result<(), String> {
    let Some(top) = path.first().map(String::as_str) else {
        return Err("the crate root as a whole, which hides what is meant".to_owned());
    };
    let joined = path.join("::");
    let apart = |target: &str| joined == target || joined.starts_with(&format!("{target}::"));
    if let Some((_, target)) = KEPT_APART.iter().find(|(from, target)| *from == own && apart(target)) {
        return Err(format!("{own} and {target} are kept apart"));
    }
    if top == own || matches!(top, "pki_types" | "rand_core") || NAMES_SIDE.contains(&(own, top)) {
        return Ok(());
    }
    let floor_of = |name: &str| FLOORS.iter().find(|(module, _)| *module == name).map(|(_, floor)| *floor);
    let sees = if SIDE.contains(&own) { Some(SIDE_SEES) } else { floor_of(own) };
    match (sees, floor_of(top)) {
        (None, _) => Err(format!("{own} has no floor")),
        (_, None) if SIDE.contains(&top) => Err(format!("{top} stands beside the floors; {own} may not name it")),
        (_, None) => Err(format!("{top} is no module with a floor and nothing that lib.rs re-exports")),
        (Some(sees), Some(floor)) if floor > sees => Err(format!("floor {floor} is above floor {sees}")),
        _ => Ok(()),
    }
}

/// Every path of `code` that leads below the crate root, without the leading `crate`.
fn paths_into_crate(code: &[&str], module: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    // For each open brace: whether it opened a module, which makes `super` reach one less far.
    let mut braces: Vec<bool> = Vec::new();
    let mut at = 0;
    while at < code.len() {
        match code[at] {
            "{" => braces.push(at >= 2 && code[at - 2] == "mod"),
            "}" => {
                braces.pop();
            }
            "crate" if code.get(at + 1) == Some(&"::") => {
                at = use_tree(code, at + 2, Vec::new(), &mut found);
                continue;
            }
            "use" if code.get(at + 1) == Some(&"crate") && code.get(at + 2) != Some(&"::") => found.push(Vec::new()),
            "super" => {
                let mut climbed = 1;
                while code.get(at + 1) == Some(&"::") && code.get(at + 2) == Some(&"super") {
                    climbed += 1;
                    at += 2;
                }
                let depth = module.len() + braces.iter().filter(|is_module| **is_module).count();
                if climbed >= depth && code.get(at + 1) == Some(&"::") {
                    at = use_tree(code, at + 2, Vec::new(), &mut found);
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Spreads `a::{b, c::d as e}` into its paths and returns the index after it. A glob counts as the path before it.
fn use_tree(code: &[&str], mut at: usize, mut prefix: Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    loop {
        match code.get(at) {
            Some(&"{") => {
                at += 1;
                while code.get(at).is_some_and(|token| *token != "}") {
                    at = if is_name(code[at]) { use_tree(code, at, prefix.clone(), found) } else { at + 1 };
                }
                return at + 1;
            }
            Some(&name) if is_name(name) => {
                if name != "self" {
                    prefix.push(name.to_owned());
                }
                at += 1;
            }
            _ => {
                // A glob, a generic argument, a macro's `$name`: the path so far says enough.
                found.push(prefix);
                return if code.get(at) == Some(&"*") { at + 1 } else { at };
            }
        }
        match code.get(at) {
            Some(&"::") => at += 1,
            after => {
                found.push(prefix);
                return if after == Some(&"as") { at + 2 } else { at };
            }
        }
    }
}

fn is_name(token: &str) -> bool {
    token.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_')
}

/// The tokens outside items under `#[cfg(test)]`, and the names of the modules that such an item declares elsewhere.
fn without_tests<'a>(all: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    let mut kept = Vec::new();
    let mut declared = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let cfg = &all[at..];
        if cfg.starts_with(&["#", "[", "cfg", "(", "test", ")", "]"])
            || cfg.starts_with(&["#", "[", "cfg", "(", "all", "(", "test"])
        {
            let end = item_end(all, at);
            if let [.., "mod", name, ";"] = &all[at..end] {
                declared.push(*name);
            }
            at = end;
        } else {
            kept.push(all[at]);
            at += 1;
        }
    }
    (kept, declared)
}

/// The index after the item whose first attribute begins at `at`.
fn item_end(all: &[&str], mut at: usize) -> usize {
    while all[at..].starts_with(&["#", "["]) {
        at = group_end(all, at + 1);
    }
    // An item of these kinds ends at its semicolon, whatever braces it holds; any other may end with its body.
    let ends_at_semicolon = all[at..].iter().take(8).find_map(|token| match *token {
        "use" | "static" | "let" | "type" => Some(true),
        "fn" | "mod" | "impl" | "struct" | "enum" | "trait" => Some(false),
        _ => None,
    });
    while at < all.len() {
        match all[at] {
            ";" => return at + 1,
            "{" if ends_at_semicolon != Some(true) => return group_end(all, at),
            "{" | "(" | "[" => at = group_end(all, at),
            _ => at += 1,
        }
    }
    at
}

/// The index after the bracket that closes the one at `at`.
fn group_end(all: &[&str], at: usize) -> usize {
    let mut depth = 0;
    for (offset, token) in all[at..].iter().enumerate() {
        match *token {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + offset + 1;
        }
    }
    all.len()
}

/// Names, `::` and single characters of punctuation; comments, strings, characters, lifetimes and blanks are left out.
fn tokens(source: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_whitespace() {
            first.len_utf8()
        } else if let Some(skipped) = comment(rest).or_else(|| string(rest)).or_else(|| quote(rest)) {
            skipped
        } else {
            let length = if rest.starts_with("::") {
                2
            } else if first.is_alphanumeric() || first == '_' {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            found.push(&rest[..length]);
            length
        };
        rest = &rest[length..];
    }
    found
}

/// The length of the comment that `rest` begins with.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(rest.len())
}

/// The length of the string literal, of any kind, that `rest` begins with.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let after = rest.strip_prefix(prefix).map(|after| after.trim_start_matches('#'));
        after.is_some_and(|after| after.starts_with('"'))
            && (prefix.contains('r') || rest[prefix.len()..].starts_with('"'))
    })?;
    let body = &rest[prefix.len()..];
    if prefix.contains('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let close = format!("\"{}", "#".repeat(hashes));
        let from = hashes + 1;
        return Some(prefix.len() + body[from..].find(&close).map_or(body.len(), |end| from + end + close.len()));
    }
    let mut escaped = false;
    for (at, c) in body.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(prefix.len() + at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// The length of the character, byte or lifetime that `rest` begins with.
fn quote(rest: &str) -> Option<usize> {
    let start = if rest.starts_with("b'") { 1 } else { 0 };
    let body = rest[start..].strip_prefix('\'')?;
    let mut characters = body.char_indices();
    let (_, first) = characters.next()?;
    if first == '\\' {
        let end = body[2..].find('\'')?;
        return Some(start + 1 + 2 + end + 1);
    }
    let (after, second) = characters.next()?;
    // A character closes at once; a lifetime does not, and its name is left to be read as a name.
    Some(if second == '\'' { start + 1 + after + 1 } else { start + 1 })
}

mod scanner {
    use super::*;

    fn found(module: &str, source: &str) -> Vec<String> {
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        let root = "pub use time::{Instant, WallClock}; pub use connection::Connection; pub use pki_types;";
        violations(source, &module, &root_exports(root))
    }

    #[test]
    fn an_arrow_up_is_found() {
        assert_eq!(
            found("wire::hello", "use crate::connection::Connection;"),
            ["wire names crate::connection::Connection: floor 5 is above floor 1"]
        );
        assert_eq!(found("wire", "fn f() { let x = crate::crypto::prf12::prf; }").len(), 1);
        assert_eq!(found("error", "use crate::{code::A, wire::{self, Reader as R}, stats};").len(), 2);
        assert_eq!(found("code", "macro_rules! m { () => { $crate::record::X } }").len(), 1);
    }

    #[test]
    fn an_arrow_down_or_level_is_not() {
        assert!(found("handshake::client12", "use crate::{code::A, flight::outgoing::Outgoing, crypto};").is_empty());
        assert!(
            found("error", "use crate::stats::DiscardReason; use crate::Instant; use crate::pki_types::X;").is_empty()
        );
        assert!(found("x509", "use crate::verify::PeerVerifier;").is_empty());
    }

    #[test]
    fn a_root_export_counts_for_the_module_it_comes_from() {
        assert_eq!(found("stats", "use crate::Connection;").len(), 1);
        assert!(found("stats", "use crate::WallClock;").is_empty());
        assert_eq!(found("stats", "use crate::Unknown;").len(), 1);
        assert_eq!(found("stats", "use crate::*;").len(), 1);
    }

    #[test]
    fn siblings_that_are_kept_apart_are_found() {
        assert_eq!(found("flight", "use crate::record::layer::RecordLayer;").len(), 1);
        assert_eq!(found("record", "use crate::{code, flight};").len(), 1);
        assert_eq!(found("handshake", "use crate::record::RecordLayer;").len(), 1);
        assert_eq!(found("handshake", "use crate::wire::fragment::FragmentHeader;").len(), 1);
        assert_eq!(found("config", "use crate::provider::ring::provider;").len(), 1);
        assert_eq!(found("connection", "use crate::x509::CertificateVerifier;").len(), 1);
        assert_eq!(found("provider", "use crate::flight::ranges::RangeSet;").len(), 1);
    }

    #[test]
    fn super_is_followed_as_far_as_it_climbs() {
        assert_eq!(found("record", "use super::flight::X;").len(), 1);
        assert_eq!(found("record::layer", "use super::super::flight::X;").len(), 1);
        assert!(found("record::layer", "use super::epoch::X;").is_empty());
        assert!(found("record", "mod inner { use super::flight::X; }").is_empty());
        assert_eq!(found("record", "mod inner { } use super::flight::X;").len(), 1);
    }

    #[test]
    fn an_external_crate_is_named_by_its_owner_alone() {
        assert_eq!(found("crypto", "use ring::aead;"), ["crypto names ring, which only provider may"]);
        assert_eq!(found("crypto", "fn f() { ring::rand::SystemRandom::new(); }").len(), 1);
        assert!(found("provider::ring", "use ring::aead; fn f() { ring::hkdf::X; }").is_empty());
        assert!(found("x509", "use webpki::EndEntityCert;").is_empty());
    }

    #[test]
    fn comments_strings_and_tests_are_not_read() {
        assert!(found("wire", "//! [`crate::connection`]\n/* use crate::record; /* nested */ */").is_empty());
        assert!(
            found("wire", r###"const A: &str = "use crate::record::X;"; const B: &str = r#"" crate::record "#;"###)
                .is_empty()
        );
        assert!(found("wire", "#[cfg(test)]\nmod tests { use crate::connection::X; fn f() { {} } }").is_empty());
        assert!(found("wire", "#[cfg(test)] #[rustfmt::skip] use crate::{connection, record}; fn f() {}").is_empty());
        assert_eq!(found("wire", "#[cfg(test)] use crate::{connection}; use crate::record::X;").len(), 1);
        assert_eq!(
            found("wire", "fn f<'a>(x: &'a str) { let q = '\"'; let b = b'\\''; } use crate::record::X;").len(),
            1
        );
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_told_apart() {
        let file = SourceFile {
            relative: PathBuf::from("endpoint/mod.rs"),
            source: "mod routes; #[cfg(test)]\nmod tests;".to_owned(),
        };
        assert_eq!(file.test_modules(), [PathBuf::from("endpoint/tests.rs"), PathBuf::from("endpoint/tests")]);
    }
}
