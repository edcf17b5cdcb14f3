//! Preshared keys that differ: neither side can read the Finished of the other, and whoever does not know better takes it
//! for damage on the way.

use core::net::SocketAddr;

use sealgram_interop::case::Case;
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::server_config;
use sealgram_interop::peer::Peer;
use sealgram_interop::{Outcome, expect};

use crate::refusal::client_in_vain;

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
    let is_reason =
        |reason: &str| expect(reason.ends_with(OURS), format!("we say {reason:?}, which does not end in {OURS:?}"));
    client_in_vain(server_config(&case, certificates)?, |to| start(&case, to), is_reason, theirs)
}
