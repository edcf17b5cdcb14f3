//! The kinds of handshakes there are, for tests that try something with each of them.
//!
//! A new kind (a resumed session, a pre-shared key, a client with a certificate, connection IDs) is one more entry of
//! [`toy_kinds`], and of [`ring_kinds`] where its cryptography matters to delivery.

use sealgram::crypto::{KeyAlgorithm, Suite};
use sealgram::provider::ring;

use crate::builder::PairBuilder;
use crate::identity::CertificateKind;
use crate::pair::Pair;

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
    vec![
        full_with_cookie(mtu),
        Kind::new(format!("without cookie, MTU {mtu}"), move |seed| Pair::builder(seed).mtu(mtu)),
        Kind::new(format!("chain of 4 KB, MTU {mtu}"), move |seed| {
            Pair::builder(seed).gate().mtu(mtu).chain_len(LONG_CHAIN)
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
        let fits = move |suite: &KeyAlgorithm| (*suite == KeyAlgorithm::Rsa) == certificate.is_rsa();
        let suites = provider
            .suites
            .iter()
            .filter(move |suite| suite.key_exchange.authentication().is_some_and(|algorithm| fits(&algorithm)))
            .filter(move |suite| matters_to_delivery(suite, certificate));
        suites.map(move |suite| {
            let name = format!("{certificate:?} with {:?}, MTU {mtu}", suite.code);
            let group = provider.groups[0];
            Kind::new(name, move |seed| Pair::builder(seed).gate().mtu(mtu).ring(suite, group, certificate))
        })
    })
}

/// How many certificates make a chain of about 4 KB.
const LONG_CHAIN: usize = 10;
