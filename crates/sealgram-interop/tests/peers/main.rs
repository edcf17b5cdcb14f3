//! Every peer in both roles.
//!
//! `cargo test -p sealgram-interop -- NAME` runs the trials whose names contain NAME.

mod another_key;
mod credentials;
mod features;
mod gnutls;
mod godot;
mod harm;
mod libcoap;
mod mbedtls;
mod openssl;
mod pion;
mod recordings;
mod refusal;
mod report;
mod tshark;

use std::env;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sealgram_interop::Outcome;
use sealgram_interop::certificates::Certificates;
use sealgram_interop::peer;
use sealgram_interop::peer::libcoap::Build;

use crate::recordings::Implementation;
use crate::report::{Heading, Other, PeerPrograms, Results, Verdict};

/// Certificates, made when the first trial asks for them.
type Lazy = LazyLock<Result<Certificates, String>>;

/// A trial before it knows whether its peer is there.
struct Interop {
    name: String,
    /// Why the peer cannot do this, though it is there.
    impossible: Option<&'static str>,
    run: Box<dyn FnOnce(&Certificates) -> Outcome + Send>,
}

impl Interop {
    fn new(name: String, run: impl FnOnce(&Certificates) -> Outcome + Send + 'static) -> Self {
        Self { name, impossible: None, run: Box::new(run) }
    }

    /// A trial that this peer cannot take part in. It is listed all the same, with the reason.
    fn impossible(self, reason: &'static str) -> Self {
        Self { impossible: Some(reason), ..self }
    }

    /// The trial, which is ignored if the peer is missing and may be. What comes of it goes to `results` too.
    fn into_trial(self, certificates: Arc<Lazy>, missing: Option<String>, results: Arc<Results>) -> Trial {
        Trial::ignorable_test(self.name.clone(), move || {
            let (name, impossible) = (self.name.clone(), self.impossible);
            let outcome = self.outcome(&certificates, missing);
            let verdict = match (&outcome, impossible) {
                (Ok(Completion::Completed), _) => Verdict::Passed,
                (Ok(_), Some(reason)) => Verdict::Cannot(reason),
                (Ok(_), None) => Verdict::Missing,
                (Err(_), _) => Verdict::Failed,
            };
            results.add(name, verdict);
            outcome
        })
    }

    fn outcome(self, certificates: &Lazy, missing: Option<String>) -> Result<Completion, Failed> {
        match (self.impossible, missing) {
            (Some(reason), _) => Ok(Completion::ignored_with(reason)),
            (None, Some(reason)) if env::var_os("SEALGRAM_REQUIRE_PEERS").is_some_and(|value| value == "1") => {
                Err(Failed::from(reason))
            }
            (None, Some(reason)) => Ok(Completion::ignored_with(reason)),
            (None, None) => {
                let certificates = LazyLock::force(certificates).as_ref()?;
                (self.run)(certificates).map(|()| Completion::Completed).map_err(Failed::from)
            }
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Most of a trial's time is spent in waiting for the peer, or for something lost to be sent again.
    arguments.test_threads.get_or_insert(8);
    let certificates: Arc<Lazy> = Arc::new(LazyLock::new(|| Certificates::make().map_err(|error| error.to_string())));
    let results = Arc::new(Results::default());
    let (peers, others) = (peers(), others());
    let trials: Vec<Trial> = all_trials(&peers, &others)
        .into_iter()
        .map(|(it, missing)| it.into_trial(Arc::clone(&certificates), missing, Arc::clone(&results)))
        .collect();
    let count = trials.len();
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The directory goes before the process does.
    drop(certificates);
    let document = if arguments.list { Ok(String::new()) } else { results.compare(count, &peers, &others) };
    match document {
        Ok(said) if said.is_empty() => {}
        Ok(said) => println!("docs/interop.md: {said}\n"),
        Err(complaint) => {
            println!("docs/interop.md: {complaint}\n");
            return ExitCode::FAILURE;
        }
    }
    conclusion.exit_code()
}

/// Every peer, in the order of the document.
fn peers() -> [PeerPrograms; 7] {
    let programs = |heading, server, client| PeerPrograms { heading, server, client, about: None };
    let libcoap = |build: Build| PeerPrograms {
        about: Some(libcoap::ABOUT),
        ..programs(peer::libcoap::find(build), build.server(), build.client())
    };
    [
        programs(peer::openssl::find(), "openssl s_server", "openssl s_client"),
        programs(peer::gnutls::find(), "gnutls-serv", "gnutls-cli"),
        programs(peer::mbedtls::find(), "mbedtls ssl_server2", "mbedtls ssl_client2"),
        programs(peer::pion::find(), "pion server", "pion client"),
        programs(peer::godot::find(), "godot server", "godot client"),
        libcoap(Build::OpenSsl),
        libcoap(Build::GnuTls),
    ]
}

/// What has no two roles, in the order of the document.
fn others() -> [Other; 2] {
    [
        Other { heading: peer::tshark::find(), beginning: "tshark", about: tshark::ABOUT },
        Other { heading: Ok("Recorded handshakes".into()), beginning: "recording", about: recordings::ABOUT },
    ]
}

/// Every trial, with what it misses.
fn all_trials(
    [openssl, gnutls, mbedtls, pion, godot, coap_openssl, coap_gnutls]: &[PeerPrograms; 7],
    [tshark, _]: &[Other; 2],
) -> Vec<(Interop, Option<String>)> {
    let [openssl, gnutls, mbedtls, pion, godot] = [openssl, gnutls, mbedtls, pion, godot].map(|peer| &peer.heading);
    let mut all = Vec::new();
    // The openssl program makes certificates for all, and Mbed TLS brings the proxy.
    let mut add = |needs: &[&Heading], trials: &mut dyn Iterator<Item = Interop>| {
        let missing = [&[openssl], needs].concat().into_iter().find_map(|heading| heading.clone().err());
        all.extend(trials.map(|it| (it, missing.clone())));
    };
    add(&[], &mut openssl::trials());
    add(&[gnutls], &mut gnutls::trials());
    add(&[mbedtls], &mut mbedtls::trials());
    add(&[pion], &mut pion::trials());
    add(&[godot], &mut godot::trials());
    add(&[&coap_openssl.heading], &mut libcoap::trials(Build::OpenSsl));
    add(&[&coap_gnutls.heading], &mut libcoap::trials(Build::GnuTls));
    add(&[&tshark.heading], &mut tshark::trials());
    let program = sealgram_interop::program::find().map(|path| path.display().to_string());
    add(&[&tshark.heading, &program], &mut tshark::programs());
    add(&[], &mut recordings::trials(Implementation::OpenSsl));
    add(&[gnutls], &mut recordings::trials(Implementation::GnuTls));
    add(&[mbedtls], &mut recordings::trials(Implementation::MbedTls));
    add(&[mbedtls], &mut harm::with_openssl().chain(harm::with_mbedtls()));
    add(&[gnutls, mbedtls], &mut harm::with_gnutls());
    add(&[pion, mbedtls], &mut harm::with_pion());
    add(&[godot, mbedtls], &mut harm::with_godot());
    all
}
