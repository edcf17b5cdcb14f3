//! `--loss`, `--dup`, `--reorder`: the conversation survives, and what they do is seen.
//!
//! What they do to each datagram is decided by the seed, but which datagrams there are depends on the time that the
//! machine takes. So numbers are chosen such that chance cannot fail a test.

use crate::support::{Dir, Listening, run};

/// Twenty datagrams, of which two in three come back: that none does is less likely than one in a thousand million.
#[test]
fn a_bad_network_at_both_ends_is_survived() {
    let bad = ["--loss", "10", "--dup", "20", "--reorder", "30"];
    let server = Listening::start(&[&["--echo", "--seed", "11"], &bad[..]].concat());
    assert_eq!(server.wait_for("disturbed: "), "10 % lost, 20 % doubled, 30 % late, by --seed 11");
    let lines: Vec<String> = (0..20).map(|n| format!("line {n}")).collect();
    let sends: Vec<&str> = lines.iter().flat_map(|line| ["--send", line]).collect();
    let base = ["connect", &server.address, "--insecure", "--seed", "12", "--timeout", "60", "--wait", "3"];
    let text = run(&[&base[..], &bad, &sends].concat()).expect_success();
    assert!(text.starts_with("disturbed: 10 % lost, 20 % doubled, 30 % late, by --seed 12\n"), "{text}");
    let mut echoed: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("received ")).collect();
    assert!(!echoed.is_empty(), "{text}");
    echoed.sort_unstable();
    assert!(echoed.windows(2).all(|pair| pair[0] != pair[1]), "nothing is delivered twice: {text}");
    assert!(echoed.iter().all(|echo| lines.iter().any(|line| echo.ends_with(&format!("bytes: {line}")))), "{text}");
    assert!(text.ends_with("closed\n"), "{text}");
}

/// Everything comes twice, in both directions, and is delivered once.
#[test]
fn what_comes_twice_is_delivered_once() {
    let dir = Dir::new();
    let pcap = dir.path("doubled.pcap");
    let server = Listening::start(&["--echo", "--dup", "100"]);
    let arguments = ["connect", &server.address, "--insecure", "--dup", "100", "--send", "one", "--send", "two"];
    let text = run(&[&arguments[..], &["--wait", "50", "--pcap", &pcap]].concat()).expect_success();
    for line in ["received 3 bytes: one", "received 3 bytes: two"] {
        assert_eq!(text.lines().filter(|printed| *printed == line).count(), 1, "{text}");
    }
    let file = std::fs::read(&pcap).unwrap();
    // The first datagram of all: 24 bytes of file, and before each packet 16.
    let len = 16 + usize::from(u16::from_le_bytes([file[32], file[33]]));
    let (first, second) = (&file[24..24 + len], &file[24 + len..24 + 2 * len]);
    assert_eq!(first[16..], second[16..], "the capture has both");
}

/// It prints its seed, so that a run can be had again.
#[test]
fn where_all_is_lost_nobody_answers() {
    let server = Listening::start(&[]);
    for disturbed in [["--loss", "100"], ["--loss", "1e2"]] {
        let arguments = [&["connect", &server.address, "--insecure", "--timeout", "0.5"], &disturbed[..]].concat();
        let outcome = run(&arguments);
        assert!(outcome.stdout.contains(" by --seed "), "{outcome:?}");
        assert!(outcome.expect_failure().contains("does a DTLS server listen there?"));
    }
}
