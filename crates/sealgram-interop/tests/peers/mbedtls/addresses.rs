//! Clients that come from another port, known by their connection IDs.
//!
//! The library goes by the connection ID and asks nobody where a record came from. Its programs connect their sockets to
//! the first address that they hear from, so that a client of theirs can be moved by a NAT, and a server of theirs hears
//! nothing from elsewhere: there it takes a server of ours on its library.

use sealgram::AddressChange;
use sealgram_interop::case::{self, Authentication, Case};
use sealgram_interop::conversation::Closer;
use sealgram_interop::moves::{peer_comes_from_elsewhere, we_come_from_elsewhere, we_go_away_and_come_back};
use sealgram_interop::peer::mbedtls;

use super::as_it_is;
use crate::Interop;

pub(super) fn trials() -> impl Iterator<Item = Interop> {
    // Those whose clients send with an ID, which is the server's.
    let known =
        || case::CONNECTION_IDS.iter().filter(|case| case.connection_ids.is_some_and(|ids| !ids.server.is_empty()));
    let asked = known().map(|case| heard_from_elsewhere(AddressChange::Ask, case));
    let others = [AddressChange::Stay, AddressChange::Follow].into_iter();
    let others = others.flat_map(move |policy| known().take(2).map(move |case| heard_from_elsewhere(policy, case)));
    let unheard = known().take(2).map(|case| away_and_back(as_it_is(*case)));
    // The server of ours knows certificates, and no more.
    let plain = known().filter(|case| case.authentication() == Authentication::Signature);
    let plain = plain.filter(|case| case.extended_master_secret && !case.client.is_asked());
    let followed = plain.map(|case| followed(Case { narrow: true, ..as_it_is(*case) }));
    let impossible = known().take(1).map(|case| {
        Interop::new(format!("mbedtls ssl_server2 / {case}, from another port"), |_| Ok(())).impossible(CONNECTED)
    });
    asked.chain(others).chain(unheard).chain(impossible).chain(followed)
}

/// CID-13, CID-16.
fn heard_from_elsewhere(policy: AddressChange, case: &'static Case) -> Interop {
    Interop::new(format!("mbedtls ssl_client2 / {case}, from another port: {policy:?}"), move |certificates| {
        // It asks three times and does not close.
        let start = |to| mbedtls::client(case, certificates, to, Closer::Us, &[]);
        peer_comes_from_elsewhere(policy, case, certificates, start)
    })
}

/// CID-04, CID-16: the server of ours sends to wherever it has heard from last.
fn followed(case: Case) -> Interop {
    Interop::new(format!("mbedtls ssl_server2 / {case}, {ON_ITS_LIBRARY}"), move |certificates| {
        we_come_from_elsewhere(&case, certificates, mbedtls::following_server(&case, certificates)?)
    })
}

fn away_and_back(case: Case) -> Interop {
    Interop::new(format!("mbedtls ssl_server2 / {case}, away and back"), move |certificates| {
        we_go_away_and_come_back(&case, certificates, mbedtls::server(&case, certificates, Closer::Us, &[])?)
    })
}

const CONNECTED: &str = "the socket of ssl_server2 is connected to the first address of its client";

const ON_ITS_LIBRARY: &str = "our port changes: a server of ours on its library";
