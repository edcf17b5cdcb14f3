//! Fuzz targets over whole connections and endpoints.
//!
//! Each takes bytes, reads them as choices, and panics if a law is broken; what it returns says how far it came, so
//! that a test can see whether the corpus reaches what it is meant to reach. `tests/corpus.rs` runs them over
//! `fuzz/corpus/`, and makes its seeds; `fuzz/` runs them over everything else.
//!
//! | target | what the bytes are |
//! |---|---|
//! | [`client_bytes`], [`server_bytes`] | datagrams, time and calls for one end, whose records open whatever their tag is |
//! | [`endpoint`] | strangers' datagrams, honest clients, time and calls for an endpoint with few places |
//! | [`wandering`] | the same with connection IDs, and clients that speak from each other's addresses (in tests only) |
//! | [`cookie_gate`] | hellos of honest clients and of others, held against a list of the cookies that were given out |
//! | [`network`] | what the network does to the datagrams of two ends, and what these say to each other |
//! | [`below_cipher`] | how records are changed between two ends by someone who can open and seal them |

mod below_cipher;
mod cookie_gate;
mod endpoint;
mod glass;
mod network;
mod one_end;

pub use below_cipher::below_cipher;
pub use cookie_gate::cookie_gate;
pub use endpoint::{endpoint, wandering};
pub use glass::PROVIDER as GLASS;
pub use network::network;
pub use one_end::{both_ends, client_bytes, glass_client_config, glass_server_config, server_bytes};
