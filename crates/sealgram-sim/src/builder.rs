//! How a [`Pair`] is put together.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use sealgram::code::HandshakeType;
use sealgram::crypto::{CryptoProvider, KeyExchangeGroup, Suite};
use sealgram::pki_types::{ServerName, UnixTime};
use sealgram::provider::ring;
use sealgram::{Connection, Instant, RandomIds, TransportOptions, WallClock};

use crate::authentication::{Authentication, Means};
use crate::books::Books;
use crate::deciders::{toy_identity_asking, toy_verifier_asking};
use crate::decisions::{Desk, Promptness, Question, Questions};
use crate::host::Host;
use crate::identity::{CertificateKind, SERVER_NAME};
use crate::link::{Clear, Link};
use crate::pair::{Pair, Parts, ROLES};
use crate::pcap::KeyLines;
use crate::rng::SimRng;
use crate::sessions::{Earlier, ResumeBy, Shelves};
use crate::toy;

/// Puts a [`Pair`] together.
#[must_use = "a builder does nothing until it is built"]
pub struct PairBuilder {
    seed: u64,
    rng: SimRng,
    cryptography: Cryptography,
    chain_len: usize,
    authentication: Authentication,
    shelves: Option<Shelves>,
    earlier: Option<Earlier>,
    questions: Questions,
    client: TransportOptions,
    server: TransportOptions,
    trust_path: bool,
    has_gate: bool,
    link: Box<dyn Link>,
    out_len: usize,
    habits: Option<SimRng>,
    key_lines: Option<[Arc<KeyLines>; 2]>,
    reconciles: bool,
    /// How long the connection IDs are that the client wants and that the server wants, if both use them.
    connection_ids: Option<[u8; 2]>,
}

/// Which algorithms the two ends use.
enum Cryptography {
    Toy(&'static CryptoProvider),
    Ring { suite: &'static Suite, group: &'static dyn KeyExchangeGroup, certificate: CertificateKind },
}

impl PairBuilder {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            rng: SimRng::new(seed),
            cryptography: Cryptography::Toy(&toy::PROVIDER),
            chain_len: 1,
            authentication: Authentication::Server,
            shelves: None,
            earlier: None,
            questions: Questions::default(),
            client: TransportOptions::default(),
            server: TransportOptions::default(),
            trust_path: false,
            has_gate: false,
            link: Box::new(Clear),
            out_len: 8192,
            habits: None,
            key_lines: capture_folder().map(|_| Default::default()),
            reconciles: false,
            connection_ids: None,
        }
    }

    /// Real cryptography: this suite, this group and this kind of certificate. The suite has to fit the certificate.
    pub fn ring(
        mut self,
        suite: &'static Suite,
        group: &'static dyn KeyExchangeGroup,
        certificate: CertificateKind,
    ) -> Self {
        self.cryptography = Cryptography::Ring { suite, group, certificate };
        self
    }

    /// How many certificates are in the chains of toy cryptography.
    pub const fn chain_len(mut self, certificates: usize) -> Self {
        self.chain_len = certificates;
        self
    }

    /// By what the two know each other: by the server's certificate unless this says otherwise.
    pub const fn authentication(mut self, authentication: Authentication) -> Self {
        self.authentication = authentication;
        self
    }

    /// Both use connection IDs (RFC 9146): those that the client wants have so many bytes, and those that the server
    /// wants.
    pub const fn connection_ids(mut self, client: u8, server: u8) -> Self {
        self.connection_ids = Some([client, server]);
        self
    }

    /// The two take an earlier session up again, which has to be one of the same authentication.
    pub fn resume(mut self, earlier: &Earlier) -> Self {
        self.earlier = Some(earlier.clone());
        self
    }

    /// Somebody answers this question, and may take time for it. It has to be one that such a handshake asks, and of toy
    /// cryptography if it is about certificates.
    pub const fn asks(mut self, question: Question, promptness: Promptness) -> Self {
        self.questions = Questions(Some((question, promptness)));
        self
    }

    /// The server gives the client a ticket for the next time.
    pub fn gives_ticket(self) -> Self {
        self.shelves(Shelves::empty(ResumeBy::Ticket))
    }

    /// Where the two keep their session for the next time.
    pub(crate) fn shelves(mut self, shelves: Shelves) -> Self {
        self.shelves = Some(shelves);
        self
    }

    /// Another provider that goes with the toy identity.
    pub const fn provider(mut self, provider: &'static CryptoProvider) -> Self {
        self.cryptography = Cryptography::Toy(provider);
        self
    }

    /// Timers, sizes and limits of both ends.
    pub const fn transport(mut self, options: TransportOptions) -> Self {
        self.client = options;
        self.server = options;
        self
    }

    /// Timers, sizes and limits of the client.
    pub const fn client_transport(mut self, options: TransportOptions) -> Self {
        self.client = options;
        self
    }

    /// Timers, sizes and limits of the server.
    pub const fn server_transport(mut self, options: TransportOptions) -> Self {
        self.server = options;
        self
    }

    /// The MTU that both ends begin with.
    pub const fn mtu(mut self, bytes: usize) -> Self {
        self.client = self.client.mtu(bytes);
        self.server = self.server.mtu(bytes);
        self
    }

    /// Both ends believe what is not authenticated.
    pub const fn trust_path(mut self) -> Self {
        self.trust_path = true;
        self
    }

    /// The server is an endpoint, and the client has to answer with a cookie.
    pub const fn gate(mut self) -> Self {
        self.has_gate = true;
        self
    }

    /// What the network is like.
    pub fn link(mut self, link: impl Link + 'static) -> Self {
        self.link = Box::new(link);
        self
    }

    /// How long the buffer is that the ends write to.
    pub const fn out_len(mut self, bytes: usize) -> Self {
        self.out_len = bytes;
        self
    }

    /// Chance decides in which order the ends are called, and whether they are called in vain.
    pub fn random_calls(mut self) -> Self {
        // What the ends draw stays the same, so that the run can be compared with one of orderly calls.
        self.habits = Some(SimRng::new(!self.rng.clone().next()));
        self
    }

    /// Foretells every discard counter, and compares it at every datagram. The cryptography has to be the toy one, the
    /// stash as long as by default, decisions made at once, and no forged message may be one that an end could believe.
    pub fn reconcile(mut self) -> Self {
        self.reconciles = true;
        self.capture()
    }

    /// Keeps the secrets, so that there is a [capture](Pair::capture) to read.
    pub fn capture(mut self) -> Self {
        self.key_lines.get_or_insert_default();
        self
    }

    /// Puts it together. Nothing has happened then.
    ///
    /// # Panics
    ///
    /// If the configurations do not fit.
    #[must_use]
    pub fn build(self) -> Pair {
        // Each end has its own generator, so that a change at one leaves the other alone.
        let mut rng = self.rng.clone();
        let [mut client_rng, mut server_rng] = [rng.fork(), rng.fork()];
        let means = self.cryptography.means(self.chain_len, self.questions);
        let (client, server) = self.authentication.configs(means, self.questions);
        let (mut client, mut server) = (client.transport(self.client), server.transport(self.server));
        let shelves = self.earlier.as_ref().map(|earlier| earlier.shelves(self.questions)).or(self.shelves);
        if let Some(shelves) = &shelves {
            (client, server) = shelves.configure(client, server);
        }
        if self.trust_path {
            (client, server) = (client.danger().trust_path(), server.danger().trust_path());
        }
        if let Some([of_client, of_server]) = &self.key_lines {
            (client, server) = (client.danger().key_log(of_client.clone()), server.danger().key_log(of_server.clone()));
        }
        if let Some([of_client, of_server]) = self.connection_ids {
            client = client.connection_ids(Arc::new(RandomIds::of_len(of_client)));
            server = server.connection_ids(Arc::new(RandomIds::of_len(of_server)));
        }
        let (client, server) = (client.build().expect("a sound configuration"), server.build().expect("a sound one"));
        let name = ServerName::try_from(SERVER_NAME).expect("a DNS name");
        let wall_clock = wall_clock();
        let client = Connection::client(client, name, wall_clock, &mut client_rng).expect("a hello that encodes");
        let server = if self.has_gate { Host::door } else { Host::server }(server, wall_clock, &mut server_rng);
        let hosts = [Host::client(client), server];
        let key_lines = self.key_lines.as_ref().filter(|_| self.reconciles);
        let reads_after = reads_after(self.authentication, shelves.as_ref());
        Pair::new(Parts {
            books: key_lines.map(|key_lines| Books::new(hosts.each_ref(), key_lines, reads_after)),
            hosts,
            link: self.link,
            out_len: self.out_len,
            habits: self.habits,
            recording: Recording::new(self.seed, self.key_lines),
            is_resumption: self.earlier.is_some(),
            cid_lens: self.connection_ids.map_or([0; 2], |[client, server]| [server.into(), client.into()]),
            desk: Desk::new(self.questions, shelves.map(|shelves| shelves.server)),
        })
    }
}

/// The message after which each end can read what the other protects, the client first.
fn reads_after(authentication: Authentication, shelves: Option<&Shelves>) -> [HandshakeType; 2] {
    let (client, server) = (HandshakeType::SERVER_HELLO_DONE, authentication.ends_key_exchange());
    match shelves {
        None => [client, server],
        Some(shelves) if shelves.is_stocked => [shelves.client_reads_after(client), HandshakeType::CLIENT_HELLO],
        Some(shelves) => [shelves.client_reads_after(client), server],
    }
}

impl Cryptography {
    fn means(&self, chain_len: usize, questions: Questions) -> Means<'static> {
        match *self {
            Self::Toy(provider) => Means {
                client_provider: provider,
                server_provider: provider,
                identities: ROLES.map(|role| toy_identity_asking(questions, role, chain_len)),
                verifiers: ROLES.map(|role| toy_verifier_asking(questions, role)),
                credentials: None,
            },
            Self::Ring { suite, group, certificate } => {
                let credentials = certificate.credentials();
                // The client offers everything, as clients do, and by name what is used by name only; the server picks
                // what is to be tested.
                let narrowed = CryptoProvider {
                    suites: Vec::leak(vec![suite]),
                    groups: Vec::leak(vec![group]),
                    ..*ring::provider()
                };
                Means {
                    client_provider: ring::provider(),
                    server_provider: Box::leak(Box::new(narrowed)),
                    identities: [(); 2].map(|()| credentials.identity.clone()),
                    verifiers: [(); 2].map(|()| credentials.verifier.clone()),
                    credentials: Some(credentials),
                }
            }
        }
    }
}

/// Whether, and under which name, a run is to be kept.
pub(crate) struct Recording {
    /// Of the client and of the server.
    pub(crate) key_lines: Option<[Arc<KeyLines>; 2]>,
    /// The folder that `SEALGRAM_CAPTURE` names, and the name of the files without their endings.
    pub(crate) file: Option<(&'static PathBuf, String)>,
}

impl Recording {
    fn new(seed: u64, key_lines: Option<[Arc<KeyLines>; 2]>) -> Self {
        let file = capture_folder().map(|folder| (folder, file_name(seed)));
        Self { key_lines, file }
    }
}

fn capture_folder() -> Option<&'static PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(|| std::env::var_os("SEALGRAM_CAPTURE").map(PathBuf::from)).as_ref()
}

/// The test, the seed, and a number, as a test may make several runs of one seed.
fn file_name(seed: u64) -> String {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("run").replace("::", "-");
    format!("{test}-{seed}-{}", RUNS.fetch_add(1, Ordering::Relaxed))
}

/// A day in 2030, when all certificates here are valid.
#[must_use]
pub fn wall_clock() -> WallClock {
    WallClock::new(Instant::ORIGIN, UnixTime::since_unix_epoch(core::time::Duration::from_secs(1_900_000_000)))
}

impl core::fmt::Debug for PairBuilder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PairBuilder").finish_non_exhaustive()
    }
}
