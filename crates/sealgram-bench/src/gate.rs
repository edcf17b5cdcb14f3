//! Hellos before the gate of an endpoint: what a flood from forged addresses costs.

use core::net::SocketAddr;

use sealgram::{Dispatch, Endpoint, Path};
use sealgram_sim::SimRng;

use crate::crypto_sum::Group;
use crate::handshake::Stage;
use crate::ideal::Aead;
use crate::records::NOW;

/// A flood of copies of one hello, each with a random and an address of its own.
#[derive(Debug)]
pub struct Flood {
    endpoint: Endpoint,
    hello: Vec<u8>,
    copies: Vec<(Path, Vec<u8>)>,
    rng: SimRng,
}

/// What the hellos of a flood have in the place of the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "measurements go through them all")]
pub enum Cookie {
    /// Nothing.
    None,
    /// One that the endpoint made for another address: it is checked before a new one is made.
    Wrong,
}

impl Flood {
    /// Of so many hellos at a time.
    #[must_use]
    pub fn new(cookie: Cookie, copies: usize) -> Self {
        let mut stage = Stage::new(Aead::Aes128Gcm.suite(), Group::X25519);
        let mut meeting = stage.meeting();
        stage.client_turn(&mut meeting);
        if cookie == Cookie::Wrong {
            stage.server_turn(&mut meeting);
            stage.client_turn(&mut meeting);
        }
        let hello = meeting.under_way_to_server().to_vec();
        let nowhere = Path::from(SocketAddr::from(([0; 4], 0)));
        let copies = vec![(nowhere, hello.clone()); copies];
        Self { endpoint: stage.endpoint, hello, copies, rng: SimRng::new(2) }
    }

    /// Makes the hellos anew: those of the last time hold the answers.
    pub fn prepare(&mut self) {
        for (path, copy) in &mut self.copies {
            let [a, b, c, d, p, q, ..] = self.rng.next().to_be_bytes();
            *path = Path::from(SocketAddr::from(([a, b, c, d], u16::from_be_bytes([p, q]))));
            copy.copy_from_slice(&self.hello);
            self.rng.fill(&mut copy[RANDOM]);
        }
    }

    /// Brings them to the gate, and returns how many were answered.
    pub fn arrive(&mut self) -> usize {
        let mut answered = 0;
        for (path, copy) in &mut self.copies {
            answered += usize::from(matches!(self.endpoint.handle_datagram(NOW, *path, copy), Dispatch::Reply(_)));
        }
        answered
    }

    /// How many there are at a time.
    #[must_use]
    pub fn len(&self) -> usize {
        self.copies.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.copies.is_empty()
    }
}

/// Where the random of a hello stands: behind two headers and the version.
const RANDOM: core::ops::Range<usize> = 27..59;
