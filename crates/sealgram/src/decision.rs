//! Decisions that may take time: a certificate judged by another service, a key in a database, a signature by a token.
//!
//! Where the configuration names someone who decides, that one may answer at once or later. While a decision is open
//! the handshake waits: no timer of ours runs but the deadline of the whole handshake, repeats of the peer's are
//! ignored, and what comes too early is kept within the usual bounds. The loop never blocks.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer};

use crate::code::SignatureScheme;
use crate::config::{ClientIdentityRequest, Identity, ServerIdentityRequest};
use crate::error::{CertificateError, CryptoError};
use crate::proof::PeerVerified;
use crate::psk::PresharedKey;
use crate::resumption::{ServerSession, SessionId};
use crate::role::Role;

/// An answer that may be given later.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Reply<T> {
    /// The answer.
    Now(T),
    /// It comes by [`Connection::resume`](crate::Connection::resume), for the decision that
    /// [`Event::Needs`](crate::Event::Needs) announces.
    Later,
}

/// Something that the handshake cannot go on without.
///
/// Each comes only where something in the configuration said [`Reply::Later`]. What a handshake asks for, and what the
/// answer is made of, in one place:
///
/// ```
/// use sealgram::crypto::{CryptoProvider, SigningKey};
/// use sealgram::error::{CertificateError, CryptoError};
/// use sealgram::pki_types::UnixTime;
/// use sealgram::rand_core::CryptoRng;
/// use sealgram::verify::{PeerChain, PeerRawPublicKey, PeerVerifier};
/// use sealgram::{Answer, Decision};
/// # use std::collections::BTreeMap;
/// # use std::sync::Arc;
/// # use sealgram::resumption::{ServerSession, SessionId};
/// # use sealgram::{Identity, PresharedKey};
///
/// # struct Elsewhere {
/// #     keys: BTreeMap<Vec<u8>, PresharedKey>,
/// #     sessions: BTreeMap<SessionId, ServerSession>,
/// #     identities: Vec<Arc<Identity>>,
/// #     verifier: Arc<dyn PeerVerifier>,
/// #     token: Arc<dyn SigningKey>,
/// # }
/// # impl Elsewhere {
/// /// Runs where it may block; what it returns goes to `Connection::resume`, with the id of the decision.
/// fn decide(&self, decision: Decision, provider: &CryptoProvider, rng: &mut dyn CryptoRng) -> Option<Answer> {
///     let (now, algorithms) = (UnixTime::now(), provider.signatures);
///     Some(match decision {
///         Decision::PresharedKey { identity } => Answer::PresharedKey(self.keys.get(&identity).cloned()),
///         Decision::Session { id } => Answer::Session(self.sessions.get(&id).cloned()),
///         // Any verifier can judge here as it would have judged there.
///         Decision::PeerCertificates { peer, end_entity, intermediates, name, ocsp_response } => {
///             let chain = PeerChain::new(peer, &end_entity, &intermediates, name.as_ref(), now, algorithms);
///             Answer::Peer(self.verifier.verify_chain(&chain.with_ocsp_response(&ocsp_response)))
///         }
///         Decision::PeerRawPublicKey { peer, key, name } => {
///             let peer = PeerRawPublicKey::new(peer, &key, name.as_ref(), now);
///             Answer::Peer(self.verifier.verify_raw_public_key(&peer))
///         }
///         // The first that can be used; a server may staple a fresh OCSP response to it.
///         Decision::ServerIdentity(request) => {
///             Answer::Identity(self.identities.iter().find(|identity| request.suits(identity)).cloned())
///         }
///         Decision::ClientIdentity(request) => {
///             Answer::Identity(self.identities.iter().find(|identity| request.suits(identity)).cloned())
///         }
///         Decision::Signature { scheme, message, .. } => Answer::Signature(self.token.sign(scheme, &message, rng)),
///         // A later version may ask for more.
///         _ => return None,
///     })
/// }
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Whether the peer, which showed these certificates and has the key of the first, is who it should be: its handshake
    /// signature was checked already. Answer with [`Answer::Peer`]. For a verifier that said so
    /// ([`PeerVerifier::verify_chain_now_or_later`](crate::verify::PeerVerifier::verify_chain_now_or_later)).
    PeerCertificates {
        /// Which side the peer plays.
        peer: Role,
        /// Its own certificate.
        end_entity: CertificateDer<'static>,
        /// The rest of what it sent, in the order it sent it.
        intermediates: Vec<CertificateDer<'static>>,
        /// The name that was asked for; `None` on a server.
        name: Option<ServerName<'static>>,
        /// What the server stapled, in DER; empty if nothing.
        ocsp_response: Vec<u8>,
    },
    /// The same for a raw public key (RFC 7250). Answer with [`Answer::Peer`].
    PeerRawPublicKey {
        /// Which side the peer plays.
        peer: Role,
        /// The key, as it came.
        key: SubjectPublicKeyInfoDer<'static>,
        /// The name that was asked for; `None` on a server.
        name: Option<ServerName<'static>>,
    },
    /// Which identity a server shows this client. Answer with [`Answer::Identity`]. For
    /// [`ServerIdentities`](crate::config::ServerIdentities) that said so.
    ServerIdentity(ServerIdentityRequest),
    /// Which identity a client shows the server that asks for one; that server was found to be who it should be. Answer
    /// with [`Answer::Identity`]. For [`ClientIdentities`](crate::config::ClientIdentities) that said so.
    ClientIdentity(ClientIdentityRequest),
    /// The signature of our own key. Answer with [`Answer::Signature`]. For a key that said so
    /// ([`SigningKey::sign_now_or_later`](crate::crypto::SigningKey::sign_now_or_later)).
    Signature {
        /// The public half of the key that shall sign, if it is known.
        public_key: Option<SubjectPublicKeyInfoDer<'static>>,
        /// How it shall sign.
        scheme: SignatureScheme,
        /// What it shall sign: this itself, not its hash.
        message: Vec<u8>,
    },
    /// The key of the client that calls itself this. Answer with [`Answer::PresharedKey`].
    PresharedKey {
        /// The identity, as it came.
        identity: Vec<u8>,
    },
    /// The session with this id, which a client wants to take up again. Answer with [`Answer::Session`].
    Session {
        /// The id.
        id: SessionId,
    },
}

/// Which decision is meant. Each is asked for once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DecisionId(u64);

/// A decision that was made.
#[derive(Debug)]
#[non_exhaustive]
pub enum Answer {
    /// The key of the client, or that there is none.
    PresharedKey(Option<PresharedKey>),
    /// The session, or that there is none: then the handshake is a full one.
    Session(Option<ServerSession>),
    /// That the peer is who it should be, or why it is refused: the handshake then fails with the alert that belongs to
    /// it. A [`PeerVerified`] is what a verifier gives for this very decision; where none is asked,
    /// [`PeerVerified::assertion`] is the word of whoever writes it.
    Peer(Result<PeerVerified, CertificateError>),
    /// Who to be, or nobody: a client then shows nothing, and a server has no certificate to show.
    Identity(Option<Arc<Identity>>),
    /// The signature, or that there is none: the handshake then fails. It is sent as it is: a wrong one is found out by
    /// the peer, which refuses it. A signature that was disturbed while it was made can betray an RSA key; whoever has to
    /// fear that checks it before it comes here, as the provider `ring` does.
    Signature(Result<Vec<u8>, CryptoError>),
}

/// A call that cannot mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiMisuse {
    /// The decision is not open: it was made already, or the handshake has ended meanwhile.
    NotOpen,
    /// The decision is open, and the answer is to another kind of question.
    WrongKind,
}

impl DecisionId {
    /// The first one.
    pub(crate) const FIRST: Self = Self(0);

    /// The one after this.
    pub(crate) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// What a peer calls itself is not for logs.
impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PresharedKey { identity } => write!(f, "PresharedKey({} bytes)", identity.len()),
            Self::Session { .. } => f.write_str("Session"),
            Self::PeerCertificates { intermediates, .. } => {
                write!(f, "PeerCertificates({} and its own)", intermediates.len())
            }
            Self::PeerRawPublicKey { .. } => f.write_str("PeerRawPublicKey"),
            Self::ServerIdentity(_) => f.write_str("ServerIdentity"),
            Self::ClientIdentity(_) => f.write_str("ClientIdentity"),
            Self::Signature { scheme, message, .. } => write!(f, "Signature({scheme}, {} bytes)", message.len()),
        }
    }
}

impl fmt::Display for ApiMisuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOpen => "the decision is not open: it was made, or the handshake has ended",
            Self::WrongKind => "the answer does not fit the decision: see the documentation of Decision",
        })
    }
}

impl core::error::Error for ApiMisuse {}
