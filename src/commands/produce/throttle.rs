//! How long `--rate` holds a record back.

use std::time::Duration;

use kt_protocol::records::NewRecord;
use tokio::time::Instant;

use crate::rate::{Pace, Rate};

/// Counts what was written since the start, if there is a rate.
#[derive(Debug)]
pub(super) struct Throttle(Option<(Pace, Instant)>);

impl Throttle {
    /// Begins to count now.
    pub(super) fn new(rate: Option<Rate>) -> Throttle {
        Throttle(rate.map(|rate| (Pace::new(rate), Instant::now())))
    }

    /// Counts a record, its key and its value. Gives when it may go, if that is later.
    pub(super) fn hold_back(&mut self, record: &NewRecord<'_>) -> Option<Instant> {
        let (pace, started) = self.0.as_mut()?;
        let length = |it: Option<&[u8]>| it.map_or(0, <[u8]>::len);
        let now = Instant::now();
        let ahead = pace.pass(length(record.key) + length(record.value), now - *started);
        (Duration::ZERO < ahead).then(|| now + ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_key_and_value() {
        let record = NewRecord {
            key: Some(b"four"),
            value: Some(b"sixteen in total"),
            headers: &[("which do not count", None)],
            ..NewRecord::default()
        };
        let before = Instant::now();
        let mut throttle = Throttle::new(Some("10B/s".parse().unwrap()));
        let after = Instant::now();
        for seconds in [2, 4] {
            let until = throttle.hold_back(&record).unwrap() - Duration::from_secs(seconds);
            assert!((before..=after).contains(&until));
        }
        assert_eq!(Throttle::new(None).hold_back(&record), None);
    }
}
