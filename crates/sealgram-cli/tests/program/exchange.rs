//! `sealgram listen` and `sealgram connect` with each other.

use core::time::Duration;
use std::time::Instant;

use crate::support::{Listening, run, run_with_input};

#[test]
fn what_is_sent_is_echoed() {
    let server = Listening::start(&["--echo"]);
    let fingerprint = server.fingerprint();
    let start = Instant::now();
    let texts = ["--send", "one", "--send", "two", "--send", "--three"];
    let arguments = [&["connect", &server.address, "--fingerprint", &fingerprint, "--wait", "50"], &texts[..]].concat();
    let text = run(&arguments).expect_success();
    assert!(start.elapsed() < Duration::from_secs(40), "it waits for no more than it sent");
    for line in ["sent 3 bytes: one", "received 3 bytes: one", "received 3 bytes: two", "received 7 bytes: --three"] {
        assert!(text.lines().any(|printed| printed == line), "{line} in\n{text}");
    }
    assert!(text.ends_with("\nclosed\n"), "{text}");
    assert!(server.wait_for(" connected").contains("ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"));
    server.wait_for(" sent 3 bytes: one");
    server.wait_for(" sent 7 bytes: --three");
    assert_eq!(server.wait_for(" closed"), " by the peer");
}

#[test]
fn the_connection_is_described() {
    let server = Listening::start(&[]);
    let fingerprint = server.fingerprint();
    let text = run(&["connect", &server.address, "--insecure", "--send", "x", "--wait", "0"]).expect_success();
    for expected in [
        format!("connected to {} in ", server.address),
        "suite:        ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\n".into(),
        "group:        X25519\n".into(),
        "trust:        not checked: anyone could have answered (--insecure)\n".into(),
        "subject:      CN=localhost\n".into(),
        "names:        localhost, 127.0.0.1, ::1\n".into(),
        "key:          ECDSA, 256 bits\n".into(),
        format!("SHA-256:      {fingerprint}\n"),
    ] {
        assert!(text.contains(&expected), "{expected} in\n{text}");
    }
}

#[test]
fn lines_of_standard_input_are_datagrams() {
    let server = Listening::start(&["--echo"]);
    let arguments = ["connect", &server.address, "--insecure", "--wait", "50"];
    let text = run_with_input(&arguments, "first\nsecond\r\n\nlast").expect_success();
    for expected in
        ["received 5 bytes: first", "received 6 bytes: second", "received 0 bytes: ", "received 4 bytes: last"]
    {
        assert!(text.lines().any(|line| line == expected), "{expected} in\n{text}");
    }
    server.wait_for(" sent 4 bytes: last");
}

#[test]
fn a_server_without_an_answer_is_waited_for_and_no_longer() {
    let server = Listening::start(&[]);
    let start = Instant::now();
    let text = run(&["connect", &server.address, "--insecure", "--send", "hello?", "--wait", "0.3"]).expect_success();
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert!(!text.contains("received"), "{text}");
    assert_eq!(server.wait_for(" closed"), " by the peer");
}

#[test]
fn several_clients_are_served_at_once() {
    let server = Listening::start(&["--echo"]);
    std::thread::scope(|scope| {
        for n in 0..4 {
            let address = &server.address;
            scope.spawn(move || {
                let said = format!("client {n}");
                let arguments = ["connect", address, "--insecure", "--send", &said, "--wait", "50"];
                let text = run(&arguments).expect_success();
                assert!(text.contains(&format!("received 8 bytes: {said}")), "{text}");
            });
        }
    });
}

#[test]
fn an_application_protocol_is_agreed_on() {
    let server = Listening::start(&["--alpn", "coap", "--alpn", "chat"]);
    let address = &server.address;
    let arguments =
        ["connect", address, "--insecure", "--alpn", "chat", "--alpn", "other", "--send", "x", "--wait", "0"];
    let text = run(&arguments).expect_success();
    assert!(text.contains("protocol:     chat\n"), "{text}");
    assert!(server.wait_for(" connected").ends_with(", chat"));
}

#[test]
fn no_common_application_protocol_is_a_failure_on_both_sides() {
    let server = Listening::start(&["--alpn", "coap"]);
    let arguments = ["connect", &server.address, "--insecure", "--alpn", "chat", "--timeout", "5", "--send", "x"];
    let line = run(&arguments).expect_failure();
    assert!(line.contains("NO_APPLICATION_PROTOCOL") && line.contains("--alpn"), "{line}");
    let line = server.wait_for(" failed: ");
    assert!(line.contains("ALPN"), "{line}");
}

#[test]
fn a_datagram_that_is_too_long_is_refused_with_the_limit() {
    let server = Listening::start(&["--echo"]);
    let long = "x".repeat(20_000);
    let line = run(&["connect", &server.address, "--insecure", "--send", &long]).expect_failure();
    assert!(line.contains("20000 bytes") && line.contains("at most"), "{line}");
}
