//! Who one side is, where that depends on the peer: chosen for each full handshake, now or later.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use pki_types::ServerName;

use super::{ClientConfig, Identity, ServerConfig};
use crate::code::{CertificateType, NamedGroup, SignatureScheme};
use crate::decision::Reply;

/// Who a server is, by what a client asks for: thousands of names, certificates that come and go, an OCSP response
/// that is fetched when it is needed ([`Identity::with_ocsp_response`] on a clone).
pub trait ServerIdentities: fmt::Debug + Send + Sync {
    /// The identity for this client. It is used as it is, also where it is for another name; one that
    /// [does not suit](ServerIdentityRequest::suits) is none.
    ///
    /// `None` means that there is no certificate for this client: it is served by preshared key or refused, with the
    /// alert unrecognized_name if the configuration [says so](crate::ServerConfigBuilder::require_known_name).
    ///
    /// [`Reply::Later`] lets the handshake wait for [`Connection::resume`](crate::Connection::resume), which answers a
    /// [`Decision::ServerIdentity`](crate::Decision::ServerIdentity).
    fn choose(&self, request: &ServerIdentityRequest) -> Reply<Option<Arc<Identity>>>;
}

/// Who a client is, by what a server asks for.
pub trait ClientIdentities: fmt::Debug + Send + Sync {
    /// The identity to show this server, which was found to be who it should be; one of a type or with a key that the
    /// server does not take is none. `None` shows nothing, and the server decides what that means (RFC 5246 section
    /// 7.4.6).
    ///
    /// [`Reply::Later`] lets the handshake wait for [`Connection::resume`](crate::Connection::resume), which answers a
    /// [`Decision::ClientIdentity`](crate::Decision::ClientIdentity).
    fn choose(&self, request: &ClientIdentityRequest) -> Reply<Option<Arc<Identity>>>;

    /// What there is to show, best first: what a client tells its server beforehand (RFC 7250 section 4.1). By default
    /// X.509 certificates alone.
    fn certificate_types(&self) -> &[CertificateType] {
        &[CertificateType::X509]
    }
}

/// What a client says that helps a server to choose who to be. Nothing of it is authenticated yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerIdentityRequest {
    /// The name that the client asks for, if it does (RFC 6066 section 3).
    pub server_name: Option<Box<str>>,
    /// The schemes that the server's key may sign with, as the client lists them: those whose kind of key has a cipher
    /// suite that both sides use.
    pub signature_schemes: Vec<SignatureScheme>,
    /// What the client can judge.
    pub certificate_types: Vec<CertificateType>,
    /// The application protocols that it offers, best first (RFC 7301).
    pub application_protocols: Vec<Box<[u8]>>,
    /// Whether it asks for an OCSP response (RFC 6066 section 8).
    pub wants_ocsp_response: bool,
    /// The groups that it knows; `None` if it does not say.
    pub(crate) groups: Option<Vec<NamedGroup>>,
}

/// What a server asks its client to show (RFC 5246 section 7.4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientIdentityRequest {
    /// The server that asks.
    pub server_name: ServerName<'static>,
    /// Whether it wants certificates or a raw public key.
    pub certificate_type: CertificateType,
    /// The schemes that the client's key may sign with, as the server lists them: those of the kinds of keys that it
    /// names.
    pub signature_schemes: Vec<SignatureScheme>,
    /// The issuers that it trusts, as distinguished names in DER; empty if it does not say.
    pub authorities: Vec<Vec<u8>>,
}

impl ServerIdentityRequest {
    /// Whether this client can do something with `identity`. Which name it is for does not matter here.
    #[must_use]
    pub fn suits(&self, identity: &Identity) -> bool {
        let knows = |curve| self.groups.as_ref().is_none_or(|groups| groups.contains(&curve));
        self.certificate_types.contains(&identity.certificate_type())
            && identity.key.schemes().iter().any(|scheme| self.signature_schemes.contains(scheme))
            // RFC 8422 section 5.1.
            && identity.key.curve().is_none_or(knows)
    }
}

impl ClientIdentityRequest {
    /// Whether `identity` is what the server asks for, its issuers included.
    #[must_use]
    pub fn suits(&self, identity: &Identity) -> bool {
        let mut authorities = self.authorities.iter().map(Vec::as_slice).peekable();
        let has_issuer = authorities.peek().is_none() || identity.is_issued_by_any(authorities);
        self.scheme_for(identity).is_some() && has_issuer
    }

    /// How `identity` can sign for this server, if it can be shown at all.
    pub(crate) fn scheme_for(&self, identity: &Identity) -> Option<SignatureScheme> {
        let mut schemes = identity.key.schemes().iter().copied();
        let is_of_type = identity.certificate_type() == self.certificate_type;
        schemes.find(|scheme| is_of_type && self.signature_schemes.contains(scheme))
    }
}

impl ClientConfig {
    /// Whether there may be something to show.
    pub(crate) fn may_show(&self) -> bool {
        !self.identities.is_empty() || self.identities_by.is_some()
    }

    /// What it may have to show, best first.
    pub(crate) fn certificate_types(&self) -> Vec<CertificateType> {
        if let Some(identities) = &self.identities_by {
            return identities.certificate_types().to_vec();
        }
        let mut types = Vec::new();
        for identity in &self.identities {
            if !types.contains(&identity.certificate_type()) {
                types.push(identity.certificate_type());
            }
        }
        types
    }
}

impl ServerConfig {
    /// Whether there may be something to show.
    pub(super) fn may_show(&self) -> bool {
        !self.identities.is_empty() || self.identities_by.is_some()
    }
}
