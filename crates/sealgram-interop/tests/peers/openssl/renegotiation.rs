//! A peer that wants to negotiate anew is told no, by a warning that leaves it the choice (RFC 5246 section 7.2.2).
//! OpenSSL chooses to give up, and says so.

use std::sync::Arc;

use sealgram_interop::case::{self, KeyKind};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::{client_config, name_for, server_config};
use sealgram_interop::conversation::report;
use sealgram_interop::ours::{Association, Server};
use sealgram_interop::peer::{Peer, openssl};
use sealgram_interop::wire::Wire;
use sealgram_interop::{Outcome, expect_eq};

use crate::Interop;

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    [
        Interop::new("openssl s_server / told no when it wants to renegotiate".into(), server_is_told),
        Interop::new("openssl s_client / told no when it wants to renegotiate".into(), client_is_told),
    ]
    .into_iter()
}

fn server_is_told(certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let mut peer = openssl::server(&case::ECDSA, certificates, &[])?;
    let config = client_config(&case::ECDSA, KeyKind::Ecdsa, certificates)?;
    let ours = Association::connect(peer.address()?, name_for(&case::ECDSA)?, config, &wire)?;
    is_told(ours, &mut peer, "r").map_err(|error| report(&*error, &peer, &wire))
}

fn client_is_told(certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let server = Server::listen(server_config(&case::ECDSA, certificates)?, &wire)?;
    let mut peer = openssl::client(&case::ECDSA, certificates, server.address()?, &[])?;
    is_told(server.accept()?, &mut peer, "R").map_err(|error| report(&*error, &peer, &wire))
}

/// Types `command` once there is something to renegotiate.
fn is_told(mut ours: Association, peer: &mut Peer, command: &str) -> Outcome {
    ours.send(b"before the request\n")?;
    peer.prints("before the request")?;
    peer.send(command)?;
    expect_eq("why it ended for us", &&*ours.ended()?.to_string(), &"the peer sent HANDSHAKE_FAILURE (FATAL)")?;
    peer.prints("no renegotiation")
}
