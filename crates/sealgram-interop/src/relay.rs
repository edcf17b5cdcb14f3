//! Leads the clients of one address to several servers, one after another: what a load balancer does, and a server that
//! starts anew on its port. It changes nothing on the way.

use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::net::UdpSocket;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::Outcome;

/// A relay, which ends with this value.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A client and the socket that stands for it.
struct Path {
    client: SocketAddr,
    to_server: UdpSocket,
}

impl Relay {
    /// The first client that is heard of is led to the first of the servers, the next one to the next.
    pub fn start(servers: Vec<SocketAddr>) -> Outcome<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(TICK))?;
        let (address, is_over) = (socket.local_addr()?, Arc::new(AtomicBool::new(false)));
        let until = Arc::clone(&is_over);
        let thread = thread::spawn(move || relay(&socket, &servers, &until));
        Ok(Self { address, is_over, thread: Some(thread) })
    }

    /// Where clients find it.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // It has nothing to say, and a panic of it shows as a trial that fails.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A datagram that cannot be sent is lost, as on any network.
fn relay(socket: &UdpSocket, servers: &[SocketAddr], is_over: &AtomicBool) {
    let mut paths: Vec<Path> = Vec::new();
    let mut datagram = vec![0; 1 << 16];
    while !is_over.load(Ordering::Relaxed) {
        if let Ok((len, client)) = socket.recv_from(&mut datagram) {
            let known = paths.iter().position(|path| path.client == client);
            let path = known.or_else(|| {
                paths.push(Path { client, to_server: path_to(*servers.get(paths.len())?)? });
                paths.len().checked_sub(1)
            });
            if let Some(path) = path.and_then(|path| paths.get(path)) {
                let _ = path.to_server.send(datagram.get(..len).unwrap_or_default());
            }
        }
        for path in &paths {
            while let Ok(len) = path.to_server.recv(&mut datagram) {
                let _ = socket.send_to(datagram.get(..len).unwrap_or_default(), path.client);
            }
        }
    }
}

fn path_to(server: SocketAddr) -> Option<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect(server).ok()?;
    Some(socket)
}

/// How long it listens to one side before it turns to the other.
const TICK: Duration = Duration::from_millis(1);
