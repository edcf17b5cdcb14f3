//! Associations that must not come to be: what the trials with every peer have in common.

use core::net::SocketAddr;
use std::sync::Arc;

use sealgram::pki_types::ServerName;
use sealgram::{ClientConfig, ServerConfig};
use sealgram_interop::case::{self, Alpn, Case, KeyKind};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::{client_config, server_config};
use sealgram_interop::conversation::report;
use sealgram_interop::ours::{Association, Server};
use sealgram_interop::peer::Peer;
use sealgram_interop::wire::Wire;
use sealgram_interop::{Outcome, expect, expect_eq};
use sealgram_std::Error;

/// A plaintext alert is believed only after some timeouts, which are short here.
pub(crate) const ECDSA: Case = Case { hasty: true, ..case::ECDSA };

pub(crate) const NOTHING_IN_COMMON: Alpn = Alpn { client: &["coap"], server: &["webrtc"], agreed: "" };

/// An association that one of the two does not want.
pub(crate) struct Refusal {
    pub(crate) name: &'static str,
    pub(crate) case: Case,
    /// The name that the client asks for.
    pub(crate) asked: &'static str,
    /// The root that the client trusts.
    pub(crate) trusted: KeyKind,
    /// What the peer is told in addition.
    pub(crate) more: &'static [&'static str],
    /// What our user is told.
    pub(crate) ours: &'static str,
    /// What the peer's user is told.
    pub(crate) theirs: &'static str,
}

impl Refusal {
    /// With nothing to refuse.
    pub(crate) const PLAIN: Self =
        Self { name: "", case: ECDSA, asked: "localhost", trusted: KeyKind::Ecdsa, more: &[], ours: "", theirs: "" };

    /// Of our client and `peer`, or by them.
    pub(crate) fn with_server(&self, peer: &Peer, certificates: &Certificates) -> Outcome {
        let wanted = (&self.case, self.trusted, self.asked);
        server_in_vain(peer, wanted, certificates, |reason| self.is_reason(reason), self.theirs)
    }

    /// Of our server and the client that `start` starts, or by them.
    pub(crate) fn with_client(
        &self,
        certificates: &Certificates,
        start: impl FnOnce(SocketAddr) -> Outcome<Peer>,
    ) -> Outcome {
        let config = server_config(&self.case, certificates)?;
        client_in_vain(config, start, |reason| self.is_reason(reason), self.theirs)
    }

    fn is_reason(&self, reason: &str) -> Outcome {
        expect_eq("what we say", &reason, &self.ours)
    }
}

/// Our client and `peer` do not come together. Our user is told why, and the peer prints `theirs`.
pub(crate) fn server_in_vain(
    peer: &Peer,
    wanted: (&Case, KeyKind, &'static str),
    certificates: &Certificates,
    is_reason: impl FnOnce(&str) -> Outcome,
    theirs: &str,
) -> Outcome {
    let wire = Arc::new(Wire::default());
    let is_refused = || -> Outcome {
        is_reason(&connect_in_vain(peer, wanted, certificates, &wire)?)?;
        peer.prints(theirs)
    };
    is_refused().map_err(|error| report(&*error, peer, &wire))
}

/// The client that `start` starts and our server do not come together. Our user is told why, and the client prints
/// `theirs`.
pub(crate) fn client_in_vain(
    config: Arc<ServerConfig>,
    start: impl FnOnce(SocketAddr) -> Outcome<Peer>,
    is_reason: impl FnOnce(&str) -> Outcome,
    theirs: &str,
) -> Outcome {
    let wire = Arc::new(Wire::default());
    let server = Server::listen(config, &wire)?;
    let peer = start(server.address()?)?;
    let is_refused = || -> Outcome {
        is_reason(&server.wait_for_failure()?.to_string())?;
        peer.prints(theirs)
    };
    is_refused().map_err(|error| report(&*error, &peer, &wire))
}

/// That `wanted` is part of what our user is told.
pub(crate) fn says(text: &str, wanted: &str) -> Outcome {
    expect(text.contains(wanted), format!("we say {text:?}, which is not {wanted:?}"))
}

/// Connects to a peer with which no association may come to be; why it did not, in the words that our user is told.
pub(crate) fn connect_in_vain(
    peer: &Peer,
    (case, trusted, asked): (&Case, KeyKind, &'static str),
    certificates: &Certificates,
    wire: &Arc<Wire>,
) -> Outcome<String> {
    why_not(peer, ServerName::try_from(asked)?, client_config(case, trusted, certificates)?, wire)
}

/// The same with any configuration.
pub(crate) fn why_not(
    peer: &Peer,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    wire: &Arc<Wire>,
) -> Outcome<String> {
    match Association::connect(peer.address()?, name, config, wire) {
        Err(Error::Closed(reason)) => Ok(reason.to_string()),
        Err(error) => Err(error.into()),
        Ok(_) => Err("it is not refused".into()),
    }
}
