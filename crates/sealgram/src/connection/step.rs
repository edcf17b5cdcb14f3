//! The whole loop body in one call.

use core::fmt;
use core::num::NonZeroUsize;

use super::Connection;
use crate::event::Event;
use crate::time::Instant;

impl Connection {
    /// The whole loop body in one call: takes in a datagram if there is one, lets time pass, and gives out everything
    /// there is to `sink`, then the time of the next call at the latest. `out` is scratch space for one run of
    /// datagrams.
    #[must_use = "without the next deadline a lost datagram is never sent again"]
    pub fn step(
        &mut self,
        now: Instant,
        datagram: Option<&mut [u8]>,
        out: &mut [u8],
        sink: &mut dyn FnMut(Output<'_>),
    ) -> Option<Instant> {
        if let Some(datagram) = datagram {
            let mut received = self.handle_datagram(now, datagram);
            // What came before the handshake was complete is older than what came now.
            while let Some(event) = self.poll_event() {
                sink(Output::Event(event));
            }
            received.by_ref().for_each(|data| sink(Output::Data(data)));
        }
        self.handle_timeout(now);
        while let Some(transmit) = self.poll_transmit(now, out) {
            let segment = transmit.segment_size.map_or(transmit.len, NonZeroUsize::get);
            for datagram in out.get(..transmit.len).unwrap_or_default().chunks(segment) {
                sink(Output::Datagram(datagram));
            }
        }
        while let Some(event) = self.poll_event() {
            sink(Output::Event(event));
        }
        self.poll_timeout()
    }
}

/// Something that [`Connection::step`] gives out.
#[non_exhaustive]
pub enum Output<'a> {
    /// Application data of one record.
    Data(&'a mut [u8]),
    /// A datagram to send.
    Datagram(&'a [u8]),
    /// Something that happened.
    Event(Event),
}

/// As with [`Event`], no content is shown.
impl fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(data) => write!(f, "Data({} bytes)", data.len()),
            Self::Datagram(datagram) => write!(f, "Datagram({} bytes)", datagram.len()),
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
        }
    }
}
