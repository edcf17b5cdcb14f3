//! The algorithms that a connection may use: those of *ring*, or fewer of them in another order.

use sealgram::code::{CipherSuite, NamedGroup, SignatureScheme};
use sealgram::crypto::CryptoProvider;
use sealgram::provider::ring;

use crate::options::Options;

/// The suite with this registered name.
pub(crate) fn suite_named(name: &str) -> Option<CipherSuite> {
    let name = name.strip_prefix("TLS_")?;
    ring::provider().suites.iter().map(|suite| suite.code).find(|code| code.name() == Some(name))
}

pub(crate) fn has_group(group: NamedGroup) -> bool {
    ring::provider().group(group).is_some()
}

pub(crate) fn has_scheme(scheme: SignatureScheme) -> bool {
    ring::provider().signatures.iter().any(|(known, _)| *known == scheme)
}

/// What the options leave of *ring*, in their order. Where they say nothing, all of it.
///
/// A provider stands for the life of the process: there is one for each connection, and a process has few of them.
pub(crate) fn provider(options: &Options) -> &'static CryptoProvider {
    let all = ring::provider();
    Box::leak(Box::new(CryptoProvider {
        suites: pick(all.suites, &options.cipher_suites, |suite| suite.code),
        groups: pick(all.groups, &options.groups, |group| group.code()),
        signatures: pick(all.signatures, &options.verify_schemes, |(scheme, _)| *scheme),
        ..*all
    }))
}

/// The entries of a table that are wanted, in the order in which they are.
fn pick<T: Copy, C: PartialEq>(all: &'static [T], wanted: &[C], code: impl Fn(&T) -> C) -> &'static [T] {
    if wanted.is_empty() {
        return all;
    }
    let entry = |wanted: &C| all.iter().copied().find(|entry| code(entry) == *wanted);
    wanted.iter().filter_map(entry).collect::<Vec<_>>().leak()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_choose_and_order() {
        let options = Options {
            groups: vec![NamedGroup::SECP384R1, NamedGroup::X25519],
            cipher_suites: vec![CipherSuite::ECDHE_RSA_WITH_AES_256_GCM_SHA384],
            ..Options::default()
        };
        let provider = provider(&options);
        let groups: Vec<_> = provider.groups.iter().map(|group| group.code()).collect();
        assert_eq!(groups, [NamedGroup::SECP384R1, NamedGroup::X25519]);
        assert_eq!(provider.suites.len(), 1);
        assert_eq!(provider.signatures.len(), ring::provider().signatures.len());
    }
}
