//! What our ends are for a case, and what the two share with a peer.

use core::time::Duration;
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use sealgram::code::NamedGroup;
use sealgram::config::{ClientConfigBuilder, ServerConfigBuilder};
use sealgram::crypto::CryptoProvider;
use sealgram::error::{CertificateError, Error};
use sealgram::pki_types::ServerName;
use sealgram::provider::ring;
use sealgram::rand_core::CryptoRng;
use sealgram::verify::{PeerChain, PeerVerifier, RawPublicKeys, SignedByPeer};
use sealgram::x509::CertificateVerifier;
use sealgram::{
    ClientConfig, ConnectionIdGenerator, Identity, PeerVerified, PresharedKey, Role, ServerConfig, SignatureVerified,
    TransportOptions,
};

use crate::case::{Authentication, Case, ClientCertificate, KeyKind, LARGE, RecordSizes};
use crate::certificates::Certificates;
use crate::{Outcome, PATIENCE};

/// What our client is for a case, trusting the root of `trusted`.
pub fn client_config(case: &Case, trusted: KeyKind, certificates: &Certificates) -> Outcome<Arc<ClientConfig>> {
    Ok(client_builder(case, trusted, certificates)?.build()?)
}

/// The same before it is built.
pub fn client_builder(case: &Case, trusted: KeyKind, certificates: &Certificates) -> Outcome<ClientConfigBuilder> {
    client_judging_by(server_verifier(case, trusted, certificates)?, case, certificates)
}

/// The same with a judge that others may have too: sessions are only for those who share it.
pub fn client_judging_by(
    verifier: Arc<dyn PeerVerifier>,
    case: &Case,
    certificates: &Certificates,
) -> Outcome<ClientConfigBuilder> {
    let mut builder = match case.authentication() {
        Authentication::Signature => ClientConfig::builder(provider(case), verifier),
        Authentication::Psk | Authentication::EcdhePsk => {
            ClientConfig::builder_with_psk(provider(case), PSK_IDENTITY.as_bytes(), PresharedKey::new(&PSK)?)
        }
    };
    if let Some(kind) = case.client.shown() {
        builder = builder.identity(client_identity(case, kind, certificates)?);
    }
    if needs_its_name(case) {
        builder = builder.cipher_suites(&[case.suite]);
    }
    if let Some(ids) = case.connection_ids {
        builder = builder.connection_ids(Arc::new(ToldId::parse(ids.client)?));
    }
    if let Some(srtp) = case.srtp {
        builder = builder.srtp(srtp.client);
    }
    builder =
        builder.application_protocols(&names(case.alpn.map(|alpn| alpn.client))).transport(of_role(Role::Client, case));
    Ok(if case.extended_master_secret { builder } else { builder.danger().allow_legacy_master_secret() })
}

/// What our server is for a case.
pub fn server_config(case: &Case, certificates: &Certificates) -> Outcome<Arc<ServerConfig>> {
    Ok(server_builder(case, certificates)?.build()?)
}

/// The same before it is built.
pub fn server_builder(case: &Case, certificates: &Certificates) -> Outcome<ServerConfigBuilder> {
    let builder = match case.authentication() {
        Authentication::Signature => ServerConfig::builder(provider(case), server_identity(case, certificates)?),
        Authentication::Psk | Authentication::EcdhePsk => {
            let keys = BTreeMap::from([(PSK_IDENTITY.as_bytes().to_vec(), PresharedKey::new(&PSK)?)]);
            ServerConfig::builder_with_psk(provider(case), Arc::new(keys))
        }
    };
    let mut builder = match case.client {
        ClientCertificate::NotAsked => builder,
        ClientCertificate::Missing => {
            builder.request_client_certificate(client_verifier(case, case.key_kind, certificates)?)
        }
        ClientCertificate::Requested(kind) => {
            builder.request_client_certificate(client_verifier(case, kind, certificates)?)
        }
        ClientCertificate::Required(kind) => {
            builder.require_client_certificate(client_verifier(case, kind, certificates)?)
        }
    };
    if needs_its_name(case) {
        builder = builder.cipher_suites(&[case.suite]);
    }
    if let Some(ids) = case.connection_ids {
        builder = builder.connection_ids(Arc::new(ToldId::parse(ids.server)?));
    }
    if let Some(srtp) = case.srtp {
        builder = builder.srtp(srtp.server);
    }
    builder =
        builder.application_protocols(&names(case.alpn.map(|alpn| alpn.server))).transport(of_role(Role::Server, case));
    Ok(if case.extended_master_secret { builder } else { builder.danger().allow_legacy_master_secret() })
}

/// The name that our client asks for. An address is not sent in the clear.
pub fn name_for(case: &Case) -> Outcome<ServerName<'static>> {
    Ok(ServerName::try_from(if case.server_name { "localhost" } else { "127.0.0.1" })?)
}

/// What our client calls itself, and what a peer's does.
pub const PSK_IDENTITY: &str = "Client_identity";

/// The key that goes with it.
pub const PSK: [u8; 16] = *b"sixteen bytes,ok";

/// The key as peers are told it: in hexadecimal.
#[must_use]
pub fn psk_in_hexadecimal() -> String {
    in_hexadecimal(&PSK)
}

/// The digits that stand for these bytes.
#[must_use]
pub fn in_hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who judges the server in a case.
pub fn server_verifier(case: &Case, trusted: KeyKind, certificates: &Certificates) -> Outcome<Arc<dyn PeerVerifier>> {
    if case.raw_public_keys {
        return Ok(Arc::new(RawPublicKeys::new([certificates.public_key(trusted)?])));
    }
    let verifier = CertificateVerifier::builder(vec![certificates.root(trusted)?]).build()?;
    if case.ocsp_response {
        let response = fs::read(certificates.ocsp_response_file(trusted))?;
        return Ok(Arc::new(WithResponse { verifier, response }));
    }
    Ok(Arc::new(verifier))
}

/// Who judges clients in a case.
fn client_verifier(case: &Case, trusted: KeyKind, certificates: &Certificates) -> Outcome<Arc<dyn PeerVerifier>> {
    if case.raw_public_keys {
        return Ok(Arc::new(RawPublicKeys::new([certificates.client_public_key(trusted)?])));
    }
    Ok(Arc::new(CertificateVerifier::builder(vec![certificates.root(trusted)?]).build()?))
}

fn server_identity(case: &Case, certificates: &Certificates) -> Outcome<Identity> {
    let key = ring::provider().key_loader.load(&certificates.key(case.key_kind, case.key_form)?)?;
    if case.raw_public_keys {
        return Ok(Identity::raw_public_key(key)?);
    }
    let identity = Identity::new(certificates.chain(case.key_kind, case.chain)?, key)?;
    match case.ocsp_response {
        true => Ok(identity.with_ocsp_response(fs::read(certificates.ocsp_response_file(case.key_kind))?)?),
        false => Ok(identity),
    }
}

fn client_identity(case: &Case, kind: KeyKind, certificates: &Certificates) -> Outcome<Identity> {
    let key = ring::provider().key_loader.load(&certificates.client_key(kind)?)?;
    if case.raw_public_keys {
        return Ok(Identity::raw_public_key(key)?);
    }
    Ok(Identity::new(vec![certificates.client_certificate(kind)?], key)?)
}

/// Accepts what `verifier` does, if exactly `response` is stapled to it. What is in a response is not read here: it goes
/// to the verifier as it came, which is what is tried.
#[derive(Debug)]
struct WithResponse {
    verifier: CertificateVerifier,
    response: Vec<u8>,
}

impl PeerVerifier for WithResponse {
    fn verify_chain(&self, chain: &PeerChain<'_>) -> Result<PeerVerified, CertificateError> {
        if chain.ocsp_response == self.response {
            self.verifier.verify_chain(chain)
        } else {
            Err(CertificateError::BadOcspResponse)
        }
    }

    fn verify_signature(&self, signed: &SignedByPeer<'_>) -> Result<SignatureVerified, Error> {
        self.verifier.verify_signature(signed)
    }

    fn wants_ocsp_response(&self) -> bool {
        true
    }
}

/// Makes the one connection ID that the case has for our end.
#[derive(Debug)]
struct ToldId(Vec<u8>);

impl ToldId {
    fn parse(hex: &str) -> Outcome<Self> {
        Ok(Self(from_hexadecimal(hex)?))
    }
}

impl ConnectionIdGenerator for ToldId {
    fn id_len(&self) -> usize {
        self.0.len()
    }

    fn fill(&self, id: &mut [u8], _: &mut dyn CryptoRng) {
        id.copy_from_slice(&self.0);
    }
}

/// The bytes that these digits stand for.
pub fn from_hexadecimal(digits: &str) -> Outcome<Vec<u8>> {
    let byte = |pair: &[u8]| u8::from_str_radix(&String::from_utf8_lossy(pair), 16);
    Ok(digits.as_bytes().chunks(2).map(byte).collect::<Result<_, _>>()?)
}

/// Whether the suite of the case is used only where it stands in the configuration.
fn needs_its_name(case: &Case) -> bool {
    ring::provider().suite(case.suite).is_some_and(|suite| suite.by_name_only)
}

/// Everything there is, with the group of the case in front of the curve of the certificate, which is offered as well.
fn provider(case: &Case) -> &'static CryptoProvider {
    static P384_FIRST: CryptoProvider =
        CryptoProvider { groups: &[ring::SECP384R1, ring::SECP256R1], ..*ring::provider() };
    match case.group {
        _ if case.narrow => narrow(case),
        NamedGroup::SECP384R1 => &P384_FIRST,
        _ => ring::provider(),
    }
}

/// Nothing but what the case names. It stays for as long as the process, which is no longer than the trials.
fn narrow(case: &Case) -> &'static CryptoProvider {
    let all = ring::provider();
    let suites = all.suites.iter().copied().filter(|suite| suite.code == case.suite).collect::<Vec<_>>();
    // RFC 8422 section 5.1: the curve of a certificate is to be among them, be it the server's or the client's.
    let curves = [Some(case.key_kind), case.client.shown()].into_iter().flatten().filter_map(KeyKind::curve);
    let mut wanted = vec![case.group];
    for curve in curves {
        if !wanted.contains(&curve) {
            wanted.push(curve);
        }
    }
    let groups = wanted.into_iter().filter_map(|code| all.groups.iter().copied().find(|group| group.code() == code));
    Box::leak(Box::new(CryptoProvider { suites: suites.leak(), groups: groups.collect::<Vec<_>>().leak(), ..*all }))
}

/// The same as [`transport`], with what the two ends differ in: how long records may be.
fn of_role(role: Role, case: &Case) -> TransportOptions {
    let options = transport(case);
    match (case.record_sizes, role) {
        (Some(sizes @ RecordSizes::Limits { .. }), _) => options.record_size_limit(sizes.taken_by(role)),
        (Some(RecordSizes::Fragments(length)), Role::Client) => options.max_fragment_length(length),
        // A server does as its client asks.
        (Some(RecordSizes::Fragments(_)), Role::Server) | (None, _) => options,
    }
}

/// Timers and sizes of our end for a case.
pub fn transport(case: &Case) -> TransportOptions {
    let options = TransportOptions::default().handshake_deadline(PATIENCE);
    let options = if case.hasty { options.initial_timeout(HASTE) } else { options };
    let mtu = if case.large { Some(LARGE + RECORD_ROOM) } else { case.mtu };
    mtu.map_or(options, |mtu| options.mtu(mtu))
}

fn names(list: Option<&'static [&'static str]>) -> Vec<&'static [u8]> {
    list.unwrap_or_default().iter().map(|name| name.as_bytes()).collect()
}

/// What a record needs beside its payload: header, explicit nonce and tag; and a line its end.
const RECORD_ROOM: usize = 13 + 8 + 16 + 1;

/// The first retransmission timeout where an outcome takes several of them.
const HASTE: Duration = Duration::from_millis(40);
