//! Which stretch of time the charts show.

use kt_protocol::types::Millis;

/// How much time a chart shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Window {
    M5,
    #[default]
    M30,
    H3,
    H24,
    D7,
}

impl Window {
    /// From the shortest on.
    pub(crate) const ALL: [Window; 5] =
        [Window::M5, Window::M30, Window::H3, Window::H24, Window::D7];

    /// As screens write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Window::M5 => "5m",
            Window::M30 => "30m",
            Window::H3 => "3h",
            Window::H24 => "24h",
            Window::D7 => "7d",
        }
    }

    pub(crate) fn length_ms(self) -> u64 {
        let minutes = match self {
            Window::M5 => 5,
            Window::M30 => 30,
            Window::H3 => 180,
            Window::H24 => 1_440,
            Window::D7 => 7 * 1_440,
        };
        minutes * 60_000
    }

    /// The next longer one, or the same at the end.
    pub(crate) fn wider(self) -> Window {
        Window::ALL.into_iter().find(|it| self < *it).unwrap_or(self)
    }

    /// The next shorter one, or the same at the end.
    pub(crate) fn narrower(self) -> Window {
        Window::ALL.into_iter().rev().find(|it| *it < self).unwrap_or(self)
    }
}

/// A window and where it ends: now, or at a moment that the user moved it to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) window: Window,
    /// `None` follows the clock.
    end: Option<Millis>,
}

/// Nothing is kept for longer than this.
pub(super) const OLDEST_MS: u64 = 7 * 24 * 3_600_000;

impl View {
    pub(crate) fn of(window: Window) -> View {
        View { window, end: None }
    }

    pub(crate) fn is_live(self) -> bool {
        self.end.is_none()
    }

    /// The same length, ending at a moment.
    pub(crate) fn ending(self, end: Millis) -> View {
        View { end: Some(end), ..self }
    }

    /// The same end with another length.
    pub(crate) fn with(self, window: Window) -> View {
        View { window, ..self }
    }

    /// Half a window earlier, not beyond what is kept.
    pub(crate) fn back(self, now: Millis) -> View {
        let end = self.end.unwrap_or(now).0.saturating_sub(self.window.length_ms() / 2);
        let oldest = now.0.saturating_sub(OLDEST_MS - self.window.length_ms().min(OLDEST_MS));
        View { end: (oldest < now.0).then_some(Millis(end.max(oldest))), ..self }
    }

    /// Half a window later; at the end of time it follows the clock again.
    pub(crate) fn forth(self, now: Millis) -> View {
        let later = self.end.map(|it| it + self.window.length_ms() / 2);
        View { end: later.filter(|it| *it < now), ..self }
    }

    /// The first moment shown and the first one after it.
    pub(crate) fn bounds(self, now: Millis) -> (Millis, Millis) {
        let end = self.end.map_or(now + 1, |it| it);
        (Millis(end.0.saturating_sub(self.window.length_ms())), end)
    }

    /// The stretches of so many columns, the oldest first, on multiples of their own width.
    pub(super) fn stretches(
        self,
        now: Millis,
        columns: usize,
    ) -> impl Iterator<Item = (Millis, Millis)> {
        let count = columns.max(1) as u64;
        let width = (self.window.length_ms() / count).max(1);
        let edge = self.bounds(now).1.0.div_ceil(width);
        // What lies before the clock's zero is empty, and still has its column.
        (0..columns as u64).rev().map(move |back| match edge.checked_sub(back) {
            Some(until) => (Millis(until.saturating_sub(1) * width), Millis(until * width)),
            None => (Millis(0), Millis(0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_go_up_and_down_and_stop_at_their_ends() {
        let mut names = vec![Window::M5.narrower().name()];
        let mut window = Window::M5;
        for _ in 0..5 {
            window = window.wider();
            names.push(window.name());
        }
        assert_eq!(names, ["5m", "30m", "3h", "24h", "7d", "7d"]);
        assert_eq!(Window::default().name(), "30m");
        assert_eq!(Window::H3.narrower(), Window::M30);
    }

    #[test]
    fn a_view_moves_by_half_and_comes_back_to_now() {
        let now = Millis(100 * 24 * 3_600_000);
        let view = View::of(Window::H3);
        let back = view.back(now).back(now);
        assert_eq!(back.bounds(now).1, Millis(now.0 - Window::H3.length_ms()));
        assert!(!back.forth(now).is_live());
        assert!(back.forth(now).forth(now).is_live());
        assert!(view.forth(now).is_live());
        let mut oldest = view;
        for _ in 0..1_000 {
            oldest = oldest.back(now);
        }
        assert_eq!(oldest.bounds(now).0, Millis(now.0 - OLDEST_MS));
        assert!(View::of(Window::D7).back(now).is_live());
    }

    #[test]
    fn there_are_as_many_columns_as_were_asked_for() {
        for (now, columns) in [(0, 80), (1, 1), (59_999, 0), (1_000_000_000, 133)] {
            let found = View::of(Window::M5).stretches(Millis(now), columns).count();
            assert_eq!(found, columns);
        }
    }
}
