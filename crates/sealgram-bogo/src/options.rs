//! What one connection is to be, and what is to come of it.

use core::time::Duration;
use std::path::PathBuf;

use sealgram::code::{CertificateType, CipherSuite, NamedGroup, SignatureScheme, SrtpProfile};

/// The flags for one connection, read.
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// To give every answer later that can be.
    pub(crate) answers_later: bool,
    /// What stands for itself, and after it what `-new-x509-credential` and its like began.
    pub(crate) credentials: Credentials,
    /// What a client lists of them, in this order; all in their own order if empty.
    pub(crate) own_types: Vec<CertificateType>,
    /// On what terms the peer is judged.
    pub(crate) terms: Terms,
    /// To refuse the peer's certificate.
    pub(crate) verify_fail: bool,
    /// A server asks for a certificate; a client heeds the verdict on its server's.
    pub(crate) verify_peer: bool,
    /// A server that serves no client without a certificate.
    pub(crate) require_certificate: bool,
    /// To judge the peer again where a session is taken up.
    pub(crate) reverify_on_resume: bool,
    pub(crate) ocsp_callback: OcspCallback,
    /// The key that both sides share.
    pub(crate) psk: Option<Vec<u8>>,
    /// Whose it is, and what a server gives as its hint.
    pub(crate) psk_identity: Vec<u8>,
    /// A server that gives no tickets.
    pub(crate) no_ticket: bool,
    pub(crate) ticket_policy: TicketPolicy,
    /// A client that takes no server without renegotiation_info, as is its default elsewhere.
    pub(crate) requires_renegotiation_info: bool,
    /// All suites if empty.
    pub(crate) cipher_suites: Vec<CipherSuite>,
    /// All groups if empty.
    pub(crate) groups: Vec<NamedGroup>,
    /// All schemes if empty.
    pub(crate) verify_schemes: Vec<SignatureScheme>,
    pub(crate) application_protocols: Vec<Vec<u8>>,
    /// None for an end without media.
    pub(crate) srtp_profiles: Vec<SrtpProfile>,
    /// A server that has no protocol for any client.
    pub(crate) reject_protocols: bool,
    pub(crate) server_name: Option<String>,
    /// A server that does not say that it knows its name.
    pub(crate) no_server_name_ack: bool,

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

/// On what terms the peer is judged: what it is told of its judge.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Terms {
    /// What it may show; certificates alone if empty.
    pub(crate) peer_types: Vec<CertificateType>,
    /// Who may have issued its certificate, in DER; anybody if empty.
    pub(crate) authorities: Vec<Vec<u8>>,
    /// A client that asks for an OCSP response.
    pub(crate) ocsp_response: bool,
}

/// What BoringSSL's hook for OCSP responses does.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OcspCallback {
    /// Whether there is one; else the rest means nothing.
    pub(crate) is_used: bool,
    pub(crate) fails: bool,
    /// A server that staples nothing after all.
    pub(crate) declines: bool,
}

/// What a server does with tickets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum TicketPolicy {
    /// It gives one in each full handshake, and takes it up.
    #[default]
    Keep,
    /// It gives another one wherever it takes one up.
    Renew,
    /// It gives none after all, though it promised one.
    Skip,
}

/// Certificates to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Credentials {
    /// The one that needs no flag to begin. The runner calls it -1.
    pub(crate) default: Credential,
    /// The others, which come first. The runner counts them from 0.
    pub(crate) added: Vec<Credential>,
}

/// A certificate or a raw public key to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Credential {
    pub(crate) chain: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    /// To show the key as it is.
    pub(crate) is_raw: bool,
    /// All schemes of the key if empty.
    pub(crate) schemes: Vec<SignatureScheme>,
    /// What a server staples to the certificate; nothing if empty.
    pub(crate) ocsp_response: Vec<u8>,
}

/// Key material to export.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Export {
    pub(crate) label: Vec<u8>,
    pub(crate) context: Vec<u8>,
    /// Whether there is a context at all: none and an empty one differ.
    pub(crate) has_context: bool,
}

/// What must have come of the handshake. What is `None` or false is not looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Expected {
    pub(crate) application_protocol: Option<Vec<u8>>,
    pub(crate) cipher_suite: Option<u16>,
    pub(crate) credential: Option<i32>,
    pub(crate) extended_master_secret: bool,
    pub(crate) group: Option<u16>,
    pub(crate) no_server_name: bool,
    /// A client that has no session to keep.
    pub(crate) no_session: bool,
    /// Whether a server keeps the session itself.
    pub(crate) session_by_id: Option<bool>,
    /// No session is taken up.
    pub(crate) session_miss: bool,
    pub(crate) ocsp_response: Option<Vec<u8>>,
    pub(crate) peer_chain: Option<PathBuf>,
    /// The SHA-256 of a raw public key.
    pub(crate) peer_public_key: Option<Vec<u8>>,
    pub(crate) peer_type: Option<CertificateType>,
    pub(crate) peer_scheme: Option<u16>,
    pub(crate) server_name: Option<String>,
    /// A client that gets another ticket for the session it takes up.
    pub(crate) ticket_renewal: bool,
    pub(crate) verified: bool,
    pub(crate) version: Option<u16>,
}

impl Options {
    /// Whether these make the same configuration: what is expected of the handshake is no part of it.
    pub(crate) fn configure_like(&self, other: &Self) -> bool {
        Self { expected: Expected::default(), ..self.clone() }
            == Self { expected: Expected::default(), ..other.clone() }
    }
}

impl OcspCallback {
    pub(crate) const fn fails(&self) -> bool {
        self.is_used && self.fails
    }

    pub(crate) const fn declines(&self) -> bool {
        self.is_used && self.declines
    }
}

impl Credentials {
    /// Begins another one.
    pub(crate) fn add(&mut self, is_raw: bool) {
        self.added.push(Credential { is_raw, ..Credential::default() });
    }

    /// The one that flags are about now.
    pub(crate) fn latest(&mut self) -> &mut Credential {
        self.added.last_mut().unwrap_or(&mut self.default)
    }
}
