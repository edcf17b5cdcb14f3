//! A peer that wants to negotiate anew is told no (RFC 5246 section 7.2.2). The client of Mbed TLS gives up then, without
//! a word to us.

use std::sync::Arc;

use sealgram_interop::Outcome;
use sealgram_interop::case;
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::server_config;
use sealgram_interop::conversation::{Closer, report};
use sealgram_interop::ours::Server;
use sealgram_interop::peer::mbedtls;
use sealgram_interop::wire::Wire;

use crate::Interop;

pub(crate) fn trials() -> impl Iterator<Item = Interop> {
    [Interop::new("mbedtls ssl_client2 / told no when it wants to renegotiate".into(), client_is_told)].into_iter()
}

fn client_is_told(certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let server = Server::listen(server_config(&case::ECDSA, certificates)?, &wire)?;
    let more = ["renegotiation=1", "renegotiate=1"];
    let peer = mbedtls::client(&case::ECDSA, certificates, server.address()?, Closer::Us, &more)?;
    let is_told = || -> Outcome {
        let _ours = server.accept()?;
        peer.prints("Performing renegotiation... failed")?;
        peer.prints("Unexpected message at ServerHello in renegotiation")
    };
    is_told().map_err(|error| report(&*error, &peer, &wire))
}
