//! The memory that requests may fill, all connections together: paid for before it is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{Notify, Semaphore};

/// A bound on the bytes of frames that are being read or served.
///
/// Paying is one atomic operation while there is enough. Who finds too little queues up; nobody
/// overtakes the queue, so a large frame is not starved by small ones.
#[derive(Debug)]
pub(crate) struct RequestBudget {
    limit: u64,
    used: AtomicU64,
    queued: AtomicUsize,
    /// The one permit is held by the first of the queue, who alone waits for `returned`.
    head_of_queue: Semaphore,
    returned: Notify,
}

/// Bytes of the budget in use; dropping it gives them back.
#[derive(Debug)]
pub(crate) struct Payment {
    budget: Arc<RequestBudget>,
    bytes: u64,
}

impl RequestBudget {
    /// Allows `limit` bytes. A single frame of `frame_bytes_max` must fit, or it would wait forever.
    pub(crate) fn new(limit: u64, frame_bytes_max: u64) -> Arc<RequestBudget> {
        Arc::new(RequestBudget {
            limit: limit.max(frame_bytes_max),
            used: AtomicU64::new(0),
            queued: AtomicUsize::new(0),
            head_of_queue: Semaphore::new(1),
            returned: Notify::new(),
        })
    }

    /// Pays if there is enough and nobody waits.
    pub(crate) fn try_pay(self: &Arc<Self>, bytes: u64) -> Option<Payment> {
        if self.queued.load(Ordering::SeqCst) != 0 {
            return None;
        }
        self.take(bytes)
    }

    /// Pays as soon as there is enough, in the order of coming. Dropping the future leaves the
    /// queue.
    pub(crate) async fn pay(self: Arc<Self>, bytes: u64) -> Payment {
        let _queued = Queued::enter(&self);
        let _head = self.head_of_queue.acquire().await.expect("the semaphore is never closed");
        loop {
            let returned = self.returned.notified();
            if let Some(payment) = self.take(bytes) {
                return payment;
            }
            returned.await;
        }
    }

    /// Bytes in use.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn take(self: &Arc<Self>, bytes: u64) -> Option<Payment> {
        let fits = |used: u64| used.checked_add(bytes).filter(|after| *after <= self.limit);
        let taken = self.used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fits);
        taken.ok().map(|_| Payment { budget: self.clone(), bytes })
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::SeqCst);
        if self.queued.load(Ordering::SeqCst) != 0 {
            // The permit stays until somebody takes it, so that none is missed.
            self.returned.notify_one();
        }
    }
}

impl Drop for Payment {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

struct Queued<'a>(&'a RequestBudget);

impl Queued<'_> {
    fn enter(budget: &RequestBudget) -> Queued<'_> {
        budget.queued.fetch_add(1, Ordering::SeqCst);
        Queued(budget)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.queued.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn pays_in_the_order_of_coming_once_there_is_enough() {
        let budget = RequestBudget::new(100, 100);
        let held = budget.try_pay(60).unwrap();
        let mut large = Box::pin(budget.clone().pay(80));
        let mut small = Box::pin(budget.clone().pay(10));
        assert!(poll(large.as_mut()).is_pending());
        // There is room for the small ones, but the large one came first.
        assert!(poll(small.as_mut()).is_pending());
        assert!(budget.try_pay(1).is_none());
        drop(held);
        assert!(poll(small.as_mut()).is_pending());
        let Poll::Ready(large) = poll(large.as_mut()) else { panic!("there is enough") };
        assert!(poll(small.as_mut()).is_ready());
        drop(large);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn leaving_the_queue_lets_the_next_in() {
        let budget = RequestBudget::new(100, 100);
        let _held = budget.try_pay(60).unwrap();
        let mut large = Box::pin(budget.clone().pay(80));
        let mut small = Box::pin(budget.clone().pay(10));
        assert!(poll(large.as_mut()).is_pending());
        assert!(poll(small.as_mut()).is_pending());
        drop(large);
        assert!(poll(small.as_mut()).is_ready());
    }

    #[test]
    fn the_largest_frame_always_fits() {
        assert!(RequestBudget::new(10, 100).try_pay(100).is_some());
    }
}
