//! Associations that must not come to be: what the trials with every peer have in common.

use std::sync::Arc;

use sealgram::pki_types::ServerName;
use sealgram_interop::Outcome;
use sealgram_interop::case::{self, Alpn, Case, KeyKind};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::client_config;
use sealgram_interop::ours::Association;
use sealgram_interop::peer::Peer;
use sealgram_interop::wire::Wire;
use sealgram_std::Error;

/// A plaintext alert is believed only after some timeouts, which are short here.
pub(crate) const ECDSA: Case = Case { hasty: true, ..case::ECDSA };

pub(crate) const NOTHING_IN_COMMON: Alpn = Alpn { client: &["coap"], server: &["webrtc"], agreed: "" };

/// Connects to a peer with which no association may come to be; why it did not, in the words that our user is told.
pub(crate) fn connect_in_vain(
    peer: &Peer,
    (case, trusted, asked): (&Case, KeyKind, &'static str),
    certificates: &Certificates,
    wire: &Arc<Wire>,
) -> Outcome<String> {
    let config = client_config(case, trusted, certificates)?;
    match Association::connect(peer.address()?, ServerName::try_from(asked)?, config, wire) {
        Err(Error::Closed(reason)) => Ok(reason.to_string()),
        Err(error) => Err(error.into()),
        Ok(_) => Err("it is not refused".into()),
    }
}
