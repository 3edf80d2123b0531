//! A scan: all records from a place on are looked at, and the first hits kept. It says how far it is,
//! and goes on from there.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kt_protocol::types::Now;

use super::list::{Beyond, End, Room};
use super::reading::{Place, Way};
use super::{Following, Records, Run};
use crate::position::At;
use crate::record_filter::RecordFilter;
use crate::tui::figures;
use crate::tui::model::page::Reaction;

/// What a scan looks for.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    /// As it was typed.
    pub(crate) text: String,
    pub(super) filter: Arc<RecordFilter>,
}

impl Records {
    /// `F`
    pub(super) fn find(&mut self, text: &str, now: Now, zone: &TimeZone) -> Reaction {
        if text.is_empty() {
            if self.condition.take().is_some() {
                self.newest();
            }
            return Reaction::Done;
        }
        if self.condition.as_ref().is_some_and(|it| it.text == text) && self.coverage.is_some() {
            self.go_on();
            return Reaction::Done;
        }
        let wall = Timestamp::from_millisecond(now.wall.0).unwrap_or(Timestamp::UNIX_EPOCH);
        let filter = match RecordFilter::new(Some(text), None, wall, zone) {
            Ok(filter) => Arc::new(filter),
            Err(error) => {
                let hint = error.hint.map_or_else(String::new, |it| format!("; {it}"));
                return Reaction::Say(format!("{}{hint}", error.message));
            }
        };
        let from = self.from.clone().filter(|it| it != "latest").unwrap_or("earliest".to_owned());
        let at = from.parse().unwrap_or(At::Earliest);
        let time = match &at {
            At::Time(time) => time.instant(wall, zone).map(|it| it.timestamp),
            _ => None,
        };
        self.from = Some(from);
        self.condition = Some(Condition { text: text.to_owned(), filter });
        self.scan(Place::At { at, time });
        Reaction::Done
    }

    pub(super) fn scan(&mut self, from: Place) {
        self.anew(Way::Through(from, Room::default()), Run::Scan);
        self.list.before = Beyond::Nothing;
        self.cursor_to = Some(End::First);
    }

    /// Scans on from where the scan has come to. If it was full, the hits that were kept make way.
    pub(super) fn go_on(&mut self) {
        let Some(coverage) = self.coverage.as_ref().filter(|_| self.running != Some(Run::Scan))
        else {
            return;
        };
        let at = Place::Offsets(coverage.at.clone());
        if self.is_full || self.list.is_full() {
            self.list.clear();
            self.list.before = Beyond::Nothing;
            self.cursor_to = Some(End::First);
        }
        self.is_full = false;
        self.failed = None;
        self.following = Following::No;
        self.want(Way::Through(at, self.list.room()), Run::Scan);
    }

    /// `scanned 1.2M of 3.4M (35%)  84.0K/s  12 partitions, 9 done`
    pub(super) fn coverage_words(&self, now: Now) -> Option<(String, String)> {
        let coverage = self.coverage.as_ref().filter(|_| self.condition.is_some())?;
        let (done, all) = coverage.scanned();
        let share = if all == 0 { 1.0 } else { done as f64 / all as f64 };
        let until = coverage.ended.unwrap_or(now.monotonic);
        let seconds = ((until - coverage.began) as f64 / 1_000.0).max(0.001);
        let partitions = coverage.until.len();
        let noun = if partitions == 1 { "partition" } else { "partitions" };
        let is_running = self.running == Some(Run::Scan);
        // Where it ended by itself, its rate makes way for the reason.
        let rate = match self.is_full {
            true => String::new(),
            false => format!("  {}/s", figures::rate(done as f64 / seconds)),
        };
        let mut words = format!(
            "scanned {} of {} ({}){rate}  {partitions} {noun}, {} done",
            figures::count(done),
            figures::count(all),
            figures::share(share),
            coverage.done(),
        );
        if self.is_full {
            words.push_str("  full");
        }
        let key = match (is_running, done < all) {
            (true, _) => "Esc stops",
            (false, true) => "F Enter goes on",
            (false, false) => "",
        };
        Some((words, key.to_owned()))
    }
}
