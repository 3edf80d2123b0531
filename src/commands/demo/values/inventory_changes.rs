//! A commit log: every change of a table, in the one order in which it happened.

use jiff::Timestamp;
use kt_client::Random;

use super::{Event, Values};

const ROWS: usize = 60;

/// Stock that is sold and bought again.
pub(in super::super) struct InventoryChanges {
    random: Random,
    sequence: u64,
    stock: [u64; ROWS],
}

impl InventoryChanges {
    pub(in super::super) fn new(mut random: Random) -> InventoryChanges {
        let stock = [(); ROWS].map(|()| 20 + random.below(200));
        InventoryChanges { random, sequence: 5_000, stock }
    }
}

impl Values for InventoryChanges {
    fn next(&mut self, at: Timestamp) -> Event {
        self.sequence += 1;
        let row = self.random.below(ROWS as u64) as usize;
        let before = self.stock[row];
        let after = match before {
            0..10 => before + 150,
            _ => before - 1 - self.random.below(5),
        };
        self.stock[row] = after;
        let sku = 100 + row;
        let value = format!(
            r#"{{"sequence":{},"op":"update","table":"stock","before":{{"sku":{sku},"count":{before}}},"after":{{"sku":{sku},"count":{after}}},"committed_at":"{at:.3}"}}"#,
            self.sequence,
        );
        Event::new(Some(format!("stock/{sku}")), value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{first, shown};
    use super::*;

    #[test]
    fn changes_look_like_changes_and_follow_one_another() {
        let mut changes = InventoryChanges::new(Random::new(1));
        insta::assert_snapshot!(shown(&first(&mut changes, 3)), @r#"
        stock/131 {"sequence":5001,"op":"update","table":"stock","before":{"sku":131,"count":137},"after":{"sku":131,"count":136},"committed_at":"2026-11-21T01:14:07.000Z"}
        stock/145 {"sequence":5002,"op":"update","table":"stock","before":{"sku":145,"count":187},"after":{"sku":145,"count":184},"committed_at":"2026-11-21T01:14:08.000Z"}
        stock/143 {"sequence":5003,"op":"update","table":"stock","before":{"sku":143,"count":151},"after":{"sku":143,"count":149},"committed_at":"2026-11-21T01:14:09.000Z"}
        "#);
    }
}
