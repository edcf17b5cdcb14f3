//! docs/interop.md, made from what a whole run gave: for each peer, feature by role.
//!
//! The trials say by their names what they show: a feature is what a name has, so that a new trial appears by itself,
//! and a feature that has none has its reason in [`features`](crate::features). Nothing in the document changes with
//! the weather: there are no times in it, and of versions only what does not change with a repair.

use core::fmt::{self, Write};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use sealgram_interop::case::NO_GROUP;

use crate::features::{FEATURES, Feature};

/// What came of a trial.
pub(crate) enum Verdict {
    Passed,
    Failed,
    /// The peer is there and cannot do this.
    Cannot(&'static str),
    /// The peer is not there.
    Missing,
}

/// What came of the trials so far, by their names.
#[derive(Default)]
pub(crate) struct Results(Mutex<BTreeMap<String, Verdict>>);

/// A peer and the names of its two programs, with which the names of its trials begin.
pub(crate) struct PeerPrograms {
    pub(crate) heading: Heading,
    pub(crate) server: &'static str,
    pub(crate) client: &'static str,
    /// For a peer of which only that is listed which was tried: what it is, for the reader.
    pub(crate) about: Option<&'static str>,
}

/// Trials that are about something else than one peer in two roles.
pub(crate) struct Other {
    pub(crate) heading: Heading,
    /// How their names begin.
    pub(crate) beginning: &'static str,
    /// What they are, for the reader.
    pub(crate) about: &'static str,
}

/// A heading of the document, with a version; whoever is missing has none, but a reason.
pub(crate) type Heading = Result<String, String>;

impl Results {
    pub(crate) fn add(&self, trial: String, verdict: Verdict) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(trial, verdict);
    }

    /// Compares the document with the results, or with `SEALGRAM_BLESS=1` writes it anew; `count` is how many trials
    /// there are. What was only partly run is not compared, and says so.
    pub(crate) fn compare(&self, count: usize, peers: &[PeerPrograms], others: &[Other]) -> Result<String, String> {
        let results = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_out = |verdict: &Verdict| matches!(verdict, Verdict::Failed | Verdict::Missing);
        if results.len() < count || results.values().any(is_out) {
            return Ok("not compared: only a run in which every trial passed has it all".into());
        }
        let wanted = document(&results, peers, others)?;
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/interop.md");
        if std::env::var_os("SEALGRAM_BLESS").is_some() {
            std::fs::write(&file, wanted).map_err(|error| error.to_string())?;
            return Ok("written".into());
        }
        let present = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
        let differs = present.lines().zip(wanted.lines()).find(|(present, wanted)| present != wanted);
        match differs {
            Some((present, wanted)) => Err(format!("it has\n{present}\nwhere the trials have\n{wanted}\n{BLESS}")),
            None if present != wanted => Err(format!("it ends elsewhere than what the trials have\n{BLESS}")),
            None => Ok("fits the trials".into()),
        }
    }
}

const BLESS: &str = "(SEALGRAM_BLESS=1 writes it anew)";

type Verdicts = BTreeMap<String, Verdict>;

fn document(results: &Verdicts, peers: &[PeerPrograms], others: &[Other]) -> Result<String, String> {
    let passed = results.values().filter(|verdict| matches!(verdict, Verdict::Passed)).count();
    let mut text = format!("{INTRODUCTION}\n{passed} trials passed.\n");
    let mut told = 0;
    for peer in peers {
        let heading = peer.heading.as_ref().map_err(Clone::clone)?;
        let [server, client] = [peer.server, peer.client].map(|program| shown(results, program));
        told += server.trials + client.trials;
        let about = peer.about.map(|about| format!("{about}\n\n")).unwrap_or_default();
        write!(text, "\n## {heading}\n\n{about}| feature | `{}` | `{}` |\n|---|---|---|\n", peer.server, peer.client)
            .and_then(|()| rows(&mut text, peer, &server, &client))
            .map_err(|_| format!("{heading}: a feature has neither a trial nor a reason: {}", last_line(&text)))?;
    }
    for other in others {
        let heading = other.heading.as_ref().map_err(Clone::clone)?;
        let shown = shown(results, other.beginning);
        told += shown.trials;
        write!(text, "\n## {heading}\n\n{}\n\n| trials of | result |\n|---|---|\n", other.about)
            .and_then(|()| lines(&mut text, &shown))
            .map_err(|error| error.to_string())?;
    }
    // Whoever adds a peer is to add it here.
    if told < results.len() { Err(format!("{} trials are of no known peer", results.len() - told)) } else { Ok(text) }
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

/// What the trials of one program show: for each term how many passed, and why others could not be.
#[derive(Default)]
struct Shown {
    trials: usize,
    passed: BTreeMap<String, usize>,
    cannot: BTreeMap<String, &'static str>,
}

fn shown(results: &Verdicts, program: &str) -> Shown {
    let mut shown = Shown::default();
    for (name, verdict) in results {
        let Some(what) = name.strip_prefix(program).and_then(|rest| rest.strip_prefix(" / ")) else { continue };
        shown.trials += 1;
        for term in terms(what) {
            match verdict {
                Verdict::Cannot(reason) => drop(shown.cannot.insert(term, reason)),
                _ => *shown.passed.entry(term).or_default() += 1,
            }
        }
    }
    shown
}

/// The features that the name of a trial has.
fn terms(what: &str) -> Vec<String> {
    if let Some((harm, _)) = what.strip_prefix("through udp_proxy with ").and_then(|rest| rest.split_once(": ")) {
        return vec![format!("udp_proxy: {harm}")];
    }
    if let Some(whose) = what.strip_prefix("refused: ") {
        return vec![format!("refused by {}", whose.split(',').next().unwrap_or_default())];
    }
    let mut parts = what.split(", ");
    let mut words = parts.next().unwrap_or_default().splitn(3, ' ');
    let (Some(suite), Some(group), Some(key)) = (words.next(), words.next(), words.next()) else {
        return vec![what.into()];
    };
    if suite.len() != 4 || !suite.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return vec![what.into()];
    }
    let key = match key {
        "ECDSA" => "ECDSA P-256",
        "RSA" => "RSA 2048",
        longer => longer,
    };
    let mut terms = vec!["association".into(), format!("suite {suite}"), format!("key {key}")];
    if group != NO_GROUP {
        terms.push(format!("group {group}"));
    }
    terms.extend(parts.map(String::from));
    // What is so unless a name says otherwise.
    for usual in ["cookies", "extended master secret", "server name"] {
        if !what.contains(&format!("no {usual}")) {
            terms.push(format!("with {usual}"));
        }
    }
    terms
}

fn rows(text: &mut String, peer: &PeerPrograms, server: &Shown, client: &Shown) -> fmt::Result {
    for feature in FEATURES {
        let is_listed = peer.about.is_none() || [server, client].iter().any(|shown| seen(feature, shown).is_some());
        if !is_listed {
            continue;
        }
        write!(text, "| {} |", feature.title)?;
        for (program, shown) in [(peer.server, server), (peer.client, client)] {
            let missing = peer.about.map_or_else(|| feature.reason(program), |_| Some(TRIED_WITH_THE_OTHER));
            let cell = seen(feature, shown).or_else(|| missing.map(String::from));
            write!(text, " {} |", cell.ok_or(fmt::Error)?)?;
        }
        text.push('\n');
    }
    unknown_terms(&[server, client])
        .try_for_each(|term| writeln!(text, "| {term} | {} | {} |", count_of(term, server), count_of(term, client)))
}

/// For a peer of which only what was tried is listed.
const TRIED_WITH_THE_OTHER: &str = "no trial: tried with the other program";

/// What there is, without what there is not: no reasons are asked for.
fn lines(text: &mut String, shown: &Shown) -> fmt::Result {
    for feature in FEATURES {
        if let Some(result) = seen(feature, shown) {
            writeln!(text, "| {} | {result} |", feature.title)?;
        }
    }
    unknown_terms(&[shown]).try_for_each(|term| writeln!(text, "| {term} | {} |", count_of(term, shown)))
}

/// What was shown beyond the features that all are asked for.
fn unknown_terms<'a>(columns: &[&'a Shown]) -> impl Iterator<Item = &'a String> + use<'a> {
    let all: BTreeSet<&String> = columns.iter().flat_map(|shown| shown.passed.keys()).collect();
    all.into_iter().filter(|term| !FEATURES.iter().any(|feature| feature.has(term)))
}

fn count_of(term: &str, shown: &Shown) -> String {
    shown.passed.get(term).map_or_else(|| "no trial".into(), |count| format!("pass: {count}"))
}

fn seen(feature: &Feature, shown: &Shown) -> Option<String> {
    let count: usize = shown.passed.iter().filter(|(term, _)| feature.has(term)).map(|(_, count)| count).sum();
    if count > 0 {
        return Some(format!("pass: {count}"));
    }
    // The reason that speaks of this very feature, as an impossible trial has others too.
    let cannot = shown.cannot.iter().find(|(term, _)| feature.has(term)).map(|(_, reason)| reason);
    cannot.map(|reason| format!("peer cannot: {reason}"))
}

const INTRODUCTION: &str = "\
# Interoperability

What was tried with other implementations of DTLS 1.2, which ran as processes on the loopback interface. Made from the
results by `SEALGRAM_BLESS=1 cargo test -p sealgram-interop`, and compared with them in every whole run. The left column
of each table is the peer's server, which our client connected to; the right one its client, which connected to our
server.

| a cell says | which means |
|---|---|
| pass: N | N trials of this feature, and all passed; a trial has several features |
| peer cannot: why | tried or read, and not for us to mend |
| by design: why | we do not do this, or there is nothing to try |
| no trial: why | there could be one |
| no peer has it | there is nothing to try it with |

A trial is an association from the first hello to close_notify, once closed by us and once by the peer where its program
does that: suite, group, chain, names and keying material are compared with what the peer says, and data goes both ways.
`cargo test -p sealgram-interop -- WORDS` runs the trials whose names contain the words; `-- --list` prints the names.
";
