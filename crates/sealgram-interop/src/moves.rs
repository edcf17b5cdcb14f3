//! Associations whose client comes from another port under way, and is known by its connection ID (RFC 9146).

use core::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use sealgram::AddressChange;

use crate::case::Case;
use crate::certificates::Certificates;
use crate::configuration::{client_config, name_for, server_config};
use crate::conversation::report;
use crate::nat::Nat;
use crate::ours::{Association, Server};
use crate::peer::{Manner, Peer};
use crate::wire::Wire;
use crate::{Outcome, expect, expect_eq};

/// A client of the peer's asks us three times, the second time and the third from another port.
///
/// Our server hears it from there under any policy. Where it answers to is what the policy says. To follow takes a check
/// that no peer knows (RFC 9853): without it, our server stays where it is.
pub fn peer_comes_from_elsewhere(
    policy: AddressChange,
    case: &Case,
    certificates: &Certificates,
    start: impl FnOnce(SocketAddr) -> Outcome<Peer>,
) -> Outcome {
    let wire = Arc::new(Wire::default());
    let server = Server::listen_under(policy, server_config(case, certificates)?, &wire)?;
    let nat = Nat::start(server.address()?)?;
    let mut peer = start(nat.address())?;
    let mut converse = || -> Outcome {
        let Manner::Asks(question) = peer.manner() else { return Err("it does not ask".into()) };
        let mut ours = server.accept()?;
        peer.confirms_facts()?;
        let home = ours.peer_address();
        hears(&mut ours, question)?;
        // It asks anew once it has its answer, which still goes to where the question came from.
        let elsewhere = nat.change()?;
        says(&mut ours, &peer, "to where you are")?;
        hears(&mut ours, question)?;
        expect_eq("where we send to", &ours.peer_address(), &home)?;
        if policy == AddressChange::Ask {
            expect_eq("where it is", &server.wait_for_elsewhere()?, &elsewhere)?;
            ours.move_to(elsewhere)?;
            nat.forget_former();
            expect_eq("where we send to", &ours.peer_address(), &elsewhere)?;
        }
        says(&mut ours, &peer, "to where I believe you are")?;
        hears(&mut ours, question)?;
        ours.close()?;
        peer.notices_close()
    };
    converse().map_err(|error| report(&*error, &peer, &wire))
}

/// Our client goes to another port and from there to a third one, with a server of the peer's that follows it.
pub fn we_come_from_elsewhere(case: &Case, certificates: &Certificates, mut peer: Peer) -> Outcome {
    let wire = Arc::new(Wire::default());
    let mut converse = || -> Outcome {
        let config = client_config(case, case.key_kind, certificates)?;
        let mut ours = Association::connect(peer.address()?, name_for(case)?, config, &wire)?;
        expect_eq("suite", &ours.session()?.cipher_suite, &case.suite)?;
        expect(ours.session()?.connection_ids.is_some(), "there are no connection IDs")?;
        peer.confirms_facts()?;
        for line in ["from the first port", "from the second port", "from the third port"] {
            peer.prints(&format!("heard from port {}", ours.local_address()?.port()))?;
            says(&mut ours, &peer, line)?;
            hears(&mut ours, line)?;
            ours.rebind((Ipv4Addr::LOCALHOST, 0).into())?;
            ours.send(b"here\n")?;
            hears(&mut ours, "here")?;
        }
        ours.close()?;
        peer.notices_close()
    };
    converse().map_err(|error| report(&*error, &peer, &wire))
}

/// Our client goes to another port and comes back, with a server of the peer's whose socket is connected to the first
/// one. What we say from the other port it does not hear; what we say from the first it hears before and after.
pub fn we_go_away_and_come_back(case: &Case, certificates: &Certificates, mut peer: Peer) -> Outcome {
    let wire = Arc::new(Wire::default());
    let mut converse = || -> Outcome {
        let Manner::Answers(answer) = peer.manner() else { return Err("it does not answer".into()) };
        let config = client_config(case, case.key_kind, certificates)?;
        let mut ours = Association::connect(peer.address()?, name_for(case)?, config, &wire)?;
        peer.confirms_facts()?;
        let home = ours.local_address()?;
        says(&mut ours, &peer, "before")?;
        hears(&mut ours, answer)?;
        ours.rebind((Ipv4Addr::LOCALHOST, 0).into())?;
        expect(ours.local_address()? != home, "it is the same port")?;
        ours.send(b"from elsewhere\n")?;
        ours.rebind(home)?;
        says(&mut ours, &peer, "afterwards")?;
        hears(&mut ours, answer)?;
        expect(!peer.output().contains("from elsewhere"), "it hears what comes from elsewhere")?;
        ours.close()?;
        peer.notices_close()
    };
    converse().map_err(|error| report(&*error, &peer, &wire))
}

fn says(ours: &mut Association, peer: &Peer, line: &str) -> Outcome {
    ours.send(format!("{line}\n").as_bytes())?;
    peer.prints(line)
}

fn hears(ours: &mut Association, words: &str) -> Outcome {
    let record = ours.recv()?;
    let text = String::from_utf8_lossy(&record);
    expect(text.contains(words), format!("the peer says {text:?}, without {words:?}"))
}
