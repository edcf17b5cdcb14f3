//! A NAT between one client and a server: the server sees a port of its, and when it is told to, another one.

use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::Outcome;

/// A NAT, which ends with this value.
#[derive(Debug)]
pub struct Nat {
    address: SocketAddr,
    server: SocketAddr,
    outside: Arc<Outside>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What the server has seen of it, the newest last. What comes back to any of them goes to the client.
#[derive(Debug, Default)]
struct Outside(Mutex<Vec<UdpSocket>>);

impl Nat {
    /// Starts one before this server.
    pub fn start(server: SocketAddr) -> Outcome<Self> {
        let inside = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        inside.set_read_timeout(Some(TICK))?;
        let (address, outside, is_over) = (inside.local_addr()?, Arc::new(Outside::default()), Arc::default());
        let (sockets, until) = (Arc::clone(&outside), Arc::clone(&is_over));
        let thread = thread::spawn(move || translate(&inside, &sockets, &until));
        let nat = Self { address, server, outside, is_over, thread: Some(thread) };
        nat.change()?;
        Ok(nat)
    }

    /// Where the client finds it.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the client is seen at another address: this one.
    pub fn change(&self) -> Outcome<SocketAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        socket.connect(self.server)?;
        let address = socket.local_addr()?;
        self.outside.lock().push(socket);
        Ok(address)
    }

    /// What is sent to where the client was is lost from now on.
    pub fn forget_former(&self) {
        let mut sockets = self.outside.lock();
        let newest = sockets.pop();
        *sockets = newest.into_iter().collect();
    }
}

impl Drop for Nat {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // It has nothing to say, and a panic of it shows as a trial that fails.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Outside {
    fn lock(&self) -> MutexGuard<'_, Vec<UdpSocket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A datagram that cannot be sent is lost, as on any network.
fn translate(inside: &UdpSocket, outside: &Outside, is_over: &AtomicBool) {
    let mut client = None;
    let mut datagram = vec![0; 1 << 16];
    while !is_over.load(Ordering::Relaxed) {
        if let Ok((len, from)) = inside.recv_from(&mut datagram) {
            client = Some(from);
            if let Some(newest) = outside.lock().last() {
                let _ = newest.send(datagram.get(..len).unwrap_or_default());
            }
        }
        for socket in &*outside.lock() {
            while let (Ok(len), Some(client)) = (socket.recv(&mut datagram), client) {
                let _ = inside.send_to(datagram.get(..len).unwrap_or_default(), client);
            }
        }
    }
}

/// How long it listens to one side before it turns to the other.
const TICK: Duration = Duration::from_millis(1);
