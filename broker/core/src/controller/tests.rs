//! The controller in conversation; each transcript is one subject.

use super::conversation::Conversation;
use crate::transcript;

macro_rules! transcripts {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                let path = concat!("controller/", stringify!($name), ".txt");
                let text = include_str!(concat!("../../tests/controller/", stringify!($name), ".txt"));
                let mut conversation = Conversation::new();
                transcript::run(path, text, |command| conversation.say(command));
            }
        )*
    };
}

transcripts!(
    activation,
    bootstrap_aborted,
    restart,
    registration,
    heartbeat,
    controlled_shutdown,
    elections,
    create_topics,
    delete_topics,
    create_partitions,
    configs,
    producer_ids,
    features,
    directories,
);
