//! How many vectors of a collection were used, and how many could not be, by reason.

use std::collections::BTreeMap;

/// Counts by name.
#[derive(Debug, Default)]
pub struct Tally(BTreeMap<String, usize>);

impl Tally {
    /// Counts one.
    pub fn count(&mut self, name: &str) {
        self.add(name, 1);
    }

    /// Counts many.
    pub fn add(&mut self, name: &str, more: usize) {
        *self.0.entry(name.to_owned()).or_default() += more;
    }

    /// Prints the counts and compares them with those that stand in the test: a new version of a collection that has
    /// other vectors fails here, and somebody looks.
    #[track_caller]
    pub fn check(self, collection: &str, expected: &[(&str, usize)]) {
        println!("{collection}:");
        self.0.iter().for_each(|(name, count)| println!("  {count:5} {name}"));
        let expected: BTreeMap<String, usize> =
            expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!(self.0, expected, "{collection}: the counts (left) and those in the test differ");
    }
}
