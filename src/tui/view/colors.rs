//! Colours as numbers: what a name or an index stands for, and which one of a few comes nearest.

use ratatui::style::Color;

/// Red, green and blue, 0 to 255 each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

impl Rgb {
    /// How far apart two colours are, squared. Green weighs most, as it does for the eye.
    pub(crate) fn distance(self, other: Rgb) -> u32 {
        let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
        2 * square(self.0, other.0) + 4 * square(self.1, other.1) + 3 * square(self.2, other.2)
    }

    /// Whether dark text is read on it more easily than light text.
    pub(crate) fn is_light(self) -> bool {
        299 * u32::from(self.0) + 587 * u32::from(self.1) + 114 * u32::from(self.2) >= 128_000
    }

    /// Half way to `other`.
    pub(crate) fn halfway(self, other: Rgb) -> Rgb {
        Rgb(self.0.midpoint(other.0), self.1.midpoint(other.1), self.2.midpoint(other.2))
    }
}

/// The sixteen as xterm has them, which is what most terminals come near to.
pub(crate) const XTERM: [Rgb; 16] = [
    Rgb(0, 0, 0),
    Rgb(205, 0, 0),
    Rgb(0, 205, 0),
    Rgb(205, 205, 0),
    Rgb(0, 0, 238),
    Rgb(205, 0, 205),
    Rgb(0, 205, 205),
    Rgb(229, 229, 229),
    Rgb(127, 127, 127),
    Rgb(255, 0, 0),
    Rgb(0, 255, 0),
    Rgb(255, 255, 0),
    Rgb(92, 92, 255),
    Rgb(255, 0, 255),
    Rgb(0, 255, 255),
    Rgb(255, 255, 255),
];

/// The levels of red, green and blue in the cube of 6×6×6.
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The number of a colour that has one.
pub(crate) fn index_of(color: Color) -> Option<u8> {
    Some(match color {
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
        Color::Indexed(it) => it,
        Color::Reset | Color::Rgb(..) => return None,
    })
}

/// What a number of the 256 stands for, where the first sixteen are `named`.
pub(crate) fn rgb_of(index: u8, named: &[Rgb; 16]) -> Rgb {
    match index {
        0..16 => named[usize::from(index)],
        16..232 => {
            let cube = usize::from(index) - 16;
            Rgb(LEVELS[cube / 36], LEVELS[cube / 6 % 6], LEVELS[cube % 6])
        }
        232.. => {
            let grey = 8 + 10 * (index - 232);
            Rgb(grey, grey, grey)
        }
    }
}

/// The nearest of the sixteen.
pub(crate) fn nearest_of_16(color: Rgb) -> u8 {
    nearest(color, 0..=15)
}

/// The nearest of the 256 that look the same everywhere: the first sixteen are the user's own.
pub(crate) fn nearest_of_256(color: Rgb) -> u8 {
    nearest(color, 16..=255)
}

fn nearest(color: Rgb, among: impl Iterator<Item = u8>) -> u8 {
    among.min_by_key(|it| rgb_of(*it, &XTERM).distance(color)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_xterm_has_them() {
        assert_eq!(rgb_of(9, &XTERM), Rgb(255, 0, 0));
        assert_eq!(rgb_of(16, &XTERM), Rgb(0, 0, 0));
        assert_eq!(rgb_of(196, &XTERM), Rgb(255, 0, 0));
        assert_eq!(rgb_of(67, &XTERM), Rgb(95, 135, 175));
        assert_eq!(rgb_of(231, &XTERM), Rgb(255, 255, 255));
        assert_eq!(rgb_of(255, &XTERM), Rgb(238, 238, 238));
        assert_eq!(index_of(Color::LightCyan), Some(14));
        assert_eq!(index_of(Color::Indexed(99)), Some(99));
        assert_eq!(index_of(Color::Reset), None);
    }

    #[test]
    fn every_colour_of_the_256_is_the_nearest_to_itself() {
        for index in 16..=255 {
            let color = rgb_of(index, &XTERM);
            assert_eq!(rgb_of(nearest_of_256(color), &XTERM), color);
        }
        assert_eq!(nearest_of_256(Rgb(180, 2, 3)), 124);
        assert_eq!(nearest_of_16(Rgb(180, 2, 3)), 1);
        assert_eq!(nearest_of_16(Rgb(250, 250, 250)), 15);
    }

    #[test]
    fn light_is_what_black_is_read_on() {
        assert!(Rgb(253, 246, 227).is_light());
        assert!(!Rgb(0, 43, 54).is_light());
        assert_eq!(Rgb(0, 10, 255).halfway(Rgb(10, 20, 255)), Rgb(5, 15, 255));
    }
}
