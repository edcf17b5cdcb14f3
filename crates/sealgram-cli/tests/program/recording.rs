//! What a run writes down for other tools. (That tshark reads it is tried with the other implementations.)

use std::fs;

use crate::support::{Dir, Guard, Listening, finish, run, sealgram};

/// The type of each packet's record and the bytes of its datagram, with the addresses before it.
struct Packet {
    from: String,
    to: String,
    datagram: Vec<u8>,
}

/// The packets of a capture over IPv4.
fn packets(path: &str) -> Vec<Packet> {
    let file = fs::read(path).unwrap();
    let mut rest = &file[24..];
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[8..12].try_into().unwrap());
        let (packet, next) = rest[16..].split_at(usize::try_from(len).unwrap());
        let address = |ip: usize, port: usize| {
            let [a, b, c, d]: [u8; 4] = packet[ip..ip + 4].try_into().unwrap();
            format!("{a}.{b}.{c}.{d}:{}", u16::from_be_bytes(packet[port..port + 2].try_into().unwrap()))
        };
        packets.push(Packet { from: address(12, 20), to: address(16, 22), datagram: packet[28..].to_vec() });
        rest = next;
    }
    packets
}

/// RFC 9850 section 2: the label, 32 bytes of random and 48 of secret; and of a session that is taken up again, the
/// same secret under another random.
#[test]
fn both_ends_write_the_same_secrets() {
    let dir = Dir::new();
    let (ours, theirs) = (dir.path("client.keys"), dir.path("server.keys"));
    let server = Listening::start(&["--echo", "--keylog", &theirs]);
    server.wait_for(&format!("secrets go to {theirs}"));
    let arguments = ["connect", &server.address, "--insecure", "--send", "x", "--wait", "50", "--keylog", &ours];
    let text = run(&[&arguments[..], &["--resume"]].concat()).expect_success();
    assert!(text.starts_with(&format!("secrets go to {ours}")), "{text}");
    let log = fs::read_to_string(&ours).unwrap();
    assert_eq!(log, fs::read_to_string(&theirs).unwrap());
    let lines: Vec<Vec<&str>> = log.lines().map(|line| line.split(' ').collect()).collect();
    let [[first, random, secret], [second, new_random, same_secret]] = [&*lines[0], &*lines[1]] else {
        panic!("{log}");
    };
    assert_eq!([*first, *second], ["CLIENT_RANDOM"; 2]);
    assert_eq!((random.len(), secret.len(), lines.len()), (64, 96, 2));
    assert!(log.bytes().skip(13).all(|byte| byte.is_ascii_hexdigit()
        || byte.is_ascii_whitespace()
        || byte.is_ascii_uppercase()
        || byte == b'_'));
    assert!(random != new_random && secret == same_secret, "{log}");
}

/// A log that is there is continued, with the rights that it has; a new one is for its owner.
#[test]
fn a_key_log_is_appended_to_and_private() {
    let dir = Dir::new();
    let (old, new) = (dir.write("old.keys", "# begun by another program\n"), dir.path("new.keys"));
    let server = Listening::start(&[]);
    for path in [&old, &new] {
        run(&["connect", &server.address, "--insecure", "--send", "x", "--wait", "0", "--keylog", path])
            .expect_success();
    }
    let log = fs::read_to_string(&old).unwrap();
    assert!(log.starts_with("# begun by another program\nCLIENT_RANDOM ") && log.ends_with('\n'), "{log}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn the_variable_of_browsers_asks_for_a_key_log_too() {
    let dir = Dir::new();
    let (by_variable, by_flag) = (dir.path("variable.keys"), dir.path("flag.keys"));
    let server = Listening::start(&[]);
    let connect = |variable: &str, flags: &[&str]| {
        let arguments = [&["connect", &server.address, "--insecure", "--send", "x", "--wait", "0"], flags].concat();
        finish(Guard(sealgram(&arguments).env("SSLKEYLOGFILE", variable).spawn().unwrap())).expect_success()
    };
    assert!(!connect("", &[]).contains("secrets"));
    assert!(connect(&by_variable, &[]).contains(&by_variable), "it says so");
    assert!(connect(&by_variable, &["--keylog", &by_flag]).contains(&by_flag), "the flag comes first");
    for path in [by_variable, by_flag] {
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1, "{path}");
    }
}

/// The server is bound to every address: the capture has the one that was spoken to.
#[test]
fn both_captures_have_the_same_datagrams_between_the_true_addresses() {
    let dir = Dir::new();
    let (ours, theirs) = (dir.path("client.pcap"), dir.path("server.pcap"));
    let server = Listening::at("0.0.0.0:0", &["--echo", "--pcap", &theirs]);
    let address = server.address.replace("0.0.0.0", "127.0.0.1");
    run(&["connect", &address, "--insecure", "--send", "hello", "--wait", "50", "--pcap", &ours]).expect_success();
    server.wait_for(" closed");
    let (ours, theirs) = (packets(&ours), packets(&theirs));
    let client = &ours[0].from;
    assert!(client.starts_with("127.0.0.1:") && *client != address, "{client}");
    for capture in [&ours, &theirs] {
        assert!(
            capture
                .iter()
                .all(|it| [&it.from, &it.to] == [client, &address] || [&it.to, &it.from] == [client, &address])
        );
    }
    let sent_by = |capture: &[Packet], from: &str| -> Vec<Vec<u8>> {
        capture.iter().filter(|packet| packet.from == from).map(|packet| packet.datagram.clone()).collect()
    };
    assert_eq!(sent_by(&ours, client), sent_by(&theirs, client));
    // The client leaves without a look at what comes after its goodbye.
    let (seen, sent) = (sent_by(&ours, &address), sent_by(&theirs, &address));
    assert!(seen.len() >= 4 && sent.starts_with(&seen), "{} of {}", seen.len(), sent.len());
}

#[test]
fn files_that_cannot_be_written_are_named() {
    for flag in ["--keylog", "--pcap"] {
        let missing = "missing/directory/file";
        let line = run(&["connect", "127.0.0.1:9", "--insecure", flag, missing]).expect_failure();
        assert!(line.contains(missing) && line.contains("cannot write"), "{line}");
        assert_eq!(run(&["listen", "127.0.0.1:0", flag, missing]).expect_failure(), line);
    }
}

/// Of which there is one that is always full; the conversation goes on without.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_and_ends_nothing() {
    let server = Listening::start(&["--echo"]);
    let arguments = ["connect", &server.address, "--insecure", "--send", "x", "--wait", "50", "--keylog", "/dev/full"];
    let outcome = run(&arguments);
    assert!(outcome.status.success() && outcome.stdout.contains("received 1 byte: x"), "{outcome:?}");
    assert_eq!(outcome.stderr, "sealgram: nothing more is written to /dev/full: no space left on device\n");
    assert!(
        run(&["connect", "127.0.0.1:9", "--insecure", "--pcap", "/dev/full"]).expect_failure().contains("/dev/full")
    );
}
