//! What the two sides agreed on.

use alloc::boxed::Box;
use alloc::vec::Vec;

use pki_types::{CertificateDer, SubjectPublicKeyInfoDer};

use crate::cid::ConnectionIds;
use crate::code::{CipherSuite, NamedGroup, ProtocolVersion};
use crate::srtp::Srtp;

/// The facts of an established association. They are there once the peer's Finished was verified, not before.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Session {
    /// The version: DTLS 1.2.
    pub version: ProtocolVersion,
    /// The cipher suite.
    pub cipher_suite: CipherSuite,
    /// The group of the key exchange; `None` where no ephemeral keys were made (plain PSK).
    pub group: Option<NamedGroup>,
    /// The application protocol, if ALPN chose one.
    pub application_protocol: Option<Box<[u8]>>,
    /// How media is protected, if use_srtp agreed on it; the keys come from
    /// [`Connection::export_srtp_keys`](crate::Connection::export_srtp_keys).
    pub srtp: Option<Srtp>,
    /// The name that the client asked for, if it sent one.
    pub server_name: Option<Box<str>>,
    /// The chain that the peer showed, its own certificate first; empty if it showed none.
    pub peer_certificates: Vec<CertificateDer<'static>>,
    /// The raw public key that the peer showed instead (RFC 7250).
    pub peer_raw_public_key: Option<SubjectPublicKeyInfoDer<'static>>,
    /// What the client calls itself, if a preshared key authenticated the two.
    pub psk_identity: Option<Box<[u8]>>,
    /// The connection IDs of both directions, if the two sides agreed to use them (RFC 9146). One that is empty is not
    /// sent.
    pub connection_ids: Option<ConnectionIds>,
    /// Whether the master secret is bound to the handshake (RFC 7627).
    pub extended_master_secret: bool,
    /// Whether an earlier session was taken up again: then who the peer is was established there, and not anew.
    pub resumed: bool,
}
