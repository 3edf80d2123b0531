//! Log aggregation: lines of services, without keys.

use jiff::Timestamp;
use kt_client::Random;

use super::{Event, Values, one_of};

/// Logs of services, most of them in order.
pub(in super::super) struct ServiceLogs {
    random: Random,
}

impl ServiceLogs {
    pub(in super::super) fn new(random: Random) -> ServiceLogs {
        ServiceLogs { random }
    }
}

impl Values for ServiceLogs {
    fn next(&mut self, at: Timestamp) -> Event {
        let random = &mut self.random;
        let service = one_of(random, &["web", "web", "cart", "search", "payments"]);
        let took = 2 + random.below(90);
        let (level, message) = match random.below(100) {
            0 => ("error", "card gateway answered 502, given up after 3 tries".to_owned()),
            1..4 => ("warn", format!("slow query: {} ms", took * 20)),
            4..50 => (
                "info",
                format!("GET /{} 200 in {took} ms", one_of(random, &["tea", "coffee", "cart"])),
            ),
            _ => ("info", format!("cache hit for customer {}", 1_000 + random.below(4_000))),
        };
        let value = format!(
            r#"{{"at":"{at:.3}","level":"{level}","service":"{service}","message":"{message}"}}"#
        );
        Event::new(None, value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{first, shown};
    use super::*;

    #[test]
    fn lines_look_like_logs() {
        let events = first(&mut ServiceLogs::new(Random::new(1)), 5);
        insta::assert_snapshot!(shown(&events), @r#"
        null {"at":"2026-11-21T01:14:07.000Z","level":"info","service":"cart","message":"cache hit for customer 2777"}
        null {"at":"2026-11-21T01:14:08.000Z","level":"info","service":"cart","message":"cache hit for customer 3092"}
        null {"at":"2026-11-21T01:14:09.000Z","level":"info","service":"web","message":"GET /coffee 200 in 73 ms"}
        null {"at":"2026-11-21T01:14:10.000Z","level":"info","service":"cart","message":"GET /tea 200 in 49 ms"}
        null {"at":"2026-11-21T01:14:11.000Z","level":"info","service":"search","message":"cache hit for customer 4537"}
        "#);
    }
}
