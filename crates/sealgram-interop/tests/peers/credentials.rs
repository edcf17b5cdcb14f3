//! Who is not let in: clients without the right certificate, and either side without the right key. The same for every
//! peer whose programs can be told.

use core::net::SocketAddr;
use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use sealgram::code::AlertDescription;
use sealgram::x509::CertificateVerifier;
use sealgram_interop::Outcome;
use sealgram_interop::case::{self, Case, ClientCertificate, KeyKind};
use sealgram_interop::certificates::Certificates;
use sealgram_interop::configuration::{client_builder, name_for, server_builder, server_config, transport};
use sealgram_interop::conversation::report;
use sealgram_interop::ours::Server;
use sealgram_interop::peer::Peer;
use sealgram_interop::wire::Wire;

use crate::refusal::{ECDSA, client_in_vain, says, why_not};
use crate::{Interop, another_key};

/// The programs of a peer.
pub(crate) struct Programs {
    pub(crate) server: &'static str,
    pub(crate) client: &'static str,
    pub(crate) start_server: fn(&Case, &Certificates, &[&str]) -> Outcome<Peer>,
    pub(crate) start_client: fn(&Case, &Certificates, SocketAddr, &[&str]) -> Outcome<Peer>,
    /// What the client prints when it receives the alert of this number.
    pub(crate) told_by_alert: fn(u8) -> String,
    /// What makes the server use another preshared key.
    pub(crate) server_has_another_key: fn(&Certificates) -> Vec<PathBuf>,
    /// What makes the client use another preshared key.
    pub(crate) client_has_another_key: &'static [&'static str],
    /// The option that names the file of the client's certificate, the last of which counts.
    pub(crate) client_certificate: &'static str,
}

pub(crate) fn trials(programs: &'static Programs) -> impl Iterator<Item = Interop> {
    let refusals = REFUSALS.iter().map(move |row| {
        Interop::new(format!("{} / refused: we, {}", programs.client, row.name), move |it| row.check(programs, it))
    });
    let revoked = Interop::new(format!("{} / revocation list refuses one client of two", programs.client), |it| {
        one_of_two_is_revoked(programs, it)
    });
    let with_another_key =
        [("PSK", case::PSK), ("ECDHE_PSK", case::ECDHE_PSK)].into_iter().flat_map(move |(name, case)| {
            let case = Case { hasty: true, ..case };
            [
                Interop::new(format!("{} / another key: {name}", programs.server), move |it| {
                    server_has_another_key(&case, programs, it)
                }),
                Interop::new(format!("{} / another key: {name}", programs.client), move |it| {
                    let start = |case: &Case, address| {
                        (programs.start_client)(case, it, address, programs.client_has_another_key)
                    };
                    let theirs = (programs.told_by_alert)(AlertDescription::DECRYPT_ERROR.0);
                    another_key::our_server_knows(&case, it, start, &theirs)
                }),
            ]
        });
    refusals.chain([revoked]).chain(with_another_key)
}

/// A client that our server does not want.
struct Refusal {
    name: &'static str,
    /// What our server asks for.
    wanted: ClientCertificate,
    /// What the peer's client has.
    shown: ClientCertificate,
    /// What our user is told.
    ours: &'static str,
    alert: AlertDescription,
}

const REFUSALS: &[Refusal] = &[
    // CRT-13.
    Refusal {
        name: "a client certificate is required",
        wanted: ClientCertificate::Required(KeyKind::Ecdsa),
        shown: ClientCertificate::Missing,
        ours: "nothing in common with the peer: the client shows no certificate",
        alert: AlertDescription::HANDSHAKE_FAILURE,
    },
    Refusal {
        name: "a client of another root, required",
        wanted: ClientCertificate::Required(KeyKind::Rsa),
        shown: ClientCertificate::Required(KeyKind::Ecdsa),
        ours: "the peer's certificate was refused: its issuer is not trusted",
        alert: AlertDescription::UNKNOWN_CA,
    },
    // A bad certificate is not the same as none.
    Refusal {
        name: "a client of another root, requested",
        wanted: ClientCertificate::Requested(KeyKind::Rsa),
        shown: ClientCertificate::Requested(KeyKind::Ecdsa),
        ours: "the peer's certificate was refused: its issuer is not trusted",
        alert: AlertDescription::UNKNOWN_CA,
    },
];

impl Refusal {
    fn check(&self, programs: &Programs, certificates: &Certificates) -> Outcome {
        let config = server_config(&Case { client: self.wanted, ..ECDSA }, certificates)?;
        let shown = Case { client: self.shown, ..ECDSA };
        let start = |to| (programs.start_client)(&shown, certificates, to, &[]);
        client_in_vain(config, start, |reason| says(reason, self.ours), &(programs.told_by_alert)(self.alert.0))
    }
}

/// Two certificates of one key and one issuer differ in their number alone.
fn one_of_two_is_revoked(programs: &Programs, certificates: &Certificates) -> Outcome {
    let case = Case { client: ClientCertificate::Required(KeyKind::Ecdsa), ..ECDSA };
    let wire = Arc::new(Wire::default());
    let verifier = CertificateVerifier::builder(vec![certificates.root(KeyKind::Ecdsa)?]);
    let verifier = verifier.revocation_lists(vec![certificates.revocation_list()?]).build()?;
    let builder = server_builder(&case, certificates)?.require_client_certificate(Arc::new(verifier));
    let server = Server::listen(builder.build()?, &wire)?;
    let address = server.address()?;
    let good = (programs.start_client)(&case, certificates, address, &[])?;
    server.accept().map(drop).map_err(|error| report(&*error, &good, &wire))?;

    let revoked = certificates.revoked_certificate_file();
    let more = [programs.client_certificate, revoked.to_str().ok_or("no name for the certificate")?];
    let peer = (programs.start_client)(&case, certificates, address, &more)?;
    let is_refused = || -> Outcome {
        says(&server.wait_for_failure()?.to_string(), "the peer's certificate was refused: it was revoked")?;
        peer.prints(&(programs.told_by_alert)(AlertDescription::CERTIFICATE_REVOKED.0))
    };
    is_refused().map_err(|error| report(&*error, &peer, &wire))
}

/// The server does not answer what it cannot read, so that our client has nothing to go by but that its Finished is not
/// answered: it is told which message it waited for.
fn server_has_another_key(case: &Case, programs: &Programs, certificates: &Certificates) -> Outcome {
    let wire = Arc::new(Wire::default());
    let more = (programs.server_has_another_key)(certificates);
    let more = more.iter().filter_map(|word| word.to_str()).collect::<Vec<_>>();
    let peer = (programs.start_server)(case, certificates, &more)?;
    let is_refused = || -> Outcome {
        let builder = client_builder(case, case.key_kind, certificates)?;
        let config = builder.transport(transport(case).handshake_deadline(SOON)).build()?;
        says(&why_not(&peer, name_for(case)?, config, &wire)?, "FINISHED")
    };
    is_refused().map_err(|error| report(&*error, &peer, &wire))
}

/// How long our client tries where nothing can come of it.
const SOON: Duration = Duration::from_secs(2);
