//! The tables: what is tried with every peer, and what with those that have it.

use sealgram::code::{CipherSuite, NamedGroup, SignatureScheme, SrtpProfile};
use sealgram::config::MaxFragmentLength;
use sealgram::provider::ring;

use super::{
    Alpn, Case, Chain, ClientCertificate, ConnectionIds, KeyForm, KeyKind, RecordSizes, Resumption, SessionHandle,
    Srtp, is_rsa,
};

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

/// A length of data that only a datagram above any usual MTU holds, in bytes: what `s_client` reads at once.
pub const LARGE: usize = 8000;

/// A plain case for each kind of certificate: the rows of [`FEATURES`] differ from them in one thing each.
pub const ECDSA: Case = Case::new(CipherSuite::ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, NamedGroup::X25519);
/// See [`ECDSA`].
pub const RSA: Case = Case::new(CipherSuite::ECDHE_RSA_WITH_AES_128_GCM_SHA256, NamedGroup::X25519);

/// See [`ECDSA`].
pub const ECDSA_P384: Case = Case { key_kind: KeyKind::EcdsaP384, ..ECDSA };
/// See [`ECDSA`].
pub const ED25519: Case = Case { key_kind: KeyKind::Ed25519, ..ECDSA };
/// See [`ECDSA`]. Its hash is the longer one.
pub const RSA_SHA384: Case = Case::new(CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384, NamedGroup::SECP256R1);
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
    Case { large: true, ..ECDSA },
    // EMS: only with the word `danger` in our configuration.
    Case { extended_master_secret: false, ..ECDSA },
    Case { extended_master_secret: false, ..RSA },
    Case { alpn: Some(SAME_PROTOCOL), ..ECDSA },
    Case { alpn: Some(SERVER_PREFERS), ..RSA },
    Case { server_name: false, ..ECDSA },
    Case { exporter: Some("EXTRACTOR-dtls_srtp"), ..ECDSA },
    Case {
        exporter: Some("EXPORTER-sealgram-interop"),
        ..Case::new(CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384, NamedGroup::SECP256R1)
    },
    // CRT-12: the client has none, says so, and both go on.
    Case { client: ClientCertificate::Missing, ..ECDSA },
    Case { client: ClientCertificate::Missing, ..RSA },
];

/// Clients that show who they are: keys of each kind, under suites for either kind of server.
pub const CLIENT_CERTIFICATES: &[Case] = &[
    Case { client: ClientCertificate::Required(KeyKind::Ecdsa), ..ECDSA },
    Case { client: ClientCertificate::Requested(KeyKind::Ecdsa), ..ECDSA },
    Case { client: ClientCertificate::Required(KeyKind::EcdsaP384), ..ECDSA },
    Case { client: ClientCertificate::Required(KeyKind::Ed25519), ..ECDSA },
    Case { client: ClientCertificate::Required(KeyKind::Rsa), ..ECDSA },
    Case { client: ClientCertificate::Required(KeyKind::Ecdsa), ..RSA },
    Case { client: ClientCertificate::Required(KeyKind::Rsa), mtu: Some(SMALL_MTU), ..RSA },
    // CertificateVerify signs the transcript, whatever the master secret is made of.
    Case { client: ClientCertificate::Required(KeyKind::Ecdsa), extended_master_secret: false, ..ECDSA },
];

/// Keys that are known beforehand, with names for none of them.
pub const RAW_PUBLIC_KEYS: &[Case] = &[
    Case { raw_public_keys: true, ..ECDSA },
    Case { raw_public_keys: true, ..RSA },
    Case { raw_public_keys: true, client: ClientCertificate::Required(KeyKind::Ecdsa), ..ECDSA },
    Case { raw_public_keys: true, client: ClientCertificate::Required(KeyKind::Ed25519), ..ED25519 },
    Case { raw_public_keys: true, client: ClientCertificate::Required(KeyKind::Rsa), mtu: Some(SMALL_MTU), ..RSA },
];

/// Stapled responses.
pub const OCSP_RESPONSES: &[Case] =
    &[Case { ocsp_response: true, ..ECDSA }, Case { ocsp_response: true, mtu: Some(SMALL_MTU), ..RSA }];

/// Plain PSK.
pub const PSK: Case = Case::new(CipherSuite::PSK_WITH_AES_128_GCM_SHA256, NamedGroup::X25519);

/// PSK with ephemeral keys.
pub const ECDHE_PSK: Case = Case::new(CipherSuite::ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, NamedGroup::X25519);

/// Preshared keys: each suite, and what depends on the exchange. Which of them a peer has is for its own file to say.
pub const PRESHARED_KEYS: &[Case] = &[
    PSK,
    Case { suite: CipherSuite::PSK_WITH_AES_256_GCM_SHA384, ..PSK },
    Case { suite: CipherSuite::PSK_WITH_CHACHA20_POLY1305_SHA256, ..PSK },
    Case { suite: CipherSuite::ECDHE_PSK_WITH_AES_128_GCM_SHA256, ..ECDHE_PSK },
    Case { suite: CipherSuite::ECDHE_PSK_WITH_AES_256_GCM_SHA384, ..ECDHE_PSK },
    ECDHE_PSK,
    Case { group: NamedGroup::SECP256R1, ..ECDHE_PSK },
    Case { group: NamedGroup::SECP384R1, ..ECDHE_PSK },
    Case { extended_master_secret: false, ..PSK },
    Case { extended_master_secret: false, ..ECDHE_PSK },
    Case { exporter: Some("EXPORTER-sealgram-interop"), ..PSK },
    Case { alpn: Some(SERVER_PREFERS), ..PSK },
];

/// The suites with AES-CCM, by number (RFC 6655, RFC 7251, RFC 8442): for builds of ours that have them.
const CCM_SUITES: [CipherSuite; 10] = [
    CipherSuite(0xc0ac),
    CipherSuite(0xc0ad),
    CipherSuite(0xc0ae),
    CipherSuite(0xc0af),
    CipherSuite(0xc0a4),
    CipherSuite(0xc0a5),
    CipherSuite(0xc0a8),
    CipherSuite(0xc0a9),
    CipherSuite(0xd003),
    CipherSuite(0xd005),
];

/// AES-CCM and CCM_8, as far as our provider has them.
pub fn ccm() -> impl Iterator<Item = Case> {
    let ours = CCM_SUITES.into_iter().filter(|suite| ring::provider().suite(*suite).is_some());
    ours.map(|suite| Case::new(suite, NamedGroup::X25519))
}

/// Connection IDs are agreed on anew where a session is taken up again (RFC 9146 section 3).
pub const CONNECTION_IDS_RESUMED: &[Case] = &[
    Case { connection_ids: Some(BOTH), resumption: Some(BY_ID), ..ECDSA },
    Case { connection_ids: Some(BOTH), resumption: Some(BY_TICKET), ..ECDSA },
];

/// Sessions that are taken up again, with what is remembered of them.
pub const RESUMPTIONS: &[Case] = &[
    Case { resumption: Some(BY_ID), ..ECDSA },
    Case { resumption: Some(BY_TICKET), ..ECDSA },
    Case { resumption: Some(Resumption { restart: true, ..BY_ID }), ..RSA },
    Case { resumption: Some(Resumption { restart: true, ..BY_TICKET }), ..RSA },
    Case { resumption: Some(BY_ID), client: ClientCertificate::Required(KeyKind::Ecdsa), ..ECDSA },
    Case { resumption: Some(BY_TICKET), client: ClientCertificate::Required(KeyKind::Ecdsa), ..ECDSA },
    Case { resumption: Some(BY_ID), ..PSK },
    Case { resumption: Some(BY_TICKET), ..PSK },
    Case { resumption: Some(BY_TICKET), mtu: Some(SMALL_MTU), ..RSA_SHA384 },
];

/// Media: profiles that every peer with media knows, alone and chosen from two, and under either hash of the PRF. Our end
/// exports nothing without the extended master secret.
pub const SRTP: &[Case] = &[
    Case { srtp: Some(only(&[SrtpProfile::AES128_CM_HMAC_SHA1_80])), ..ECDSA },
    Case { srtp: Some(only(&[SrtpProfile::AES128_CM_HMAC_SHA1_32])), ..ECDSA },
    Case { srtp: Some(ONE_OF_TWO), ..ECDSA },
    Case { srtp: Some(only(&[SrtpProfile::AES128_CM_HMAC_SHA1_80])), ..RSA_SHA384 },
];

/// The profiles of RFC 7714.
pub const SRTP_AEAD: &[Case] = &[
    Case { srtp: Some(only(&[SrtpProfile::AEAD_AES_128_GCM])), ..ECDSA },
    Case { srtp: Some(only(&[SrtpProfile::AEAD_AES_256_GCM])), ..RSA },
];

/// A profile that both ends have, and no other.
const fn only(profile: &'static [SrtpProfile; 1]) -> Srtp {
    Srtp { client: profile, server: profile, agreed: profile[0] }
}

const ONE_OF_TWO: Srtp = Srtp {
    client: &[SrtpProfile::AES128_CM_HMAC_SHA1_80, SrtpProfile::AES128_CM_HMAC_SHA1_32],
    server: &[SrtpProfile::AES128_CM_HMAC_SHA1_32],
    agreed: SrtpProfile::AES128_CM_HMAC_SHA1_32,
};

/// Ends with short buffers: both, and either.
pub const RECORD_SIZE_LIMITS: &[Case] = &[
    Case { record_sizes: Some(RecordSizes::Limits { client: 512, server: 512 }), ..ECDSA },
    Case { record_sizes: Some(RecordSizes::Limits { client: 600, server: 1000 }), ..RSA },
    Case { record_sizes: Some(RecordSizes::Limits { client: 1000, server: 600 }), ..RSA_SHA384 },
    Case { record_sizes: Some(RecordSizes::Limits { client: 512, server: 700 }), ..PSK },
];

/// Clients that ask for short records in both directions.
pub const MAX_FRAGMENT_LENGTHS: &[Case] = &[
    Case { record_sizes: Some(RecordSizes::Fragments(MaxFragmentLength::Bytes512)), ..ECDSA },
    Case { record_sizes: Some(RecordSizes::Fragments(MaxFragmentLength::Bytes512)), ..RSA },
    Case { record_sizes: Some(RecordSizes::Fragments(MaxFragmentLength::Bytes1024)), ..RSA_SHA384 },
    Case { record_sizes: Some(RecordSizes::Fragments(MaxFragmentLength::Bytes512)), ..PSK },
];

/// Connection IDs: for both, for either alone, for none though both have offered; of the lengths that peers take; and
/// with what stands in the way of a record's end, be it eight bytes of tag or a small MTU.
pub const CONNECTION_IDS: &[Case] = &[
    Case { connection_ids: Some(BOTH), ..ECDSA },
    Case { connection_ids: Some(ConnectionIds { client: "", server: "5ea1" }), ..ECDSA },
    Case { connection_ids: Some(ConnectionIds { client: "c0ffee", server: "" }), ..ECDSA },
    Case { connection_ids: Some(ConnectionIds { client: "", server: "" }), ..ECDSA },
    Case { connection_ids: Some(ConnectionIds { client: LONGEST_ID, server: "00" }), ..RSA },
    Case {
        connection_ids: Some(ConnectionIds { client: "ff", server: LONGEST_ID }),
        mtu: Some(SMALL_MTU),
        ..RSA_SHA384
    },
    Case {
        connection_ids: Some(BOTH),
        ..Case::new(CipherSuite::ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, NamedGroup::SECP256R1)
    },
    // TLS_PSK_WITH_AES_128_CCM_8, which is what CoAP has.
    Case { connection_ids: Some(BOTH), ..Case::new(CipherSuite(0xc0a8), NamedGroup::X25519) },
    Case { connection_ids: Some(BOTH), client: ClientCertificate::Required(KeyKind::Ecdsa), ..ECDSA },
    Case { connection_ids: Some(BOTH), extended_master_secret: false, ..ECDSA },
];

const BOTH: ConnectionIds = ConnectionIds { client: "c0ffee", server: "5ea1" };

/// 32 bytes, which is what Mbed TLS takes at most.
const LONGEST_ID: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

const BY_ID: Resumption = Resumption { by: SessionHandle::Id, restart: false };
const BY_TICKET: Resumption = Resumption { by: SessionHandle::Ticket, restart: false };

/// What only other servers do: ring signs under SHA-256 with P-256 and under SHA-384 with P-384 alone, and verifies
/// more. KEX-10: a scheme of ECDSA names a hash in DTLS 1.2, not a curve.
pub const FEATURES_OF_PEER_SERVERS: &[Case] = &[
    Case { cookies: false, ..ECDSA },
    Case { cookies: false, mtu: Some(SMALL_MTU), ..RSA },
    Case { scheme: Some(SignatureScheme::ECDSA_SHA384), ..ECDSA },
    Case { scheme: Some(SignatureScheme::ECDSA_SHA256), ..ECDSA_P384 },
];

/// What only our server has a choice of: for peers that are clients.
pub const FEATURES_OF_OUR_SERVER: &[Case] =
    &[Case { key_form: KeyForm::Traditional, ..ECDSA }, Case { key_form: KeyForm::Traditional, ..RSA }];

const SAME_PROTOCOL: Alpn = Alpn { client: &["webrtc"], server: &["webrtc"], agreed: "webrtc" };
const SERVER_PREFERS: Alpn =
    Alpn { client: &["c-webrtc", "webrtc", "coap"], server: &["coap", "webrtc"], agreed: "coap" };
