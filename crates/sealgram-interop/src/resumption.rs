//! Two associations with a peer, of which the second takes up the session of the first.

use core::net::SocketAddr;
use core::num::NonZeroUsize;
use std::sync::Arc;

use sealgram::provider::ring;
use sealgram::resumption::{MemoryClientSessions, TicketKeys};
use sealgram::{CloseReason, Role, ServerConfig};

use crate::case::{Case, SessionHandle};
use crate::certificates::Certificates;
use crate::configuration::{client_judging_by, name_for, server_builder, server_verifier};
use crate::conversation::{Closer, Conversation, Visit, report};
use crate::ours::{Association, Server};
use crate::peer::Peer;
use crate::relay::Relay;
use crate::sessions::WrittenSessions;
use crate::wire::Wire;
use crate::{Outcome, expect_eq};

/// We connect to `peer` twice, a server that was started for `case` and serves one association after another.
///
/// Where our end starts anew, what stays is the store and the verifier: sessions of a client are bound to who judged the
/// server, and do not leave the process.
pub fn we_return(case: &Case, certificates: &Certificates, mut peer: Peer) -> Outcome {
    let sessions = Arc::new(MemoryClientSessions::new(NonZeroUsize::MIN));
    let verifier = server_verifier(case, case.key_kind, certificates)?;
    let start = || -> Outcome<_> {
        let builder = client_judging_by(Arc::clone(&verifier), case, certificates)?;
        Ok(builder.sessions(Arc::clone(&sessions) as Arc<_>).build()?)
    };
    let mut config = start()?;
    for visit in [Visit::First, Visit::Second] {
        let wire = Arc::new(Wire::default());
        let mut converse = || -> Outcome {
            let to = peer.address()?;
            if visit == Visit::Second {
                peer.begin_anew();
            }
            let ours = Association::connect(to, name_for(case)?, Arc::clone(&config), &wire)?;
            Conversation { case, certificates, role: Role::Client, visit, wire: &wire, ours, peer: &mut peer }
                .run(Closer::Us)
        };
        converse().map_err(|error| report(&*error, &peer, &wire))?;
        if restarts(case) {
            config = start()?;
        }
    }
    Ok(())
}

/// How a client of a peer comes back.
#[expect(clippy::exhaustive_enums, reason = "cases are matched whole")]
#[expect(missing_debug_implementations, reason = "functions have nothing to show")]
pub enum Returning<'a> {
    /// One process connects, leaves, and connects again to the same address from another port.
    ByItself {
        /// Starts it.
        start: &'a dyn Fn(SocketAddr) -> Outcome<Peer>,
        /// Who ends the first association after a conversation, if it does not leave without one.
        first: Option<Closer>,
        /// Who ends the second one.
        second: Closer,
    },
    /// There are two processes, of which the second reads what the first has written down. Starts either.
    InTwo(&'a dyn Fn(SocketAddr, Visit) -> Outcome<Peer>),
}

/// A client of a peer's connects to us twice. Where our end starts anew, the second server has of the first only the keys
/// of tickets, or the bytes of sessions.
pub fn peer_returns(case: &Case, certificates: &Certificates, client: &Returning<'_>) -> Outcome {
    let wire = Arc::new(Wire::default());
    let sessions = Arc::new(WrittenSessions::default());
    let start = || Server::listen(config(case, certificates, &sessions)?, &wire);
    let servers = if restarts(case) { vec![start()?, start()?] } else { vec![start()?] };
    let [first, .., second] = servers.iter().cycle().take(2).collect::<Vec<_>>()[..] else {
        return Err("there are no servers".into());
    };
    let addresses = [first.address()?, second.address()?];
    let relay = Relay::start(addresses.to_vec())?;
    let visit = |visit, server: &Server, peer: &mut Peer, closer| {
        let ours = server.accept()?;
        Conversation { case, certificates, role: Role::Server, visit, wire: &wire, ours, peer }.run(closer)
    };
    match client {
        Returning::ByItself { start, first: how_first, second: how_second } => {
            let mut peer = start(relay.address())?;
            let mut converse = || -> Outcome {
                match how_first {
                    Some(closer) => visit(Visit::First, first, &mut peer, *closer)?,
                    None => expect_eq("why it ended for us", &first.accept()?.ended()?, &CloseReason::Peer)?,
                }
                peer.expect_resumption();
                visit(Visit::Second, second, &mut peer, *how_second)
            };
            converse().map_err(|error| report(&*error, &peer, &wire))
        }
        Returning::InTwo(start) => {
            for (which, server) in [(Visit::First, first), (Visit::Second, second)] {
                let mut peer = start(relay.address(), which)?;
                if which == Visit::Second {
                    peer.expect_resumption();
                }
                visit(which, server, &mut peer, Closer::Us).map_err(|error| report(&*error, &peer, &wire))?;
            }
            Ok(())
        }
    }
}

/// A server that knows of sessions what is in the store, or in tickets under keys that others derive alike.
fn config(case: &Case, certificates: &Certificates, sessions: &Arc<WrittenSessions>) -> Outcome<Arc<ServerConfig>> {
    let builder = server_builder(case, certificates)?;
    let builder = match case.resumption.map(|resumption| resumption.by) {
        Some(SessionHandle::Ticket) => {
            builder.tickets(Arc::new(TicketKeys::derive(ring::provider(), &TICKET_MASTER, TICKET_EPOCH)?))
        }
        _ => builder.sessions(Arc::clone(sessions) as Arc<_>),
    };
    Ok(builder.build()?)
}

fn restarts(case: &Case) -> bool {
    case.resumption.is_some_and(|resumption| resumption.restart)
}

/// What servers share that open one another's tickets.
const TICKET_MASTER: [u8; 32] = [0x5e; 32];
const TICKET_EPOCH: u64 = 2900;
