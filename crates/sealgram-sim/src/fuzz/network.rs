//! Two live ends, and a network that does what the bytes say.

use core::cell::Cell;
use core::time::Duration;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::vec;

use sealgram::Status;
use sealgram::internals::Choices;

use crate::link::{Arrival, DELAY, Link, Sent};
use crate::networks::acquainted;
use crate::pair::{Pair, ROLES, index, other};

/// What the network does to each datagram for ten seconds, then what the ends say to each other. Without damage to the
/// bytes they have to connect; in any case they agree or know that they do not, and no data is made up or comes twice.
/// Returns 1 if they connected.
pub fn network(data: &[u8]) -> usize {
    let mut choices = Choices::new(data);
    let settings = choices.byte();
    let is_damaged = Rc::new(Cell::new(false));
    let whims = Whims { bytes: choices.chunk().to_vec().into_iter(), is_damaged: Rc::clone(&is_damaged) };
    let (seed, acquaintance) = (settings >> 4, 15 - (settings >> 4));
    let mut builder = acquainted(Pair::builder(seed.into()).link(whims), acquaintance.into());
    builder = builder.mtu(if settings & 1 == 0 { 1200 } else { 256 });
    if settings & 2 != 0 {
        builder = builder.gate();
    }
    if settings & 4 != 0 {
        builder = builder.random_calls();
    }
    let mut pair = builder.build();
    shake_hands(&mut pair, &is_damaged);
    let is_connected = pair.is_connected();
    if is_connected {
        talk(&mut pair, &mut choices);
    }
    is_connected.into()
}

/// A forged message may fail a handshake that nothing protects yet; loss, repetition and delay never do (L4, L5).
fn shake_hands(pair: &mut Pair, is_damaged: &Cell<bool>) {
    pair.settle();
    if is_damaged.get() {
        pair.assert_agreement();
    } else {
        pair.connect();
    }
}

/// Every payload is another one: whatever arrives was sent, and arrives once.
fn talk(pair: &mut Pair, choices: &mut Choices<'_>) {
    let mut sent = [BTreeSet::new(), BTreeSet::new()];
    for number in 0_u16..100 {
        if choices.is_empty() {
            break;
        }
        let from = ROLES[choices.below(2)];
        let mut payload = number.to_be_bytes().to_vec();
        payload.resize(2 + choices.below(200), 0x61);
        if pair.status(from) == Status::Connected {
            pair.send(from, &payload);
            sent[index(from)].insert(payload);
        }
        pair.wait(Duration::from_millis(choices.byte().into()));
    }
    pair.settle();
    for role in ROLES {
        for payload in pair.received(role) {
            assert!(sent[index(other(role))].remove(payload), "{role:?} received what was not sent, or twice");
        }
    }
}

/// A network that reads its moods from bytes, and is a clear one when they have run out.
struct Whims {
    bytes: vec::IntoIter<u8>,
    /// Whether bits were changed.
    is_damaged: Rc<Cell<bool>>,
}

impl Whims {
    fn byte(&mut self) -> u8 {
        self.bytes.next().unwrap_or(0)
    }

    fn delay(&mut self) -> Duration {
        DELAY + Duration::from_millis(u64::from(self.byte()) * 10)
    }
}

impl Link for Whims {
    fn carry(&mut self, sent: &Sent<'_>) -> Vec<Arrival> {
        let mut whole = Arrival::whole(sent);
        if sent.elapsed >= CALM_AFTER {
            return vec![whole];
        }
        match self.byte() % 12 {
            0..=4 => {}
            5 | 6 => return Vec::new(),
            7 => return vec![whole.clone(), whole],
            8 => whole.after = self.delay(),
            9 => return vec![Arrival { after: self.delay(), ..whole.clone() }, whole],
            10 => {
                let at = usize::from(u16::from_be_bytes([self.byte(), self.byte()])) % whole.datagram.len().max(1);
                let mask = self.byte();
                if let Some(byte) = whole.datagram.get_mut(at).filter(|_| mask != 0) {
                    *byte ^= mask;
                    self.is_damaged.set(true);
                }
            }
            _ => whole.datagram.truncate(usize::from(self.byte()) * 5),
        }
        vec![whole]
    }
}

/// Early enough that three more timeouts fit the handshake's deadline of a minute.
const CALM_AFTER: Duration = Duration::from_secs(10);
