//! `sealgram demo`: a handshake to look at.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;
use std::thread;

use pki_types::ServerName;
use sealgram::provider::ring;
use sealgram::x509::CertificateVerifier;
use sealgram::{ClientConfig, ServerConfig};
use sealgram_std::{Client, Error, Listener, Options};

use crate::failure::{Failure, Result};
use crate::identity::{LOCAL_NAMES, SelfSigned};
use crate::ladder::{self, Recorder};
use crate::output::{self, Ink, Palette};

const QUESTION: &str = "Is this channel safe?";
const ANSWER: &str = "As safe as the two of us.";

/// Runs a server and a client over loopback, and shows what went over the wire.
pub(crate) fn run() -> Result<()> {
    let palette = Palette::for_stdout();
    let made = SelfSigned::generate(&LOCAL_NAMES.map(str::to_owned), 1)?;
    let listener = Listener::bind(LOOPBACK, server_config(&made)?).map_err(|error| failed("listen", &error))?;
    let server_address = listener.local_addr().map_err(|error| failed("listen", &error))?;
    let server = thread::spawn(move || serve(&listener));

    let recorder = Arc::new(Recorder::default());
    let tap = Arc::clone(&recorder);
    let options = Options::default().bind(LOOPBACK).tap(tap);
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

/// How long either side waits for the other: far longer than it takes, and short enough to watch.
const PATIENCE: Duration = Duration::from_secs(10);

fn server_config(made: &SelfSigned) -> Result<Arc<ServerConfig>> {
    let builder = ServerConfig::builder(ring::provider(), made.identity()?);
    builder.build().map_err(|error| Failure::because(error.to_string()))
}

/// The client trusts this one certificate, and checks it as it would any other.
fn client_config(made: &SelfSigned) -> Result<Arc<ClientConfig>> {
    let verifier = CertificateVerifier::builder(vec![made.certificate.clone()]).build();
    let verifier = verifier.map_err(|error| Failure::because(error.to_string()))?;
    let builder = ClientConfig::builder(ring::provider(), Arc::new(verifier));
    builder.build().map_err(|error| Failure::because(error.to_string()))
}

/// Serves one client: hears a question, answers, and waits for the goodbye.
fn serve(listener: &Listener) -> Result<String> {
    listener.set_accept_timeout(Some(PATIENCE));
    let mut stream = listener.accept().map_err(|error| failed("accept", &error))?;
    stream.set_read_timeout(Some(PATIENCE));
    let mut buffer = [0; 256];
    let len = stream.recv(&mut buffer).map_err(|error| failed("hear the question", &error))?;
    let question = String::from_utf8_lossy(buffer.get(..len).unwrap_or_default()).into_owned();
    stream.send(ANSWER.as_bytes()).map_err(|error| failed("answer", &error))?;
    match stream.recv(&mut buffer) {
        Err(Error::Closed(reason)) if reason.error().is_none() => Ok(question),
        Err(error) => Err(failed("say goodbye", &error)),
        Ok(_) => Err(Failure::because("the demo's client said more than it should")),
    }
}

fn ask(client: &mut Client) -> core::result::Result<String, Error> {
    client.set_read_timeout(Some(PATIENCE));
    client.send(QUESTION.as_bytes())?;
    let mut buffer = [0; 256];
    let len = client.recv(&mut buffer)?;
    Ok(String::from_utf8_lossy(buffer.get(..len).unwrap_or_default()).into_owned())
}

fn failed(what: &str, error: &Error) -> Failure {
    Failure::because(format!("the demo could not {what}: {error}"))
}
