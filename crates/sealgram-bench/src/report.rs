//! The tables, as Markdown.

use core::fmt::Write as _;
use core::hint::black_box;
use core::time::Duration;

use sealgram::Role;

use crate::crypto_sum::{CryptoSum, Group};
use crate::gate::{Cookie, Flood};
use crate::handshake::Stage;
use crate::ideal::{Aead, Ideal};
use crate::memory;
use crate::records::{Ours, Records};
use crate::rounds::{race, timed};

/// Seal and open against the ideal, for each cipher and length.
pub fn records(budget: Duration, progress: &mut dyn FnMut(&str)) -> String {
    let mut table = String::from(
        "| cipher | bytes | seal: limit ns | ours ns | of the limit | self-check | open: limit ns | ours ns \
         | of the limit | self-check |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for aead in Aead::ALL {
        for len in LENGTHS {
            progress(&format!("records: {} of {len} bytes", aead.name()));
            let mut limit = Stall::new(Ideal::fixed(aead), len);
            let mut check = Stall::new(Ideal::fixed(aead), len);
            let mut ours = Stall::new(Ours::connect(aead.suite()), len);
            let sealing = race(BATCH, budget, &mut [&mut || limit.seal(), &mut || check.seal(), &mut || ours.seal()]);
            let opening = race(BATCH, budget, &mut [&mut || limit.open(), &mut || check.open(), &mut || ours.open()]);
            let _ = write!(table, "| {} | {len}", aead.name());
            for race in [sealing, opening] {
                let [limit, check, ours] = [0, 1, 2];
                let time = |who| format!("{:.0} / {:.0}", race.median(who), race.minimum(who));
                let _ = write!(
                    table,
                    " | {} | {} | **{:.2}** / {:.2} | {:.2}",
                    time(limit),
                    time(ours),
                    race.ratio(limit, ours),
                    race.ratio_of_minima(limit, ours),
                    race.ratio(limit, check),
                );
            }
            table.push_str(" |\n");
        }
    }
    table
}

/// One contender of the records, with the memory it works in.
struct Stall<R> {
    records: R,
    payload: Vec<u8>,
    datagrams: Vec<Vec<u8>>,
}

impl<R: Records> Stall<R> {
    fn new(records: R, len: usize) -> Self {
        let datagrams = vec![vec![0; len + 64]; BATCH as usize];
        Self { records, payload: vec![7; len], datagrams }
    }

    fn seal(&mut self) -> Duration {
        let Self { records, payload, datagrams } = self;
        timed(|| {
            for _ in 0..BATCH {
                black_box(records.seal(black_box(payload), &mut datagrams[0]));
            }
        })
    }

    fn open(&mut self) -> Duration {
        let Self { records, payload, datagrams } = self;
        let mut len = 0;
        for datagram in &mut *datagrams {
            len = records.seal(payload, datagram);
        }
        timed(|| {
            for datagram in datagrams {
                assert!(black_box(records.open(&mut datagram[..len])).is_some(), "a record that was just sealed opens");
            }
        })
    }
}

/// Full handshakes against the crypto sum.
pub fn handshakes(budget: Duration, progress: &mut dyn FnMut(&str)) -> String {
    let mut table = String::from(
        "| group | crypto sum µs | ours µs | x the sum | self-check | handshakes per second and core |\n\
         |---|--:|--:|--:|--:|--:|\n",
    );
    for group in Group::ALL {
        progress(&format!("handshakes: {}", group.name()));
        let sums = [CryptoSum::new(group), CryptoSum::new(group)];
        let mut stage = memory::settled_stage(group);
        let add = |sum: &CryptoSum| {
            timed(|| {
                for _ in 0..HANDSHAKES {
                    black_box(sum.run());
                }
            })
        };
        let mut meet = || {
            let mut meetings: Vec<_> = (0..HANDSHAKES).map(|_| stage.meeting()).collect();
            let time = timed(|| meetings.iter_mut().for_each(|meeting| stage.shake_hands(meeting)));
            meetings.iter().for_each(|meeting| stage.forget(meeting));
            time
        };
        let race = race(HANDSHAKES, budget, &mut [&mut || add(&sums[0]), &mut || add(&sums[1]), &mut meet]);
        let time = |who| format!("{:.0} / {:.0}", race.median(who) / 1e3, race.minimum(who) / 1e3);
        let _ = writeln!(
            table,
            "| {} | {} | {} | **{:.2}** / {:.2} | {:.2} | {:.0} / {:.0} |",
            group.name(),
            time(0),
            time(2),
            race.ratio(2, 0),
            race.ratio_of_minima(2, 0),
            race.ratio(1, 0),
            1e9 / race.median(2),
            1e9 / race.minimum(2),
        );
    }
    table
}

/// Hellos answered at the gate.
pub fn gate(budget: Duration, progress: &mut dyn FnMut(&str)) -> String {
    let mut table = String::from("| hello | ns | answers per second and core | allocations |\n|---|--:|--:|--:|\n");
    for (name, cookie) in [("without a cookie", Cookie::None), ("with a wrong one", Cookie::Wrong)] {
        progress(&format!("hello gate: {name}"));
        let mut flood = Flood::new(cookie, BATCH as usize);
        let mut turn = || {
            flood.prepare();
            timed(|| assert_eq!(flood.arrive(), flood.len(), "every hello is answered"))
        };
        let race = race(BATCH, budget, &mut [&mut turn]);
        let _ = writeln!(
            table,
            "| {name} | {:.0} / {:.0} | {:.0} / {:.0} | {} |",
            race.median(0),
            race.minimum(0),
            1e9 / race.median(0),
            1e9 / race.minimum(0),
            memory::gate(cookie, 100).allocations,
        );
    }
    table
}

/// Memory, and what goes over the wire.
pub fn memory(progress: &mut dyn FnMut(&str)) -> String {
    progress("memory");
    let mut table = String::from("| what | client | server |\n|---|--:|--:|\n");
    let mut row = |what: &str, client: &dyn core::fmt::Display, server: &dyn core::fmt::Display| {
        let _ = writeln!(table, "| {what} | {client} | {server} |");
    };
    for group in Group::ALL {
        let (sides, _) = memory::handshake(&mut memory::settled_stage(group));
        let what = format!("allocations per full handshake, {}", group.name());
        row(&what, &sides.client.allocations, &sides.server.allocations);
    }
    let (sides, _) = memory::handshake(&mut memory::settled_stage(Group::X25519));
    row("bytes allocated per full handshake", &sides.client.bytes_allocated, &sides.server.bytes_allocated);
    let connection = size_of::<sealgram::Connection>();
    row("peak bytes while handshaking", &sides.client.peak_delta, &(sides.server.peak_delta + connection as isize));
    row("bytes held half-open", &"", &memory::half_open().live_delta);
    let [first, later] = memory::established();
    row("bytes held when established", &first.client.live_delta, &first.server.live_delta);
    row("bytes held after the last flight's time", &later.client.live_delta, &later.server.live_delta);
    row("of these, the connection itself", &connection, &connection);
    for aead in Aead::ALL {
        let counts = memory::records(aead, 1000);
        let what = format!("allocations per 1000 records, {}, sealed and opened", aead.name());
        row(&what, &counts.allocations, &"");
    }
    table
}

/// What a full handshake puts on the wire.
pub fn wire(progress: &mut dyn FnMut(&str)) -> String {
    progress("bytes on the wire");
    let mut table = String::from(
        "| group | datagrams | bytes | of the client, one by one | of the server |\n|---|--:|--:|---|---|\n",
    );
    for group in Group::ALL {
        let mut stage = Stage::new(Aead::Aes128Gcm.suite(), group);
        let (mut least, mut most, mut row) = (usize::MAX, 0, String::new());
        // A signature takes 70 to 72 bytes, so that not all handshakes are of one length.
        for _ in 0..100 {
            let mut meeting = stage.meeting();
            stage.shake_hands(&mut meeting);
            let [client, server] = [Role::Client, Role::Server].map(|role| meeting.sent(role));
            let bytes = client.iter().chain(server).sum();
            (least, most) = (least.min(bytes), most.max(bytes));
            row = format!(
                "| {} | {} | {least} to {most} | {client:?} | {server:?} |",
                group.name(),
                client.len() + server.len()
            );
        }
        let _ = writeln!(table, "{row}");
    }
    table
}

/// The lengths of payloads: a voice frame, a game's update, the longest in an MTU of 1280, of 1500, and in a record.
const LENGTHS: [usize; 5] = [64, 256, 1200, 1392, 16_384];

/// Records and hellos a turn.
const BATCH: u32 = 32;

/// Handshakes a turn.
const HANDSHAKES: u32 = 2;
