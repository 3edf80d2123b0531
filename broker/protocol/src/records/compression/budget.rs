//! How many bytes decompression may yet produce: an absolute bound, paid before memory is taken.

/// The bytes that decompressing may cost, for one batch or for all batches of a request.
///
/// There is no bound on the ratio: equal lines shrink by more than any ratio that would stop a bomb.
/// Charged are the bytes that come out, kept or not, and a zstd window for as long as it is open.
#[derive(Clone, Debug)]
pub struct Budget {
    limit: u64,
    used: u64,
}

/// Decompression would cost more than was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("decompressing needs {wanted} bytes beyond the {used} of {limit} bytes used already")]
pub struct BudgetExceeded {
    /// Bytes granted.
    pub limit: u64,
    /// Bytes of them used before.
    pub used: u64,
    /// Bytes wanted next.
    pub wanted: u64,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub const fn new(limit: u64) -> Budget {
        Budget { limit, used: 0 }
    }

    /// Takes `bytes` from it.
    ///
    /// # Errors
    /// There are not so many left; none are taken then.
    pub fn charge(&mut self, bytes: u64) -> Result<(), BudgetExceeded> {
        if bytes > self.left() {
            return Err(BudgetExceeded { limit: self.limit, used: self.used, wanted: bytes });
        }
        self.used += bytes;
        Ok(())
    }

    /// Gives back `bytes` that were charged and whose memory is free again.
    pub fn release(&mut self, bytes: u64) {
        debug_assert!(bytes <= self.used, "more is released than was charged");
        self.used = self.used.saturating_sub(bytes);
    }

    /// Bytes granted in all.
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes used so far.
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// Bytes left.
    pub const fn left(&self) -> u64 {
        self.limit - self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_not_charged() {
        let mut budget = Budget::new(100);
        budget.charge(60).unwrap();
        let refused = budget.charge(41).unwrap_err();
        assert_eq!(refused, BudgetExceeded { limit: 100, used: 60, wanted: 41 });
        budget.charge(40).unwrap();
        budget.release(10);
        assert_eq!((budget.used(), budget.left()), (90, 10));
    }
}
