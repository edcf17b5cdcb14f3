//! Decisions that the application makes at once, late or never (design: suspended decisions), on networks that lose.
//!
//! What can go wrong: a handshake that waits sends nothing new, so the peer repeats itself; what it says meanwhile is
//! lost, or answered twice, or fills the memory; the answer comes and nobody goes on; it never comes and nobody gives up,
//! or one end does before its time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::time::Duration;

use sealgram::error::Error;
use sealgram::{DiscardReason, Event, Role, Status, TransportOptions};
use sealgram_alloc::CountingAllocator;
use sealgram_sim::patterns::all_patterns;
use sealgram_sim::{
    Authentication, Earlier, Pair, PairBuilder, Promptness, ROLES, ResumeBy, Script, Weather, for_seeds, forge, toy,
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// A handshake that asks for one decision, which is the server's.
struct Case {
    name: &'static str,
    build: Box<dyn Fn(u64) -> PairBuilder>,
}

/// One for each kind of decision. Another kind is one more entry.
fn cases() -> Vec<Case> {
    let case = |name, build: Box<dyn Fn(u64) -> PairBuilder>| Case { name, build };
    let known_by = |authentication| move |seed| Pair::builder(seed).gate().authentication(authentication);
    let session = Earlier::of(Pair::builder(0), ResumeBy::Id);
    vec![
        case("PSK", Box::new(known_by(Authentication::PresharedKey(&toy::PSK_SUITE)))),
        case("ECDHE_PSK", Box::new(known_by(Authentication::PresharedKey(&toy::ECDHE_PSK_SUITE)))),
        case("session", Box::new(move |seed| Pair::builder(seed).gate().resume(&session))),
    ]
}

fn transport() -> TransportOptions {
    TransportOptions::default().jitter(false).handshake_deadline(DEADLINE)
}

fn is_asked(pair: &Pair) -> bool {
    pair.events(Role::Server).iter().any(|event| matches!(event, Event::Needs { .. }))
}

/// Whether the end gave up because its time was over.
fn has_timed_out(pair: &Pair, role: Role) -> bool {
    let Some(Event::Closed(reason)) = pair.close_event(role) else { return false };
    matches!(reason.error(), Some(Error::Timeout(_)))
}

/// However long it takes, within the deadline: every fault of the network changes what comes before, meanwhile and after.
#[test]
fn a_decision_at_once_or_late_lets_the_handshake_complete() {
    let promptness = [Promptness::AtOnce, Promptness::After(Duration::ZERO)]
        .into_iter()
        .chain([30, 900, 2500, 20_000].map(|millis| Promptness::After(Duration::from_millis(millis))));
    for promptness in promptness {
        let most_faults = if promptness == Promptness::After(Duration::from_millis(900)) { 2 } else { 1 };
        for case in cases() {
            for pattern in all_patterns(most_faults) {
                let script = Script::new(pattern.iter().copied());
                let mut pair = (case.build)(1).transport(transport()).decisions(promptness).link(script).build();
                pair.shake_hands();
                let name = case.name;
                assert!(pair.is_connected(), "{name} {promptness:?} {pattern:?} after {:?}", pair.elapsed());
                assert_eq!(is_asked(&pair), promptness != Promptness::AtOnce);
                pair.settle();
                pair.assert_agreement();
            }
        }
    }
}

/// FLT-01: while the decision is open nothing of the server's runs, and what waits is the client's last flight. So on a
/// clear network nobody repeats anything for a decision that takes less than a timeout.
#[test]
fn a_decision_within_a_timeout_costs_no_repeat() {
    for case in cases() {
        let promptness = Promptness::After(Duration::from_millis(900));
        let mut pair = (case.build)(1).transport(transport()).decisions(promptness).build();
        pair.connect();
        for role in ROLES {
            let resent = pair.with(role, |connection| connection.stats().retransmissions);
            assert_eq!(resent, 0, "{role:?} of {}", case.name);
        }
        assert!(pair.elapsed() < Duration::from_millis(1100), "{} took {:?}", case.name, pair.elapsed());
    }
}

/// And none of the server's own for a decision that takes longer, though the client says its flight again and again.
#[test]
fn a_server_that_waits_for_a_decision_says_nothing() {
    for case in cases() {
        let promptness = Promptness::After(Duration::from_secs(20));
        let mut pair = (case.build)(1).transport(transport()).decisions(promptness).build();
        pair.run_while(|pair| {
            pair.flush();
            !is_asked(pair)
        });
        let said = |pair: &Pair, role| pair.log().of(role).count();
        let [client, server] = ROLES.map(|role| said(&pair, role));
        pair.wait(Duration::from_secs(19));
        assert_eq!(said(&pair, Role::Server), server, "{}", case.name);
        assert!(said(&pair, Role::Client) >= client + 4, "{}", case.name);
        pair.connect();
    }
}

/// In bad weather.
#[test]
fn decisions_are_made_in_any_weather() {
    for_seeds(0..150, |seed| {
        for case in cases() {
            let promptness = Promptness::After(Duration::from_millis(seed * 70));
            let builder = (case.build)(seed).decisions(promptness).link(Weather::of_seed(seed).ring());
            let mut pair = builder.transport(transport().handshake_deadline(Duration::from_secs(300))).build();
            pair.connect();
            assert!(is_asked(&pair));
        }
    });
}

/// Nobody waits for ever, and nobody gives up before the time: both ends fail at their deadlines, whatever is lost.
#[test]
fn a_decision_that_never_comes_ends_the_handshake_at_its_deadline() {
    for promptness in [Promptness::Never, Promptness::After(DEADLINE * 2)] {
        for case in cases() {
            for pattern in all_patterns(1).into_iter().step_by(2) {
                let script = Script::new(pattern.iter().copied());
                let mut pair = (case.build)(1).transport(transport()).decisions(promptness).link(script).build();
                let mut closed_at = [None; 2];
                pair.run_while(|pair| {
                    for (role, at) in ROLES.into_iter().zip(&mut closed_at) {
                        if at.is_none() && pair.close_event(role).is_some() {
                            *at = Some(pair.elapsed());
                        }
                    }
                    closed_at.contains(&None)
                });
                assert!(is_asked(&pair));
                let named = format!("{} {promptness:?} {pattern:?}", case.name);
                for role in ROLES {
                    assert!(has_timed_out(&pair, role), "{role:?} of {named}: {:?}", pair.events(role));
                    assert!(!pair.events(role).contains(&Event::Connected), "{named}");
                }
                // The client began with the clock, and the server with the hello that had a cookie.
                let [client, server] = closed_at.map(Option::unwrap);
                assert_eq!(client, DEADLINE, "{named}");
                assert!((DEADLINE..DEADLINE + Duration::from_secs(8)).contains(&server), "{named}: {server:?}");
            }
        }
    }
}

/// SIO-08, L6: while a decision is open a stranger on the path floods the server with beginnings of messages and with
/// sealed records. They take bounded memory, and none of the place of what is true; what is true is heard in its order.
#[test]
fn what_comes_while_a_decision_is_open_is_bounded_and_in_order() {
    for case in cases() {
        let promptness = Promptness::After(Duration::from_secs(5));
        let mut pair = (case.build)(1).transport(transport()).decisions(promptness).build();
        pair.run_while(|pair| {
            pair.flush();
            !is_asked(pair)
        });
        for number in 0..4000 {
            pair.inject(Role::Server, forge::record(APPLICATION_DATA, 1, number, &[0; 900]));
            let message_seq = u16::try_from(number % 20).unwrap();
            let beginning = forge::fragment(CERTIFICATE, 60_000, message_seq, 0, 900, &[0; 900]);
            pair.inject(Role::Server, forge::record(HANDSHAKE, 0, 1000 + number, &beginning));
        }
        let dropped = pair.with(Role::Server, |server| server.stats().discarded(DiscardReason::StashFull));
        assert!(dropped > 3900, "{dropped}");
        assert_eq!(pair.status(Role::Server), Status::Handshaking);
        pair.connect();
    }
}

const DEADLINE: Duration = Duration::from_secs(40);

// Content types and a message type (RFC 5246 sections 6.2.1 and 7.4).
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const CERTIFICATE: u8 = 11;
