//! What the two sides agreed on.

use alloc::boxed::Box;
use alloc::vec::Vec;

use pki_types::CertificateDer;

use crate::code::{CipherSuite, NamedGroup, ProtocolVersion};

/// The facts of an established association. They are there once the peer's Finished was verified, not before.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Session {
    /// The version: DTLS 1.2.
    pub version: ProtocolVersion,
    /// The cipher suite.
    pub cipher_suite: CipherSuite,
    /// The group of the key exchange.
    pub group: NamedGroup,
    /// The application protocol, if ALPN chose one.
    pub application_protocol: Option<Box<[u8]>>,
    /// The name that the client asked for, if it sent one.
    pub server_name: Option<Box<str>>,
    /// The chain that the peer showed, its own certificate first; empty if it showed none.
    pub peer_certificates: Vec<CertificateDer<'static>>,
    /// Whether the master secret is bound to the handshake (RFC 7627).
    pub extended_master_secret: bool,
}
