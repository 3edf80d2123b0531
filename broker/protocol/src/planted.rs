//! Bugs that are planted on purpose, to see that tests find them.
//!
//! `planted!("name")` marks where a bug would be. Without the feature `mutants` it is `false`, name
//! and all, so that nothing of it is in what is shipped. With it, it is true while a test has
//! planted that bug. It is here because every crate of the engine has this one below it.

/// Whether the bug of this name is planted.
#[cfg(not(feature = "mutants"))]
#[macro_export]
macro_rules! planted {
    ($name:literal) => {
        false
    };
}

/// Whether the bug of this name is planted.
#[cfg(feature = "mutants")]
#[macro_export]
macro_rules! planted {
    ($name:literal) => {
        $crate::planted::is_planted($name)
    };
}

#[cfg(feature = "mutants")]
pub use mutants::{Planted, is_planted, plant};

#[cfg(feature = "mutants")]
mod mutants {
    use std::cell::Cell;

    thread_local! {
        /// Of this thread: a whole cluster is simulated in one, and tests run beside each other.
        static BUG: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    /// The bug is there as long as this is.
    #[derive(Debug)]
    pub struct Planted(());

    /// Plants a bug in this thread.
    ///
    /// # Panics
    /// If one is planted already: of two at once nobody could say which was found.
    #[must_use = "the bug is gone with this"]
    pub fn plant(name: &'static str) -> Planted {
        let before = BUG.replace(Some(name));
        assert_eq!(before, None, "one bug at a time");
        Planted(())
    }

    impl Drop for Planted {
        fn drop(&mut self) {
            BUG.set(None);
        }
    }

    /// Whether the bug of this name is planted in this thread.
    pub fn is_planted(name: &str) -> bool {
        BUG.get() == Some(name)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_bug_is_there_while_it_is_planted() {
            let bug = plant("one");
            assert!(planted!("one") && !planted!("another"));
            drop(bug);
            assert!(!planted!("one"));
        }
    }
}
