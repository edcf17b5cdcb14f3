//! `sealgram demo`: a handshake to look at.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;
use std::thread;

use pki_types::ServerName;
use sealgram::provider::ring;
use sealgram::x509::CertificateVerifier;
use sealgram::{ClientConfig, ServerConfig, TransportOptions};
use sealgram_std::{Client, Error, Listener, Options};

use crate::args::Demo;
use crate::failure::{Failure, Result};
use crate::identity::{LOCAL_NAMES, SelfSigned};
use crate::ladder::{self, Recorder};
use crate::output::{self, Ink, Palette};

const QUESTION: &str = "Is this channel safe?";
const ANSWER: &str = "As safe as the two of us.";

/// Runs a server and a client over loopback, and shows what went over the wire.
pub(crate) fn run(arguments: &Demo) -> Result<()> {
    let palette = Palette::for_stdout();
    let made = SelfSigned::generate(&LOCAL_NAMES.map(str::to_owned), 1)?;
    let listener = Listener::bind(LOOPBACK, server_config(&made)?).map_err(|error| failed("listen", &error))?;
    let server_address = listener.local_addr().map_err(|error| failed("listen", &error))?;
    let server = thread::spawn(move || serve(&listener));

    let recorder = Arc::new(Recorder::default());
    let tap = Arc::clone(&recorder);
    let mut options = Options::default().bind(LOOPBACK).tap(tap);
    let dice = arguments.disturbances.dice();
    if let Some(dice) = dice.clone() {
        options = options.disturbance(dice);
    }
    let name = ServerName::try_from("localhost").map_err(|error| Failure::because(error.to_string()))?;
    let mut client = Client::connect_with(server_address, name, client_config(&made)?, options)
        .map_err(|error| failed("connect", &error))?;
    let client_address = client.local_addr().map_err(|error| failed("connect", &error))?;
    let answer = ask(&mut client).map_err(|error| failed("get an answer", &error))?;
    let session = client.session().cloned();
    let time = client.stats().handshake_time.unwrap_or_default();
    client.close().map_err(|error| failed("close", &error))?;
    let question = server.join().map_err(|_| Failure::because("the demo's server panicked"))??;

    output::line("DTLS 1.2 over UDP: a server and a client in this process, and what the client's socket saw.\n")?;
    for line in ladder::draw(&recorder.captured(), palette) {
        output::line(line)?;
    }
    output::line("")?;
    dice.iter().try_for_each(output::line)?;
    output::line(format_args!("addresses     client {client_address}, server {server_address}"))?;
    output::line(format_args!("certificate   made for this run: ECDSA P-256, for {}", LOCAL_NAMES.join(", ")))?;
    if let Some(session) = session {
        output::line(format_args!("cipher suite  {}", session.cipher_suite))?;
        if let Some(group) = session.group {
            output::line(format_args!("key exchange  {group}"))?;
        }
    }
    output::line(format_args!("handshake     {:.2} ms", time.as_secs_f64() * 1000.0))?;
    output::line(format_args!("client said   {}", palette.paint(Ink::Client, &question)))?;
    output::line(format_args!("server said   {}", palette.paint(Ink::Server, &answer)))
}

/// Any free port.
const LOOPBACK: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How long either side waits for the other: far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// When what may have been lost is said again.
const AGAIN: Duration = Duration::from_millis(400);

/// How long the server waits for a goodbye, which is said once and may be lost.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(1);

fn server_config(made: &SelfSigned) -> Result<Arc<ServerConfig>> {
    let builder = ServerConfig::builder(ring::provider(), made.identity()?).transport(transport());
    builder.build().map_err(|error| Failure::because(error.to_string()))
}

/// The client trusts this one certificate, and checks it as it would any other.
fn client_config(made: &SelfSigned) -> Result<Arc<ClientConfig>> {
    let verifier = CertificateVerifier::builder(vec![made.certificate.clone()]).build();
    let verifier = verifier.map_err(|error| Failure::because(error.to_string()))?;
    let builder = ClientConfig::builder(ring::provider(), Arc::new(verifier)).transport(transport());
    builder.build().map_err(|error| Failure::because(error.to_string()))
}

fn transport() -> TransportOptions {
    TransportOptions::default().initial_timeout(AGAIN).handshake_deadline(PATIENCE)
}

/// Serves one client: hears a question, answers as often as it is asked, and waits for the goodbye.
fn serve(listener: &Listener) -> Result<String> {
    listener.set_accept_timeout(Some(PATIENCE));
    let mut stream = listener.accept().map_err(|error| failed("accept", &error))?;
    stream.set_read_timeout(Some(PATIENCE));
    let mut buffer = [0; 256];
    let mut len = stream.recv(&mut buffer).map_err(|error| failed("hear the question", &error))?;
    stream.set_read_timeout(Some(GOODBYE_PATIENCE));
    loop {
        let question = text(&buffer, len);
        match stream.send(ANSWER.as_bytes()).and_then(|()| stream.recv(&mut buffer)) {
            Err(Error::Closed(reason)) if reason.error().is_none() => return Ok(question),
            Err(Error::TimedOut) => return Ok(question),
            Err(error) => return Err(failed("answer and say goodbye", &error)),
            Ok(again) => len = again,
        }
    }
}

/// Data is not sent again by itself: a question that nobody answers is asked anew.
fn ask(client: &mut Client) -> core::result::Result<String, Error> {
    client.set_read_timeout(Some(AGAIN));
    let mut buffer = [0; 256];
    for _ in 0..ATTEMPTS {
        client.send(QUESTION.as_bytes())?;
        match client.recv(&mut buffer) {
            Err(Error::TimedOut) => {}
            outcome => return Ok(text(&buffer, outcome?)),
        }
    }
    Err(Error::TimedOut)
}

fn text(buffer: &[u8], len: usize) -> String {
    String::from_utf8_lossy(buffer.get(..len).unwrap_or_default()).into_owned()
}

/// After so many the network is as good as cut.
const ATTEMPTS: usize = 50;

fn failed(what: &str, error: &Error) -> Failure {
    Failure::because(format!("the demo could not {what}: {error}"))
}
