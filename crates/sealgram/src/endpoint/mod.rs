//! Many associations on one socket: which datagram belongs to which, who may become one, and when each is due.

mod config;
mod hello_gate;
mod path;
mod routes;
mod timers;

pub use config::EndpointConfig;
pub use path::Path;
pub use routes::Handle;
