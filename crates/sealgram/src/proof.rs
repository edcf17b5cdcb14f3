//! Proofs: values that only the code which checked something can make.
//!
//! A step that needs a check takes its proof as an argument, so that leaving the check out does not compile.

/// The peer answered from the address it claims: its ClientHello carried a valid cookie (RFC 6347 section 4.2.1), or
/// the transport below already knows (ICE, for one).
///
/// It carries the numbers of the validated hello, which the connection continues from. It is not `Clone`: one
/// validated hello makes one connection.
#[derive(Debug)]
pub struct AddressValidated {
    hello: Option<ValidatedHello>,
}

/// What the gate learned from the ClientHello whose cookie it accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValidatedHello {
    /// The sequence number of the record that carried it (RFC 6347 section 4.2.1: ServerHello starts there).
    pub(crate) record_sequence: u64,
    /// Its message_seq: ServerHello mirrors it, and the next message of the client has the next one.
    pub(crate) message_seq: u16,
    /// Its random: the connection takes no other hello.
    pub(crate) random: [u8; 32],
}

impl AddressValidated {
    /// The caller's word that the peer's address is real, where the transport has already proven it (ICE consent, a
    /// connected tunnel). The connection then adopts the numbers of the first ClientHello it sees.
    ///
    /// On an open UDP socket this invites amplification with forged addresses: use the cookie exchange there.
    #[must_use]
    pub const fn assured_by_transport() -> Self {
        Self { hello: None }
    }

    /// Made by the hello gate alone.
    pub(crate) const fn by_cookie(hello: ValidatedHello) -> Self {
        Self { hello: Some(hello) }
    }

    /// Uses the proof up.
    pub(crate) fn into_hello(self) -> Option<ValidatedHello> {
        self.hello
    }
}

/// The peer's certificate chain was accepted by the configured verifier.
#[derive(Debug)]
pub struct PeerVerified(());

impl PeerVerified {
    /// A verifier asserts that it accepted the chain.
    #[must_use]
    pub const fn assertion() -> Self {
        Self(())
    }
}

/// A handshake signature was valid under the key of the peer's certificate.
#[derive(Debug)]
pub struct SignatureVerified(());

impl SignatureVerified {
    /// A verifier asserts that the signature is valid.
    #[must_use]
    pub const fn assertion() -> Self {
        Self(())
    }
}

/// The peer's Finished carried the right verify_data.
#[derive(Debug)]
pub(crate) struct FinishedVerified(());

impl FinishedVerified {
    /// Made by the comparison of verify_data alone.
    pub(crate) const fn by_comparison() -> Self {
        Self(())
    }

    /// Made by opening a snapshot alone: only an association whose peer's Finished was verified is ever sealed into one.
    pub(crate) const fn by_snapshot() -> Self {
        Self(())
    }
}

/// How the peer proved who it is. `Connected` needs one.
#[derive(Debug)]
pub(crate) enum PeerProof {
    /// It showed a certificate that we accept, and used its key.
    Certificate {
        /// Held as evidence.
        _signature: SignatureVerified,
        /// Held as evidence.
        _peer: PeerVerified,
    },
    /// It did so in the session that is taken up again, and has its secret: its Finished says so.
    Resumed,
    /// It has the key that was shared beforehand: its Finished says so.
    Psk,
    /// It did so in another process, which sealed the association for this one.
    Restored,
    /// It did not, and need not: this side is a server that serves clients without a certificate.
    Anonymous,
}
