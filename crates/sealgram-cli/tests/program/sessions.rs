//! Preshared keys, client certificates, raw public keys, and coming back, between `sealgram listen` and `sealgram connect`.

use crate::support::{Dir, Listening, run};

#[test]
fn a_preshared_key_is_enough() {
    let server = Listening::start(&["--psk", "device 7:00112233445566778899aabbccddeeff", "--echo"]);
    let psk = ["--psk", "device 7:00112233445566778899aabbccddeeff", "--send", "x", "--wait", "50"];
    let text = run(&[&["connect", &server.address], &psk[..]].concat()).expect_success();
    assert!(text.contains("suite:        ECDHE_PSK_WITH_AES_128_GCM_SHA256\n"), "{text}");
    assert!(text.contains("trust:        the preshared key\n"), "{text}");
    assert!(server.wait_for(" connected").contains("preshared key of device 7"));
    server.wait_for(" closed");

    let plain = ["--suite", "PSK_WITH_AES_128_GCM_SHA256"];
    let refused = run(&[&["connect", &server.address], &psk[..2], &plain, &["--timeout", "5"]].concat());
    // Plain PSK is by name only, on either side.
    assert!(refused.expect_failure().contains("HANDSHAKE_FAILURE"));
}

#[test]
fn a_client_that_comes_back_is_known() {
    let server = Listening::start(&["--echo"]);
    let text = run(&["connect", &server.address, "--insecure", "--resume", "--send", "x", "--wait", "50"]);
    let text = text.expect_success();
    assert!(text.contains(" ms, to come back\n"), "{text}");
    assert!(text.contains("resumed:      yes\n"), "{text}");
    // Each association has a thread of its own at the server, and the first need not be the first to say so.
    let connected = [server.wait_for(" connected"), server.wait_for(" connected")];
    let resumed = connected.iter().filter(|line| line.contains(", resumed")).count();
    assert_eq!(resumed, 1, "{connected:?}");
}

/// The client's record carries what the server wants, and the answer what the client wants.
#[test]
fn connection_ids_are_agreed_on_where_both_want_them() {
    let (with, without) = (Listening::start(&["--echo", "--cid", "5ea1"]), Listening::start(&["--echo"]));
    let connect = |server: &Listening, cid: &[&str]| {
        let base = ["connect", &server.address, "--insecure", "--send", "x", "--wait", "50"];
        run(&[&base[..], cid].concat()).expect_success()
    };
    for (wanted, shown) in [("c0ffee", "'c0ffee' here, '5ea1"), ("", "'' here, '5ea1")] {
        let text = connect(&with, &["--cid", wanted]);
        assert!(text.contains(&format!("cid:          {shown}")) && text.contains(": x\n"), "{text}");
    }
    assert!(!connect(&with, &[]).contains("cid:"));
    assert!(!connect(&without, &["--cid", "c0ffee"]).contains("cid:"));
}

#[test]
fn a_client_shows_a_certificate_where_one_is_required() {
    let dir = Dir::new();
    run(&["cert", "--out", &dir.path("")]).expect_success();
    let (cert, key) = (dir.path("cert.pem"), dir.path("key.pem"));
    let server = Listening::start(&["--client-ca", &cert, "--echo"]);
    let shown = ["--client-cert", &cert, "--client-key", &key, "--send", "x", "--wait", "50"];
    run(&[&["connect", &server.address, "--insecure"], &shown[..]].concat()).expect_success();
    assert!(server.wait_for(" connected").contains("CN=localhost"));
    let refused = run(&["connect", &server.address, "--insecure", "--send", "x", "--timeout", "8"]);
    assert!(refused.expect_failure().contains("HANDSHAKE_FAILURE"));
}

#[test]
fn raw_public_keys_stand_for_both_sides() {
    let dir = Dir::new();
    let [ours, theirs] = ["server", "client"].map(|name| dir.key_pair(name));
    let server = Listening::start(&["--rpk", &ours.private, "--client-rpk", &theirs.public, "--echo"]);
    let base = ["connect", &server.address, "--timeout", "8", "--send", "x", "--wait", "50"];
    let text = run(&[&base[..], &["--rpk", &ours.public, "--client-rpk", &theirs.private]].concat()).expect_success();
    assert!(text.contains(&format!("trust:        the public key in {}\n", ours.public)), "{text}");
    assert!(text.contains("certificate:  none, but a raw public key\n"), "{text}");
    assert!(text.contains(": x\n"), "{text}");
    assert!(server.wait_for(" connected").contains(", a raw public key"));

    let other = run(&[&base[..], &["--rpk", &theirs.public, "--client-rpk", &theirs.private]].concat());
    assert!(other.expect_failure().contains("--rpk"));
    let wants_certificate = run(&[&base[..], &["--insecure"]].concat());
    assert!(wants_certificate.expect_failure().contains("UNSUPPORTED_CERTIFICATE"));
}

#[test]
fn both_ends_agree_on_keys_for_media() {
    let server = Listening::start(&["--srtp", "AEAD_AES_128_GCM", "--srtp", "AES128_CM_HMAC_SHA1_80", "--mtu", "400"]);
    let base = ["connect", &server.address, "--insecure", "--timeout", "8", "--wait", "0"];
    let media = ["--srtp", "SRTP_AES128_CM_HMAC_SHA1_80", "--mtu", "300", "--send", "x"];
    let text = run(&[&base[..], &media].concat()).expect_success();
    assert!(text.contains("srtp:         AES128_CM_HMAC_SHA1_80\n"), "{text}");
    assert!(server.wait_for(" connected").contains(", AES128_CM_HMAC_SHA1_80"));

    let long = "x".repeat(300);
    let refused = run(&[&base[..], &["--mtu", "300", "--send", &long]].concat()).expect_failure();
    assert!(refused.contains("at most 263 fit"), "{refused}");
}
