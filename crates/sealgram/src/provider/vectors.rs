//! The test vectors of `vectors/` at the root of the workspace, and the tests that want every one of them used.
//!
//! A file is a list of sections: `[kind]`, then lines `field = value`. Whoever reads a section takes its fields one by
//! one and then calls [`Section::finish`], which fails if one is left.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::fs;
use std::path::{Path, PathBuf};

use crate::crypto::{AeadAlgorithm, AeadKey, Exporter, HashAlgorithm, MasterSecret, NonceForm, Randoms, Suite, prf};
use crate::error::CryptoError;
use crate::role::Role;

/// One vector.
pub(super) struct Section {
    kind: String,
    line: usize,
    fields: BTreeMap<String, String>,
}

impl Section {
    /// Takes a field as it stands.
    pub(super) fn text(&mut self, field: &str) -> String {
        let value = self.fields.remove(field);
        value.unwrap_or_else(|| panic!("[{}] at line {} has no field {field}", self.kind, self.line))
    }

    /// Takes a field of hexadecimal digits.
    pub(super) fn bytes(&mut self, field: &str) -> Vec<u8> {
        unhex(&self.text(field))
    }

    /// Fails if a field was not taken.
    pub(super) fn finish(self) {
        assert!(self.fields.is_empty(), "[{}] at line {}: unused {:?}", self.kind, self.line, self.fields.keys());
    }

    fn array<const N: usize>(&mut self, field: &str) -> [u8; N] {
        self.bytes(field).try_into().unwrap()
    }

    fn hash(&mut self) -> HashAlgorithm {
        match self.text("hash").as_str() {
            "SHA256" => HashAlgorithm::Sha256,
            "SHA384" => HashAlgorithm::Sha384,
            other => panic!("no test knows the hash {other}"),
        }
    }

    fn randoms(&mut self) -> Randoms {
        Randoms { client: self.array("client_random"), server: self.array("server_random") }
    }

    fn master(&mut self) -> MasterSecret {
        MasterSecret::from(self.array::<48>("master"))
    }
}

/// The sections of a file.
pub(super) fn sections(name: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let text = String::from_utf8(read(name)).unwrap();
    for (line, content) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        if let Some(kind) = content.strip_prefix('[') {
            let kind = kind.strip_suffix(']').unwrap().to_owned();
            sections.push(Section { kind, line: line + 1, fields: BTreeMap::new() });
        } else {
            let (field, value) = content.split_once('=').unwrap();
            let fields = &mut sections.last_mut().unwrap().fields;
            assert!(
                fields.insert(field.trim().to_owned(), value.trim().to_owned()).is_none(),
                "{content} stands twice"
            );
        }
    }
    assert!(!sections.is_empty());
    sections
}

/// The content of a file.
pub(super) fn read(name: &str) -> Vec<u8> {
    fs::read(root().join(name)).unwrap_or_else(|error| panic!("vectors/{name}: {error}"))
}

/// The files that `vectors/README.md` lists, in order, each with its SHA-256.
pub(super) fn listed() -> Vec<(String, String)> {
    let readme = String::from_utf8(read("README.md")).unwrap();
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (name, rest) = row.split_once('`').unwrap();
        let (_, digest) = rest.trim_end_matches([' ', '|', '`']).rsplit_once('`').unwrap();
        (name.to_owned(), digest.to_owned())
    })
    .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

fn unhex(digits: &str) -> Vec<u8> {
    assert!(digits.len() % 2 == 0 && digits.is_ascii(), "{digits}");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
}

/// Files below `directory`, by their paths from `vectors/`.
fn files_below(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => files_below(&path),
            false => Vec::from([path.strip_prefix(root()).unwrap().to_str().unwrap().to_string()]),
        })
        .collect()
}

/// A file that nobody listed has no source, and one that changed is not the published one any more.
#[test]
fn every_file_is_listed_with_its_digest() {
    let mut found = files_below(&root());
    found.retain(|name| name != "README.md");
    found.sort();
    let listed = listed();
    assert!(listed.iter().map(|(name, _)| name).eq(&found), "listed in order: {found:#?}");
    for (name, digest) in listed {
        assert_eq!(hex(HashAlgorithm::Sha256.hash(&read(&name)).as_ref()), digest, "{name}");
    }
}

/// The tests that read them stand in `ring/verify.rs` and `ring/load.rs`; the latter want every file of `keys/` used.
#[test]
fn every_listed_file_has_a_reader() {
    for (name, _) in listed() {
        let known = matches!(name.as_str(), "public-keys.txt" | "signatures.txt" | "tls12.txt");
        assert!(known || name.starts_with("keys/"), "no test reads {name}");
    }
}

/// EXP-01, EXP-10, FIN-01, KEX-17, EMS-03, AEA-09, AEA-10, and the nonces and additional data of the AEA group.
#[test]
fn every_vector_of_the_key_schedule_holds() {
    for mut section in sections("tls12.txt") {
        match section.kind.as_str() {
            "prf" => check_prf(&mut section),
            "master-secret" | "extended-master-secret" => check_master_secret(&mut section),
            "key-block" => check_key_block(&mut section),
            "verify-data" => check_verify_data(&mut section),
            "exporter" => check_exporter(&mut section),
            #[cfg(feature = "ring")]
            "record" => records::check(&mut section),
            #[cfg(not(feature = "ring"))]
            "record" => continue,
            // There is no PSK key exchange yet.
            "psk-premaster" | "ecdhe-psk-premaster" => continue,
            kind => panic!("no test reads [{kind}]"),
        }
        section.finish();
    }
}

fn check_prf(section: &mut Section) {
    let expected = section.bytes("output");
    let mut output = alloc::vec![0; expected.len()];
    let (secret, label, seed) = (section.bytes("secret"), section.text("label"), section.bytes("seed"));
    prf(section.hash(), &secret, label.as_bytes(), &[&seed], &mut output);
    assert_eq!(hex(&output), hex(&expected));
}

/// The secret itself stays inside its type: it is the expected one if it expands to the same bytes.
fn check_master_secret(section: &mut Section) {
    let (hash, premaster) = (section.hash(), section.bytes("premaster"));
    let master = match section.kind.as_str() {
        "master-secret" => MasterSecret::from_randoms(hash, &premaster, &section.randoms()),
        _ => MasterSecret::extended(hash, &premaster, &section.bytes("session_hash")),
    };
    let expected = MasterSecret::from(section.array::<48>("output"));
    let expand = |master: &MasterSecret| master.verify_data(hash, Role::Client, b"any");
    assert_eq!(expand(&master), expand(&expected));
}

fn check_key_block(section: &mut Section) {
    let (aead, nonce): (&'static dyn AeadAlgorithm, _) = match section.text("aead").as_str() {
        "AES_128_GCM" => (&KeyLength(16), NonceForm::Explicit),
        "AES_256_GCM" => (&KeyLength(32), NonceForm::Explicit),
        "CHACHA20_POLY1305" => (&KeyLength(32), NonceForm::Implicit),
        aead => panic!("no test knows the AEAD {aead}"),
    };
    let suite = Suite {
        code: crate::code::CipherSuite(0),
        authentication: crate::crypto::KeyAlgorithm::Ecdsa,
        hash: section.hash(),
        aead,
        nonce,
        limits: crate::crypto::AeadLimits::AES_GCM,
    };
    let key_block = section.master().key_block(&suite, &section.randoms());
    let (client, server) = (key_block.write_keys(Role::Client), key_block.write_keys(Role::Server));
    for (value, field) in
        [(client.key, "client_key"), (server.key, "server_key"), (client.iv, "client_iv"), (server.iv, "server_iv")]
    {
        assert_eq!(hex(value), section.text(field), "{field}");
    }
}

fn check_verify_data(section: &mut Section) {
    let role = match section.text("role").as_str() {
        "client" => Role::Client,
        "server" => Role::Server,
        role => panic!("no test knows the role {role}"),
    };
    let verify_data = section.master().verify_data(section.hash(), role, &section.bytes("transcript_hash"));
    assert_eq!(hex(&verify_data), section.text("output"));
}

fn check_exporter(section: &mut Section) {
    let exporter = Exporter::new(section.hash(), section.master(), section.randoms());
    let (label, context) = (section.text("label"), section.text("context"));
    let context = (context != "none").then(|| unhex(&context));
    let expected = section.bytes("output");
    let mut output = alloc::vec![0; expected.len()];
    exporter.export(label.as_bytes(), context.as_deref(), &mut output).unwrap();
    assert_eq!(hex(&output), hex(&expected));
}

/// All that a key block wants to know of an AEAD.
#[derive(Debug)]
struct KeyLength(usize);

impl AeadAlgorithm for KeyLength {
    fn key_len(&self) -> usize {
        self.0
    }

    fn tag_len(&self) -> usize {
        16
    }

    fn key(&self, _: &[u8]) -> Result<alloc::boxed::Box<dyn AeadKey>, CryptoError> {
        Err(CryptoError::KeySetup)
    }
}

#[cfg(feature = "ring")]
mod records {
    use super::*;
    use crate::provider::ring;

    /// A whole record, sealed and opened with the nonce and the additional data that its header makes.
    pub(super) fn check(section: &mut Section) {
        let (aead, key, iv) = (section.text("aead"), section.bytes("key"), section.bytes("iv"));
        let (plaintext, record) = (section.bytes("plaintext"), section.bytes("record"));
        let (additional, explicit, sealed) = parse(&record, plaintext.len(), iv.len());
        assert_eq!(hex(&additional), section.text("aad"));

        let suite = match aead.as_str() {
            "AES_128_GCM" => &ring::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            "CHACHA20_POLY1305" => &ring::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            // No provider has them yet.
            "AES_128_CCM" | "AES_128_CCM_8" => return,
            aead => panic!("no test knows the AEAD {aead}"),
        };
        let key = suite.aead.key(&key).unwrap();
        let nonce = match explicit {
            // RFC 7905 section 2: epoch and sequence number, padded to the left, combined with the IV.
            [] => core::array::from_fn(|at| iv[at] ^ [0, 0, 0, 0].iter().chain(&record[3..11]).nth(at).unwrap()),
            explicit => [&iv[..], explicit].concat().try_into().unwrap(),
        };
        let (mut in_out, mut tag) = (plaintext.clone(), alloc::vec![0; suite.aead.tag_len()]);
        key.seal(&nonce, &additional, &mut in_out, &mut tag).unwrap();
        assert_eq!(hex(&[&in_out[..], &tag].concat()), hex(sealed));
        let mut in_out = sealed.to_vec();
        key.open(&nonce, &additional, &mut in_out).unwrap();
        assert_eq!(hex(&in_out[..plaintext.len()]), hex(&plaintext));
    }

    /// A record's additional data, explicit nonce, and ciphertext with tag.
    fn parse(record: &[u8], plaintext_len: usize, iv_len: usize) -> (Vec<u8>, &[u8], &[u8]) {
        let (content_type, version, number) = (&record[..1], &record[1..3], &record[3..11]);
        // The connection ID of the vectors has 4 bytes; 25 is tls12_cid (RFC 9146).
        let cid = if content_type == [25] { &record[11..15] } else { &[] };
        let (length, body) = record[11 + cid.len()..].split_at(2);
        assert_eq!(usize::from(u16::from_be_bytes([length[0], length[1]])), body.len());
        let plaintext_length = u16::try_from(plaintext_len).unwrap().to_be_bytes();
        let additional = match cid {
            [] => [number, content_type, version, &plaintext_length].concat(),
            _ => [&[0xff; 8][..], &[25, 4, 25], version, number, cid, &plaintext_length].concat(),
        };
        let (explicit, sealed) = body.split_at(if iv_len == 4 { 8 } else { 0 });
        // RFC 9325 section 7.2.1: the explicit nonce is epoch and sequence number.
        assert!(explicit.is_empty() || explicit == number);
        (additional, explicit, sealed)
    }
}
