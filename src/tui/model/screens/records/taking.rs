//! Takes over what was read, and what that changes: the list, how much is scanned, what comes next.

use kt_protocol::types::Now;

use super::line::RecordLine;
use super::list::{Beyond, End};
use super::reading::{Coverage, Offsets, ReadNews, Way};
use super::{Following, Records, Run};
use crate::tui::model::listing::List as _;

impl Records {
    /// Takes over what was read.
    pub(crate) fn take(&mut self, generation: u64, news: ReadNews, now: Now) {
        if generation != self.generation {
            return;
        }
        let Some(run) = self.running else { return };
        self.now = now.monotonic;
        match news {
            ReadNews::Began { from, until } => {
                self.coverage = Some(match self.coverage.take().filter(|_| run == Run::Scan) {
                    Some(it) => it.gone_on(from.clone(), until, self.now),
                    None => Coverage::began(from.clone(), until, self.now),
                });
                // Partitions without records have their place, too.
                if run == Run::Page(End::Last) && self.list.count() == 0 {
                    self.list.append(Vec::new(), &from);
                }
            }
            ReadNews::Records { lines, edges, passed } => {
                self.take_lines(run, lines, &edges, passed);
            }
            ReadNews::Ended { is_exhausted } => self.ended(run, is_exhausted),
            ReadNews::Failed(why) => {
                self.failed = Some(why);
                self.running = None;
                self.following = Following::No;
                self.tail_next = false;
                self.end_coverage();
            }
        }
    }

    fn take_lines(&mut self, run: Run, lines: Vec<RecordLine>, edges: &Offsets, passed: u64) {
        // What comes at the tail is no part of what was to be scanned.
        if matches!(run, Run::Scan | Run::Page(End::Last))
            && let Some(coverage) = &mut self.coverage
        {
            coverage.reached(edges);
        }
        match run {
            Run::Page(End::First) => self.list.prepend(lines, edges),
            Run::Page(End::Last) => self.list.append(lines, edges),
            Run::Scan => {
                self.list.insert(lines);
                self.list.next.clone_from(edges);
            }
            Run::Tail => {
                if let Following::Paused { new } = &mut self.following {
                    *new += passed + lines.len() as u64;
                    return;
                }
                self.list.append(lines, edges);
                if self.following == Following::Yes {
                    self.list.jump(End::Last);
                }
            }
        }
        if let Some(end) = self.cursor_to
            && 0 < self.list.count()
        {
            self.list.jump(end);
            self.cursor_to = None;
        }
    }

    fn ended(&mut self, run: Run, is_exhausted: bool) {
        self.running = None;
        self.cursor_to = None;
        let beyond = if is_exhausted { Beyond::Nothing } else { Beyond::More };
        match run {
            Run::Page(End::First) => {
                self.list.before = beyond;
                if let Some((Way::Newest, _)) = self.asked {
                    self.list.behind = Beyond::Nothing;
                }
            }
            Run::Page(End::Last) => self.list.behind = beyond,
            Run::Scan => {
                self.list.behind = beyond;
                self.is_full = !is_exhausted;
            }
            Run::Tail => self.following = Following::No,
        }
        self.end_coverage();
        if std::mem::take(&mut self.tail_next) {
            self.list.behind = Beyond::Nothing;
            self.resume();
        }
    }

    /// What is over has its time: its rate falls no more.
    pub(super) fn end_coverage(&mut self) {
        if let Some(it) = self.coverage.as_mut() {
            it.ended = it.ended.or(Some(self.now));
        }
    }
}
