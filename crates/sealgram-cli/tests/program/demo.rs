//! `sealgram demo`: the first thing that anybody tries.

use crate::support::{Guard, finish, run, sealgram};

#[test]
fn the_demo_shows_the_handshake_in_the_order_of_the_rfc() {
    let text = run(&["demo"]).expect_success();
    let mut rest = text.as_str();
    for expected in [
        "flight 1",
        "ClientHello ",
        "flight 2",
        "HelloVerifyRequest ",
        "flight 3",
        "ClientHello with cookie",
        "flight 4",
        "ServerHello ",
        "Certificate ",
        "ServerKeyExchange ",
        "ServerHelloDone ",
        "flight 5",
        "ClientKeyExchange ",
        "ChangeCipherSpec ",
        "Finished, encrypted",
        "flight 6",
        "ChangeCipherSpec ",
        "Finished, encrypted",
        "data",
        "application data, encrypted",
        "application data, encrypted",
        "close",
        "alert, encrypted",
    ] {
        let at = rest.find(expected).unwrap_or_else(|| panic!("no {expected:?} in\n{rest}\nof\n{text}"));
        rest = &rest[at + expected.len()..];
    }
}

#[test]
fn the_demo_fits_a_page_and_has_no_colours_in_a_pipe() {
    let text = run(&["demo"]).expect_success();
    assert!(!text.contains('\u{1b}'), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
        assert_eq!(line.trim_end(), line);
    }
}

/// Whatever the client's network does, and its last word may be lost too.
#[test]
fn the_demo_gets_through_a_bad_network() {
    let text = run(&["demo", "--loss", "10", "--dup", "30", "--reorder", "30", "--seed", "1"]).expect_success();
    assert!(text.contains("\ndisturbed: 10 % lost, 30 % doubled, 30 % late, by --seed 1\n"), "{text}");
    assert!(text.contains("server said   As safe as the two of us."), "{text}");
}

#[test]
fn a_reader_that_leaves_is_no_reason_to_panic() {
    let mut child = Guard(sealgram(&["demo"]).spawn().unwrap());
    drop(child.0.stdout.take());
    finish(child).expect_success();
}
