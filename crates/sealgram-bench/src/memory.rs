//! What is allocated, and what is held. The counts are those of `sealgram-alloc`, which has to be the global allocator.

use core::time::Duration;

use sealgram::Role;
use sealgram_alloc::{Counts, count};

use crate::crypto_sum::Group;
use crate::gate::{Cookie, Flood};
use crate::handshake::{Meeting, Stage};
use crate::ideal::Aead;
use crate::records::{NOW, Ours, Records};

/// What the two sides of something have cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "two counts")]
pub struct Sides {
    /// The client, its connection included.
    pub client: Counts,
    /// The endpoint, the connection in it included.
    pub server: Counts,
}

impl Sides {
    const fn of(&mut self, role: Role) -> &mut Counts {
        match role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }

    /// Adds what one side did next.
    fn add(&mut self, role: Role, next: Counts) {
        let sum = self.of(role);
        *sum = Counts {
            allocations: sum.allocations + next.allocations,
            bytes_allocated: sum.bytes_allocated + next.bytes_allocated,
            live_delta: sum.live_delta + next.live_delta,
            peak_delta: sum.peak_delta.max(sum.live_delta + next.peak_delta),
        };
    }
}

/// A stage whose containers have the size that they will keep, for the counts of a handshake not to depend on which it
/// is.
#[must_use]
pub fn settled_stage(group: Group) -> Stage {
    let mut stage = Stage::new(Aead::Aes128Gcm.suite(), group);
    for _ in 0..4 {
        let mut meeting = stage.meeting();
        stage.shake_hands(&mut meeting);
        stage.forget(&meeting);
    }
    stage
}

/// One full handshake, cookie included, on a settled stage: the endpoint has a place for the connection itself, so that
/// the server's counts are of what is outside it.
pub fn handshake(stage: &mut Stage) -> (Sides, Meeting) {
    let (mut sides, mut meeting) = (Sides::default(), stage.meeting());
    stage.watched(&mut meeting, &mut |role, turn| sides.add(role, count(turn).1));
    (sides, meeting)
}

/// What is held for one connection of each side in the average of [`HELD`]: at the end of the handshake, and when the
/// last flight can no longer be asked for.
#[must_use]
pub fn established() -> [Sides; 2] {
    let mut stage = Stage::new(Aead::Aes128Gcm.suite(), Group::X25519);
    let (mut first, mut meetings) = (Sides::default(), Vec::with_capacity(HELD));
    for _ in 0..HELD {
        let (sides, meeting) = handshake(&mut stage);
        first.add(Role::Client, sides.client);
        first.add(Role::Server, sides.server);
        meetings.push(meeting);
    }
    let mut later = first;
    for meeting in &mut meetings {
        let freed = stage.wait_until(meeting, NOW + LAST_FLIGHT_IS_OVER);
        later.add(Role::Client, freed.client);
        later.add(Role::Server, freed.server);
    }
    [first, later].map(average)
}

/// What the server holds for a client that has shown its cookie, was answered and says nothing more, in the average of
/// [`HELD`].
#[must_use]
pub fn half_open() -> Counts {
    let mut stage = Stage::new(Aead::Aes128Gcm.suite(), Group::X25519);
    let mut sides = Sides::default();
    for _ in 0..HELD {
        let mut meeting = stage.meeting();
        for _ in ["hello", "hello with cookie"] {
            stage.client_turn(&mut meeting);
            sides.add(Role::Server, count(|| stage.server_turn(&mut meeting)).1);
        }
    }
    average(sides).server
}

/// So many records, sealed and opened.
#[must_use]
pub fn records(aead: Aead, records: usize) -> Counts {
    let mut ours = Ours::connect(aead.suite());
    let (payload, mut out) = ([7; 1200], [0; 1300]);
    let work = || {
        for _ in 0..records {
            let len = ours.seal(&payload, &mut out);
            assert_eq!(ours.open(&mut out[..len]).map(|plaintext| plaintext.len()), Some(payload.len()));
        }
    };
    count(work).1
}

/// So many hellos answered at the gate.
#[must_use]
pub fn gate(cookie: Cookie, hellos: usize) -> Counts {
    let mut flood = Flood::new(cookie, hellos);
    flood.prepare();
    let (answered, counts) = count(|| flood.arrive());
    assert_eq!(answered, hellos);
    counts
}

fn average(Sides { client, server }: Sides) -> Sides {
    let average = |counts: Counts| Counts { live_delta: counts.live_delta / HELD as isize, ..counts };
    Sides { client: average(client), server: average(server) }
}

/// How many connections are held for an average: as many as fill the endpoint's slots.
pub const HELD: usize = 128;

/// More than twice the maximum segment lifetime (RFC 793 section 3.3: two minutes).
const LAST_FLIGHT_IS_OVER: Duration = Duration::from_secs(600);
