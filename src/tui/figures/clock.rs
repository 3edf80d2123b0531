//! Points in time as the reader's clock shows them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kt_protocol::types;

/// What "today" is, and where: both are given, nothing here reads a clock.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// The present.
    pub(crate) now: Timestamp,
    /// The zone that times are shown in.
    pub(crate) zone: TimeZone,
}

impl Clock {
    /// `15:04:05.123` today, `11-20 15:04:05` on any other day. At most 14 cells.
    ///
    /// A record without a time is `–`; one beyond what a calendar holds is `?`.
    pub(crate) fn time(&self, at: types::Timestamp) -> String {
        if at.0 < 0 {
            return "–".to_owned();
        }
        let Ok(instant) = Timestamp::from_millisecond(at.0) else { return "?".to_owned() };
        let there = instant.to_zoned(self.zone.clone());
        let today = self.now.to_zoned(self.zone.clone()).date();
        match there.date() == today {
            true => there.strftime("%H:%M:%S%.3f").to_string(),
            false => there.strftime("%m-%d %H:%M:%S").to_string(),
        }
    }

    /// The zone's distance from UTC at present, for the head of the column: `+01:00`.
    pub(crate) fn zone_text(&self) -> String {
        self.now.to_zoned(self.zone.clone()).strftime("%:z").to_string()
    }
}

/// The time of day of `at`: `15:04:07`.
pub(crate) fn clock_of(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use jiff::tz::offset;
    use proptest::prelude::*;

    use super::super::{TIME, cells};
    use super::*;

    fn clock() -> Clock {
        let now = "2026-11-21T14:10:00Z".parse().unwrap();
        Clock { now, zone: TimeZone::fixed(offset(1)) }
    }

    fn at(text: &str) -> types::Timestamp {
        types::Timestamp(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn today_has_milliseconds_and_other_days_a_date() {
        let clock = clock();
        assert_eq!(clock.time(at("2026-11-21T14:04:05.123Z")), "15:04:05.123");
        assert_eq!(clock.time(at("2026-11-20T14:04:05.123Z")), "11-20 15:04:05");
        // It is today there before it is today in UTC.
        assert_eq!(clock.time(at("2026-11-20T23:30:00Z")), "00:30:00.000");
        assert_eq!(clock.time(types::Timestamp(-1)), "–");
        assert_eq!(clock.time(types::Timestamp(i64::MAX)), "?");
        assert_eq!(clock.zone_text(), "+01:00");
        assert_eq!(clock_of(clock.now, &clock.zone), "15:10:00");
    }

    proptest! {
        #[test]
        fn no_time_widens_its_column(time in any::<i64>(), bits in 0u32..63) {
            prop_assert!(cells(&clock().time(types::Timestamp(time >> bits))) <= TIME);
        }
    }
}
