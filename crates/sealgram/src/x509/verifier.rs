//! The verifier of ordinary deployments: chains to trust anchors, for the name that was asked for.
//!
//! It decides in this order, and the first refusal is the answer:
//!
//! 1. the number of certificates;
//! 2. that the end entity is one of the anchors itself and within its dates, or else has a path to one of them (dates,
//!    signatures, authority, path length, name constraints, purpose) on which, where there are revocation lists, nobody
//!    has been revoked;
//! 3. that the keys along the path are long enough and the end entity's may sign;
//! 4. its name.

use alloc::vec::Vec;
use core::fmt;

use pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, TrustAnchor};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath, anchor_from_trusted_cert, spki_for_anchor};
use x509_parser::certificate::X509Certificate;

use super::errors::certificate_error;
use super::revocation::RevocationCheck;
use super::{details, key};
use crate::error::{CertificateError, Error};
use crate::proof::{PeerVerified, SignatureVerified};
use crate::role::Role;
use crate::verify::{PeerChain, PeerVerifier, SignedByPeer};

/// Accepts peers whose certificate leads to one of the configured trust anchors and carries the name asked for.
///
/// The certificates after the end entity may come in any order, with the root or without; those that lead nowhere do
/// no harm (RFC 5246 section 7.4.2 orders them, which many servers get wrong).
///
/// A certificate that is itself configured as an anchor, byte for byte, needs no path: this is how a self-signed
/// certificate is trusted, also one that calls itself an authority, as `openssl req -x509` makes it. Its dates, purpose,
/// key usage and name are checked as always.
///
/// A client checks the server's name against the subject alternative name only (RFC 9525 section 6); a wildcard stands
/// for one whole left-most label. A server has no name to expect of a client: read who it is from its certificate.
///
/// Revocation is checked by the lists that it is given ([`CertificateVerifierBuilder::revocation_lists`]), and not
/// without. Not checked are the dates of anchors.
///
/// ```
/// use sealgram::x509::CertificateVerifier;
/// # let roots = vec![rcgen::generate_simple_self_signed(["peer.example".into()]).unwrap().cert.der().clone()];
///
/// let verifier = CertificateVerifier::builder(roots).build()?;
/// # Ok::<(), sealgram::x509::BuildVerifierError>(())
/// ```
#[derive(Clone)]
pub struct CertificateVerifier {
    /// The anchors as webpki wants them, in the order of `certificates`.
    anchors: Vec<TrustAnchor<'static>>,
    /// The same as they were given, for comparison with an end entity.
    certificates: Vec<CertificateDer<'static>>,
    /// Their distinguished names, which a server tells its clients.
    authorities: Vec<Vec<u8>>,
    revocation: RevocationCheck,
    names: NameCheck,
    max_intermediates: usize,
}

/// Which names of a server's certificate are compared with the one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameCheck {
    AlternativeNames,
    AlternativeNamesElseCommonName,
    Off,
}

impl CertificateVerifier {
    /// Starts a verifier that trusts `roots`.
    pub const fn builder(roots: Vec<CertificateDer<'static>>) -> CertificateVerifierBuilder {
        CertificateVerifierBuilder {
            roots,
            revocation_lists: Vec::new(),
            allow_unknown_revocation_status: false,
            allow_expired_revocation_lists: false,
            names: NameCheck::AlternativeNames,
            max_intermediates: MAX_INTERMEDIATES,
            skip_unusable_roots: false,
        }
    }

    /// Checks the path from the end entity to an anchor.
    fn verify_path(&self, chain: &PeerChain<'_>) -> Result<ConstrainedNames, CertificateError> {
        let end_entity = EndEntityCert::try_from(chain.end_entity).map_err(|error| certificate_error(&error))?;
        let algorithms: Vec<_> = chain.algorithms.iter().flat_map(|(_, algorithms)| *algorithms).copied().collect();
        let purpose = match chain.peer {
            Role::Server => KeyUsage::server_auth(),
            Role::Client => KeyUsage::client_auth(),
        };
        let (anchors, intermediates, now) = (&self.anchors, chain.intermediates, chain.now);
        let lists = self.revocation.lists();
        let revocation = self.revocation.options(&lists);
        match end_entity.verify_for_usage(&algorithms, anchors, intermediates, now, purpose, revocation, None) {
            Ok(path) => inspect_issuers(&path),
            Err(error) => Err(self.explain(certificate_error(&error), &end_entity, intermediates)),
        }
    }

    /// Replaces an error that is right but would send the user in the wrong direction.
    fn explain(
        &self,
        error: CertificateError,
        end_entity: &EndEntityCert<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> CertificateError {
        match error {
            // A self-signed certificate that nobody configured. That it also calls itself an authority is true, but
            // the remedy is to trust it.
            CertificateError::CaUsedAsEndEntity
                if end_entity.issuer() == end_entity.subject()
                    && !self.anchors.iter().any(|anchor| anchor.subject.as_ref() == end_entity.issuer()) =>
            {
                CertificateError::UnknownIssuer
            }
            // Providers refuse a short key as if the signature were wrong.
            CertificateError::BadSignature if self.has_weak_issuer(end_entity, intermediates) => {
                CertificateError::WeakKey
            }
            // A self-signed certificate that shares its name with an anchor, and no key: one that was made anew, or
            // just another `CN=localhost`. Nothing is wrong with its signature.
            CertificateError::BadSignature | CertificateError::UnsupportedSignatureAlgorithm
                if end_entity.issuer() == end_entity.subject() =>
            {
                CertificateError::UnknownIssuer
            }
            other => other,
        }
    }

    /// Whether a certificate of the chain names an issuer whose key is too short.
    fn has_weak_issuer(&self, end_entity: &EndEntityCert<'_>, intermediates: &[CertificateDer<'_>]) -> bool {
        let issuers: Vec<_> = intermediates.iter().filter_map(|issuer| EndEntityCert::try_from(issuer).ok()).collect();
        let is_named =
            |subject: &[u8]| end_entity.issuer() == subject || issuers.iter().any(|cert| cert.issuer() == subject);
        let is_weak = |issuer: &EndEntityCert<'_>| key::is_weak(&issuer.subject_public_key_info());
        issuers.iter().any(|issuer| is_named(issuer.subject()) && is_weak(issuer))
            || self.anchors.iter().any(|anchor| is_named(&anchor.subject) && key::is_weak(&spki_for_anchor(anchor)))
    }

    fn check_name(
        &self,
        chain: &PeerChain<'_>,
        certificate: &X509Certificate<'_>,
        constrained: ConstrainedNames,
    ) -> Result<(), CertificateError> {
        let name = match (self.names, chain.name, chain.peer) {
            (NameCheck::Off, _, _) | (_, None, Role::Client) => return Ok(()),
            (_, None, Role::Server) => return Err(CertificateError::NameMismatch),
            (_, Some(name), _) => name,
        };
        if details::has_alternative_name(certificate) {
            let end_entity = EndEntityCert::try_from(chain.end_entity).map_err(|error| certificate_error(&error))?;
            return end_entity.verify_is_valid_for_subject_name(name).map_err(|error| certificate_error(&error));
        }
        match (self.names, constrained) {
            (NameCheck::AlternativeNamesElseCommonName, ConstrainedNames(false)) => {
                check_common_name(certificate, name)
            }
            // Name constraints bind alternative names only: an issuer that may vouch for some names could put any
            // other in the common name.
            (NameCheck::AlternativeNamesElseCommonName, ConstrainedNames(true)) => {
                Err(CertificateError::NameNotPermitted)
            }
            _ => Err(CertificateError::NoUsableName),
        }
    }
}

impl PeerVerifier for CertificateVerifier {
    fn verify_chain(&self, chain: &PeerChain<'_>) -> Result<PeerVerified, CertificateError> {
        if chain.intermediates.len() > self.max_intermediates {
            return Err(CertificateError::PathTooLong);
        }
        let certificate = details::parse(chain.end_entity)?;
        let constrained = if self.certificates.contains(chain.end_entity) {
            details::check_dates(&certificate, chain.now)?;
            details::check_purpose(&certificate, chain.peer)?;
            ConstrainedNames(false)
        } else {
            self.verify_path(chain)?
        };
        if key::is_weak(&key::public_key(chain.end_entity)?) {
            return Err(CertificateError::WeakKey);
        }
        details::check_key_usage(&certificate)?;
        self.check_name(chain, &certificate, constrained)?;
        Ok(PeerVerified::assertion())
    }

    fn verify_signature(&self, signed: &SignedByPeer<'_>) -> Result<SignatureVerified, Error> {
        key::verify_signature(signed)
    }

    fn authorities(&self) -> &[Vec<u8>] {
        &self.authorities
    }
}

impl fmt::Debug for CertificateVerifier {
    /// How many anchors there are; a dump of each would drown everything else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateVerifier")
            .field("anchors", &self.anchors.len())
            .field("revocation", &self.revocation)
            .field("names", &self.names)
            .field("max_intermediates", &self.max_intermediates)
            .finish()
    }
}

/// Whether an issuer in the path may only vouch for some names.
#[derive(Clone, Copy)]
struct ConstrainedNames(bool);

/// Looks at what webpki did not ask of the issuers in a path that is otherwise good.
fn inspect_issuers(path: &VerifiedPath<'_>) -> Result<ConstrainedNames, CertificateError> {
    let mut constrained = path.anchor().name_constraints.is_some();
    // A provider may have its own idea of how long a key must be.
    let mut weak = key::is_weak(&spki_for_anchor(path.anchor()));
    for issuer in path.intermediate_certificates() {
        constrained |= details::has_name_constraints(&details::parse(&issuer.der())?);
        weak |= key::is_weak(&issuer.subject_public_key_info());
    }
    if weak { Err(CertificateError::WeakKey) } else { Ok(ConstrainedNames(constrained)) }
}

/// The common name is the name asked for, letter for letter but for case: there is no wildcard in a common name.
fn check_common_name(certificate: &X509Certificate<'_>, name: &ServerName<'_>) -> Result<(), CertificateError> {
    let common_name = details::common_name(certificate).ok_or(CertificateError::NoUsableName)?;
    match ServerName::try_from(common_name) {
        Ok(common_name) if common_name == *name => Ok(()),
        _ => Err(CertificateError::NameMismatch),
    }
}

/// Collects what a [`CertificateVerifier`] needs.
#[derive(Clone)]
#[must_use = "a verifier is made by `build`"]
pub struct CertificateVerifierBuilder {
    roots: Vec<CertificateDer<'static>>,
    revocation_lists: Vec<CertificateRevocationListDer<'static>>,
    allow_unknown_revocation_status: bool,
    allow_expired_revocation_lists: bool,
    names: NameCheck,
    max_intermediates: usize,
    skip_unusable_roots: bool,
}

impl CertificateVerifierBuilder {
    /// Compares the common name of a certificate that has no subject alternative name at all.
    ///
    /// Old certificates, and those of some generators, have nothing else. RFC 9525 section 2 retires this: the common
    /// name is free text, and no name constraint binds it. Hence it never counts where an issuer in the path has any.
    pub const fn allow_common_name(mut self) -> Self {
        self.names = NameCheck::AlternativeNamesElseCommonName;
        self
    }

    /// Accepts a certificate whatever name it has: anyone who holds a certificate of the same issuer can pose as the
    /// peer. Safe only where the anchors vouch for exactly the peers that are wanted.
    pub const fn danger_without_name_check(mut self) -> Self {
        self.names = NameCheck::Off;
        self
    }

    /// Refuses certificates that these lists revoke (RFC 5280 section 5), that of the peer and those of its issuers up to
    /// the anchor; anchors themselves, and certificates that are trusted without a path, are nobody's to revoke. Each
    /// list has to be signed by the issuer of the certificates it is for, whose key usage allows that.
    ///
    /// Once there is a list, every certificate of a path needs one of its issuer that is not past its next update, else
    /// the peer is refused with [`CertificateError::RevocationStatusUnknown`]; two more settings loosen that. Lists grow
    /// old: make a verifier, and a configuration, anew with each new one. Default: there are none, and nothing is
    /// checked.
    pub fn revocation_lists(mut self, lists: Vec<CertificateRevocationListDer<'static>>) -> Self {
        self.revocation_lists = lists;
        self
    }

    /// Accepts certificates that none of the revocation lists is for: whoever keeps a list away gets a revoked
    /// certificate accepted.
    pub const fn allow_unknown_revocation_status(mut self) -> Self {
        self.allow_unknown_revocation_status = true;
        self
    }

    /// Believes revocation lists past their next update, which miss what was revoked since.
    pub const fn allow_expired_revocation_lists(mut self) -> Self {
        self.allow_expired_revocation_lists = true;
        self
    }

    /// How many certificates a peer may send besides its own; 9 if not set. More are refused before they are looked
    /// at. A path has at most 6 of them, whatever this says.
    pub const fn max_intermediates(mut self, count: usize) -> Self {
        self.max_intermediates = count;
        self
    }

    /// Leaves out roots that do not parse, as a system's store may have some, instead of failing to build.
    pub const fn skip_unusable_roots(mut self) -> Self {
        self.skip_unusable_roots = true;
        self
    }

    /// Makes the verifier.
    ///
    /// # Errors
    ///
    /// [`BuildVerifierError::UnusableRoot`] for the first root that does not parse, unless those are skipped;
    /// [`BuildVerifierError::NoRoots`] if there is none to trust; [`BuildVerifierError::UnusableRevocationList`] for the
    /// first revocation list that does not parse or is of a kind that is not supported.
    pub fn build(self) -> Result<CertificateVerifier, BuildVerifierError> {
        let mut anchors = Vec::with_capacity(self.roots.len());
        let mut certificates = Vec::with_capacity(self.roots.len());
        let mut authorities = Vec::with_capacity(self.roots.len());
        for (index, root) in self.roots.into_iter().enumerate() {
            match anchor_from_trusted_cert(&root) {
                Ok(anchor) => anchors.push(anchor.to_owned()),
                Err(_) if self.skip_unusable_roots => continue,
                Err(error) => {
                    return Err(BuildVerifierError::UnusableRoot { index, error: certificate_error(&error) });
                }
            }
            authorities.extend(details::authority_names(&root));
            certificates.push(root);
        }
        if anchors.is_empty() {
            return Err(BuildVerifierError::NoRoots);
        }
        let revocation = RevocationCheck::new(
            &self.revocation_lists,
            self.allow_unknown_revocation_status,
            self.allow_expired_revocation_lists,
        )?;
        let Self { names, max_intermediates, .. } = self;
        Ok(CertificateVerifier { anchors, certificates, authorities, revocation, names, max_intermediates })
    }
}

impl fmt::Debug for CertificateVerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateVerifierBuilder")
            .field("roots", &self.roots.len())
            .field("revocation_lists", &self.revocation_lists.len())
            .field("allow_unknown_revocation_status", &self.allow_unknown_revocation_status)
            .field("allow_expired_revocation_lists", &self.allow_expired_revocation_lists)
            .field("names", &self.names)
            .field("max_intermediates", &self.max_intermediates)
            .field("skip_unusable_roots", &self.skip_unusable_roots)
            .finish()
    }
}

/// Why a [`CertificateVerifier`] could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildVerifierError {
    /// There is no root, so that no peer could ever be accepted.
    NoRoots,
    /// A revocation list does not parse, or is of a kind that is not supported: a delta, an indirect list, or one for
    /// some reasons or attributes only.
    UnusableRevocationList {
        /// Its place in the list, from 0.
        index: usize,
    },
    /// A root is not a certificate, or one that cannot be used.
    UnusableRoot {
        /// Its place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        error: CertificateError,
    },
}

impl fmt::Display for BuildVerifierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoots => f.write_str("there is no root certificate to trust"),
            Self::UnusableRevocationList { index } => write!(f, "revocation list {index} cannot be used"),
            Self::UnusableRoot { index, error } => write!(f, "root certificate {index} cannot be used: {error}"),
        }
    }
}

impl core::error::Error for BuildVerifierError {}

/// With the end entity ten, which is also what a Certificate message may hold.
const MAX_INTERMEDIATES: usize = 9;

#[cfg(test)]
mod tests;
