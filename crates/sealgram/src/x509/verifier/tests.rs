//! One real chain for each way to be accepted or refused.

use core::time::Duration;
use std::format;
use std::string::ToString;

use pki_types::{AlgorithmIdentifier, InvalidSignature, IpAddr, SignatureVerificationAlgorithm, UnixTime, alg_id};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};

use super::*;
use crate::code::SignatureScheme;
use crate::x509::testing::{
    ALGORITHMS, Authority, NOW, WeakRsaKey, authority, authority_params, authority_with, leaf,
    leaf_without_alternative_name, rsa_key, self_signed, v1,
};

type Verdict = Result<(), CertificateError>;

/// What a client that wants `peer.example` at noon on 1 January 2030 says to a chain.
fn verdict(verifier: &CertificateVerifier, chain: &[&CertificateDer<'static>]) -> Verdict {
    Asked::default().verdict(verifier, chain)
}

/// Who asks, for what and when.
struct Asked {
    peer: Role,
    name: Option<&'static str>,
    now: UnixTime,
}

impl Default for Asked {
    fn default() -> Self {
        Self { peer: Role::Server, name: Some("peer.example"), now: NOW }
    }
}

impl Asked {
    fn name(name: &'static str) -> Self {
        Self { name: Some(name), ..Self::default() }
    }

    fn client() -> Self {
        Self { peer: Role::Client, name: None, ..Self::default() }
    }

    fn at(now: u64) -> Self {
        Self { now: UnixTime::since_unix_epoch(Duration::from_secs(now)), ..Self::default() }
    }

    fn verdict(&self, verifier: &CertificateVerifier, chain: &[&CertificateDer<'static>]) -> Verdict {
        let name = self.name.map(|name| ServerName::try_from(name).unwrap());
        let (end_entity, intermediates) = chain.split_first().unwrap();
        let intermediates: Vec<_> = intermediates.iter().copied().cloned().collect();
        let chain = PeerChain::new(self.peer, end_entity, &intermediates, name.as_ref(), self.now, ALGORITHMS);
        verifier.verify_chain(&chain).map(|_| ())
    }
}

fn trusting(root: &CertificateDer<'static>) -> CertificateVerifier {
    CertificateVerifier::builder(Vec::from([root.clone()])).build().unwrap()
}

fn with_common_name(root: &CertificateDer<'static>) -> CertificateVerifier {
    CertificateVerifier::builder(Vec::from([root.clone()])).allow_common_name().build().unwrap()
}

/// The verdict on one certificate issued by a trusted root.
fn verdict_on(params: &CertificateParams) -> Verdict {
    let root = authority("root");
    verdict(&trusting(&root.der), &[&root.issue(params)])
}

fn peer() -> CertificateParams {
    leaf("peer.example")
}

fn constrained_authority(name: &str, constraints: NameConstraints) -> CertificateParams {
    let mut params = authority_params(name);
    params.name_constraints = Some(constraints);
    params
}

fn permitting(subtree: &str) -> NameConstraints {
    NameConstraints {
        permitted_subtrees: Vec::from([GeneralSubtree::DnsName(subtree.to_string())]),
        excluded_subtrees: Vec::new(),
    }
}

// Paths.

/// CRT-01: with or without the root, with or without certificates between.
#[test]
fn a_chain_to_a_trusted_root_is_accepted() {
    let root = authority("root");
    let middle = root.subordinate(authority_params("middle"));
    let direct = root.issue(&peer());
    let indirect = middle.issue(&peer());
    let verifier = trusting(&root.der);
    assert_eq!(verdict(&verifier, &[&direct]), Ok(()));
    assert_eq!(verdict(&verifier, &[&direct, &root.der]), Ok(()));
    assert_eq!(verdict(&verifier, &[&indirect, &middle.der]), Ok(()));
    assert_eq!(verdict(&verifier, &[&indirect, &middle.der, &root.der]), Ok(()));
}

/// CRT-01: the documented policy for lists in the wrong order, or with certificates that belong elsewhere.
#[test]
fn the_order_of_the_other_certificates_does_not_matter() {
    let root = authority("root");
    let upper = root.subordinate(authority_params("upper"));
    let lower = upper.subordinate(authority_params("lower"));
    let stranger = authority("stranger").der;
    let garbage = CertificateDer::from(&b"\x30\x03\x02\x01\x00"[..]);
    let end_entity = lower.issue(&peer());
    let verifier = trusting(&root.der);
    assert_eq!(verdict(&verifier, &[&end_entity, &root.der, &upper.der, &lower.der]), Ok(()));
    assert_eq!(verdict(&verifier, &[&end_entity, &stranger, &garbage, &lower.der, &upper.der]), Ok(()));
}

/// CRT-06: unknown CA.
#[test]
fn an_issuer_that_is_not_trusted_is_unknown() {
    let [root, other] = ["root", "other"].map(authority);
    let middle = root.subordinate(authority_params("middle"));
    let verifier = trusting(&root.der);
    assert_eq!(verdict(&verifier, &[&other.issue(&peer())]), Err(CertificateError::UnknownIssuer));
    assert_eq!(verdict(&verifier, &[&other.issue(&peer()), &other.der]), Err(CertificateError::UnknownIssuer));
    let incomplete = middle.issue(&peer());
    assert_eq!(verdict(&verifier, &[&incomplete]), Err(CertificateError::UnknownIssuer));
}

/// CRT-06: an impostor has the name of a trusted root, but not its key.
#[test]
fn a_signature_by_another_key_is_a_bad_signature() {
    let [root, impostor] = ["root", "root"].map(authority);
    let end_entity = impostor.issue(&peer());
    assert_eq!(verdict(&trusting(&root.der), &[&end_entity]), Err(CertificateError::BadSignature));
}

/// CRT-06: the holder of an ordinary certificate makes certificates for others.
#[test]
fn an_end_entity_vouches_for_nobody() {
    let root = authority("root");
    let mut params = peer();
    params.distinguished_name.push(rcgen::DnType::CommonName, "fraud");
    let fraud = root.subordinate(params);
    let victim = fraud.issue(&peer());
    assert_eq!(verdict(&trusting(&root.der), &[&victim, &fraud.der]), Err(CertificateError::UnknownIssuer));
}

/// CRT-06: an authority's own certificate is not a peer's.
#[test]
fn an_authority_is_no_end_entity() {
    let mut params = peer();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(verdict_on(&params), Err(CertificateError::CaUsedAsEndEntity));
}

/// CRT-06: the path length that an authority was given.
#[test]
fn a_path_longer_than_an_authority_allows_is_refused() {
    let root = authority("root");
    let mut params = authority_params("upper");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let upper = root.subordinate(params);
    let lower = upper.subordinate(authority_params("lower"));
    let verifier = trusting(&root.der);
    assert_eq!(verdict(&verifier, &[&upper.issue(&peer()), &upper.der]), Ok(()));
    let end_entity = lower.issue(&peer());
    assert_eq!(verdict(&verifier, &[&end_entity, &lower.der, &upper.der]), Err(CertificateError::PathTooLong));
}

/// CRT-20: the number of certificates is limited before they are looked at, and so is the depth of a path.
#[test]
fn too_many_certificates_are_refused() {
    let root = authority("root");
    let end_entity = root.issue(&peer());
    let garbage = CertificateDer::from(&b"garbage"[..]);
    let list = |others: usize| {
        let mut list = Vec::from([&end_entity]);
        list.resize(others + 1, &garbage);
        list
    };
    let verifier = trusting(&root.der);
    assert_eq!(verdict(&verifier, &list(9)), Ok(()));
    assert_eq!(verdict(&verifier, &list(10)), Err(CertificateError::PathTooLong));
    let strict = CertificateVerifier::builder(Vec::from([root.der.clone()])).max_intermediates(0).build().unwrap();
    assert_eq!(verdict(&strict, &list(0)), Ok(()));
    assert_eq!(verdict(&strict, &list(1)), Err(CertificateError::PathTooLong));

    let mut authorities = Vec::from([root]);
    for depth in 1..=7 {
        let next = authorities.last().unwrap().subordinate(authority_params(&format!("depth {depth}")));
        authorities.push(next);
    }
    let deep = |depth: usize| {
        let end_entity = authorities[depth].issue(&peer());
        let others = authorities[1..=depth].iter().map(|authority| &authority.der);
        verdict(&verifier, &core::iter::once(&end_entity).chain(others).collect::<Vec<_>>())
    };
    assert_eq!(deep(6), Ok(()));
    assert_eq!(deep(7), Err(CertificateError::PathTooLong));
}

/// CRT-06: whatever is cut off or altered, the certificate is refused and nothing panics.
#[test]
fn truncated_and_altered_certificates_are_refused() {
    let root = authority("root");
    let end_entity = root.issue(&peer());
    let verifier = trusting(&root.der);
    for index in 0..end_entity.len() {
        let truncated = CertificateDer::from(end_entity[..index].to_vec());
        assert_eq!(verdict(&verifier, &[&truncated]), Err(CertificateError::BadEncoding), "{index} bytes");
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = end_entity.to_vec();
            bytes[index] ^= flip;
            assert!(verdict(&verifier, &[&bytes.into()]).is_err(), "byte {index} with {flip:#x}");
        }
    }
    let mut longer = end_entity.to_vec();
    longer.push(0);
    assert_eq!(verdict(&verifier, &[&longer.into()]), Err(CertificateError::BadEncoding));
}

/// RFC 5280 section 4.2: a critical extension that is not understood.
#[test]
fn an_unknown_critical_extension_is_refused() {
    let mut params = peer();
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], Vec::from([5, 0]));
    params.custom_extensions.push(extension.clone());
    assert_eq!(verdict_on(&params), Ok(()));
    extension.set_criticality(true);
    params.custom_extensions = Vec::from([extension]);
    assert_eq!(verdict_on(&params), Err(CertificateError::UnsupportedExtension));
}

// Dates. 2029-01-01 is 1861920000 and 2031-01-01 is 1924992000.

/// CRT-06: both dates belong to the time of validity, for a path and for a pinned certificate alike.
#[test]
fn both_dates_are_inclusive() {
    let (first, last) = (1_861_920_000, 1_924_992_000);
    let root = authority("root");
    let issued = root.issue(&peer());
    let pinned = self_signed("peer.example").der;
    for (verifier, end_entity) in [(trusting(&root.der), issued), (trusting(&pinned), pinned)] {
        let at = |now| Asked::at(now).verdict(&verifier, &[&end_entity]);
        assert_eq!(at(first), Ok(()));
        assert_eq!(at(last), Ok(()));
        assert_eq!(at(first - 1), Err(CertificateError::NotYetValid { now: first - 1, not_before: first }));
        assert_eq!(at(last + 1), Err(CertificateError::Expired { now: last + 1, not_after: last }));
        assert_eq!(at(0), Err(CertificateError::NotYetValid { now: 0, not_before: first }));
        assert_eq!(at(u64::MAX), Err(CertificateError::Expired { now: u64::MAX, not_after: last }));
    }
}

/// CRT-06: an issuer's dates count as well.
#[test]
fn an_expired_issuer_spoils_the_chain() {
    let root = authority("root");
    let mut params = authority_params("middle");
    params.not_after = date_time_ymd(2029, 6, 1);
    let middle = root.subordinate(params);
    let end_entity = middle.issue(&peer());
    let expired = CertificateError::Expired { now: NOW.as_secs(), not_after: 1_874_966_400 };
    assert_eq!(verdict(&trusting(&root.der), &[&end_entity, &middle.der]), Err(expired));
}

// Purpose, key usage, algorithms and keys.

/// CRT-03: a key for RSA encryption does not sign.
#[test]
fn a_key_usage_without_digital_signature_is_refused() {
    let mut params = peer();
    params.key_usages = Vec::from([KeyUsagePurpose::KeyEncipherment]);
    assert_eq!(verdict_on(&params), Err(CertificateError::KeyUsageForbidsSigning));
    params.key_usages.push(KeyUsagePurpose::DigitalSignature);
    assert_eq!(verdict_on(&params), Ok(()));

    params.key_usages = Vec::from([KeyUsagePurpose::KeyCertSign]);
    let pinned = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
    assert_eq!(verdict(&trusting(&pinned), &[&pinned]), Err(CertificateError::KeyUsageForbidsSigning));
}

/// CRT-06: a certificate for one purpose is not good for another; without purposes it is good for all.
#[test]
fn the_purpose_must_fit_the_role_of_the_peer() {
    let root = authority("root");
    for (usage, as_server, as_client) in [
        (Vec::new(), true, true),
        (Vec::from([ExtendedKeyUsagePurpose::ServerAuth]), true, false),
        (Vec::from([ExtendedKeyUsagePurpose::ClientAuth]), false, true),
        (Vec::from([ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]), true, true),
        (Vec::from([ExtendedKeyUsagePurpose::CodeSigning]), false, false),
    ] {
        let mut params = peer();
        params.extended_key_usages = usage.clone();
        let issued = root.issue(&params);
        let pinned = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
        let expected = |fits| if fits { Ok(()) } else { Err(CertificateError::NotForThisPurpose) };
        for (verifier, end_entity) in [(trusting(&root.der), issued), (trusting(&pinned), pinned)] {
            assert_eq!(verdict(&verifier, &[&end_entity]), expected(as_server), "{usage:?}");
            assert_eq!(Asked::client().verdict(&verifier, &[&end_entity]), expected(as_client), "{usage:?}");
        }
    }
}

/// CRT-04: MD5 and SHA-1. The algorithm is refused before the signature is looked at, so that writing another name of
/// the algorithm into a certificate is enough.
#[test]
fn md5_and_sha1_signatures_are_refused() {
    let root = authority_with(authority_params("root"), rsa_key());
    let end_entity = root.issue(&peer());
    let verifier = trusting(&root.der);
    assert_eq!(verdict(&verifier, &[&end_entity]), Ok(()));

    let sha256 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
    for weak in [4, 5] {
        let mut bytes = end_entity.to_vec();
        let places: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&sha256)).collect();
        assert_eq!(places.len(), 2);
        for at in places {
            bytes[at + 8] = weak;
        }
        assert_eq!(verdict(&verifier, &[&bytes.into()]), Err(CertificateError::UnsupportedSignatureAlgorithm));
    }
}

/// CRT-04: a signature of a kind that the provider cannot check.
#[test]
fn a_signature_algorithm_that_the_provider_lacks_is_refused() {
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let root = authority_with(authority_params("root"), key);
    let end_entity = root.issue(&peer());
    let name = ServerName::try_from("peer.example").unwrap();
    let chain = PeerChain::new(Role::Server, &end_entity, &[], Some(&name), NOW, &ALGORITHMS[..2]);
    let error = trusting(&root.der).verify_chain(&chain).unwrap_err();
    assert_eq!(error, CertificateError::UnsupportedSignatureAlgorithm);
}

/// CRT-04: RSA below 2048 bits at every place of a chain.
#[test]
fn short_keys_are_refused() {
    let root = authority("root");
    let end_entity = root.issue_for(&peer(), &WeakRsaKey);
    assert_eq!(verdict(&trusting(&root.der), &[&end_entity]), Err(CertificateError::WeakKey));

    let middle = root.issue_for(&authority_params("middle"), &WeakRsaKey);
    let end_entity = issued_by_weak("middle");
    assert_eq!(verdict(&trusting(&root.der), &[&end_entity, &middle]), Err(CertificateError::WeakKey));

    let weak_root = authority_params("weak").self_signed(&WeakRsaKey).unwrap().der().clone();
    assert_eq!(verdict(&trusting(&weak_root), &[&issued_by_weak("weak")]), Err(CertificateError::WeakKey));

    // A short key that has nothing to do with the wrong signature is not blamed for it.
    let impostor = authority("root").issue(&peer());
    assert_eq!(verdict(&trusting(&root.der), &[&impostor, &middle]), Err(CertificateError::BadSignature));
}

/// CRT-04: a provider that takes short keys does not change that.
#[test]
fn short_keys_are_refused_whatever_the_provider_says() {
    let root = authority_with(authority_params("root"), rsa_key());
    let middle = root.issue_for(&authority_params("middle"), &WeakRsaKey);
    let weak_root = authority_params("weak").self_signed(&WeakRsaKey).unwrap().der().clone();
    let name = ServerName::try_from("peer.example").unwrap();
    let judge = |anchor, end_entity: &_, intermediates: &[_]| {
        let lax =
            &[(SignatureScheme::RSA_PKCS1_SHA256, &[&TakesAnySignature as &dyn SignatureVerificationAlgorithm] as _)];
        let chain = PeerChain::new(Role::Server, end_entity, intermediates, Some(&name), NOW, lax);
        trusting(anchor).verify_chain(&chain).map(|_| ())
    };
    assert_eq!(judge(&root.der, &root.issue(&peer()), &[]), Ok(()));
    assert_eq!(judge(&root.der, &issued_by_weak("middle"), &[middle]), Err(CertificateError::WeakKey));
    assert_eq!(judge(&weak_root, &issued_by_weak("weak"), &[]), Err(CertificateError::WeakKey));
}

#[derive(Debug)]
struct TakesAnySignature;

impl SignatureVerificationAlgorithm for TakesAnySignature {
    fn verify_signature(&self, _key: &[u8], _message: &[u8], _signature: &[u8]) -> Result<(), InvalidSignature> {
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_PKCS1_SHA256
    }
}

fn issued_by_weak(issuer: &str) -> CertificateDer<'static> {
    let issuer = Issuer::new(authority_params(issuer), WeakRsaKey);
    peer().signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone()
}

// Names.

/// CRT-07: names and addresses in the subject alternative name; a wildcard is one whole left-most label.
#[test]
fn the_name_must_be_an_alternative_name() {
    let root = authority("root");
    let verifier = trusting(&root.der);
    for (presented, asked, fits) in [
        ("peer.example", "peer.example", true),
        ("peer.example", "PEER.Example", true),
        ("peer.example", "peer.example.", true),
        ("peer.example", "other.example", false),
        ("peer.example", "a.peer.example", false),
        ("peer.example", "example", false),
        ("*.peer.example", "a.peer.example", true),
        ("*.peer.example", "a.b.peer.example", false),
        ("*.peer.example", "peer.example", false),
        ("a*.peer.example", "ab.peer.example", false),
        ("a.*.peer.example", "a.b.peer.example", false),
        ("*", "example", false),
        ("*.example", "peer.example", false),
        ("192.0.2.7", "192.0.2.7", true),
        ("192.0.2.7", "192.0.2.8", false),
        ("2001:db8::7", "2001:db8:0::7", true),
        ("2001:db8::7", "::ffff:192.0.2.7", false),
        ("*.0.2.7", "192.0.2.7", false),
        ("192.0.2.7", "peer.example", false),
    ] {
        let end_entity = root.issue(&leaf(presented));
        let expected = if fits { Ok(()) } else { Err(CertificateError::NameMismatch) };
        assert_eq!(Asked::name(asked).verdict(&verifier, &[&end_entity]), expected, "{asked} at {presented}");
    }
}

/// CRT-07: an alternative name that holds an address as text is not that address.
#[test]
fn an_address_is_no_dns_name() {
    let mut params = leaf("peer.example");
    params.subject_alt_names = Vec::from([rcgen::SanType::DnsName("192.0.2.7".try_into().unwrap())]);
    let root = authority("root");
    let end_entity = root.issue(&params);
    let address = ServerName::IpAddress(IpAddr::try_from("192.0.2.7").unwrap());
    let chain = PeerChain::new(Role::Server, &end_entity, &[], Some(&address), NOW, ALGORITHMS);
    assert_eq!(trusting(&root.der).verify_chain(&chain).unwrap_err(), CertificateError::NameMismatch);
}

/// CRT-07: the common name is not a name unless the configuration says so, and never beside an alternative name.
#[test]
fn the_common_name_counts_only_where_it_is_allowed_and_alone() {
    let root = authority("root");
    let (strict, lenient) = (trusting(&root.der), with_common_name(&root.der));
    let bare = root.issue(&leaf_without_alternative_name("Peer.Example"));
    assert_eq!(verdict(&strict, &[&bare]), Err(CertificateError::NoUsableName));
    assert_eq!(verdict(&lenient, &[&bare]), Ok(()));
    assert_eq!(Asked::name("other.example").verdict(&lenient, &[&bare]), Err(CertificateError::NameMismatch));

    let mut both = leaf("other.example");
    both.distinguished_name.push(rcgen::DnType::CommonName, "peer.example");
    let both = root.issue(&both);
    assert_eq!(verdict(&lenient, &[&both]), Err(CertificateError::NameMismatch));
    assert_eq!(Asked::name("other.example").verdict(&lenient, &[&both]), Ok(()));
}

/// CRT-07: what else may stand in a common name.
#[test]
fn a_common_name_is_taken_literally() {
    let root = authority("root");
    let verifier = with_common_name(&root.der);
    for (presented, asked, expected) in [
        ("192.0.2.7", "192.0.2.7", Ok(())),
        ("*.peer.example", "a.peer.example", Err(CertificateError::NameMismatch)),
        ("My Device", "peer.example", Err(CertificateError::NameMismatch)),
        ("", "peer.example", Err(CertificateError::NameMismatch)),
    ] {
        let end_entity = root.issue(&leaf_without_alternative_name(presented));
        assert_eq!(Asked::name(asked).verdict(&verifier, &[&end_entity]), expected, "{asked} at {presented}");
    }
    let mut nameless = leaf_without_alternative_name("");
    nameless.distinguished_name = rcgen::DistinguishedName::new();
    assert_eq!(verdict(&verifier, &[&root.issue(&nameless)]), Err(CertificateError::NoUsableName));
}

/// CRT-07: an alternative name that does not parse does not open the way to the common name.
#[test]
fn a_malformed_alternative_name_hides_the_common_name() {
    let root = authority("root");
    let mut params = leaf_without_alternative_name("peer.example");
    let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], Vec::from([0x30, 0x02, 0x82, 0x7f]));
    params.custom_extensions.push(extension);
    let end_entity = root.issue(&params);
    assert_eq!(verdict(&with_common_name(&root.der), &[&end_entity]), Err(CertificateError::BadEncoding));
}

/// CRT-07: an issuer that may vouch for some names only cannot vouch for others, in the common name either.
#[test]
fn name_constraints_bind_every_name() {
    let root = authority("root");
    let middle = root.subordinate(constrained_authority("middle", permitting("inside.example")));
    let judge = |verifier: &CertificateVerifier, issuer: &Authority, params: &CertificateParams, asked| {
        Asked::name(asked).verdict(verifier, &[&issuer.issue(params), &middle.der])
    };
    let verifier = with_common_name(&root.der);
    let inside = leaf("a.inside.example");
    let not_permitted = Err(CertificateError::NameNotPermitted);
    assert_eq!(judge(&verifier, &middle, &inside, "a.inside.example"), Ok(()));
    assert_eq!(judge(&verifier, &middle, &peer(), "peer.example"), not_permitted);
    let bare = leaf_without_alternative_name("peer.example");
    assert_eq!(judge(&verifier, &middle, &bare, "peer.example"), not_permitted);

    let key = KeyPair::generate().unwrap();
    let constrained_root = authority_with(constrained_authority("root", permitting("inside.example")), key);
    let verifier = with_common_name(&constrained_root.der);
    assert_eq!(judge(&verifier, &constrained_root, &inside, "a.inside.example"), Ok(()));
    assert_eq!(judge(&verifier, &constrained_root, &bare, "peer.example"), not_permitted);
}

/// CRT-06: name constraints over addresses.
#[test]
fn an_excluded_address_is_refused() {
    let excluded = NameConstraints {
        permitted_subtrees: Vec::new(),
        excluded_subtrees: Vec::from([GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([192, 0, 2, 0], 24))]),
    };
    let root = authority_with(constrained_authority("root", excluded), KeyPair::generate().unwrap());
    let verifier = trusting(&root.der);
    let judge = |address| Asked::name(address).verdict(&verifier, &[&root.issue(&leaf(address))]);
    assert_eq!(judge("192.0.2.7"), Err(CertificateError::NameNotPermitted));
    assert_eq!(judge("198.51.100.7"), Ok(()));
}

/// CRT-07: a server is never accepted for want of a name to check; a client's name is checked if one is expected.
#[test]
fn who_must_have_a_name() {
    let root = authority("root");
    let end_entity = root.issue(&peer());
    let verifier = trusting(&root.der);
    let judge = |peer, name| Asked { peer, name, now: NOW }.verdict(&verifier, &[&end_entity]);
    assert_eq!(judge(Role::Server, None), Err(CertificateError::NameMismatch));
    assert_eq!(judge(Role::Client, None), Ok(()));
    assert_eq!(judge(Role::Client, Some("peer.example")), Ok(()));
    assert_eq!(judge(Role::Client, Some("other.example")), Err(CertificateError::NameMismatch));
}

#[test]
fn without_name_check_only_the_name_is_not_checked() {
    let root = authority("root");
    let roots = Vec::from([root.der.clone()]);
    let verifier = CertificateVerifier::builder(roots).danger_without_name_check().build().unwrap();
    assert_eq!(verdict(&verifier, &[&root.issue(&leaf("other.example"))]), Ok(()));
    assert_eq!(Asked { name: None, ..Asked::default() }.verdict(&verifier, &[&root.issue(&peer())]), Ok(()));
    let stranger = authority("stranger").issue(&peer());
    assert_eq!(verdict(&verifier, &[&stranger]), Err(CertificateError::UnknownIssuer));
}

// Anchors.

/// A self-signed certificate is trusted by configuring it, also one that calls itself an authority.
#[test]
fn a_configured_certificate_is_trusted_by_itself() {
    let authority_like = self_signed("peer.example").der;
    let plain = peer().self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
    let issued = authority("root").issue(&peer());
    for pinned in [authority_like, plain, issued] {
        assert_eq!(verdict(&trusting(&pinned), &[&pinned]), Ok(()));
        let wrong = Asked::name("other.example").verdict(&trusting(&pinned), &[&pinned]);
        assert_eq!(wrong, Err(CertificateError::NameMismatch));
    }
}

/// The name and even the key of an anchor are not enough: it must be the same certificate.
#[test]
fn a_self_signed_certificate_that_is_not_configured_is_refused() {
    let pinned = self_signed("peer.example");
    let verifier = trusting(&pinned.der);
    let stranger = self_signed("peer.example");
    assert!(verdict(&verifier, &[&stranger.der]).is_err());

    let mut params = leaf("peer.example");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let reissued = params.self_signed(&pinned.key).unwrap().der().clone();
    assert_eq!(verdict(&verifier, &[&reissued]), Err(CertificateError::CaUsedAsEndEntity));
}

/// What a user sees who forgot to configure the certificate of `openssl req -x509`: who must be trusted, not that an
/// authority stands in the wrong place.
#[test]
fn an_unconfigured_self_signed_authority_is_an_unknown_issuer() {
    let verifier = trusting(&authority("root").der);
    assert_eq!(verdict(&verifier, &[&self_signed("peer.example").der]), Err(CertificateError::UnknownIssuer));
}

/// A certificate that was made anew since it was configured, or one that happens to have the name of an anchor: the
/// remedy is to trust it. Its signature, and the algorithm of it, are as good as any.
#[test]
fn a_self_signed_certificate_with_the_name_of_an_anchor_is_an_unknown_issuer() {
    let remade = || leaf("peer.example").self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
    assert_eq!(verdict(&trusting(&remade()), &[&remade()]), Err(CertificateError::UnknownIssuer));
    let of_another_kind = leaf("peer.example").self_signed(&rsa_key()).unwrap().der().clone();
    assert_eq!(verdict(&trusting(&of_another_kind), &[&remade()]), Err(CertificateError::UnknownIssuer));
}

/// CRT-06: an old certificate is a fine anchor, and one that may be pinned; else its version is the reason.
#[test]
fn version_1_certificates_are_anchors_or_refused_for_their_version() {
    let old = v1();
    let root = authority("root");
    assert_eq!(verdict(&trusting(&root.der), &[&old.der]), Err(CertificateError::UnsupportedVersion));

    assert_eq!(verdict(&trusting(&old.der), &[&old.der]), Err(CertificateError::NoUsableName));
    assert_eq!(Asked::client().verdict(&trusting(&old.der), &[&old.der]), Ok(()));
    let by_common_name = Asked::name("old.example");
    assert_eq!(by_common_name.verdict(&with_common_name(&old.der), &[&old.der]), Ok(()));

    let issuer = Issuer::new(authority_params("old.example"), old.key);
    let issued = peer().signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone();
    assert_eq!(verdict(&trusting(&old.der), &[&issued]), Ok(()));
}

// The builder.

#[test]
fn a_root_that_does_not_parse_is_named_by_its_index() {
    let root = authority("root").der;
    let garbage = CertificateDer::from(&b"garbage"[..]);
    let truncated = CertificateDer::from(root[..root.len() - 1].to_vec());
    for unusable in [garbage, truncated] {
        let roots = Vec::from([root.clone(), unusable, root.clone()]);
        let error = BuildVerifierError::UnusableRoot { index: 1, error: CertificateError::BadEncoding };
        assert_eq!(CertificateVerifier::builder(roots.clone()).build().unwrap_err(), error);
        assert_eq!(error.to_string(), "root certificate 1 cannot be used: it does not parse");

        let verifier = CertificateVerifier::builder(roots).skip_unusable_roots().build().unwrap();
        assert_eq!((verifier.anchors.len(), verifier.certificates.len()), (2, 2));
    }
}

#[test]
fn a_verifier_without_roots_is_not_made() {
    let none = CertificateVerifier::builder(Vec::new()).build();
    assert_eq!(none.unwrap_err(), BuildVerifierError::NoRoots);
    let garbage = Vec::from([CertificateDer::from(&b"garbage"[..])]);
    let skipped = CertificateVerifier::builder(garbage).skip_unusable_roots().build();
    assert_eq!(skipped.unwrap_err(), BuildVerifierError::NoRoots);
}

#[test]
fn debug_output_does_not_dump_certificates() {
    let verifier = trusting(&authority("root").der);
    assert_eq!(
        format!("{verifier:?}"),
        "CertificateVerifier { anchors: 1, revocation: RevocationCheck { lists: 0, unknown_status: Deny, \
         expiration: Enforce }, names: AlternativeNames, max_intermediates: 9 }"
    );
}
