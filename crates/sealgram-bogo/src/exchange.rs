//! One connection with the runner, from its TCP connection to its end.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::num::NonZeroUsize;
use core::time::Duration;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use sealgram::{CloseReason, Connection, Decision, DecisionId, Event, Instant, Transmit};

use crate::ends::{Ends, HANDSHAKE_DEADLINE};
use crate::expectations;
use crate::failure::Failure;
use crate::framing::{self, Command};
use crate::options::Options;

/// Which of the process's connections it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    First,
    /// One that should take up the session of the one before.
    Later,
}

/// Connects to the runner and does what the options say, until one side is done.
pub(crate) fn run(options: &Options, ends: &mut Ends, order: Order) -> Result<(), Failure> {
    let connection = ends.connection(options)?;
    let host = if options.ipv6 { IpAddr::from(Ipv6Addr::LOCALHOST) } else { Ipv4Addr::LOCALHOST.into() };
    let mut stream = TcpStream::connect((host, options.port))?;
    stream.set_nodelay(true)?;
    stream.write_all(&options.shim_id.to_le_bytes())?;

    let mut exchange = Exchange {
        options,
        order,
        connection,
        ends,
        stream,
        now: Instant::ORIGIN,
        is_connected: false,
        early: Vec::new(),
        out: vec![0; 1 << 17],
    };
    let outcome = exchange.run();
    // Even after a failure: the alert must reach the runner before the connection goes away.
    exchange.hang_up();
    outcome
}

struct Exchange<'o> {
    options: &'o Options,
    order: Order,
    connection: Connection,
    ends: &'o Ends,
    stream: TcpStream,
    /// The runner's clock: it stands still but for what the runner says, and for the pauses within a flight.
    now: Instant,
    is_connected: bool,
    /// What the runner said before the handshake was complete.
    early: Vec<Vec<u8>>,
    out: Vec<u8>,
}

/// Whether there is more to come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    GoOn,
    Done,
}

impl Exchange<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        let mut course = self.settle()?;
        while course == Course::GoOn {
            course = match framing::read_command(&mut self.stream)? {
                Some(command) => self.on_command(command)?,
                None => self.on_end_of_stream()?,
            };
        }
        Ok(())
    }

    fn on_command(&mut self, command: Command) -> Result<Course, Failure> {
        match command {
            Command::Datagram(mut datagram) => return self.on_datagram(&mut datagram),
            Command::AdvanceClock(by) => {
                framing::acknowledge_clock(&mut self.stream)?;
                self.now = self.now + by;
                self.connection.handle_timeout(self.now);
            }
            Command::SetMtu(bytes) => self.connection.set_mtu(bytes),
            Command::ExpectTimeout(expected) => self.expect_timeout(expected)?,
            Command::SetInitialTimeout(_) => {
                return Err(Failure::NotImplemented("a new first timeout while the old one runs".into()));
            }
        }
        self.settle()
    }

    fn on_datagram(&mut self, datagram: &mut [u8]) -> Result<Course, Failure> {
        let received = self.connection.handle_datagram(self.now, datagram);
        let contents: Vec<Vec<u8>> = received.map(|content| content.to_vec()).collect();
        // Data can be answered once our own last flight is out, which the same datagram may have called for.
        let course = self.settle()?;
        if course == Course::GoOn {
            for content in contents {
                self.echo(content)?;
            }
        }
        Ok(course)
    }

    /// The runner says nothing more. Without close_notify that is an end all the same, if there is anything to end.
    fn on_end_of_stream(&mut self) -> Result<Course, Failure> {
        if !self.is_connected {
            return Err(Failure::HungUp);
        }
        self.connection.close();
        self.flush()?;
        Ok(Course::Done)
    }

    /// Sends what the connection has to say and does what its events call for, until nothing is left.
    fn settle(&mut self) -> Result<Course, Failure> {
        self.flush()?;
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::Connected => self.on_connected()?,
                Event::Early(data) => self.early.push(data),
                Event::Needs { id, decision } => self.decide(id, &decision)?,
                Event::Closed(CloseReason::Peer | CloseReason::Local) if self.is_connected => {
                    self.flush()?;
                    return Ok(Course::Done);
                }
                Event::Closed(reason) => return Err(Failure::Closed(reason)),
                other => return Err(Failure::Unexpected(format!("event {other:?}"))),
            }
        }
        if self.is_connected {
            for data in core::mem::take(&mut self.early) {
                self.echo(data)?;
            }
        }
        Ok(Course::GoOn)
    }

    /// It was to be later, and now it is.
    fn decide(&mut self, id: DecisionId, decision: &Decision) -> Result<(), Failure> {
        let answer = self.ends.decide(decision)?;
        let resumed = self.connection.resume(self.now, id, answer);
        resumed.map_err(|misuse| Failure::Unexpected(format!("{misuse:?}: {misuse}")))?;
        self.flush()
    }

    /// The handshake is complete: what an application does first.
    fn on_connected(&mut self) -> Result<(), Failure> {
        self.is_connected = true;
        expectations::check(self.options, self.order, &self.connection, &self.ends.seen)?;
        // The limits of a path are for flights; the runner's data may fill a record. Its own limit holds for both.
        if self.options.mtu.is_none() {
            self.connection.set_mtu(LONGEST_RECORD);
        }
        if self.options.export_len > 0 {
            let export = &self.options.export;
            let mut material = vec![0; self.options.export_len];
            let context = export.has_context.then_some(&*export.context);
            let exported = self.connection.export_keying_material(&export.label, context, &mut material);
            exported.map_err(|error| Failure::Unexpected(format!("{error:?}: {error}")))?;
            // All of it, in as many records as the path wants.
            for piece in material.chunks(self.connection.max_payload()) {
                self.send(piece)?;
            }
        }
        if self.options.writes_first {
            self.send(self.options.first_write.as_deref().unwrap_or(b"hello"))?;
        }
        if self.options.shuts_down {
            self.connection.close();
            self.flush()?;
        }
        Ok(())
    }

    /// Answers data with its complement, record by record. An empty record says nothing, and gets no answer.
    fn echo(&mut self, mut data: Vec<u8>) -> Result<(), Failure> {
        if data.is_empty() {
            return Ok(());
        }
        for byte in &mut data {
            *byte ^= 0xff;
        }
        self.send(&data)
    }

    fn send(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let len = self.connection.send(payload, &mut self.out)?;
        Ok(framing::write_datagram(&mut self.stream, self.out.get(..len).unwrap_or_default())?)
    }

    /// Sends all datagrams of the protocol itself.
    fn flush(&mut self) -> Result<(), Failure> {
        loop {
            let mut has_sent = false;
            while let Some(Transmit { len, segment_size, .. }) = self.connection.poll_transmit(self.now, &mut self.out)
            {
                let segment = segment_size.map_or(len, NonZeroUsize::get);
                for datagram in self.out.get(..len).unwrap_or_default().chunks(segment) {
                    framing::write_datagram(&mut self.stream, datagram)?;
                }
                has_sent = true;
            }
            // A long flight pauses for breath. The runner knows nothing of that, and lets no time pass for it.
            match self.connection.poll_timeout() {
                Some(due) if has_sent && due > self.now && due - self.now <= LONGEST_PAUSE => self.now = due,
                _ => return Ok(()),
            }
        }
    }

    fn expect_timeout(&self, expected: Option<Duration>) -> Result<(), Failure> {
        let next = self.connection.poll_timeout().map(|due| due - self.now);
        // The deadline of the whole handshake is no timeout of a flight.
        let found = next.filter(|next| *next < HANDSHAKE_DEADLINE / 2);
        if found.map(|found| found.as_micros()) == expected.map(|expected| expected.as_micros()) {
            return Ok(());
        }
        Err(Failure::Unexpected(format!("the next timeout is in {found:?}, and not in {expected:?}")))
    }

    /// Says that nothing follows, and waits for the runner to do the same: unread data would make TCP drop what is still
    /// on its way there.
    fn hang_up(&mut self) {
        // The runner may be gone already, which is for it to judge.
        if self.stream.shutdown(Shutdown::Write).is_ok() {
            let mut rest = [0; 4096];
            while self.stream.read(&mut rest).is_ok_and(|len| len > 0) {}
        }
    }
}

/// What a record of the longest content takes, whatever the suite.
const LONGEST_RECORD: usize = (1 << 14) + 256;

/// Longer than the pause within a flight, and shorter than any first timeout of the runner's.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
