//! Files in the form of NIST's validation programmes, which others took over.
//!
//! ```text
//! # a remark
//! [Keylen = 128]          a heading: it holds until the next one of its name
//! [P-256,SHA-256]         a heading without a value: it replaces all before it
//!
//! Count = 0               a case: lines without an empty one between them
//! Key = 00ff
//! FAIL                    a field without a value
//! ```

use std::collections::BTreeMap;

use crate::{read_text, unhex};

/// One vector with the headings above it.
#[derive(Debug)]
pub struct Case {
    file: String,
    line: usize,
    headings: BTreeMap<String, String>,
    fields: BTreeMap<String, String>,
}

impl Case {
    /// The value of a heading above it; empty for one without a value.
    #[must_use]
    pub fn heading(&self, name: &str) -> Option<&str> {
        self.headings.get(name).map(String::as_str)
    }

    /// The heading above it, where there is one and it has no value.
    #[must_use]
    pub fn title(&self) -> &str {
        let mut names = self.headings.keys();
        match (names.next(), names.next()) {
            (Some(name), None) => name,
            _ => panic!("{} has not one heading", self.place()),
        }
    }

    /// Takes a field if it is there.
    pub fn take(&mut self, field: &str) -> Option<String> {
        self.fields.remove(field)
    }

    /// Takes a field as it stands.
    pub fn text(&mut self, field: &str) -> String {
        self.take(field).unwrap_or_else(|| panic!("{} has no field {field}", self.place()))
    }

    /// Takes a field of hexadecimal digits. An odd number of them lacks a zero in front, as NIST writes integers.
    pub fn bytes(&mut self, field: &str) -> Vec<u8> {
        let digits = self.text(field);
        if digits.len() % 2 == 0 { unhex(&digits) } else { unhex(&format!("0{digits}")) }
    }

    /// Where it stands, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        format!("vectors/{} line {}", self.file, self.line)
    }

    /// Fails if a field was not taken, apart from the number that cases carry.
    pub fn finish(mut self) {
        self.fields.retain(|name, _| !name.eq_ignore_ascii_case("count"));
        assert!(self.fields.is_empty(), "{}: unused {:?}", self.place(), self.fields.keys());
    }
}

/// The cases of a file.
#[must_use]
pub fn cases(name: &str) -> Vec<Case> {
    let (mut cases, mut headings) = (Vec::new(), BTreeMap::new());
    let mut current: Option<Case> = None;
    let text = read_text(name);
    for (at, line) in text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.starts_with('#')) {
        if line.is_empty() {
            cases.extend(current.take());
        } else if let Some(heading) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let (heading, value) = heading.split_once('=').unwrap_or((heading, ""));
            if value.is_empty() {
                headings.clear();
            }
            headings.insert(heading.trim().to_owned(), value.trim().to_owned());
        } else {
            let (field, value) = line.split_once('=').unwrap_or((line, ""));
            let case = current.get_or_insert_with(|| Case {
                file: name.to_owned(),
                line: at + 1,
                headings: headings.clone(),
                fields: BTreeMap::new(),
            });
            let before = case.fields.insert(field.trim().to_owned(), value.trim().to_owned());
            assert!(before.is_none(), "vectors/{name} line {}: {field} stands twice in a case", at + 1);
        }
    }
    cases.extend(current);
    assert!(!cases.is_empty(), "vectors/{name} is empty");
    cases
}
