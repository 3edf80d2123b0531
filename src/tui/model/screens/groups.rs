//! Groups: how far each is behind, the worst first.

use kt_client::ErrorKind;
use kt_client::admin::{GroupState, GroupType};
use kt_protocol::ErrorCode;
use kt_protocol::types::Now;
use serde_json::{Value as Json, json};

use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::checks::Level;
use crate::tui::model::cluster::Failure;
use crate::tui::model::cluster::groups::Group;
use crate::tui::model::lag::{Cells, Lag};
use crate::tui::model::listing::{Line, List, Listing, before_comma};
use crate::tui::model::order::{Rank, Value};
use crate::tui::model::page::{About, Page, Target};
use crate::tui::model::schedule::{Kind, Lane, Needs};
use crate::tui::model::screen::Screen;
use crate::tui::model::watch::{Judged, Watch};

/// A group, as a line.
#[derive(Clone, Debug)]
pub(crate) struct GroupLine {
    pub(crate) name: String,
    pub(crate) level: Level,
    pub(crate) group_type: GroupType,
    pub(crate) state: Option<GroupState>,
    /// Known of groups that were described, and of empty ones.
    pub(crate) members: Option<usize>,
    /// `None` until its commits were told.
    pub(crate) cells: Option<Cells>,
    pub(crate) topics: usize,
    pub(crate) partitions: usize,
    /// Why its commits are not known, or an end.
    pub(crate) failure: Option<String>,
    /// That is so because we may not know it.
    pub(crate) is_denied: bool,
    /// For the filter: state, type and verdict.
    words: [String; 3],
}

impl Line for GroupLine {
    const SORTS: &'static [&'static str] = &[
        "level, late",
        "group",
        "lag",
        "late",
        "read/s",
        "eta",
        "expires",
        "in/s",
        "n/c",
        "verdict",
        "state",
        "type",
        "mbr",
        "tp",
        "part",
    ];

    fn sort_of(head: &str) -> &str {
        match head {
            // Below 120 columns a letter has to do.
            "t" => "type",
            other => before_comma(other),
        }
    }

    fn key(&self) -> &str {
        &self.name
    }

    fn level(&self) -> Level {
        self.level
    }

    fn set_level(&mut self, level: Level) {
        self.level = level;
    }

    fn rank(&self, sort: usize) -> Rank {
        use crate::tui::model::lag::{Eta, Expires};
        let number = |it: Option<f64>| it.map_or(Value::Missing, Value::Number);
        let cells = self.cells.as_ref();
        let value = match Self::SORTS.get(sort).copied() {
            Some("group") => Value::Text(self.name.clone()),
            Some("lag") => number(cells.and_then(|it| match it.lag {
                Lag::Records(lag) => Some(lag as f64),
                Lag::NoCommit | Lag::Unknown => None,
            })),
            Some("read/s") => number(cells.and_then(|it| it.read.per_second())),
            Some("eta") => number(cells.and_then(|it| match it.eta {
                Eta::Done => Some(0.0),
                Eta::In(ms) => Some(ms as f64),
                Eta::Never | Eta::Stop => Some(f64::MAX),
                Eta::NotYet => None,
            })),
            // The soonest first: of that the largest is the worst.
            Some("expires") => number(cells.and_then(|it| match it.expires {
                Expires::Lost(records) => Some(records as f64),
                Expires::In(ms) => Some(-(ms as f64)),
                Expires::Never | Expires::Unknown => None,
            })),
            Some("in/s") => number(cells.and_then(|it| it.incoming.per_second())),
            Some("n/c") => number(cells.map(|it| it.no_commit as f64)),
            Some("verdict") => {
                number(cells.and_then(|it| it.verdict).map(|it| f64::from(it as u8)))
            }
            Some("state") => Value::Text(self.words[0].clone()),
            Some("type") => Value::Text(self.words[1].clone()),
            Some("mbr") => number(self.members.map(|it| it as f64)),
            Some("tp") => Value::Number(self.topics as f64),
            Some("part") => Value::Number(self.partitions as f64),
            _ => number(cells.and_then(|it| it.late.age_ms()).map(|it| it as f64)),
        };
        let class = if sort == 0 { self.level.rank() } else { 0 };
        Rank { class, value }
    }

    fn words(&self) -> Vec<&str> {
        let mut words = vec![self.name.as_str()];
        words.extend(self.words.iter().map(String::as_str));
        words
    }
}

/// The screen.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub(crate) list: Listing<GroupLine>,
    pub(crate) is_known: bool,
    revision: u64,
}

impl Page for Groups {
    fn renew(&mut self, watch: &Watch, now: Now) {
        // What some brokers tell is shown, whoever does not.
        self.is_known =
            watch.cluster.hearing.of_kind(Kind::Groups).any(|it| it.1.answered.is_some());
        if self.revision != watch.revision {
            self.revision = watch.revision;
            self.list.take_told(now.monotonic, watch.round_of(MADE_OF), lines(watch));
        }
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Groups, Kind::Commits, Kind::ShareCommits, Kind::LogEnds]
    }

    fn needs(&self, watch: &Watch, needs: &mut Needs) {
        let (first, height) = self.list.seen();
        let shown: Vec<&GroupLine> = self.list.shown().skip(first).take(height).collect();
        needs.members.extend(shown.iter().map(|it| it.name.clone()));
        add_ages(watch, &shown, needs);
    }

    fn list(&self) -> &dyn List {
        &self.list
    }

    fn list_mut(&mut self) -> &mut dyn List {
        &mut self.list
    }

    fn open(&self, _watch: &Watch) -> Option<Target> {
        let name = self.list.line()?.name.clone();
        Some(Target::about(Screen::Group, About::Group(name)))
    }

    fn kt_line(&self) -> String {
        "kt groups list".to_owned()
    }

    fn details(&self, _watch: &Watch) -> Option<Json> {
        Some(self.list.line()?.json())
    }

    fn charts(&self) -> Vec<(Subject, Metric)> {
        let (first, height) = self.list.seen();
        let shown = self.list.shown().skip(first).take(height);
        shown.map(|it| (Subject::Group(it.name.clone()), Metric::Lag)).collect()
    }

    fn json(&self) -> Json {
        json!({ "groups": self.list.shown().map(GroupLine::json).collect::<Vec<_>>() })
    }
}

/// What says how a group is.
pub(crate) const MADE_OF: &[Kind] = &[Kind::Commits, Kind::ShareCommits];

/// Asks for the true age of what these groups have not read: one partition each, the worst.
pub(crate) fn add_ages(watch: &Watch, shown: &[&GroupLine], needs: &mut Needs) {
    let cells = shown.iter().filter_map(|it| Some((it.name.as_str(), it.cells.as_ref()?)));
    needs.ages.extend(watch.ages_of(cells));
}

/// All groups as lines.
pub(crate) fn lines(watch: &Watch) -> Vec<GroupLine> {
    watch.cluster.groups.iter().map(|(name, it)| line(watch, name, it)).collect()
}

/// One group as a line.
pub(crate) fn line(watch: &Watch, name: &str, group: &Group) -> GroupLine {
    let judged = watch.groups.get(name);
    let cells = judged.map(|it| it.cells.clone());
    let verdict = cells.as_ref().and_then(|it| it.verdict);
    let failure = why_unknown(watch, group, judged);
    let level = match judged.and_then(Judged::verdict) {
        Some(verdict) => Level::from(verdict.level()),
        None if failure.is_some() => Level::Unknown,
        None if judged.is_some_and(|it| it.is_stale) => Level::Unknown,
        None => Level::Ok,
    };
    let state = group.state;
    let word = |it: Option<&str>| it.unwrap_or_default().to_owned();
    GroupLine {
        name: name.to_owned(),
        level,
        group_type: group.group_type,
        state,
        members: watch.members(group),
        topics: judged.map_or(0, |it| it.topics),
        partitions: judged.map_or(0, |it| it.partitions),
        is_denied: failure.as_ref().is_some_and(|it| it.is_denied),
        failure: failure.map(|it| it.words),
        words: [
            word(state.map(GroupState::name)),
            group.group_type.name().to_owned(),
            word(verdict.map(|it| it.name())),
        ],
        cells,
    }
}

/// Why a group is not judged.
struct Why {
    words: String,
    /// We may not know it.
    is_denied: bool,
}

/// Why its commits are not known, or where something ends that it reads.
fn why_unknown(watch: &Watch, group: &Group, judged: Option<&Judged>) -> Option<Why> {
    let of_commits = why_no_commits(watch, group)
        .map(|it| Why { words: it.words.clone(), is_denied: it.kind == ErrorKind::Authorization });
    // Only then somebody asks why: it is looked for in all that it reads.
    let lacks_an_end = judged.is_some_and(|it| it.cells.lag == Lag::Unknown);
    of_commits.or_else(|| lacks_an_end.then(|| why_no_end(watch, group)).flatten())
}

/// It was refused, or its coordinator has never told any.
fn why_no_commits<'a>(watch: &'a Watch, group: &'a Group) -> Option<&'a Failure> {
    let kind = match group.group_type {
        GroupType::Share => Kind::ShareCommits,
        _ => Kind::Commits,
    };
    let lane = Lane { kind, broker: Some(group.coordinator) };
    let heard = watch.cluster.hearing.lanes.get(&lane).filter(|it| it.answered.is_none());
    let refused = heard.and_then(|it| it.failing.as_ref()).map(|it| &it.failure);
    group.commits_failure.as_ref().or(refused)
}

/// The first partition with a commit whose end nobody told, for another reason than that it has no
/// leader.
fn why_no_end(watch: &Watch, group: &Group) -> Option<Why> {
    group.read().find_map(|at| {
        let partition = watch.cluster.partition(at)?;
        let is_hidden = partition.end.is_none() && partition.leader.is_some();
        let code = partition.failure.filter(|_| is_hidden)?;
        Some(Why {
            words: format!("{} from ListOffsets for {at}", code.name()),
            is_denied: code == ErrorCode::TopicAuthorizationFailed,
        })
    })
}

impl GroupLine {
    /// Its values, for scripts; what is not known is null.
    pub(crate) fn json(&self) -> Json {
        use crate::tui::model::lag::{Eta, Expires, Late};
        let cells = self.cells.as_ref();
        let lag = cells.and_then(|it| match it.lag {
            Lag::Records(lag) => Some(lag),
            Lag::NoCommit | Lag::Unknown => None,
        });
        let eta = cells.and_then(|it| match it.eta {
            Eta::Done => Some(0),
            Eta::In(ms) => Some(ms),
            Eta::Never | Eta::Stop | Eta::NotYet => None,
        });
        let expires = cells.and_then(|it| match it.expires {
            Expires::In(ms) => Some(ms),
            Expires::Lost(_) => Some(0),
            Expires::Never | Expires::Unknown => None,
        });
        json!({
            "group": self.name,
            "type": self.words[1],
            "state": self.words[0],
            "members": self.members,
            "topics": self.topics,
            "partitions": self.partitions,
            "lag": lag,
            "late_ms": cells.and_then(|it| it.late.age_ms()),
            "late_is_estimated": cells.is_some_and(|it| !matches!(it.late, Late::Read(_))),
            "read_per_second": cells.and_then(|it| it.read.per_second()),
            "in_per_second": cells.and_then(|it| it.incoming.per_second()),
            "eta_ms": eta,
            "expires_ms": expires,
            "no_commit": cells.map(|it| it.no_commit),
            "verdict": cells.and_then(|it| it.verdict).map(|it| it.name()),
            "failure": self.failure,
        })
    }
}
