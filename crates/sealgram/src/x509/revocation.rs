//! Certificate revocation lists (RFC 5280 section 5), and what is made of their absence and age. rustls-webpki reads and
//! checks them.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use pki_types::CertificateRevocationListDer;
use webpki::{
    CertRevocationList, ExpirationPolicy, OwnedCertRevocationList, RevocationOptions, RevocationOptionsBuilder,
    UnknownStatusPolicy,
};

use super::verifier::BuildVerifierError;

/// The lists of a verifier and its policy. Without lists nothing is checked.
#[derive(Clone)]
pub(super) struct RevocationCheck {
    /// Shared by the clones of a verifier: they may be long.
    lists: Arc<[CertRevocationList<'static>]>,
    unknown_status: UnknownStatusPolicy,
    expiration: ExpirationPolicy,
}

impl RevocationCheck {
    pub(super) fn new(
        lists: &[CertificateRevocationListDer<'_>],
        allow_unknown_status: bool,
        allow_expired: bool,
    ) -> Result<Self, BuildVerifierError> {
        let read = |(index, list): (usize, &CertificateRevocationListDer<'_>)| {
            let list = OwnedCertRevocationList::from_der(list);
            list.map(CertRevocationList::from).map_err(|_| BuildVerifierError::UnusableRevocationList { index })
        };
        Ok(Self {
            lists: lists.iter().enumerate().map(read).collect::<Result<_, _>>()?,
            unknown_status: if allow_unknown_status { UnknownStatusPolicy::Allow } else { UnknownStatusPolicy::Deny },
            expiration: if allow_expired { ExpirationPolicy::Ignore } else { ExpirationPolicy::Enforce },
        })
    }

    /// The lists in the form that [`Self::options`] borrows.
    pub(super) fn lists(&self) -> Vec<&CertRevocationList<'static>> {
        self.lists.iter().collect()
    }

    /// What webpki is to check, if there is something: all certificates of the path, the end entity's first.
    pub(super) fn options<'l>(&self, lists: &'l [&'l CertRevocationList<'static>]) -> Option<RevocationOptions<'l>> {
        let options = RevocationOptionsBuilder::new(lists).ok()?;
        Some(options.with_status_policy(self.unknown_status).with_expiration_policy(self.expiration).build())
    }
}

impl fmt::Debug for RevocationCheck {
    /// How many lists there are: they may be long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationCheck")
            .field("lists", &self.lists.len())
            .field("unknown_status", &self.unknown_status)
            .field("expiration", &self.expiration)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::format;

    use pki_types::{CertificateDer, ServerName, UnixTime};
    use rcgen::{
        CertificateParams, CertificateRevocationListParams, KeyIdMethod, KeyUsagePurpose, RevokedCertParams,
        SerialNumber, date_time_ymd,
    };

    use super::*;
    use crate::error::CertificateError;
    use crate::role::Role;
    use crate::verify::{PeerChain, PeerVerifier};
    use crate::x509::testing::{ALGORITHMS, Authority, NOW, authority_params, authority_with, leaf};
    use crate::x509::{CertificateVerifier, CertificateVerifierBuilder};

    type List = CertificateRevocationListDer<'static>;

    /// Two certificates below an authority below a root.
    struct Family {
        root: Authority,
        intermediate: Authority,
        revoked: CertificateDer<'static>,
        valid: CertificateDer<'static>,
    }

    fn family() -> Family {
        let root = authority_with(may_sign_lists("root", 1), rcgen::KeyPair::generate().unwrap());
        let intermediate = root.subordinate(may_sign_lists("intermediate", 2));
        let issue = |serial: u64| {
            let mut params = leaf("peer.example");
            params.serial_number = Some(SerialNumber::from(serial));
            intermediate.issue(&params)
        };
        Family { revoked: issue(7), valid: issue(8), root, intermediate }
    }

    fn may_sign_lists(name: &str, serial: u64) -> CertificateParams {
        let mut params = authority_params(name);
        params.serial_number = Some(SerialNumber::from(serial));
        params.key_usages.push(KeyUsagePurpose::CrlSign);
        params
    }

    /// Valid in the whole of 2030.
    fn list(issuer: &Authority, serials: &[u64]) -> List {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2029, 12, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2029, 12, 31),
            next_update: date_time_ymd(2030, 12, 31),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        issuer.revoke(&params)
    }

    impl Family {
        fn verifier(
            &self,
            configure: impl FnOnce(CertificateVerifierBuilder) -> CertificateVerifierBuilder,
        ) -> CertificateVerifier {
            configure(CertificateVerifier::builder(Vec::from([self.root.der.clone()]))).build().unwrap()
        }

        fn verdict(&self, verifier: &CertificateVerifier, peer: &CertificateDer<'_>) -> Result<(), CertificateError> {
            self.verdict_at(verifier, peer, NOW)
        }

        fn verdict_at(
            &self,
            verifier: &CertificateVerifier,
            peer: &CertificateDer<'_>,
            now: UnixTime,
        ) -> Result<(), CertificateError> {
            let (intermediates, name) =
                ([self.intermediate.der.clone()], ServerName::try_from("peer.example").unwrap());
            let chain = PeerChain::new(Role::Server, peer, &intermediates, Some(&name), now, ALGORITHMS);
            verifier.verify_chain(&chain).map(|_| ())
        }
    }

    /// CRT-06: revoked is revoked, whoever in the path it is; without lists nobody is.
    #[test]
    fn a_revoked_certificate_is_refused() {
        let family = family();
        let unchecked = family.verifier(|builder| builder);
        assert_eq!(family.verdict(&unchecked, &family.revoked), Ok(()));

        let lists = Vec::from([list(&family.root, &[]), list(&family.intermediate, &[7])]);
        let verifier = family.verifier(|builder| builder.revocation_lists(lists.clone()));
        assert_eq!(family.verdict(&verifier, &family.revoked), Err(CertificateError::Revoked));
        assert_eq!(family.verdict(&verifier, &family.valid), Ok(()));
        let lenient = family.verifier(|builder| {
            builder.revocation_lists(lists).allow_unknown_revocation_status().allow_expired_revocation_lists()
        });
        assert_eq!(family.verdict(&lenient, &family.revoked), Err(CertificateError::Revoked));

        let lists = Vec::from([list(&family.root, &[2]), list(&family.intermediate, &[7])]);
        let verifier = family.verifier(|builder| builder.revocation_lists(lists));
        assert_eq!(family.verdict(&verifier, &family.valid), Err(CertificateError::Revoked));
    }

    /// CRT-06: whoever has lists wants to know; whoever does not has to say so.
    #[test]
    fn a_status_that_is_not_known_is_refused_unless_that_is_allowed() {
        let family = family();
        for lists in [Vec::from([list(&family.intermediate, &[])]), Vec::from([list(&family.root, &[])])] {
            let strict = family.verifier(|builder| builder.revocation_lists(lists.clone()));
            let unknown = Err(CertificateError::RevocationStatusUnknown);
            assert_eq!(family.verdict(&strict, &family.valid), unknown);
            let lenient = family.verifier(|builder| builder.revocation_lists(lists).allow_unknown_revocation_status());
            assert_eq!(family.verdict(&lenient, &family.valid), Ok(()));
        }
    }

    /// CRT-06: a list past its next update says nothing any more.
    #[test]
    fn an_old_list_is_not_believed_unless_that_is_allowed() {
        let family = family();
        let lists = Vec::from([list(&family.root, &[]), list(&family.intermediate, &[7])]);
        let strict = family.verifier(|builder| builder.revocation_lists(lists.clone()));
        let lenient = family.verifier(|builder| builder.revocation_lists(lists).allow_expired_revocation_lists());
        // 31 December 2030, an hour before the end of the certificates.
        let late = UnixTime::since_unix_epoch(Duration::from_secs(1_924_988_400));
        let verdict = |verifier, peer| family.verdict_at(verifier, peer, late);
        assert_eq!(verdict(&strict, &family.valid), Err(CertificateError::RevocationStatusUnknown));
        assert_eq!(verdict(&lenient, &family.valid), Ok(()));
        assert_eq!(verdict(&lenient, &family.revoked), Err(CertificateError::Revoked));
    }

    /// CRT-06: a list in the name of the issuer, signed by another one, is not believed, however lenient the policy.
    #[test]
    fn a_list_counts_only_if_its_issuer_signed_it() {
        let (family, stranger) = (family(), family());
        let forged = Vec::from([list(&family.root, &[]), list(&stranger.intermediate, &[])]);
        let verifier = family.verifier(|builder| builder.revocation_lists(forged).allow_unknown_revocation_status());
        assert_eq!(family.verdict(&verifier, &family.valid), Err(CertificateError::RevocationStatusUnknown));
    }

    #[test]
    fn a_list_that_does_not_parse_is_named_by_its_index() {
        let family = family();
        let lists = Vec::from([list(&family.root, &[]), List::from(Vec::from([0x30, 0x00]))]);
        let builder = CertificateVerifier::builder(Vec::from([family.root.der.clone()])).revocation_lists(lists);
        assert_eq!(builder.build().unwrap_err(), BuildVerifierError::UnusableRevocationList { index: 1 });
    }

    #[test]
    fn debug_output_does_not_dump_lists() {
        let family = family();
        let lists = Vec::from([list(&family.root, &[])]);
        let verifier = family.verifier(|builder| builder.revocation_lists(lists));
        let expected = "RevocationCheck { lists: 1, unknown_status: Deny, expiration: Enforce }";
        assert!(format!("{verifier:?}").contains(expected), "{verifier:?}");
    }
}
