//! The kinds of handshakes there are, for tests that try something with each of them.
//!
//! A new kind is one more entry of [`toy_kinds`], and of [`ring_authentications`] where its cryptography matters to
//! delivery.

use std::sync::OnceLock;

use sealgram::code::CipherSuite;
use sealgram::crypto::{KeyAlgorithm, Suite};
use sealgram::provider::ring;

use crate::authentication::Authentication;
use crate::builder::PairBuilder;
use crate::identity::CertificateKind;
use crate::pair::Pair;
use crate::sessions::{Earlier, ResumeBy};
use crate::toy;

/// A kind of handshake.
pub struct Kind {
    /// What to call it when it fails.
    pub name: String,
    build: Box<dyn Fn(u64) -> PairBuilder + Send + Sync>,
}

impl Kind {
    fn new(name: String, build: impl Fn(u64) -> PairBuilder + Send + Sync + 'static) -> Self {
        Self { name, build: Box::new(build) }
    }

    /// Of two ends that have shaken hands in full before, as pairs of `full` do. The session of that handshake is made
    /// once, and taken up in each pair.
    fn resumed(name: String, by: ResumeBy, full: impl Fn(u64) -> PairBuilder + Send + Sync + 'static) -> Self {
        let earlier = OnceLock::new();
        Self::new(name, move |seed| full(seed).resume(earlier.get_or_init(|| Earlier::of(full(seed), by))))
    }

    /// A pair that is about to shake hands like this.
    pub fn pair(&self, seed: u64) -> PairBuilder {
        (self.build)(seed)
    }
}

impl core::fmt::Debug for Kind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.name)
    }
}

/// The full handshake with cookie: server authentication by one certificate.
#[must_use]
pub fn full_with_cookie(mtu: usize) -> Kind {
    Kind::new(format!("full handshake with cookie, MTU {mtu}"), move |seed| Pair::builder(seed).gate().mtu(mtu))
}

/// Those that differ in their messages, with toy cryptography.
#[must_use]
pub fn toy_kinds(mtu: usize) -> Vec<Kind> {
    let gate = move |seed| Pair::builder(seed).gate().mtu(mtu);
    let known_by = |name: &str, authentication: Authentication| {
        Kind::new(format!("{name}, MTU {mtu}"), move |seed| gate(seed).authentication(authentication))
    };
    let resumed = |by: ResumeBy| Kind::resumed(format!("resumed by {by:?}, MTU {mtu}"), by, gate);
    vec![
        full_with_cookie(mtu),
        Kind::new(format!("without cookie, MTU {mtu}"), move |seed| Pair::builder(seed).mtu(mtu)),
        Kind::new(format!("chain of 4 KB, MTU {mtu}"), move |seed| gate(seed).chain_len(LONG_CHAIN)),
        known_by("certificate asked for in vain", Authentication::ClientDeclines),
        known_by("certificates of both", Authentication::Mutual),
        Kind::new(format!("chains of 4 KB of both, MTU {mtu}"), move |seed| {
            gate(seed).authentication(Authentication::Mutual).chain_len(LONG_CHAIN)
        }),
        known_by("PSK", Authentication::PresharedKey(&toy::PSK_SUITE)),
        known_by("ECDHE_PSK", Authentication::PresharedKey(&toy::ECDHE_PSK_SUITE)),
        Kind::new(format!("given a ticket, MTU {mtu}"), move |seed| gate(seed).gives_ticket()),
        Kind::new(format!("connection IDs of both, MTU {mtu}"), move |seed| gate(seed).connection_ids(4, 8)),
        Kind::resumed(format!("resumed by Id with a connection ID, MTU {mtu}"), ResumeBy::Id, move |seed| {
            gate(seed).connection_ids(8, 0)
        }),
        resumed(ResumeBy::Id),
        resumed(ResumeBy::Ticket),
        resumed(ResumeBy::StaleTicket),
        Kind::resumed(format!("resumed by Id without cookie, MTU {mtu}"), ResumeBy::Id, move |seed| {
            Pair::builder(seed).mtu(mtu)
        }),
    ]
}

/// Whether a suite and a certificate that goes with it may show delivery something that others do not: the suites with
/// CCM differ from those with GCM in the length of their tags alone, so one kind of certificate is enough for them.
#[must_use]
pub fn matters_to_delivery(suite: &Suite, certificate: CertificateKind) -> bool {
    let has_ccm = suite.code.name().is_some_and(|name| name.contains("_CCM"));
    !has_ccm || matches!(certificate, CertificateKind::EcdsaP256)
}

/// Every kind of certificate with every suite that goes with it, by *ring*, as far as it [matters](matters_to_delivery).
pub fn ring_kinds(mtu: usize) -> impl Iterator<Item = Kind> {
    let provider = ring::provider();
    CertificateKind::ALL.into_iter().flat_map(move |certificate| {
        suites_for(certificate).map(move |suite| {
            let name = format!("{certificate:?} with {:?}, MTU {mtu}", suite.code);
            let group = provider.groups[0];
            Kind::new(name, move |seed| Pair::builder(seed).gate().mtu(mtu).ring(suite, group, certificate))
        })
    })
}

/// The other ways to know each other, by *ring*: clients with every kind of certificate and of raw public key, every
/// suite with a preshared key, and sessions of every hash.
#[must_use]
pub fn ring_authentications(mtu: usize) -> Vec<Kind> {
    let provider = ring::provider();
    let gate = move |seed| Pair::builder(seed).gate().mtu(mtu);
    let mut kinds = Vec::new();
    for certificate in CertificateKind::ALL {
        let suite = suites_for(certificate).next().expect("each certificate goes with a suite");
        // The stored RSA certificates are for servers only.
        let mutual = if certificate.is_rsa() { None } else { Some(Authentication::Mutual) };
        for authentication in mutual.into_iter().chain([Authentication::RawPublicKeys]) {
            let name = format!("{authentication:?} with {certificate:?}, MTU {mtu}");
            let group = provider.groups[0];
            kinds.push(Kind::new(name, move |seed| {
                gate(seed).ring(suite, group, certificate).authentication(authentication)
            }));
        }
    }
    for suite in provider.suites.iter().filter(|suite| suite.key_exchange.authentication().is_none()) {
        let authentication = Authentication::PresharedKey(suite);
        kinds.push(Kind::new(format!("{:?}, MTU {mtu}", suite.code), move |seed| {
            gate(seed).provider(provider).authentication(authentication)
        }));
    }
    let certificate = CertificateKind::EcdsaP256;
    for suite in suites_for(certificate) {
        for by in [ResumeBy::Id, ResumeBy::Ticket] {
            let name = format!("{:?} resumed by {by:?}, MTU {mtu}", suite.code);
            kinds.push(Kind::resumed(name, by, move |seed| gate(seed).ring(suite, provider.groups[0], certificate)));
        }
    }
    kinds
}

/// Connection IDs under keys of *ring*, which bind them: with a preshared key, which costs little enough for every pair
/// of faults, by a tag of 16 bytes and of 8.
#[must_use]
pub fn ring_connection_ids(mtu: usize) -> Vec<Kind> {
    let provider = ring::provider();
    let suites = [CipherSuite::PSK_WITH_AES_128_GCM_SHA256, CipherSuite::PSK_WITH_AES_128_CCM_8];
    let suites = suites.into_iter().filter_map(|code| provider.suites.iter().find(|suite| suite.code == code));
    let kind = |suite: &'static Suite| {
        Kind::new(format!("{:?} with connection IDs, MTU {mtu}", suite.code), move |seed| {
            let gate = Pair::builder(seed).gate().mtu(mtu).provider(provider);
            gate.authentication(Authentication::PresharedKey(suite)).connection_ids(4, 8)
        })
    };
    suites.map(|suite| kind(suite)).collect()
}

fn suites_for(certificate: CertificateKind) -> impl Iterator<Item = &'static Suite> {
    let fits = move |algorithm: KeyAlgorithm| (algorithm == KeyAlgorithm::Rsa) == certificate.is_rsa();
    let suites = ring::provider().suites.iter().copied();
    suites
        .filter(move |suite| suite.key_exchange.authentication().is_some_and(fits))
        .filter(move |suite| matters_to_delivery(suite, certificate))
}

/// How many certificates make a chain of about 4 KB.
const LONG_CHAIN: usize = 10;
