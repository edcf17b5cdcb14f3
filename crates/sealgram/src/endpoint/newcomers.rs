//! Two connections on one path: an established one, and a newcomer whose handshake is under way.
//!
//! A client that has lost its state comes again from the same address; a forger may say the same. So both share the path
//! until the newcomer's handshake is complete, and only then the newcomer takes over (RFC 6347 section 4.2.8):
//!
//! ```text
//!   ClientHello of the one or the other ----------------------------> that one
//!   any other ClientHello ------------------------------------------> the gate
//!   only epoch 0 ---------------------------------------------------> the newcomer
//!   later epochs ------> the established one ---opens nothing-------> the newcomer
//! ```
//!
//! Where there is only one of them, it gets all but foreign hellos. Whatever becomes of a newcomer, the established
//! connection notices nothing before that.

use alloc::vec::Vec;

use crate::endpoint::dispatch::Endpoint;
use crate::endpoint::hello_gate::FirstHello;
use crate::endpoint::routes::{Handle, Route};
use crate::path::Path;
use crate::received::ReceivedBuilder;
use crate::record::{MAX_DATAGRAM, RecordLayer};
use crate::time::Instant;

/// Whose a datagram is.
pub(super) enum Addressee {
    One(Handle),
    /// The established one's, if that can open any of it, else the newcomer's.
    Either {
        established: Handle,
        newcomer: Handle,
    },
    /// Nobody's yet.
    Stranger,
}

/// A datagram as it came, while an established connection tries it that may be the newcomer's: what does not open is
/// destroyed. It is at most as long as a datagram, and takes no memory while nobody shares a path.
#[derive(Default)]
pub(super) struct SpareCopy(Vec<u8>);

impl SpareCopy {
    fn keep(&mut self, datagram: &[u8]) {
        // What lies beyond is not opened.
        let tried = datagram.get(..MAX_DATAGRAM).unwrap_or(datagram);
        self.0.clear();
        self.0.extend_from_slice(tried);
    }

    fn restore(&self, datagram: &mut [u8]) {
        if let Some(tried) = datagram.get_mut(..self.0.len()) {
            tried.copy_from_slice(&self.0);
        }
    }

    /// How much memory it takes.
    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.0.capacity()
    }

    /// To be called when a connection goes or is replaced; others who share a path have the memory made anew.
    pub(super) fn free(&mut self) {
        self.0 = Vec::new();
    }
}

impl Endpoint {
    /// Whose a datagram is, as far as can be told before anybody opens it.
    pub(super) fn addressee(&self, path: &Path, datagram: &[u8]) -> Addressee {
        if let Some(addressee) = self.identified(path, datagram) {
            return addressee;
        }
        let Route { established, newcomer } = self.routes.at(path);
        if let Ok(hello) = FirstHello::read(datagram) {
            // A ClientHello with the random that a connection was made for is a repeat of it.
            let mut handles = [established, newcomer].into_iter().flatten();
            let known =
                handles.find(|handle| self.hello_random(*handle).is_some_and(|random| random == *hello.random()));
            return known.map_or(Addressee::Stranger, Addressee::One);
        }
        match (established, newcomer) {
            (Some(established), Some(newcomer)) if has_later_epoch(datagram) => {
                Addressee::Either { established, newcomer }
            }
            (_, Some(one)) | (Some(one), None) => Addressee::One(one),
            (None, None) => Addressee::Stranger,
        }
    }

    fn hello_random(&self, handle: Handle) -> Option<[u8; 32]> {
        self.routes.get(handle).and_then(|(_, entry)| entry.connection.hello_random())
    }

    /// Lets the established connection of a shared path try a datagram. If it opens nothing, the datagram is as it came.
    pub(super) fn try_established(
        &mut self,
        now: Instant,
        established: Handle,
        datagram: &mut [u8],
    ) -> Option<ReceivedBuilder> {
        let (_, entry) = self.routes.get_mut(established)?;
        self.spare.keep(datagram);
        let received = entry.connection.take_in(now, datagram);
        self.schedule.touched(established, entry);
        if received.is_authentic() {
            return Some(received);
        }
        self.spare.restore(datagram);
        None
    }

    /// Makes a connection the newcomer of its path, in place of another.
    pub(super) fn lead_to_newcomer(&mut self, handle: Handle) {
        if let Some(former) = self.routes.lead_to_newcomer(handle) {
            self.replace(former);
        }
    }

    /// Lets every newcomer whose handshake is complete take over its path (RFC 6347 section 4.2.8), and every
    /// connection be found by its connection ID.
    ///
    /// A handshake may be completed by a datagram, or through a borrowed connection by a decision. So this comes first
    /// in whatever is done to an endpoint: nobody sees it between completion and takeover.
    pub(super) fn let_newcomers_take_over(&mut self) {
        self.identify_connections();
        while let Some(newcomer) = self.schedule.next_completed() {
            if let Some(former) = self.routes.establish(newcomer) {
                self.replace(former);
                self.spare.free();
            }
        }
    }

    fn replace(&mut self, former: Handle) {
        if let Some((_, entry)) = self.routes.get_mut(former) {
            entry.connection.replace();
            self.schedule.touched(former, entry);
        }
    }
}

/// Whether a datagram has a record of another epoch than 0.
fn has_later_epoch(datagram: &[u8]) -> bool {
    let mut at = 0;
    while let Some(Ok(record)) = RecordLayer::split(datagram, at, 0) {
        if record.header.epoch > 0 {
            return true;
        }
        at = record.body.end;
    }
    false
}
