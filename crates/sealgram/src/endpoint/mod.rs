//! Many associations on one socket: which datagram belongs to which, who may become one, and when each is due.

mod candidate;
mod config;
mod dispatch;
mod error;
mod hello_gate;
mod migration;
mod moves;
mod newcomers;
mod routes;
mod schedule;
mod timers;

pub use config::{AddressChange, EndpointConfig};
pub use dispatch::{Dispatch, Endpoint, Incoming};
pub use error::{ConnectError, Refusal};
pub use migration::EndpointRestoreError;
pub use routes::Handle;
pub use schedule::ConnectionMut;

#[cfg(all(test, feature = "ring"))]
mod tests;
