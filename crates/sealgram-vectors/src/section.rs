//! Files of our own form.

use std::collections::BTreeMap;

use crate::{read_text, unhex};

/// One vector: `[kind]`, then lines `field = value`.
#[derive(Debug)]
pub struct Section {
    kind: String,
    line: usize,
    fields: BTreeMap<String, String>,
}

impl Section {
    /// What it is a vector of.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Takes a field as it stands.
    pub fn text(&mut self, field: &str) -> String {
        let value = self.fields.remove(field);
        value.unwrap_or_else(|| panic!("[{}] at line {} has no field {field}", self.kind, self.line))
    }

    /// Takes a field of hexadecimal digits.
    pub fn bytes(&mut self, field: &str) -> Vec<u8> {
        unhex(&self.text(field))
    }

    /// Takes a field of hexadecimal digits that has a fixed length.
    pub fn array<const N: usize>(&mut self, field: &str) -> [u8; N] {
        self.bytes(field).try_into().unwrap_or_else(|_| panic!("{field} at line {} is not {N} bytes", self.line))
    }

    /// Fails if a field was not taken.
    pub fn finish(self) {
        assert!(self.fields.is_empty(), "[{}] at line {}: unused {:?}", self.kind, self.line, self.fields.keys());
    }
}

/// The sections of a file.
#[must_use]
pub fn sections(name: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let text = read_text(name);
    for (line, content) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        if let Some(kind) = content.strip_prefix('[') {
            let kind = kind.strip_suffix(']').unwrap().to_owned();
            sections.push(Section { kind, line: line + 1, fields: BTreeMap::new() });
        } else {
            let (field, value) = content.split_once('=').unwrap();
            let fields = &mut sections.last_mut().unwrap().fields;
            let before = fields.insert(field.trim().to_owned(), value.trim().to_owned());
            assert!(before.is_none(), "{name}: {content} stands twice");
        }
    }
    assert!(!sections.is_empty(), "vectors/{name} is empty");
    sections
}
