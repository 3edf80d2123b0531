//! A queue: each order is work for somebody.

use jiff::Timestamp;
use kt_client::Random;

use super::{Event, Values, amount, one_of};

const ITEMS: [(&str, u64); 8] = [
    ("tea-assam-250g", 890),
    ("tea-sencha-100g", 1_250),
    ("coffee-huila-500g", 1_490),
    ("coffee-sidamo-1kg", 2_790),
    ("cocoa-dark-300g", 690),
    ("mug-stoneware", 1_600),
    ("kettle-gooseneck", 6_900),
    ("filter-paper-100", 450),
];

/// New orders of a shop.
pub(in super::super) struct Orders {
    random: Random,
    number: u64,
}

impl Orders {
    pub(in super::super) fn new(random: Random) -> Orders {
        Orders { random, number: 88_000 }
    }
}

impl Values for Orders {
    fn next(&mut self, at: Timestamp) -> Event {
        let random = &mut self.random;
        self.number += 1;
        let customer = 1_000 + random.below(4_000);
        let mut lines = Vec::new();
        let mut total = 0;
        for _ in 0..=random.below(3) {
            let (sku, cents) = random.choose(&ITEMS).copied().unwrap_or_default();
            let quantity = 1 + random.below(3);
            total += cents * quantity;
            lines.push(format!(r#"{{"sku":"{sku}","quantity":{quantity}}}"#));
        }
        let channel = one_of(random, &["web", "web", "app", "shop"]);
        let value = format!(
            r#"{{"id":{},"customer":{customer},"total":{},"currency":"EUR","lines":[{}],"placed_at":"{at:.3}"}}"#,
            self.number,
            amount(total),
            lines.join(","),
        );
        let event = Event::new(Some(format!("order-{}", self.number)), value);
        Event { headers: vec![("channel", channel)], ..event }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{first, shown};
    use super::*;

    #[test]
    fn orders_look_like_orders() {
        let events = first(&mut Orders::new(Random::new(1)), 3);
        insta::assert_snapshot!(shown(&events), @r#"
        order-88001 {"id":88001,"customer":3266,"total":101.70,"currency":"EUR","lines":[{"sku":"filter-paper-100","quantity":2},{"sku":"coffee-sidamo-1kg","quantity":3},{"sku":"filter-paper-100","quantity":2}],"placed_at":"2026-11-21T01:14:07.000Z"}
        order-88002 {"id":88002,"customer":4175,"total":27.60,"currency":"EUR","lines":[{"sku":"cocoa-dark-300g","quantity":2},{"sku":"cocoa-dark-300g","quantity":2}],"placed_at":"2026-11-21T01:14:08.000Z"}
        order-88003 {"id":88003,"customer":3581,"total":84.80,"currency":"EUR","lines":[{"sku":"mug-stoneware","quantity":3},{"sku":"tea-assam-250g","quantity":1},{"sku":"coffee-sidamo-1kg","quantity":1}],"placed_at":"2026-11-21T01:14:09.000Z"}
        "#);
    }
}
