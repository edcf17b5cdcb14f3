//! Mistakes on the command line and in files: exit status 1, and one line that says what is wrong.

use std::net::UdpSocket;

use crate::support::{Dir, params, run};

#[test]
fn what_cannot_be_understood_is_one_line() {
    for (arguments, expected) in [
        (&["dance"][..], "unrecognized subcommand 'dance'"),
        (&["connect"], "<HOST:PORT>"),
        (&["connect", "localhost"], "it has no port"),
        (&["connect", "localhost:4433", "--frobnicate"], "'--frobnicate'"),
        (&["connect", "localhost:4433", "--insecure", "--ca", "x"], "cannot be used with"),
        (&["connect", "localhost:4433", "--fingerprint", "12:34"], "'12:34'"),
        (&["connect", "localhost:4433", "--wait", "soon"], "'soon'"),
        (&["connect", "localhost:4433", "--name", "a b"], "neither a DNS name nor an IP address"),
        (&["connect", "a_b c:4433", "--insecure"], "--name"),
        (&["connect", "localhost:4433", "--insecure", "--alpn", ""], "application protocol"),
        (&["listen", "127.0.0.1:0", "--cert", "x"], "--key"),
        (&["connect", "localhost:4433", "--insecure", "--rpk", "x"], "cannot be used with"),
        (&["connect", "localhost:4433", "--cid", "0g"], "'0g'"),
        (&["connect", "localhost:4433", "--loss", "101"], "'101' for '--loss <PERCENT>': it is not from 0 to 100"),
        (&["connect", "localhost:4433", "--dup=-0.1"], "it is not from 0 to 100"),
        (&["listen", "localhost:4433", "--reorder", "some"], "it is no number"),
        (&["listen", "localhost:4433", "--seed", "x"], "'x'"),
        (&["cert"], "--out"),
        (&["cert", "--out", "x", "--days", "36501"], "36501"),
        (&["cert", "--out", "x", "--name", "*.*.example"], "'*.*.example'"),
    ] {
        let line = run(arguments).expect_failure();
        assert!(line.contains(expected), "{arguments:?}: {line}");
    }
}

#[test]
fn help_and_version_are_no_mistakes() {
    assert!(run(&["--help"]).expect_success().contains("connect"));
    assert!(run(&["connect", "--help"]).expect_success().contains("--fingerprint"));
    assert_eq!(run(&["--version"]).expect_success(), concat!("sealgram ", env!("CARGO_PKG_VERSION"), "\n"));
    let bare = run(&[]);
    assert_eq!((bare.status.code(), bare.stdout.as_str()), (Some(1), ""));
    assert!(bare.stderr.contains("Usage: sealgram"), "{bare:?}");
}

#[test]
fn files_that_do_not_serve_are_named_with_the_reason() {
    let dir = Dir::new();
    let (first, second) = (dir.identity(&params("localhost")), dir.identity(&params("localhost")));
    let missing = dir.path("missing.pem");
    let empty = dir.write("empty.pem", "");
    let broken = dir.write("broken.pem", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n");
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let encrypted = dir.write("encrypted.pem", encrypted);
    let nonsense = dir.write("nonsense.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    for (cert, key, culprit, reason) in [
        (&missing, &first.key, &missing, "no such file or directory"),
        (&first.cert, &missing, &missing, "no such file or directory"),
        (&empty, &first.key, &empty, "no certificate in PEM"),
        (&first.key, &first.key, &first.key, "no certificate in PEM"),
        (&broken, &first.key, &broken, "not base64"),
        (&first.cert, &first.cert, &first.cert, "no private key in PEM"),
        (&first.cert, &encrypted, &encrypted, "is encrypted"),
        (&first.cert, &nonsense, &nonsense, "does not parse"),
        (&first.cert, &second.key, &second.key, "does not belong to the first certificate"),
    ] {
        let line = run(&["listen", "127.0.0.1:0", "--cert", cert, "--key", key]).expect_failure();
        assert!(line.contains(culprit.as_str()) && line.contains(reason), "{cert} {key}: {line}");
    }
    let line = run(&["connect", "127.0.0.1:9", "--ca", &missing]).expect_failure();
    assert!(line.contains(&missing), "{line}");
}

#[test]
fn an_address_in_use_is_named() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let line = run(&["listen", &address]).expect_failure();
    assert!(line.contains(&address) && line.contains("in use"), "{line}");
}

#[test]
fn a_host_that_is_nowhere_is_named() {
    let line = run(&["connect", "nowhere.invalid:4433", "--insecure"]).expect_failure();
    assert!(line.contains("nowhere.invalid"), "{line}");
}
