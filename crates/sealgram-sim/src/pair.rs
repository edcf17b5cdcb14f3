//! Two ends on a virtual clock, with a network between them.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;

use sealgram::{Connection, Event, Instant, Role, Stats, Status};
use sealgram_pcap::Capture;

use crate::books::Books;
use crate::builder::{PairBuilder, Recording, wall_clock};
use crate::decisions::Desk;
use crate::host::{Handled, Host, address};
use crate::link::{Arrival, Link, Sent};
use crate::pcap::CaptureFiles;
use crate::rng::SimRng;
use crate::wire_log::WireLog;

/// A client, a server and a network. Time stands still while anything happens, and jumps to what comes next: an arrival
/// or a deadline.
///
/// Every run keeps the laws that hold for all runs, or panics: see [`WireLog`] for what is sent, [`step`](Self::step) for
/// time (L1, L2), [`PairBuilder::random_calls`] for the order of calls (L8) and [`PairBuilder::reconcile`] for what is
/// dropped. Before it has shown a cookie a client makes an endpoint neither allocate nor send more than it got (I2, L7),
/// and after that no handshake takes more than a constant (L6); memory is seen where a test program counts it. A pair that is dropped in a panic prints what was sent.
pub struct Pair {
    now: Instant,
    ends: [End; 2],
    link: Box<dyn Link>,
    /// By the time of arrival, and then by the order of sending.
    in_flight: BTreeMap<(Instant, usize), (Role, Vec<u8>)>,
    arrivals: usize,
    log: WireLog,
    out: Vec<u8>,
    /// Where the order of calls comes from, if chance decides it.
    habits: Option<SimRng>,
    recording: Recording,
    /// Where counters are to be foretold.
    books: Option<Books>,
    /// Whether the two take an earlier session up again.
    is_resumption: bool,
    desk: Desk,
}

/// What a [`Pair`] is put together from.
pub(crate) struct Parts {
    pub(crate) hosts: [Host; 2],
    pub(crate) link: Box<dyn Link>,
    pub(crate) out_len: usize,
    pub(crate) habits: Option<SimRng>,
    pub(crate) recording: Recording,
    pub(crate) books: Option<Books>,
    pub(crate) is_resumption: bool,
    /// How long the connection IDs are that each end sends, the client first.
    pub(crate) cid_lens: [usize; 2],
    pub(crate) desk: Desk,
}

/// One end and what came out of it.
struct End {
    host: Host,
    events: Vec<Event>,
    received: Vec<Vec<u8>>,
}

impl End {
    const fn new(host: Host) -> Self {
        Self { host, events: Vec::new(), received: Vec::new() }
    }
}

impl Pair {
    /// Starts with a toy provider, a clear network and default settings; `seed` decides all that is left to chance.
    pub fn builder(seed: u64) -> PairBuilder {
        PairBuilder::new(seed)
    }

    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { hosts, link, out_len, habits, recording, books, is_resumption, desk, cid_lens } = parts;
        Self {
            now: BEGINNING,
            ends: hosts.map(End::new),
            link,
            in_flight: BTreeMap::new(),
            arrivals: 0,
            log: WireLog::of_ids(cid_lens),
            out: vec![0; out_len],
            habits,
            recording,
            books,
            is_resumption,
            desk,
        }
    }

    // ---- going on ----

    /// Takes out what both ends have to say, then jumps to the next arrival or deadline and does what is due.
    /// Returns whether anything was.
    ///
    /// # Panics
    ///
    /// If a law is broken: L1, an end that was called and emptied wants to be called again at once; L2, an end that is
    /// closed and emptied wants to be called at all.
    pub fn step(&mut self) -> bool {
        self.flush();
        let Some(next) = self.next_time() else { return false };
        self.now = next;
        for role in ROLES {
            if self.poll_timeout(role).is_some_and(|deadline| deadline <= next) {
                self.ends[index(role)].host.handle_timeout(next);
            }
        }
        self.flush();
        while let Some((role, id, answer)) = self.desk.make(next) {
            let made = self.with(role, |connection| connection.resume(next, id, answer));
            assert_eq!(made, Ok(()), "{role:?} has asked for it and is not closed");
            self.flush();
        }
        while let Some(entry) = self.in_flight.first_entry().filter(|entry| entry.key().0 <= next) {
            let (to, datagram) = entry.remove();
            self.inject(to, datagram);
        }
        true
    }

    /// Goes on until nothing is under way and no end is between two states: each is connected, or closed, or waits for
    /// what nobody will send.
    ///
    /// # Panics
    ///
    /// If that takes too many steps: something goes in circles.
    pub fn settle(&mut self) {
        self.flush();
        self.run_while(|pair| !pair.in_flight.is_empty() || ROLES.into_iter().any(|role| pair.is_on_the_way(role)));
    }

    /// Goes on until both ends are connected, or nothing is left to happen.
    pub fn shake_hands(&mut self) {
        self.run_while(|pair| !pair.is_connected());
    }

    /// Goes on as long as the test wants and anything happens.
    ///
    /// # Panics
    ///
    /// As [`settle`](Self::settle).
    pub fn run_while(&mut self, mut goes_on: impl FnMut(&mut Self) -> bool) {
        for _ in 0..MAX_STEPS {
            if !goes_on(self) || !self.step() {
                return;
            }
        }
        panic!("after {MAX_STEPS} steps there is still something to do");
    }

    /// Lets so much time pass, with all that happens in it.
    pub fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        self.run_while(|pair| {
            pair.flush();
            pair.next_time().is_some_and(|next| next <= end)
        });
        self.now = end;
        self.flush();
    }

    /// Goes on until nothing is left to happen, and demands that both ends connected and agree.
    ///
    /// # Panics
    ///
    /// If they do not.
    pub fn connect(&mut self) -> &mut Self {
        self.settle();
        for role in ROLES {
            assert_eq!(self.status(role), Status::Connected, "{role:?}: {:?}", self.events(role));
        }
        self.assert_agreement();
        self
    }

    /// L5: both ends have the same secrets, or one knows that they have no association.
    ///
    /// # Panics
    ///
    /// If neither is true.
    pub fn assert_agreement(&mut self) {
        if !self.is_connected() {
            let anyone_knows = ROLES.into_iter().any(|role| self.close_event(role).is_some());
            assert!(anyone_knows, "nobody is connected and nobody knows");
            return;
        }
        let is_resumption = self.is_resumption;
        let [client, server] = ROLES.map(|role| {
            self.with(role, |connection| {
                let mut secret = [0; 32];
                connection.export_keying_material(b"EXPORTER-sim", None, &mut secret).expect("it is connected");
                let session = connection.session().expect("it is connected");
                assert_eq!(session.resumed, is_resumption, "whether {role:?} takes an earlier session up");
                (secret, session.cipher_suite, session.group)
            })
        });
        assert_eq!(client, server, "the two ends agree on nothing");
    }

    // ---- doing things ----

    /// Gives a datagram to an end at this very moment, past the network.
    pub fn inject(&mut self, to: Role, mut datagram: Vec<u8>) {
        let end = &mut self.ends[index(to)];
        let handled = match &mut self.books {
            None => end.host.handle_datagram(self.now, &mut datagram),
            Some(books) => books.deliver(to, &mut end.host, self.now, &mut datagram),
        };
        match handled {
            Handled::Data(received) => end.received.extend(received),
            Handled::Accepted => self.log.begin_anew(to),
            Handled::Reply(reply) => {
                self.log.add_reply(to, self.elapsed(), &reply);
                self.carry(to, &reply);
            }
        }
        self.flush();
    }

    /// Sends application data.
    ///
    /// # Panics
    ///
    /// If the connection does not take it.
    pub fn send(&mut self, from: Role, payload: &[u8]) {
        let sealed = self.seal(from, payload);
        self.carry(from, &sealed);
    }

    /// Application data as a datagram that is not sent, which is to say lost unless the test takes care of it.
    ///
    /// # Panics
    ///
    /// If the connection does not take it.
    pub fn seal(&mut self, from: Role, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![0; payload.len() + 100];
        let sealed = self.with(from, |connection| connection.send(payload, &mut out));
        out.truncate(sealed.expect("the connection takes the payload"));
        self.note_sent(from, &out);
        out
    }

    /// Puts another network between the ends. What is under way still arrives.
    pub fn set_link(&mut self, link: impl Link + 'static) {
        self.link = Box::new(link);
    }

    /// Loses all that is under way.
    pub fn lose_all(&mut self) {
        self.in_flight.clear();
    }

    /// Takes out of the network what is under way to this end.
    pub fn intercept(&mut self, to: Role) -> Vec<Vec<u8>> {
        let (taken, rest) = core::mem::take(&mut self.in_flight).into_iter().partition(|(_, (role, _))| *role == to);
        self.in_flight = rest;
        let taken: BTreeMap<_, _> = taken;
        taken.into_values().map(|(_, datagram)| datagram).collect()
    }

    /// Works with the connection of one end.
    ///
    /// # Panics
    ///
    /// If it has none: an endpoint has none before the client came back with its cookie.
    pub fn with<T>(&mut self, role: Role, work: impl FnOnce(&mut Connection) -> T) -> T {
        self.try_with(role, work).expect("this end has a connection")
    }

    /// Works with the connection of one end, if it has one.
    pub fn try_with<T>(&mut self, role: Role, work: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        self.ends[index(role)].host.connection(work)
    }

    /// Takes out all that both ends have to say, and puts it on the network.
    pub fn flush(&mut self) {
        match self.habits.take() {
            None => ROLES.into_iter().for_each(|role| self.drain(role)),
            Some(mut rng) => {
                self.drain_by_deadline(&mut rng);
                self.habits = Some(rng);
            }
        }
        for role in ROLES {
            let deadline = self.poll_timeout(role);
            assert!(
                deadline.is_none_or(|deadline| deadline > self.now),
                "{role:?} has been called and emptied, and wants to be called at once"
            );
            let is_closed = self.ends[index(role)].host.is_alone() && self.status(role) == Status::Closed;
            assert!(!is_closed || deadline.is_none(), "{role:?} is closed, and yet wants to be called");
        }
    }

    // ---- what came of it ----

    /// Whether both ends are connected.
    pub fn is_connected(&mut self) -> bool {
        ROLES.into_iter().all(|role| self.status(role) == Status::Connected)
    }

    /// Where an end is. An endpoint without a connection counts as handshaking before there was one, as closed after.
    pub fn status(&mut self, role: Role) -> Status {
        let absent = if self.close_event(role).is_some() { Status::Closed } else { Status::Handshaking };
        self.try_with(role, |connection| connection.status()).unwrap_or(absent)
    }

    /// What an end has told so far.
    #[must_use]
    pub fn events(&self, role: Role) -> &[Event] {
        &self.ends[index(role)].events
    }

    /// The event by which an end told that it has closed.
    #[must_use]
    pub fn close_event(&self, role: Role) -> Option<&Event> {
        self.events(role).iter().find(|event| matches!(event, Event::Closed(_)))
    }

    /// The application data that an end has received so far, early data included.
    #[must_use]
    pub fn received(&self, role: Role) -> &[Vec<u8>] {
        &self.ends[index(role)].received
    }

    /// What the server's endpoint has dropped by itself, if it is one.
    #[must_use]
    pub fn gate_stats(&self) -> Option<&Stats> {
        self.ends[index(Role::Server)].host.gate_stats()
    }

    /// When an end wants to be called.
    #[must_use]
    pub fn poll_timeout(&self, role: Role) -> Option<Instant> {
        self.ends[index(role)].host.poll_timeout()
    }

    /// What was sent.
    #[must_use]
    pub const fn log(&self) -> &WireLog {
        &self.log
    }

    /// All that was sent, as files that tshark opens, if the builder was told to [keep](PairBuilder::capture) what it
    /// takes.
    #[must_use]
    pub fn capture(&self) -> Option<CaptureFiles> {
        let [client, server] = self.recording.key_lines.as_ref()?.each_ref().map(|lines| lines.text());
        let alone = server.lines().filter(|line| !client.contains(line)).map(|line| format!("{line}\n"));
        let keys = client.clone() + &alone.collect::<String>();
        let beginning = Duration::from_secs(wall_clock().unix_at(BEGINNING).as_secs());
        let never = "a vector takes all there is, and both ends are of IPv4";
        let mut capture = Capture::new(Vec::new()).expect(never);
        for entry in self.log.entries() {
            let (from, to) = (address(entry.from), address(other(entry.from)));
            capture.add(beginning + entry.at, from, to, &entry.datagram).expect(never);
        }
        Some(CaptureFiles { pcap: capture.into_inner(), keys })
    }

    /// What time it is.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// How long this has been going on.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now - BEGINNING
    }

    // ---- inside ----

    fn is_on_the_way(&mut self, role: Role) -> bool {
        matches!(self.status(role), Status::Handshaking | Status::Closing)
    }

    /// When something happens next.
    fn next_time(&self) -> Option<Instant> {
        let arrival = self.in_flight.first_key_value().map(|((at, _), _)| *at);
        let deadlines = ROLES.map(|role| self.poll_timeout(role));
        let next = deadlines.into_iter().chain([arrival, self.desk.next_due()]).flatten().min();
        next.map(|next| next.max(self.now))
    }

    /// Takes out what one end has to say, output first.
    fn drain(&mut self, role: Role) {
        let transmits = (0..MAX_STEPS).take_while(|_| self.transmit(role)).count();
        let events = (0..MAX_STEPS).take_while(|_| self.take_event(role)).count();
        assert!(transmits.max(events) < MAX_STEPS, "{role:?} always has something more to say");
    }

    /// I8: calls both ends in any order, and believes them about when there is more.
    fn drain_by_deadline(&mut self, rng: &mut SimRng) {
        for calls in 0.. {
            assert!(calls < MAX_STEPS, "there is always something more to say");
            let is_awake = |role: &Role| self.poll_timeout(*role).is_some_and(|deadline| deadline <= self.now);
            let awake: Vec<_> = ROLES.into_iter().filter(is_awake).collect();
            if awake.is_empty() {
                break;
            }
            let role = *rng.pick(&awake);
            match rng.below(4) {
                0 => drop(self.transmit(role)),
                1 => drop(self.take_event(role)),
                2 => self.ends[index(role)].host.handle_timeout(self.now),
                // Time that goes backwards stands still.
                _ => self.ends[index(role)].host.handle_timeout(BEGINNING),
            }
        }
        for role in ROLES {
            assert!(!self.transmit(role), "{role:?} had output, and did not say so");
            assert!(!self.take_event(role), "{role:?} had an event, and did not say so");
        }
    }

    fn transmit(&mut self, role: Role) -> bool {
        let mut out = core::mem::take(&mut self.out);
        let transmit = self.ends[index(role)].host.poll_transmit(self.now, &mut out);
        if let Some(transmit) = transmit {
            let run = &out[..transmit.len];
            for datagram in run.chunks(transmit.segment_size.map_or(transmit.len, Into::into)) {
                self.note_sent(role, datagram);
                self.carry(role, datagram);
            }
        }
        self.out = out;
        transmit.is_some()
    }

    fn note_sent(&mut self, from: Role, datagram: &[u8]) {
        self.log.add(from, self.elapsed(), datagram);
        if let Some(books) = &mut self.books {
            books.on_sent(from, datagram);
        }
    }

    fn take_event(&mut self, role: Role) -> bool {
        let end = &mut self.ends[index(role)];
        let event = end.host.poll_event();
        if let Some(event) = &event {
            let is_last = end.events.last().is_some_and(|before| matches!(before, Event::Closed(_)));
            // An endpoint may take the same client again.
            assert!(!is_last || !end.host.is_alone(), "{event:?} after the end");
            if let Event::Early(data) = event {
                end.received.push(data.clone());
            }
            end.events.push(event.clone());
            self.desk.take_note(self.now, role, event);
        }
        event.is_some()
    }

    fn carry(&mut self, from: Role, datagram: &[u8]) {
        let sent = Sent { index: self.log.len() - 1, from, elapsed: self.elapsed(), datagram };
        for Arrival { after, datagram } in self.link.carry(&sent) {
            self.in_flight.insert((self.now + after, self.arrivals), (other(from), datagram));
            self.arrivals += 1;
        }
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("now", &self.now).field("sent", &self.log.len()).finish_non_exhaustive()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if let (Some((folder, name)), Some(capture)) = (&self.recording.file, self.capture()) {
            if let Err(error) = capture.write(folder, name) {
                eprintln!("the capture {name} was not written to {}: {error}", folder.display());
            }
        }
        if std::thread::panicking() {
            eprintln!("what was sent until {:?}:\n{}", self.elapsed(), self.log);
            for role in ROLES {
                eprintln!("{role:?} told {:?}", self.events(role));
            }
        }
    }
}

/// Both ends, the client first.
pub const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// The end that the datagrams of this one go to.
#[must_use]
pub const fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

/// The place of an end in pairs of things.
pub(crate) const fn index(role: Role) -> usize {
    match role {
        Role::Client => 0,
        Role::Server => 1,
    }
}

/// Not the origin of the clock, so that there is a time before.
const BEGINNING: Instant = Instant::from_nanos(3_600_000_000_000);

/// A handshake in the worst of weather takes a few hundred.
const MAX_STEPS: usize = 20_000;
