//! The least that a handshake can cost: all cryptography that it cannot avoid, run for both sides on *ring*, and nothing
//! around it.
//!
//! The parts are those of a full handshake with ECDHE, ECDSA P-256 and AES-128-GCM, a chain of one certificate below its
//! root, and the cookie exchange. Keys that live as long as a configuration (the server's, the root's, the cookie's) are
//! loaded before. Messages are stand-ins of about the right length.

use pki_types::{CertificateDer, ServerName, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use ring::{digest, hmac};
use sealgram::crypto::KeyExchangeGroup;
use sealgram::provider::ring as ours;
use sealgram_sim::wall_clock;
use webpki::{EndEntityCert, KeyUsage};

use crate::credentials;

/// The group of the key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "measurements go through them all")]
pub enum Group {
    /// X25519.
    X25519,
    /// P-256.
    P256,
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::X25519, Self::P256];

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X25519 => "X25519",
            Self::P256 => "P-256",
        }
    }

    /// The same in our provider.
    #[must_use]
    pub const fn ours(self) -> &'static dyn KeyExchangeGroup {
        match self {
            Self::X25519 => ours::X25519,
            Self::P256 => ours::SECP256R1,
        }
    }

    fn algorithm(self) -> &'static agreement::Algorithm {
        match self {
            Self::X25519 => &agreement::X25519,
            Self::P256 => &agreement::ECDH_P256,
        }
    }
}

/// How often each part was run, by both sides together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "tests compare all of it")]
pub struct Tally {
    /// Ephemeral key pairs.
    pub keygens: u32,
    /// Shared secrets.
    pub agreements: u32,
    /// Signatures over the key exchange.
    pub signatures: u32,
    /// Signatures of the key exchange verified.
    pub verifications: u32,
    /// Chains checked: one certificate parsed, one signature verified, one name compared.
    pub chain_checks: u32,
    /// Transcripts hashed.
    pub transcripts: u32,
    /// Master secrets, key blocks and verify_data: one run of the PRF each.
    pub prf_runs: u32,
    /// AEAD keys set up.
    pub aead_keys: u32,
    /// Finished messages sealed.
    pub seals: u32,
    /// Finished messages opened.
    pub opens: u32,
    /// Randoms drawn.
    pub randoms: u32,
    /// MACs for the cookie: made once, checked once.
    pub cookie_macs: u32,
}

/// Runs the sum.
#[derive(Debug)]
pub struct CryptoSum {
    group: Group,
    rng: SystemRandom,
    server_key: EcdsaKeyPair,
    leaf: CertificateDer<'static>,
    anchors: Vec<TrustAnchor<'static>>,
    name: ServerName<'static>,
    now: UnixTime,
    cookie_key: hmac::Key,
}

impl CryptoSum {
    /// Loads what is loaded once.
    #[must_use]
    pub fn new(group: Group) -> Self {
        let rng = SystemRandom::new();
        let key = credentials::key();
        let root = credentials::root();
        let anchor = webpki::anchor_from_trusted_cert(&root).expect("a root").to_owned();
        Self {
            group,
            server_key: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.secret_pkcs8_der(), &rng)
                .expect("a P-256 key"),
            rng,
            leaf: credentials::leaf(),
            anchors: vec![anchor],
            name: credentials::name(),
            now: wall_clock().unix_at(crate::records::NOW),
            cookie_key: hmac::Key::new(hmac::HMAC_SHA256, &[0xc0; 32]),
        }
    }

    /// One handshake's worth.
    pub fn run(&self) -> Tally {
        let mut tally = Tally::default();
        let client_random = self.random(&mut tally);
        for _ in ["made", "checked"] {
            self.cookie_mac(&client_random, &mut tally);
        }
        let randoms = [client_random, self.random(&mut tally)];

        // ServerKeyExchange: made and signed here, checked there.
        let (server_private, server_public) = self.keygen(&mut tally);
        let signed = [&randoms[0][..], &randoms[1], server_public.as_ref()];
        let signed = Part::concatenated(&signed);
        let signature = self.server_key.sign(&self.rng, signed.as_ref()).expect("a signature");
        tally.signatures += 1;
        self.check_server(signed.as_ref(), signature.as_ref(), &mut tally);

        // ClientKeyExchange.
        let (client_private, client_public) = self.keygen(&mut tally);
        let client_premaster = self.agree(client_private, &server_public, &mut tally);
        let server_premaster = self.agree(server_private, &client_public, &mut tally);

        let mut client = Side::new(&client_premaster, &randoms, &mut tally);
        let mut server = Side::new(&server_premaster, &randoms, &mut tally);
        let client_finished = client.seal(Direction::FromClient, &mut tally);
        server.open(Direction::FromClient, client_finished, &mut tally);
        let server_finished = server.seal(Direction::FromServer, &mut tally);
        client.open(Direction::FromServer, server_finished, &mut tally);
        tally
    }

    fn random(&self, tally: &mut Tally) -> [u8; 32] {
        let mut random = [0; 32];
        self.rng.fill(&mut random).expect("the operating system has randomness");
        tally.randoms += 1;
        random
    }

    /// Over an address, a version, a random and an empty session id.
    fn cookie_mac(&self, random: &[u8; 32], tally: &mut Tally) {
        let mut context = hmac::Context::with_key(&self.cookie_key);
        context.update(&[0; 14]);
        context.update(random);
        core::hint::black_box(context.sign());
        tally.cookie_macs += 1;
    }

    fn keygen(&self, tally: &mut Tally) -> (EphemeralPrivateKey, agreement::PublicKey) {
        let private = EphemeralPrivateKey::generate(self.group.algorithm(), &self.rng).expect("a private key");
        let public = private.compute_public_key().expect("its public half");
        tally.keygens += 1;
        (private, public)
    }

    fn agree(&self, private: EphemeralPrivateKey, peer: &agreement::PublicKey, tally: &mut Tally) -> [u8; 32] {
        let peer = UnparsedPublicKey::new(self.group.algorithm(), peer);
        tally.agreements += 1;
        agreement::agree_ephemeral(private, &peer, |secret| {
            let secret: &[u8; 32] = secret.try_into().expect("both groups make 32 bytes");
            *secret
        })
        .expect("a public key of the group")
    }

    /// What a client does with Certificate and ServerKeyExchange.
    fn check_server(&self, signed: &[u8], signature: &[u8], tally: &mut Tally) {
        let end_entity = EndEntityCert::try_from(&self.leaf).expect("a certificate");
        let usage = KeyUsage::server_auth();
        end_entity
            .verify_for_usage(P256_SIGNATURES, &self.anchors, &[], self.now, usage, None, None)
            .expect("a chain to the root");
        end_entity.verify_is_valid_for_subject_name(&self.name).expect("the name");
        tally.chain_checks += 1;
        end_entity.verify_signature(P256_SIGNATURES[0], signed, signature).expect("the signature");
        tally.verifications += 1;
    }
}

/// What both sides derive, each for itself.
struct Side {
    client_key: LessSafeKey,
    server_key: LessSafeKey,
    ivs: [[u8; 4]; 2],
    verify_data: [[u8; 12]; 2],
}

#[derive(Clone, Copy)]
enum Direction {
    FromClient,
    FromServer,
}

impl Side {
    /// The key schedule of one side.
    fn new(premaster: &[u8], randoms: &[[u8; 32]; 2], tally: &mut Tally) -> Self {
        // The hash at ClientKeyExchange serves the master secret and, as no client certificate follows, the client's
        // Finished as well; the server's covers that Finished too.
        let mut transcript = digest::Context::new(&digest::SHA256);
        transcript.update(&[0x16; TRANSCRIPT_LEN]);
        let session_hash = transcript.clone().finish();
        let mut master = [0; 48];
        let premaster = hmac::Key::new(hmac::HMAC_SHA256, premaster);
        prf(&premaster, &[b"extended master secret", session_hash.as_ref()], &mut master, tally);

        let master = hmac::Key::new(hmac::HMAC_SHA256, &master);
        let mut block = [0; 40];
        prf(&master, &[b"key expansion", &randoms[1], &randoms[0]], &mut block, tally);
        let (keys, ivs) = block.split_at(32);
        let mut verify_data = [[0; 12]; 2];
        prf(&master, &[b"client finished", session_hash.as_ref()], &mut verify_data[0], tally);
        transcript.update(&[0; 12]);
        transcript.update(&verify_data[0]);
        let hash = transcript.finish();
        tally.transcripts += 1;
        prf(&master, &[b"server finished", hash.as_ref()], &mut verify_data[1], tally);

        let [client_key, server_key] = [&keys[..16], &keys[16..]].map(|key| {
            tally.aead_keys += 1;
            LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).expect("16 bytes"))
        });
        let ivs = [&ivs[..4], &ivs[4..]].map(|iv| iv.try_into().expect("4 bytes"));
        Self { client_key, server_key, ivs, verify_data }
    }

    fn seal(&mut self, direction: Direction, tally: &mut Tally) -> [u8; FINISHED_LEN + 16] {
        let (key, nonce, verify_data) = self.of(direction);
        let mut sealed = [0; FINISHED_LEN + 16];
        let (message, tag) = sealed.split_at_mut(FINISHED_LEN);
        message[12..].copy_from_slice(&verify_data);
        let made = key.seal_in_place_separate_tag(nonce, Aad::from([0; 13]), message).expect("within the limits");
        tag.copy_from_slice(made.as_ref());
        tally.seals += 1;
        sealed
    }

    fn open(&mut self, direction: Direction, mut sealed: [u8; FINISHED_LEN + 16], tally: &mut Tally) {
        let (key, nonce, verify_data) = self.of(direction);
        let message = key.open_in_place(nonce, Aad::from([0; 13]), &mut sealed).expect("both sides have the key");
        assert_eq!(message[12..], verify_data, "both sides saw the same");
        tally.opens += 1;
    }

    fn of(&self, direction: Direction) -> (&LessSafeKey, Nonce, [u8; 12]) {
        let (key, at) = match direction {
            Direction::FromClient => (&self.client_key, 0),
            Direction::FromServer => (&self.server_key, 1),
        };
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.ivs[at]);
        (key, Nonce::assume_unique_for_key(nonce), self.verify_data[at])
    }
}

/// The PRF of TLS 1.2 with SHA-256 (RFC 5246 section 5), with the least number of MACs: none for an A(i) that nobody
/// needs.
fn prf(secret: &hmac::Key, seed: &[&[u8]], out: &mut [u8], tally: &mut Tally) {
    let mac = |first: &[u8], rest: &[&[u8]]| {
        let mut context = hmac::Context::with_key(secret);
        context.update(first);
        rest.iter().for_each(|part| context.update(part));
        context.sign()
    };
    let mut a = mac(&[], seed);
    let mut chunks = out.chunks_mut(32).peekable();
    while let Some(chunk) = chunks.next() {
        let block = mac(a.as_ref(), seed);
        chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
        if chunks.peek().is_some() {
            a = mac(a.as_ref(), &[]);
        }
    }
    tally.prf_runs += 1;
}

/// A few bytes on the stack: the sum allocates nothing of its own.
struct Part {
    bytes: [u8; 160],
    len: usize,
}

impl Part {
    fn concatenated(parts: &[&[u8]]) -> Self {
        let mut this = Self { bytes: [0; 160], len: 0 };
        for part in parts {
            this.bytes[this.len..this.len + part.len()].copy_from_slice(part);
            this.len += part.len();
        }
        this
    }
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

static P256_SIGNATURES: &[&dyn SignatureVerificationAlgorithm] = &[webpki::ring::ECDSA_P256_SHA256];

/// About what the messages before Finished take, headers included.
const TRANSCRIPT_LEN: usize = 1_276;

/// A fragment header and verify_data.
const FINISHED_LEN: usize = 24;
