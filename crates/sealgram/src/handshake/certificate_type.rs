//! What each side shows of itself: X.509 certificates, which is what silence means, or a raw public key (RFC 7250).

use alloc::vec::Vec;

use crate::code::{CertificateType, ExtensionType};
use crate::config::{ClientCertificate, ClientConfig};
use crate::error::{DecodeError, Error, PeerIncompatible, PeerMisbehaved};
use crate::verify::PeerVerifier;
use crate::wire::extension::{ExtensionWriter, Extensions};

/// What a client takes from its server, and what it shows where it is asked.
#[derive(Clone, Copy)]
pub(crate) struct CertificateTypes {
    pub(crate) server: CertificateType,
    pub(crate) client: CertificateType,
}

impl CertificateTypes {
    /// Adds to a ClientHello what the client can show and what its verifier can judge; nothing where that is X.509 alone
    /// (RFC 7250 section 4.1).
    pub(crate) fn offer(config: &ClientConfig, extensions: &mut ExtensionWriter) {
        let shown = config.certificate_types();
        let judged = config.verifier.as_ref().map_or(&[][..], |verifier| verifier.certificate_types());
        for (extension, types) in
            [(ExtensionType::CLIENT_CERTIFICATE_TYPE, &*shown), (ExtensionType::SERVER_CERTIFICATE_TYPE, judged)]
        {
            if types.iter().any(|certificate_type| *certificate_type != CertificateType::X509) {
                extensions.certificate_types(extension, types);
            }
        }
    }

    /// Reads the answer to a ClientHello with the extensions `offer`. A server that says nothing of its own type shows
    /// X.509 certificates, if one `is_shown` at all: that is no answer to a client which cannot judge them.
    pub(crate) fn check(is_shown: bool, offer: &Extensions<'_>, answer: &Extensions<'_>) -> Result<Self, Error> {
        let server = selected(ExtensionType::SERVER_CERTIFICATE_TYPE, offer, answer)?;
        let client = selected(ExtensionType::CLIENT_CERTIFICATE_TYPE, offer, answer)?;
        if is_shown && server.is_none() && !OfferedTypes::read(offer)?.allows_server(CertificateType::X509) {
            return Err(PeerIncompatible::NoCommonCertificateType.into());
        }
        Ok(Self { server: server.unwrap_or(CertificateType::X509), client: client.unwrap_or(CertificateType::X509) })
    }
}

/// The answer in `extension`, which has to come from the offer (RFC 7250 section 4.2).
fn selected(
    extension: ExtensionType,
    offer: &Extensions<'_>,
    answer: &Extensions<'_>,
) -> Result<Option<CertificateType>, Error> {
    let Some(selected) = answer.selected_certificate_type(extension)? else { return Ok(None) };
    let offered = offer.certificate_types(extension)?.unwrap_or_default();
    if offered.contains(&selected.0) {
        Ok(Some(selected))
    } else {
        Err(PeerMisbehaved::ServerSelectedUnofferedCertificateType(selected).into())
    }
}

/// What a server asks its client to show, and who judges it.
#[derive(Clone, Copy)]
pub(crate) struct CredentialRequest<'c> {
    pub(crate) certificate_type: CertificateType,
    pub(crate) verifier: &'c dyn PeerVerifier,
}

/// What a client lists, a byte for each type; `None` where it is silent.
#[derive(Clone, Copy)]
pub(crate) struct OfferedTypes<'a> {
    server: Option<&'a [u8]>,
    client: Option<&'a [u8]>,
}

impl<'a> OfferedTypes<'a> {
    pub(crate) fn read(offer: &Extensions<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            server: offer.certificate_types(ExtensionType::SERVER_CERTIFICATE_TYPE)?,
            client: offer.certificate_types(ExtensionType::CLIENT_CERTIFICATE_TYPE)?,
        })
    }

    /// Whether the server may show this.
    pub(crate) fn allows_server(&self, certificate_type: CertificateType) -> bool {
        allows(self.server, certificate_type)
    }

    /// Every type that the server may show.
    pub(crate) fn of_server(&self) -> Vec<CertificateType> {
        self.server.map_or_else(
            || [CertificateType::X509].into(),
            |listed| listed.iter().copied().map(CertificateType).collect(),
        )
    }

    /// What the server asks the client for: the first type that its verifier judges and the client has. `None` if it
    /// asks for nothing.
    ///
    /// # Errors
    ///
    /// [`PeerIncompatible::NoCommonCertificateType`] if there is none and the client must show something. A client that
    /// need not is served without: then nothing is answered either (RFC 7250 section 4.2, its second paragraph).
    pub(crate) fn request<'c>(
        &self,
        wanted: &'c ClientCertificate,
    ) -> Result<Option<CredentialRequest<'c>>, PeerIncompatible> {
        let Some(verifier) = wanted.verifier() else { return Ok(None) };
        let common = verifier.certificate_types().iter().copied().find(|judged| allows(self.client, *judged));
        match (common, wanted) {
            (None, ClientCertificate::Required(_)) => Err(PeerIncompatible::NoCommonCertificateType),
            _ => Ok(common.map(|certificate_type| CredentialRequest { certificate_type, verifier: &**verifier })),
        }
    }

    /// Adds to a ServerHello what the server shows and what it asks for, each only if the client listed such things
    /// (RFC 7250 section 4.2).
    pub(crate) fn answer(
        &self,
        shown: CertificateType,
        asked_for: Option<CertificateType>,
        extensions: &mut ExtensionWriter,
    ) {
        if self.server.is_some() {
            extensions.selected_certificate_type(ExtensionType::SERVER_CERTIFICATE_TYPE, shown);
        }
        if let (Some(_), Some(asked_for)) = (self.client, asked_for) {
            extensions.selected_certificate_type(ExtensionType::CLIENT_CERTIFICATE_TYPE, asked_for);
        }
    }
}

fn allows(listed: Option<&[u8]>, certificate_type: CertificateType) -> bool {
    listed.map_or(certificate_type == CertificateType::X509, |listed| listed.contains(&certificate_type.0))
}
