//! What is tried: tables of cases, the same for every peer and for both roles.

use core::fmt;

use sealgram::code::{CipherSuite, NamedGroup, SignatureScheme};

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
    /// The only signature scheme that the peer is told to use, if it is told.
    pub scheme: Option<SignatureScheme>,
    /// Whether the peer knows the extended master secret. We always do.
    pub extended_master_secret: bool,
    /// Whether a server that would keep state before it has seen a cookie is told not to. Ours never does.
    pub stateless: bool,
    /// The MTU of both ends, where it is not their own choice.
    pub mtu: Option<usize>,
    /// Application protocols, if any.
    pub alpn: Option<Alpn>,
    /// Whether the client says in the clear which name it wants.
    pub server_name: bool,
    /// Whether the server asks for a certificate that the client does not have.
    pub certificate_request: bool,
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

/// How the server's certificate is tied to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "cases are matched whole")]
pub enum Chain {
    /// The root signed it.
    Direct,
    /// The root signed an intermediate authority, and that one signed it.
    Intermediate,
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
            scheme: None,
            extended_master_secret: true,
            stateless: false,
            mtu: None,
            alpn: None,
            server_name: true,
            certificate_request: false,
            hasty: false,
            exporter: None,
        }
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

/// Every suite with every group and every kind of key: what we advertise, each alone (NEG-23).
pub fn matrix() -> impl Iterator<Item = Case> {
    let pairs = SUITES.into_iter().flat_map(|suite| GROUPS.into_iter().map(move |group| Case::new(suite, group)));
    pairs.flat_map(|case| {
        let kinds: &[KeyKind] =
            if is_rsa(case.suite) { &[KeyKind::Rsa] } else { &[KeyKind::Ecdsa, KeyKind::EcdsaP384, KeyKind::Ed25519] };
        kinds.iter().map(move |&key_kind| Case { key_kind, ..case })
    })
}

/// The suites that we share with every peer worth its name.
pub const SUITES: [CipherSuite; 6] = [
    CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// The groups, alike.
pub const GROUPS: [NamedGroup; 3] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

/// A small MTU: less than any certificate.
pub const SMALL_MTU: usize = 300;

/// A plain case for each kind of certificate: the rows of [`FEATURES`] differ from them in one thing each.
pub const ECDSA: Case = Case::new(CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, NamedGroup::X25519);
/// See [`ECDSA`].
pub const RSA: Case = Case::new(CipherSuite::ECDHE_RSA_WITH_AES_128_GCM_SHA256, NamedGroup::X25519);

/// See [`ECDSA`].
pub const ECDSA_P384: Case = Case { key_kind: KeyKind::EcdsaP384, ..ECDSA };
/// See [`ECDSA`].
pub const ED25519: Case = Case { key_kind: KeyKind::Ed25519, ..ECDSA };
/// See [`ECDSA`].
pub const RSA_4096: Case = Case { key_kind: KeyKind::Rsa4096, ..RSA };

/// What is tried once, not with every suite and group.
pub const FEATURES: &[Case] = &[
    Case { scheme: Some(SignatureScheme::ECDSA_SHA256), ..ECDSA },
    Case { scheme: Some(SignatureScheme::ECDSA_SHA384), ..ECDSA_P384 },
    // KEX-12: the message itself is signed, under the suites that are named for ECDSA.
    Case { scheme: Some(SignatureScheme::ED25519), ..ED25519 },
    Case { scheme: Some(SignatureScheme::RSA_PKCS1_SHA256), ..RSA },
    Case { scheme: Some(SignatureScheme::RSA_PKCS1_SHA384), ..RSA },
    Case { scheme: Some(SignatureScheme::RSA_PKCS1_SHA512), ..RSA },
    // KEX-11: what is advertised of PSS is accepted.
    Case { scheme: Some(SignatureScheme::RSA_PSS_RSAE_SHA256), ..RSA },
    Case { scheme: Some(SignatureScheme::RSA_PSS_RSAE_SHA384), ..RSA },
    Case { scheme: Some(SignatureScheme::RSA_PSS_RSAE_SHA512), ..RSA },
    RSA_4096,
    Case { scheme: Some(SignatureScheme::RSA_PSS_RSAE_SHA256), ..RSA_4096 },
    Case { chain: Chain::Intermediate, ..ECDSA },
    Case { chain: Chain::Intermediate, ..RSA },
    Case { chain: Chain::Intermediate, stateless: true, mtu: Some(SMALL_MTU), ..RSA },
    Case { whole_offer: true, ..ECDSA },
    // The second hello of OpenSSL's client takes two datagrams then, with the cookie in the first.
    Case { whole_offer: true, mtu: Some(SMALL_MTU), alpn: Some(SERVER_PREFERS), ..RSA },
    Case { alpn: Some(SAME_PROTOCOL), ..ECDSA },
    Case { alpn: Some(SERVER_PREFERS), ..RSA },
    Case { server_name: false, ..ECDSA },
    Case { extended_master_secret: false, ..ECDSA },
    Case { exporter: Some("EXTRACTOR-dtls_srtp"), ..ECDSA },
    Case {
        exporter: Some("EXPORTER-sealgram-interop"),
        ..Case::new(CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384, NamedGroup::SECP256R1)
    },
];

/// What only other servers do: ring signs under SHA-256 with P-256 and under SHA-384 with P-384 alone, and verifies
/// more. KEX-10: a scheme of ECDSA names a hash in DTLS 1.2, not a curve.
pub const FEATURES_OF_PEER_SERVERS: &[Case] = &[
    Case { certificate_request: true, ..ECDSA },
    Case { certificate_request: true, ..RSA },
    Case { scheme: Some(SignatureScheme::ECDSA_SHA384), ..ECDSA },
    Case { scheme: Some(SignatureScheme::ECDSA_SHA256), ..ECDSA_P384 },
];

/// What only our server has a choice of: for peers that are clients.
pub const FEATURES_OF_OUR_SERVER: &[Case] =
    &[Case { key_form: KeyForm::Traditional, ..ECDSA }, Case { key_form: KeyForm::Traditional, ..RSA }];

const SAME_PROTOCOL: Alpn = Alpn { client: &["webrtc"], server: &["webrtc"], agreed: "webrtc" };
const SERVER_PREFERS: Alpn =
    Alpn { client: &["c-webrtc", "webrtc", "coap"], server: &["coap", "webrtc"], agreed: "coap" };

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match self.key_kind {
            KeyKind::Ecdsa => "ECDSA",
            KeyKind::EcdsaP384 => "ECDSA P-384",
            KeyKind::Ed25519 => "Ed25519",
            KeyKind::Rsa => "RSA",
            KeyKind::Rsa4096 => "RSA 4096",
        };
        write!(f, "{:04X} {} {key}", self.suite.0, group_name(self.group))?;
        let features = [
            self.whole_offer.then(|| "whole offer".into()),
            self.stateless.then(|| "stateless cookies".into()),
            self.mtu.map(|mtu| format!("MTU {mtu}")),
            self.scheme.map(|scheme| format!("{scheme:?}")),
            (self.chain == Chain::Intermediate).then(|| "intermediate authority".into()),
            (self.key_form == KeyForm::Traditional)
                .then(|| if is_rsa(self.suite) { "PKCS#1 key" } else { "SEC1 key" }.into()),
            self.alpn.map(|alpn| format!("ALPN {} of {}", alpn.agreed, alpn.client.join(" "))),
            (!self.server_name).then(|| "no server name".into()),
            (!self.extended_master_secret).then(|| "no extended master secret".into()),
            self.certificate_request.then(|| "certificate request".into()),
            self.exporter.map(|label| format!("exporter {label}")),
        ];
        features.into_iter().flatten().try_for_each(|feature: String| write!(f, ", {feature}"))
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
