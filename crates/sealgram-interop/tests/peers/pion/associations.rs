//! What goes beyond one association with a few lines of data.

use std::sync::Arc;

use sealgram_interop::case::{self, KeyKind};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::{client_config, name_for, server_config};
use sealgram_interop::conversation::report;
use sealgram_interop::ours::{Association, Server};
use sealgram_interop::peer::{Peer, pion};
use sealgram_interop::wire::Wire;
use sealgram_interop::{Outcome, expect_eq};

use crate::Interop;

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    [
        Interop::new("pion server / records of many sizes".into(), sizes_with_server),
        Interop::new("pion client / records of many sizes".into(), sizes_with_client),
        Interop::new("pion server / three associations, one after the other".into(), three_with_server),
        Interop::new("pion client / three associations from one port".into(), three_from_one_port),
    ]
    .into_iter()
}

fn sizes_with_server(certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let mut peer = pion::server(&case::ECDSA, certificates, &[])?;
    let mut ours = connect(&peer, certificates, &wire)?;
    exchange_sizes(&mut ours, &mut peer).map_err(|error| report(&*error, &peer, &wire))
}

fn sizes_with_client(certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let server = Server::listen(server_config(&case::ECDSA, certificates)?, &wire)?;
    let mut peer = pion::client(&case::ECDSA, certificates, server.address()?, &[])?;
    let mut ours = server.accept()?;
    exchange_sizes(&mut ours, &mut peer).map_err(|error| report(&*error, &peer, &wire))
}

/// Each size in a letter of its own.
fn exchange_sizes(ours: &mut Association, peer: &mut Peer) -> Outcome {
    let longest = ours.max_payload();
    for (len, letter) in SIZES.into_iter().chain([longest]).zip('a'..) {
        let payload = String::from(letter).repeat(len);
        ours.send(payload.as_bytes())?;
        peer.prints(&payload)?;
    }
    for (len, letter) in SIZES.into_iter().chain([LONGEST_OF_PION]).zip('A'..) {
        let line = String::from(letter).repeat(len);
        peer.send(&line)?;
        expect_eq("the peer's data", &String::from_utf8(ours.recv()?)?, &format!("{line}\n"))?;
    }
    Ok(())
}

fn three_with_server(certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let mut peer = pion::server(&case::ECDSA, certificates, &[])?;
    let mut talk = || -> Outcome {
        for n in 1..=3 {
            let ours = connect(&peer, certificates, &wire)?;
            exchange_and_close(ours, &mut peer, n)?;
        }
        Ok(())
    };
    talk().map_err(|error| report(&*error, &peer, &wire))
}

/// The address is free for the next association as soon as the one before is closed.
fn three_from_one_port(certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let server = Server::listen(server_config(&case::ECDSA, certificates)?, &wire)?;
    let mut peer = pion::client(&case::ECDSA, certificates, server.address()?, &["-times", "3"])?;
    let mut talk = || -> Outcome {
        for n in 1..=3 {
            exchange_and_close(server.accept()?, &mut peer, n)?;
        }
        peer.notices_close()
    };
    talk().map_err(|error| report(&*error, &peer, &wire))
}

fn connect(peer: &Peer, certificates: &Certificates, wire: &Arc<Wire>) -> Outcome<Association> {
    let config = client_config(&case::ECDSA, KeyKind::Ecdsa, certificates)?;
    Ok(Association::connect(peer.address()?, name_for(&case::ECDSA)?, config, wire)?)
}

fn exchange_and_close(mut ours: Association, peer: &mut Peer, n: usize) -> Outcome {
    ours.send(format!("ping {n}\n").as_bytes())?;
    peer.prints(&format!("ping {n}\n"))?;
    peer.send(&format!("pong {n}"))?;
    expect_eq("the peer's data", &String::from_utf8(ours.recv()?)?, &format!("pong {n}\n"))?;
    Ok(ours.close()?)
}

/// Payloads, around the blocks of ciphers and the widths of lengths.
const SIZES: [usize; 12] = [1, 2, 15, 16, 17, 31, 32, 33, 255, 256, 257, 1000];

/// Its MTU is not for data.
const LONGEST_OF_PION: usize = 8000;
