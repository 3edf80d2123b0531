//! One answer from several shards: it is made when the last of them has said its part.

use std::sync::Arc;

use crate::effect::Effect;
use crate::lock_rank::{Rank, RankedMutex};

type Finish<P> = Box<dyn FnOnce(Vec<P>, &mut Vec<Effect>) + Send>;

struct State<P> {
    parts: Vec<Option<P>>,
    left: usize,
    finish: Option<Finish<P>>,
}

/// Collects parts.
pub(crate) struct UntilAll<P> {
    state: RankedMutex<State<P>>,
}

impl<P: Send + 'static> UntilAll<P> {
    /// Calls `finish` with all parts, in the order of their numbers, once each has come. Without
    /// any, at once.
    pub(crate) fn new(
        count: usize,
        finish: impl FnOnce(Vec<P>, &mut Vec<Effect>) + Send + 'static,
        effects: &mut Vec<Effect>,
    ) -> Arc<UntilAll<P>> {
        let mut finish: Option<Finish<P>> = Some(Box::new(finish));
        if count == 0
            && let Some(finish) = finish.take()
        {
            finish(Vec::new(), effects);
        }
        let parts = std::iter::repeat_with(|| None).take(count).collect();
        let state = State { parts, left: count, finish };
        Arc::new(UntilAll { state: RankedMutex::new(Rank::Waiter, state) })
    }

    /// Part number `at` has come.
    pub(crate) fn fill(&self, at: usize, part: P, effects: &mut Vec<Effect>) {
        let (finish, parts) = {
            let mut state = self.state.lock();
            let slot = state.parts.get_mut(at).expect("parts are numbered from 0");
            assert!(slot.replace(part).is_none(), "each part comes once");
            state.left -= 1;
            if 0 < state.left {
                return;
            }
            (state.finish.take(), std::mem::take(&mut state.parts))
        };
        if let Some(finish) = finish {
            finish(parts.into_iter().flatten().collect(), effects);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::LogLevel;

    fn said(effects: &[Effect]) -> Vec<String> {
        effects.iter().map(|it| format!("{it:?}")).collect()
    }

    #[test]
    fn the_last_part_makes_the_answer() {
        let mut effects = Vec::new();
        let say = |parts: Vec<u8>, effects: &mut Vec<Effect>| {
            effects.push(Effect::log(LogLevel::Info, format!("{parts:?}")));
        };
        let all = UntilAll::new(2, say, &mut effects);
        all.fill(1, 8, &mut effects);
        assert_eq!(said(&effects), Vec::<String>::new());
        all.fill(0, 7, &mut effects);
        assert!(said(&effects)[0].contains("[7, 8]"));
        effects.clear();
        UntilAll::new(0, say, &mut effects);
        assert!(said(&effects)[0].contains("[]"));
    }
}
