//! Preshared keys that differ: neither side can read the Finished of the other, and whoever does not know better takes it
//! for damage on the way.

use core::net::SocketAddr;
use std::sync::Arc;

use sealgram_interop::case::Case;
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::server_config;
use sealgram_interop::conversation::report;
use sealgram_interop::ours::Server;
use sealgram_interop::peer::Peer;
use sealgram_interop::wire::Wire;
use sealgram_interop::{Outcome, expect};

/// What our user is told.
const OURS: &str =
    "its Finished cannot be read: its preshared key is another one (at FINISHED; sent alert DECRYPT_ERROR)";

/// PSK-08, PSK-09: a client with another key sends its flight again and again, and at the third time our server knows why.
/// `start` starts the client, which prints `theirs` when it has our alert.
pub(crate) fn our_server_knows(
    case: &Case,
    certificates: &Certificates,
    start: impl FnOnce(&Case, SocketAddr) -> Outcome<Peer>,
    theirs: &str,
) -> Outcome {
    let case = Case { hasty: true, ..*case };
    let wire = Arc::new(Wire::default());
    let server = Server::listen(server_config(&case, certificates)?, &wire)?;
    let peer = start(&case, server.address()?)?;
    let is_known = || -> Outcome {
        let reason = server.wait_for_failure()?.to_string();
        expect(reason.ends_with(OURS), format!("we say {reason:?}, which does not end in {OURS:?}"))?;
        peer.prints(theirs)
    };
    is_known().map_err(|error| report(&*error, &peer, &wire))
}
