//! The one sentence that says what is wrong with a group, and where.

use super::{Cells, Eta, Expires, GroupFacts, GroupKind, Lag, Late, Trend};
use crate::group_verdict::Verdict;
use crate::tui::figures;

impl Cells {
    /// Verdict, worst partition, reason; `None` while there is no verdict.
    pub(crate) fn sentence(&self, group: &GroupFacts) -> Option<String> {
        let verdict = self.verdict?;
        let reason = Reason { cells: self, group };
        let text = match verdict {
            Verdict::Ok => reason.ok(),
            Verdict::Behind => reason.behind(),
            Verdict::Stopped => reason.stopped(),
            Verdict::Rewound => reason.rewound(),
            Verdict::Stalled => reason.stalled(),
            Verdict::Losing => reason.losing(),
            Verdict::Lost => reason.lost(),
        };
        Some(format!("{}: {text}", verdict.name()))
    }
}

struct Reason<'a> {
    cells: &'a Cells,
    group: &'a GroupFacts,
}

impl Reason<'_> {
    fn ok(&self) -> String {
        match (self.cells.lag, self.cells.no_commit) {
            (Lag::NoCommit, _) if self.group.kind == GroupKind::Share => {
                "no start offset yet".to_owned()
            }
            (Lag::NoCommit, _) => "nothing is committed yet, so there is no lag".to_owned(),
            (Lag::Records(0), 0) => "all is read".to_owned(),
            (Lag::Records(0), _) => format!("all is read{}", self.without_commit()),
            _ => format!("{}, {} late{}", self.unread(), self.late(), self.without_commit()),
        }
    }

    fn behind(&self) -> String {
        let (at, lag) = (self.at(), self.unread());
        format!("the oldest unread record{at} is {} old, {lag}{}", self.late(), self.outlook())
    }

    fn stopped(&self) -> String {
        let at = self.worst().map(|it| format!(", most of {it}")).unwrap_or_default();
        format!("no member reads, {}{at}, {} late", self.unread(), self.late())
    }

    fn rewound(&self) -> String {
        format!("commits{} were set back, {}{}", self.at(), self.unread(), self.outlook())
    }

    fn stalled(&self) -> String {
        let word = match self.group.kind {
            GroupKind::Committing => "commit",
            GroupKind::Share => "start offset",
        };
        let partitions = self.group.partitions.iter();
        let still = partitions.filter_map(|it| it.unmoved_ms).min().unwrap_or_default();
        let members = match self.group.members {
            1 => "1 member".to_owned(),
            count => format!("{} members", figures::count(count as u64)),
        };
        let at = self.worst().map(|it| format!(", most of {it}")).unwrap_or_default();
        let still = figures::duration(still);
        format!("{members}, but no {word} moved for {still}, {}{at}", self.unread())
    }

    fn losing(&self) -> String {
        let left = match self.cells.expires {
            Expires::In(left) => figures::duration(left),
            _ => "?".to_owned(),
        };
        format!("unread records{} expire in {left}{}", self.at(), self.outlook())
    }

    fn lost(&self) -> String {
        let records = match self.cells.expires {
            Expires::Lost(records) => records,
            _ => 0,
        };
        let count = figures::count(records);
        let noun = if records == 1 { "record was" } else { "records were" };
        let at = self.worst().map(|it| format!(", most of {it}")).unwrap_or_default();
        format!("{count} {noun} deleted before being read{at}{}", self.outlook())
    }

    fn worst(&self) -> Option<String> {
        self.cells.worst.as_ref().map(ToString::to_string)
    }

    fn at(&self) -> String {
        self.worst().map(|it| format!(" of {it}")).unwrap_or_default()
    }

    fn unread(&self) -> String {
        match self.cells.lag {
            Lag::Records(1) => "1 record is unread".to_owned(),
            Lag::Records(count) => {
                format!("{} records are unread", figures::count(count.unsigned_abs()))
            }
            Lag::NoCommit | Lag::Unknown => "lag is not known".to_owned(),
        }
    }

    fn late(&self) -> String {
        match self.cells.late {
            Late::CaughtUp => "0".to_owned(),
            Late::Read(age) => figures::duration(age),
            Late::Estimated(age) => format!("~{}", figures::duration(age)),
            Late::OlderThan(age) => format!(">{}", figures::duration(age)),
            Late::NoCommit | Late::Unknown => "?".to_owned(),
        }
    }

    /// Whether it gets better by itself.
    fn outlook(&self) -> String {
        let lag = match self.cells.trend {
            Some(Trend::Grows) => "lag grows",
            Some(Trend::Falls) => "lag falls",
            Some(Trend::Steady) => "lag is steady",
            None => "",
        };
        let eta = match self.cells.eta {
            Eta::In(eta) => format!("eta {}", figures::duration(eta)),
            Eta::Never => "eta never".to_owned(),
            Eta::Stop => "nothing is read".to_owned(),
            Eta::Done | Eta::NotYet => String::new(),
        };
        match (lag.is_empty(), eta.is_empty()) {
            (true, true) => String::new(),
            (true, false) => format!(", and {eta}"),
            (false, true) => format!(", and {lag}"),
            (false, false) => format!(", and {lag} ({eta})"),
        }
    }

    fn without_commit(&self) -> String {
        match self.cells.no_commit {
            0 => String::new(),
            1 => ", 1 partition has no commit".to_owned(),
            count => format!(", {} partitions have no commit", figures::count(count as u64)),
        }
    }
}
