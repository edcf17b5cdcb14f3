//! What is tried: cases, and tables of them, the same for every peer and for both roles.

mod tables;

use core::fmt;

use sealgram::Role;
use sealgram::code::{CipherSuite, NamedGroup, SignatureScheme, SrtpProfile};
use sealgram::config::MaxFragmentLength;

pub use self::tables::{
    CLIENT_CERTIFICATES, CONNECTION_IDS, CONNECTION_IDS_RESUMED, ECDHE_PSK, ECDSA, ECDSA_P384, ED25519, FEATURES,
    FEATURES_OF_OUR_SERVER, FEATURES_OF_PEER_SERVERS, GROUPS, LARGE, MAX_FRAGMENT_LENGTHS, OCSP_RESPONSES,
    PRESHARED_KEYS, PSK, RAW_PUBLIC_KEYS, RECORD_SIZE_LIMITS, RESUMPTIONS, RSA, RSA_4096, RSA_SHA384, SMALL_MTU, SRTP,
    SRTP_AEAD, SUITES, ccm, matrix,
};

/// One association that has to come to be, and what is to be seen in it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a row of a table in this workspace")]
pub struct Case {
    /// The cipher suite.
    pub suite: CipherSuite,
    /// The kind of the server's key: one that the suite can be used with.
    pub key_kind: KeyKind,
    /// The group of the key exchange.
    pub group: NamedGroup,
    /// How the server's certificate is tied to the root that the client trusts.
    pub chain: Chain,
    /// In which form the private key of our server comes.
    pub key_form: KeyForm,
    /// Whether the peer offers all that it has, with suite and group left to the choice of the server.
    pub whole_offer: bool,
    /// Whether our end offers, or takes, the suite and the group of the case and nothing else, apart from the curve of
    /// the certificate: for peers that cannot be told.
    pub narrow: bool,
    /// The only signature scheme that the peer is told to use, if it is told.
    pub scheme: Option<SignatureScheme>,
    /// Whether a server that would keep state before it has seen a cookie is told not to. Ours never does.
    pub stateless: bool,
    /// Whether the server makes sure of the client's address with a cookie. Ours always does.
    pub cookies: bool,
    /// Whether both ends offer the extended master secret (RFC 7627). Ours does without it only if it is told to.
    pub extended_master_secret: bool,
    /// Whether records of [`LARGE`] bytes are exchanged, each in a datagram.
    pub large: bool,
    /// The MTU of both ends, where it is not their own choice.
    pub mtu: Option<usize>,
    /// Application protocols, if any.
    pub alpn: Option<Alpn>,
    /// Whether the client says in the clear which name it wants.
    pub server_name: bool,
    /// What the server asks the client for, and what the client has to show.
    pub client: ClientCertificate,
    /// Whether keys are shown as they are, without certificates (RFC 7250).
    pub raw_public_keys: bool,
    /// Whether the client asks for an OCSP response, which the server has.
    pub ocsp_response: bool,
    /// How media is protected, with keys that the two agree on, if there is any.
    pub srtp: Option<Srtp>,
    /// How long records may be, where an end says so.
    pub record_sizes: Option<RecordSizes>,
    /// The connection IDs of both ends, where they offer and take any.
    pub connection_ids: Option<ConnectionIds>,
    /// How a second association takes up the session of the first, if there is to be one.
    pub resumption: Option<Resumption>,
    /// Whether our retransmission timer is fast, for outcomes that take several timeouts.
    pub hasty: bool,
    /// The label of keying material to compare, if it is to be compared.
    pub exporter: Option<&'static str>,
}

/// The kind of the server's key and of all keys in its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "cases are matched whole")]
pub enum KeyKind {
    /// ECDSA on P-256.
    Ecdsa,
    /// ECDSA on P-384.
    EcdsaP384,
    /// Ed25519.
    Ed25519,
    /// RSA of 2048 bits.
    Rsa,
    /// RSA of 4096 bits, for the server: what is above it has 2048.
    Rsa4096,
}

impl KeyKind {
    /// The curve of the key, which a client has to offer if it is to verify the certificate (RFC 8422 section 5.1).
    #[must_use]
    pub const fn curve(self) -> Option<NamedGroup> {
        match self {
            Self::Ecdsa => Some(NamedGroup::SECP256R1),
            Self::EcdsaP384 => Some(NamedGroup::SECP384R1),
            Self::Ed25519 | Self::Rsa | Self::Rsa4096 => None,
        }
    }
}

/// What the server asks the client for, and what the client has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "cases are matched whole")]
pub enum ClientCertificate {
    /// The server does not ask.
    NotAsked,
    /// It asks a client that has none, and goes on.
    Missing,
    /// It asks, would go on without, and sees one with a key of this kind.
    Requested(KeyKind),
    /// It asks, would not go on without, and sees one with a key of this kind.
    Required(KeyKind),
}

impl ClientCertificate {
    /// Whether the server asks.
    #[must_use]
    pub const fn is_asked(self) -> bool {
        !matches!(self, Self::NotAsked)
    }

    /// The kind of the key that the client shows, if it does.
    #[must_use]
    pub const fn shown(self) -> Option<KeyKind> {
        match self {
            Self::NotAsked | Self::Missing => None,
            Self::Requested(kind) | Self::Required(kind) => Some(kind),
        }
    }
}

/// Profiles of SRTP (RFC 5764), with one that both know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a part of a row of a table in this workspace")]
pub struct Srtp {
    /// What the client offers, best first.
    pub client: &'static [SrtpProfile],
    /// What the server takes, best first.
    pub server: &'static [SrtpProfile],
    /// What they agree on.
    pub agreed: SrtpProfile,
}

impl Srtp {
    /// The list of the end in this role.
    #[must_use]
    pub const fn of(self, role: Role) -> &'static [SrtpProfile] {
        match role {
            Role::Client => self.client,
            Role::Server => self.server,
        }
    }

    /// How many bytes of keys and salts the profile takes.
    #[must_use]
    pub fn keying_material_len(self) -> usize {
        2 * (self.agreed.key_len().unwrap_or_default() + self.agreed.salt_len().unwrap_or_default())
    }
}

/// How long the content of a record may be, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "cases are matched whole")]
pub enum RecordSizes {
    /// Each end says what it takes (RFC 8449).
    Limits {
        /// What the client takes.
        client: u16,
        /// What the server takes.
        server: u16,
    },
    /// The client asks for the same in both directions (RFC 6066 section 4).
    Fragments(MaxFragmentLength),
}

impl RecordSizes {
    /// What the end in this role takes.
    #[must_use]
    pub const fn taken_by(self, role: Role) -> u16 {
        match (self, role) {
            (Self::Limits { client, .. }, Role::Client) => client,
            (Self::Limits { server, .. }, Role::Server) => server,
            (Self::Fragments(length), _) => length.bytes(),
        }
    }

    /// What both take.
    #[must_use]
    pub fn least(self) -> u16 {
        self.taken_by(Role::Client).min(self.taken_by(Role::Server))
    }
}

/// What each end wants to find in the records that it receives (RFC 9146): in hexadecimal, or nothing if it wants none
/// and can send with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a part of a row of a table in this workspace")]
pub struct ConnectionIds {
    /// That of the client.
    pub client: &'static str,
    /// That of the server.
    pub server: &'static str,
}

impl ConnectionIds {
    /// That of the end in this role.
    #[must_use]
    pub const fn of(self, role: Role) -> &'static str {
        match role {
            Role::Client => self.client,
            Role::Server => self.server,
        }
    }
}

/// How a session is taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a part of a row of a table in this workspace")]
pub struct Resumption {
    /// What the client shows for it.
    pub by: SessionHandle,
    /// Whether our end starts anew in between, with nothing but what it kept for that.
    pub restart: bool,
}

/// What a client shows to take up a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "cases are matched whole")]
pub enum SessionHandle {
    /// The id under which the server keeps it (RFC 5246 section 7.3).
    Id,
    /// The ticket that the server sealed it into (RFC 5077).
    Ticket,
}

/// What the server proves itself with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "cases are matched whole")]
pub enum Authentication {
    /// The key of a certificate, or that key alone.
    Signature,
    /// A preshared key and an ephemeral one.
    EcdhePsk,
    /// A preshared key alone: the group and the kind of key of the case mean nothing.
    Psk,
}

/// How the server's certificate is tied to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "cases are matched whole")]
pub enum Chain {
    /// The root signed it.
    Direct,
    /// The root signed an intermediate authority, and that one signed it.
    Intermediate,
}

impl Chain {
    /// The certificates that a server shows: the root is not among them.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no chain is empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Direct => 1,
            Self::Intermediate => 2,
        }
    }
}

/// How a private key is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "cases are matched whole")]
pub enum KeyForm {
    /// `PRIVATE KEY`.
    Pkcs8,
    /// What came before PKCS#8: `RSA PRIVATE KEY` (PKCS#1) or `EC PRIVATE KEY` (SEC1).
    Traditional,
}

/// Application protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a part of a row of a table in this workspace")]
pub struct Alpn {
    /// What the client offers, best first.
    pub client: &'static [&'static str],
    /// What the server takes, best first.
    pub server: &'static [&'static str],
    /// What they agree on.
    pub agreed: &'static str,
}

impl Case {
    /// A case without anything special: the rows of the tables name what differs.
    #[must_use]
    pub const fn new(suite: CipherSuite, group: NamedGroup) -> Self {
        Self {
            suite,
            key_kind: if is_rsa(suite) { KeyKind::Rsa } else { KeyKind::Ecdsa },
            group,
            chain: Chain::Direct,
            key_form: KeyForm::Pkcs8,
            whole_offer: false,
            narrow: false,
            scheme: None,
            stateless: false,
            cookies: true,
            extended_master_secret: true,
            large: false,
            mtu: None,
            alpn: None,
            server_name: true,
            client: ClientCertificate::NotAsked,
            raw_public_keys: false,
            ocsp_response: false,
            srtp: None,
            record_sizes: None,
            connection_ids: None,
            resumption: None,
            hasty: false,
            exporter: None,
        }
    }

    /// How long the records are that a peer in this role makes, where it is to make them as long as they may be.
    #[must_use]
    pub fn peers_record_len(&self, role: Role) -> Option<usize> {
        let most = self.record_sizes.map(|sizes| sizes.taken_by(role.peer()).into());
        if self.large { Some(LARGE) } else { most }
    }

    /// What the suite of the case stands for.
    #[must_use]
    pub const fn authentication(&self) -> Authentication {
        authentication(self.suite)
    }
}

/// What a suite stands for. Those with AES-CCM are told by their numbers (RFC 6655, RFC 8442).
#[must_use]
pub const fn authentication(suite: CipherSuite) -> Authentication {
    match suite.0 {
        0x00a8 | 0x00a9 | 0xccab | 0xc0a4 | 0xc0a5 | 0xc0a8 | 0xc0a9 => Authentication::Psk,
        0xccac | 0xd001..=0xd005 => Authentication::EcdhePsk,
        _ => Authentication::Signature,
    }
}

/// The suites that stand for an RSA certificate; the others stand for ECDSA, and EdDSA counts as that (RFC 8422
/// section 5.10).
const fn is_rsa(suite: CipherSuite) -> bool {
    matches!(
        suite,
        CipherSuite::ECDHE_RSA_WITH_AES_128_GCM_SHA256
            | CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384
            | CipherSuite::ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
    )
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (group, key) = match self.authentication() {
            Authentication::Signature => (group_name(self.group), key_name(self.key_kind)),
            Authentication::EcdhePsk => (group_name(self.group), "ECDHE_PSK"),
            Authentication::Psk => (NO_GROUP, "PSK"),
        };
        write!(f, "{:04X} {group} {key}", self.suite.0)?;
        let features = [
            self.whole_offer.then(|| "whole offer".into()),
            self.stateless.then(|| "stateless cookies".into()),
            (!self.cookies).then(|| "no cookies".into()),
            (!self.extended_master_secret).then(|| "no extended master secret".into()),
            self.large.then(|| format!("records of {LARGE} bytes")),
            self.mtu.map(|mtu| format!("MTU {mtu}")),
            self.scheme.map(|scheme| format!("{scheme:?}")),
            (self.chain == Chain::Intermediate).then(|| "intermediate authority".into()),
            (self.key_form == KeyForm::Traditional)
                .then(|| if is_rsa(self.suite) { "PKCS#1 key" } else { "SEC1 key" }.into()),
            self.alpn.map(|alpn| format!("ALPN {} of {}", alpn.agreed, alpn.client.join(" "))),
            (!self.server_name).then(|| "no server name".into()),
            self.raw_public_keys.then(|| "raw public keys".into()),
            match self.client {
                ClientCertificate::NotAsked => None,
                ClientCertificate::Missing => Some("certificate request".into()),
                ClientCertificate::Requested(kind) => Some(format!("client certificate requested: {}", key_name(kind))),
                ClientCertificate::Required(kind) if self.raw_public_keys => {
                    Some(format!("client key required: {}", key_name(kind)))
                }
                ClientCertificate::Required(kind) => Some(format!("client certificate required: {}", key_name(kind))),
            },
            self.ocsp_response.then(|| "OCSP response".into()),
            self.srtp.map(|srtp| format!("use_srtp: {:?} of {}", srtp.agreed, srtp.client.len())),
            self.record_sizes.map(|sizes| match sizes {
                RecordSizes::Limits { client, server } => format!("record_size_limit: {client} and {server}"),
                RecordSizes::Fragments(length) => format!("max_fragment_length: {}", length.bytes()),
            }),
            self.connection_ids.map(|ids| format!("connection IDs '{}' and '{}'", ids.client, ids.server)),
            self.resumption.map(|resumption| match resumption.by {
                SessionHandle::Id => "resumed by session ID".into(),
                SessionHandle::Ticket => "resumed by ticket".into(),
            }),
            self.resumption.and_then(|resumption| resumption.restart.then(|| "after a restart of ours".into())),
            self.exporter.map(|label| format!("exporter {label}")),
        ];
        features.into_iter().flatten().try_for_each(|feature: String| write!(f, ", {feature}"))
    }
}

/// What stands in the place of a group where there is none.
pub const NO_GROUP: &str = "none";

const fn key_name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Ecdsa => "ECDSA",
        KeyKind::EcdsaP384 => "ECDSA P-384",
        KeyKind::Ed25519 => "Ed25519",
        KeyKind::Rsa => "RSA",
        KeyKind::Rsa4096 => "RSA 4096",
    }
}

/// The group as people write it.
#[must_use]
pub const fn group_name(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::X25519 => "X25519",
        NamedGroup::SECP256R1 => "P-256",
        NamedGroup::SECP384R1 => "P-384",
        _ => "another group",
    }
}
