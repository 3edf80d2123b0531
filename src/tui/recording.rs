//! Recordings of the dashboard: what the cluster answered, in a file, and played from there.
//!
//! Not pictures are recorded but answers: a replay is the live dashboard with another source and
//! another clock, where one walks through all screens. Records, segments and changes are not in it.
//!
//! A recording is one stream of zstd, in it lines of JSON: a `Recording` that says what it is, then an
//! `Answer` for each answer, in the order in which they came (`zstd -dc FILE | jq`). It is flushed
//! about once a second: a dashboard that is killed loses a second at most, and the end that it
//! leaves is read as far as it is whole.
//!
//! | you look for | it is in |
//! |---|---|
//! | what a line says | `line` |
//! | what hides names | `redact` |
//! | lines out of a file, and what is wrong with it | `reader` |
//! | a thread that reads them ahead | `ahead` |
//! | from when to when it goes, and a place in it | `span` |
//! | how the same cluster is reached | `reach` |
//! | the thread that writes | `writer` |
//! | answers and the passing of time, into the dashboard | `playing` |
//! | how fast | `speed` |
//!
//! How large: `kt demo` takes about 0.5 MiB an hour (measured). A cluster of 1,000 topics of 10
//! partitions and 1,000 groups takes 30 to 100 MiB on paper: it tells 11 million offsets an hour,
//! each of which costs three to nine bytes (`how_large_an_hour_is` measures towns of the tests). What
//! repeats, and most of it does, costs little, as the window of the compression spans more than a
//! round of questions.

pub(crate) mod ahead;
pub(crate) mod line;
pub(crate) mod playing;
pub(crate) mod reach;
pub(crate) mod reader;
mod redact;
pub(crate) mod span;
pub(crate) mod speed;
pub(crate) mod writer;

#[cfg(test)]
mod tests;

/// The window of the compression, as a power of two: 32 MiB reach back over more than ten seconds
/// of a large cluster. Reader and writer have a buffer of it, which is touched as it fills.
const WINDOW_LOG: u32 = 25;

/// No line is longer, in bytes: metadata of some 400,000 partitions. An answer that takes more ends the
/// recording, and where one is read it is damage.
const LINE_MAX: usize = 64 << 20;
