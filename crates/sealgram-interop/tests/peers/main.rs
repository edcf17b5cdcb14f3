//! Every peer in both roles.
//!
//! `cargo test -p sealgram-interop -- NAME` runs the trials whose names contain NAME.

mod gnutls;
mod openssl;
mod recordings;

use std::env;
use std::sync::{Arc, LazyLock};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sealgram_interop::Outcome;
use sealgram_interop::certificates::Certificates;
use sealgram_interop::peer;

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

    /// The trial, which is ignored if the peer is missing and may be.
    fn into_trial(self, certificates: Arc<Lazy>, missing: Option<String>) -> Trial {
        Trial::ignorable_test(self.name, move || match missing {
            _ if self.impossible.is_some() => Ok(Completion::ignored_with(self.impossible.unwrap_or_default())),
            Some(reason) if env::var_os("SEALGRAM_REQUIRE_PEERS").is_some_and(|value| value == "1") => {
                Err(Failed::from(reason))
            }
            Some(reason) => Ok(Completion::ignored_with(reason)),
            None => {
                let certificates = LazyLock::force(&certificates).as_ref()?;
                (self.run)(certificates).map(|()| Completion::Completed).map_err(Failed::from)
            }
        })
    }
}

fn main() {
    let arguments = Arguments::from_args();
    let certificates: Arc<Lazy> = Arc::new(LazyLock::new(|| Certificates::make().map_err(|error| error.to_string())));
    // Its program makes certificates for all the others.
    let openssl = peer::openssl::find().err();
    let gnutls = openssl.clone().or_else(|| peer::gnutls::find().err());
    let trial = |missing: &Option<String>, it: Interop| it.into_trial(Arc::clone(&certificates), missing.clone());
    let trials = openssl::trials().map(|it| trial(&openssl, it)).chain(gnutls::trials().map(|it| trial(&gnutls, it)));
    let mbedtls = openssl.clone().or_else(|| recordings::mbedtls::find().err());
    let recordings = recordings::trials().map(|(of, it)| match of {
        recordings::Implementation::OpenSsl => trial(&openssl, it),
        recordings::Implementation::GnuTls => trial(&gnutls, it),
        recordings::Implementation::MbedTls => trial(&mbedtls, it),
    });
    let conclusion = libtest_mimic::run(&arguments, trials.chain(recordings).collect());
    // The directory goes before the process does.
    drop(certificates);
    conclusion.exit();
}
