//! How much is allocated is exact, and so is asserted exactly: whoever changes it sees it here, and says why.

use sealgram_alloc::{CountingAllocator, Counts};
use sealgram_bench::crypto_sum::Group;
use sealgram_bench::gate::Cookie;
use sealgram_bench::ideal::Aead;
use sealgram_bench::memory;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Of a full handshake: of the client, its connection included, and of the endpoint, which has a place for the
/// connection. Part of it is rustls-webpki's and x509-parser's.
const CLIENT: usize = 75;
const SERVER: usize = 43;

#[test]
fn a_handshake_allocates_what_it_did() {
    for group in Group::ALL {
        let mut stage = memory::settled_stage(group);
        for _ in 0..20 {
            let (sides, meeting) = memory::handshake(&mut stage);
            assert_eq!((sides.client.allocations, sides.server.allocations), (CLIENT, SERVER), "{}", group.name());
            stage.forget(&meeting);
        }
    }
}

/// I6.
#[test]
fn a_record_allocates_nothing() {
    for aead in Aead::ALL {
        assert_eq!(memory::records(aead, 1000), Counts::default(), "{}", aead.name());
    }
}

/// I2.
#[test]
fn an_answer_of_the_gate_allocates_nothing() {
    for cookie in [Cookie::None, Cookie::Wrong] {
        assert_eq!(memory::gate(cookie, 1000), Counts::default(), "{cookie:?}");
    }
}

/// The floors of docs/performance.md, in bytes.
#[test]
fn connections_stay_below_their_floors() {
    let connection = isize::try_from(size_of::<sealgram::Connection>()).unwrap_or(isize::MAX);
    let (sides, _) = memory::handshake(&mut memory::settled_stage(Group::X25519));
    assert!(sides.client.peak_delta <= 12_000 && sides.server.peak_delta + connection <= 12_000, "{sides:?}");
    for held in memory::established() {
        assert!(held.client.live_delta <= 5_000 && held.server.live_delta <= 5_000, "{held:?}");
    }
    let half_open = memory::half_open();
    assert!(half_open.live_delta <= 5_000, "{half_open:?}");
}
