//! What an operator does and reads, told once and held against every broker.

use super::Operator;

/// The name of a scenario, and what it does. It finds no topics and leaves only topics behind.
pub(crate) type Scenario = (&'static str, fn(&Operator));

/// Makes each of these functions a test with a `kt serve` of its own, and all of them the module's
/// `SCENARIOS`, for brokers of another make.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        mod with_kt {
            $(
                #[test]
                fn $name() {
                    super::$name(&$crate::support::Operator::start());
                }
            )+
        }

        pub(crate) const SCENARIOS: &[$crate::support::scenario::Scenario] = &[
            $((concat!(module_path!(), "::", stringify!($name)), $name),)+
        ];
    };
}

pub(crate) use scenarios;
