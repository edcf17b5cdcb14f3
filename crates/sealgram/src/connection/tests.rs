//! One connection against a peer made by hand, row by row of docs/conformance.md.
//!
//! A peer that runs the same code makes the same mistakes, and never breaks the protocol. So here the other side is a
//! [`Puppet`](puppet::Puppet): each of its bytes was asked for by a test. The subject is a real [`Connection`] with a
//! clock of the test's.
//!
//! Most rows that say "fatal" mean two things, and are tested in both modes. On a path that nobody else writes to
//! (`danger::trust_path()`) the failure comes at once. Elsewhere what nobody vouches for is a doubt, which matures if
//! nothing better comes (see `doubt.rs`). What is well formed and illegal is fatal at once in either mode.
#![cfg(all(feature = "ring", feature = "x509"))]

mod alerts;
mod application_data;
mod application_protocol;
mod browser;
mod carried;
mod certificate;
mod certificate_status;
mod change_cipher_spec;
mod client_certificate;
mod connection_id;
mod decisions;
mod exporter;
mod extended_master_secret;
mod finished;
mod flights;
mod fragments;
mod hello;
mod hello_verify_request;
mod identities;
mod key_exchange;
mod key_limits;
mod key_log;
mod order;
mod preshared_key;
mod puppet;
mod puppet_client;
mod puppet_server;
mod raw_public_key;
mod record_sizes;
mod renegotiation;
mod resumption;
mod resumption_by_hand;
mod scene;
mod secrets;
mod selection;
mod server_name;
mod several_identities;
#[cfg(feature = "ccm")]
mod short_tags;
mod snapshot;
mod srtp;
mod step;
mod subject;
mod version;

use puppet_client::ServerScene;
use puppet_server::ClientScene;
use subject::{MODES, Mode};
