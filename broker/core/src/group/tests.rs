//! The group coordinator in conversation; each transcript is one subject.

use super::conversation::Conversation;
use crate::transcript;

macro_rules! transcripts {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                let path = concat!("group/", stringify!($name), ".txt");
                let text = include_str!(concat!("../../tests/group/", stringify!($name), ".txt"));
                let mut conversation = Conversation::new();
                transcript::run(path, text, |command| conversation.say(command));
            }
        )*
    };
}

transcripts!(
    join,
    initial_delay,
    rebalance,
    protocols,
    max_size,
    sync,
    sessions,
    static_members,
    leave,
    versions,
    too_large,
    commit,
    fetch,
    transactions,
    delete,
    expiry,
    foreign,
    list_and_describe,
    reload,
);
