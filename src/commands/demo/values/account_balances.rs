//! Keyed state: the last record of an account is its balance; a tombstone closes it.

use jiff::Timestamp;
use kt_client::Random;

use super::{Event, Values, amount};

const ACCOUNTS: usize = 240;

/// One record in so many closes its account.
const CLOSED_ONE_IN: u64 = 60;

/// Balances in cents that go up and down.
pub(in super::super) struct AccountBalances {
    random: Random,
    cents: [u64; ACCOUNTS],
}

impl AccountBalances {
    pub(in super::super) fn new(mut random: Random) -> AccountBalances {
        let cents = [(); ACCOUNTS].map(|()| 10_000 + random.below(500_000));
        AccountBalances { random, cents }
    }
}

impl Values for AccountBalances {
    fn next(&mut self, at: Timestamp) -> Event {
        let random = &mut self.random;
        let account = random.below(ACCOUNTS as u64) as usize;
        let key = Some(format!("account-{:04}", account + 1));
        let cents = &mut self.cents[account];
        if random.below(CLOSED_ONE_IN) == 0 {
            // Whoever has its number next begins with nothing.
            *cents = 0;
            return Event { key, value: None, headers: Vec::new() };
        }
        let moved = random.below(20_000);
        let is_payout = random.below(2) == 0 && moved <= *cents;
        *cents = if is_payout { *cents - moved } else { *cents + moved };
        let balance = amount(*cents);
        let value = format!(r#"{{"balance":{balance},"currency":"EUR","updated_at":"{at:.3}"}}"#);
        Event::new(key, value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{first, shown};
    use super::*;

    #[test]
    fn balances_look_like_balances_and_some_accounts_are_closed() {
        let events = first(&mut AccountBalances::new(Random::new(1)), 1_000);
        insta::assert_snapshot!(shown(&events[..3]), @r#"
        account-0034 {"balance":2488.88,"currency":"EUR","updated_at":"2026-11-21T01:14:07.000Z"}
        account-0101 {"balance":3889.55,"currency":"EUR","updated_at":"2026-11-21T01:14:08.000Z"}
        account-0103 {"balance":3609.88,"currency":"EUR","updated_at":"2026-11-21T01:14:09.000Z"}
        "#);
        let closed = events.iter().filter(|it| it.value.is_none()).count();
        assert!((5..40).contains(&closed), "{closed}");
    }
}
