//! Decisions that the application makes at once, late or never (design: suspended decisions), on networks that lose.
//!
//! What can go wrong: an end that waits sends nothing new, so its peer repeats itself; what that says meanwhile is lost,
//! or answered twice, or fills the memory; the answer comes and nobody goes on; it never comes and nobody gives up, or one
//! end does before its time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use core::time::Duration;

use sealgram::error::Error;
use sealgram::{DiscardReason, Event, Role, Status, TransportOptions};
use sealgram_alloc::CountingAllocator;
use sealgram_sim::patterns::all_patterns;
use sealgram_sim::{
    Authentication, Earlier, Pair, PairBuilder, Promptness, Question, ROLES, ResumeBy, Script, Weather, for_seeds,
    forge, other, toy,
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// A handshake in which one end is asked one question. Its peer, which knows nothing of that, repeats its flight.
struct Case {
    name: String,
    question: Question,
    build: Box<dyn Fn(u64) -> PairBuilder>,
}

impl Case {
    fn pair(&self, seed: u64, promptness: Promptness) -> PairBuilder {
        (self.build)(seed).gate().asks(self.question, promptness)
    }

    const fn asked(&self) -> Role {
        self.question.asked()
    }

    fn is_asked(&self, pair: &Pair) -> bool {
        pair.events(self.asked()).iter().any(|event| matches!(event, Event::Needs { .. }))
    }

    /// Goes on until the question is asked, and nothing of the flight before is left to be said.
    fn run_until_asked(&self, pair: &mut Pair) {
        pair.run_while(|pair| {
            pair.flush();
            !self.is_asked(pair)
        });
    }
}

/// One for each question and each end that it is asked.
fn cases() -> Vec<Case> {
    let known_by = |question, authentication: Authentication| Case {
        name: format!("{question:?} of {authentication:?}"),
        question,
        build: Box::new(move |seed| Pair::builder(seed).authentication(authentication)),
    };
    let session = Earlier::of(Pair::builder(0), ResumeBy::Id);
    vec![
        known_by(Question::PresharedKey, Authentication::PresharedKey(&toy::PSK_SUITE)),
        known_by(Question::PresharedKey, Authentication::PresharedKey(&toy::ECDHE_PSK_SUITE)),
        Case {
            name: "Session".to_owned(),
            question: Question::Session,
            build: Box::new(move |seed| Pair::builder(seed).resume(&session)),
        },
        known_by(Question::Verdict(Role::Client), Authentication::Server),
        known_by(Question::Verdict(Role::Server), Authentication::Mutual),
        known_by(Question::Identity(Role::Client), Authentication::Mutual),
        known_by(Question::Identity(Role::Server), Authentication::Server),
        known_by(Question::Signature(Role::Client), Authentication::Mutual),
        known_by(Question::Signature(Role::Server), Authentication::Server),
    ]
}

fn transport() -> TransportOptions {
    TransportOptions::default().jitter(false).handshake_deadline(DEADLINE)
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
                let mut pair = case.pair(1, promptness).transport(transport()).link(script).build();
                pair.shake_hands();
                let name = &case.name;
                assert!(pair.is_connected(), "{name} {promptness:?} {pattern:?} after {:?}", pair.elapsed());
                assert_eq!(case.is_asked(&pair), promptness != Promptness::AtOnce, "{name}");
                pair.settle();
                pair.assert_agreement();
            }
        }
    }
}

/// Whoever answers at once makes no difference to what is dropped: every counter is foretold, under every fault.
#[test]
fn a_decision_at_once_leaves_every_counter_as_foretold() {
    for case in cases() {
        for pattern in all_patterns(1) {
            let script = Script::new(pattern.iter().copied());
            let mut pair = case.pair(1, Promptness::AtOnce).reconcile().link(script).build();
            pair.connect();
            assert!(!case.is_asked(&pair), "{}", case.name);
        }
    }
}

/// FLT-01: while the decision is open nothing runs of the end that waits for it, and what its peer waits for is the answer
/// to its latest flight. So on a clear network nobody repeats anything for a decision that takes less than a timeout.
#[test]
fn a_decision_within_a_timeout_costs_no_repeat() {
    for case in cases() {
        let promptness = Promptness::After(Duration::from_millis(900));
        let mut pair = case.pair(1, promptness).transport(transport()).build();
        pair.connect();
        for role in ROLES {
            let resent = pair.with(role, |connection| connection.stats().retransmissions);
            assert_eq!(resent, 0, "{role:?} of {}", case.name);
        }
        assert!(pair.elapsed() < Duration::from_millis(1100), "{} took {:?}", case.name, pair.elapsed());
    }
}

/// And for one that takes longer the end that waits says nothing at all, though its peer repeats its flight again
/// and again, and though all that it has heard before comes once more, as it may from a slow network or a stranger.
#[test]
fn an_end_that_waits_for_a_decision_says_nothing() {
    for case in cases() {
        let promptness = Promptness::After(Duration::from_secs(20));
        let (asked, peer) = (case.asked(), other(case.asked()));
        let mut pair = case.pair(1, promptness).transport(transport()).build();
        case.run_until_asked(&mut pair);
        let heard: Vec<_> = pair.log().of(peer).map(|entry| entry.datagram.clone()).collect();
        let said = |pair: &Pair, role| pair.log().of(role).count();
        let [by_asked, by_peer] = [asked, peer].map(|role| said(&pair, role));
        for _ in 0..19 {
            pair.wait(Duration::from_secs(1));
            heard.iter().for_each(|datagram| pair.inject(asked, datagram.clone()));
        }
        assert_eq!(said(&pair, asked), by_asked, "{}", case.name);
        assert!(said(&pair, peer) >= by_peer + 4, "{}", case.name);
        pair.connect();
    }
}

/// In bad weather.
#[test]
fn decisions_are_made_in_any_weather() {
    for_seeds(0..150, |seed| {
        for case in cases() {
            let promptness = Promptness::After(Duration::from_millis(seed * 70));
            let builder = case.pair(seed, promptness).link(Weather::of_seed(seed).ring());
            let mut pair = builder.transport(transport().handshake_deadline(Duration::from_secs(300))).build();
            pair.connect();
            assert!(case.is_asked(&pair), "{}", case.name);
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
                let mut pair = case.pair(1, promptness).transport(transport()).link(script).build();
                let mut closed_at = [None; 2];
                pair.run_while(|pair| {
                    for (role, at) in ROLES.into_iter().zip(&mut closed_at) {
                        if at.is_none() && pair.close_event(role).is_some() {
                            *at = Some(pair.elapsed());
                        }
                    }
                    closed_at.contains(&None)
                });
                assert!(case.is_asked(&pair), "{}", case.name);
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

/// SIO-08, L6: while a decision is open a stranger on the path floods the end that waits for it with beginnings of messages
/// and with sealed records. They take bounded memory, and none of the place of what is true; what is true is heard in its
/// order.
#[test]
fn what_comes_while_a_decision_is_open_is_bounded_and_in_order() {
    for case in cases() {
        let promptness = Promptness::After(Duration::from_secs(5));
        let asked = case.asked();
        let mut pair = case.pair(1, promptness).transport(transport()).build();
        case.run_until_asked(&mut pair);
        for number in 0..4000 {
            pair.inject(asked, forge::record(APPLICATION_DATA, 1, number, &[0; 900]));
            let message_seq = u16::try_from(number % 20).unwrap();
            let beginning = forge::fragment(CERTIFICATE, 60_000, message_seq, 0, 900, &[0; 900]);
            pair.inject(asked, forge::record(HANDSHAKE, 0, 1000 + number, &beginning));
        }
        let dropped = pair.with(asked, |connection| connection.stats().discarded(DiscardReason::StashFull));
        assert!(dropped > 3900, "{}: {dropped}", case.name);
        assert_eq!(pair.status(asked), Status::Handshaking, "{}", case.name);
        pair.connect();
    }
}

const DEADLINE: Duration = Duration::from_secs(40);

// Content types and a message type (RFC 5246 sections 6.2.1 and 7.4).
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const CERTIFICATE: u8 = 11;
