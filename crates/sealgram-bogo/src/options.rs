//! What one connection is to be, and what is to come of it.

use core::time::Duration;
use std::path::PathBuf;

use sealgram::code::{CipherSuite, NamedGroup, SignatureScheme};

/// The flags for one connection, read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// The runner asks whether the handshake may be shared with a second process.
    pub(crate) asks_for_handshaker: bool,
    /// How many connections follow the first.
    pub(crate) resume_count: u32,
    pub(crate) port: u16,
    pub(crate) ipv6: bool,
    /// What the runner knows the process by.
    pub(crate) shim_id: u64,

    /// To be the server; else the client.
    pub(crate) server: bool,
    /// What stands for itself, and after it what `-new-x509-credential` began.
    pub(crate) credentials: Credentials,
    /// To refuse the peer's certificate.
    pub(crate) verify_fail: bool,
    /// To refuse it the way that BoringSSL's newer hook does: with another alert.
    pub(crate) custom_verify: bool,
    /// A client that takes no server without renegotiation_info, as is its default elsewhere.
    pub(crate) requires_renegotiation_info: bool,
    /// A server that asks for a certificate.
    pub(crate) asks_for_certificate: bool,
    /// All suites if empty.
    pub(crate) cipher_suites: Vec<CipherSuite>,
    /// All groups if empty.
    pub(crate) groups: Vec<NamedGroup>,
    /// All schemes if empty.
    pub(crate) verify_schemes: Vec<SignatureScheme>,
    pub(crate) application_protocols: Vec<Vec<u8>>,
    /// A server that has no protocol for any client.
    pub(crate) reject_protocols: bool,
    pub(crate) server_name: Option<String>,

    pub(crate) mtu: Option<usize>,
    pub(crate) initial_timeout: Option<Duration>,
    pub(crate) max_message_len: Option<u32>,

    pub(crate) export: Export,
    /// How many bytes of key material to send first of all.
    pub(crate) export_len: usize,
    pub(crate) writes_first: bool,
    /// What to write first.
    pub(crate) first_write: Option<Vec<u8>>,
    /// To close at once.
    pub(crate) shuts_down: bool,

    pub(crate) expected: Expected,
}

/// Certificates to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    /// The one that needs no flag to begin. The runner calls it -1.
    pub(crate) default: Credential,
    /// The others, which come first. The runner counts them from 0.
    pub(crate) added: Vec<Credential>,
}

/// A certificate to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credential {
    pub(crate) chain: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    /// All schemes of the key if empty.
    pub(crate) schemes: Vec<SignatureScheme>,
}

/// Key material to export.
#[derive(Clone, Debug, Default)]
pub(crate) struct Export {
    pub(crate) label: Vec<u8>,
    pub(crate) context: Vec<u8>,
    /// Whether there is a context at all: none and an empty one differ.
    pub(crate) has_context: bool,
}

/// What must have come of the handshake. What is `None` or false is not looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    pub(crate) application_protocol: Option<Vec<u8>>,
    pub(crate) cipher_suite: Option<u16>,
    pub(crate) credential: Option<i32>,
    pub(crate) extended_master_secret: bool,
    pub(crate) group: Option<u16>,
    pub(crate) no_server_name: bool,
    pub(crate) peer_chain: Option<PathBuf>,
    pub(crate) peer_scheme: Option<u16>,
    pub(crate) server_name: Option<String>,
    pub(crate) verified: bool,
    pub(crate) version: Option<u16>,
}

impl Credentials {
    /// The one that flags are about now.
    pub(crate) fn latest(&mut self) -> &mut Credential {
        self.added.last_mut().unwrap_or(&mut self.default)
    }
}
