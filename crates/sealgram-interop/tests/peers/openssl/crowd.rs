//! Many clients at once against one server of ours.

use std::sync::Arc;

use sealgram::CloseReason;
use sealgram_interop::case;
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::server_config;
use sealgram_interop::conversation::report;
use sealgram_interop::ours::{Association, Server};
use sealgram_interop::peer::{Peer, openssl};
use sealgram_interop::wire::Wire;
use sealgram_interop::{Outcome, expect, expect_eq};

use crate::Interop;

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    let crowd = |size| Interop::new(format!("openssl s_client / {size} at once"), move |it| crowd(size, it));
    [50].into_iter().map(crowd)
}

/// All are started before the first is served, and all are connected before the first leaves.
fn crowd(size: usize, certificates: &Certificates) -> Outcome {
    let case = case::ECDSA;
    let wire = Arc::new(Wire::default());
    let server = Server::listen(server_config(&case, certificates)?, &wire)?;
    let address = server.address()?;
    let mut clients =
        (0..size).map(|_| openssl::client(&case, certificates, address, &[])).collect::<Outcome<Vec<Peer>>>()?;
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(&format!("greetings from {n}."))?;
    }
    let mut streams = (0..size).map(|_| server.accept()).collect::<Outcome<Vec<Association>>>()?;
    for stream in &mut streams {
        let greeting = stream.recv()?;
        stream.send(format!("thanks for {}", String::from_utf8_lossy(&greeting)).as_bytes())?;
    }
    for (n, client) in clients.iter_mut().enumerate() {
        let is_served = client.prints(&format!("thanks for greetings from {n}.")).and_then(|()| client.close());
        is_served.map_err(|error| report(&*error, client, &wire))?;
    }
    for mut stream in streams {
        expect_eq("why it ended for us", &stream.ended()?, &CloseReason::Peer)?;
    }
    expect(server.failure().is_none(), "a handshake failed")
}
