//! Published vectors for what only the inside of the library shows.

mod key_schedule;
