//! What a test reads off its bench.

use super::{bench::Bench, fake_pg::Op};
use crate::{
    model::{Cancel, Event, EventKind, PaymentId, PaymentStatus, PgPaymentId},
    store::{PaymentFilter, PaymentRecord, PaymentStore as _},
};

impl Bench {
    pub(crate) async fn read(&self, id: &PaymentId) -> PaymentRecord {
        self.gateway.payment(&self.merchant, id).await.unwrap()
    }

    pub(crate) async fn status(&self, id: &PaymentId) -> PaymentStatus {
        self.read(id).await.payment.status()
    }

    /// The newest cancel of any charge of a payment.
    pub(crate) async fn newest_cancel(&self, id: &PaymentId) -> Cancel {
        let record = self.read(id).await;
        let cancels = record.charges.iter().flat_map(|charge| &charge.cancels);
        cancels.max_by_key(|cancel| (cancel.created_at, cancel.id.clone())).expect("there is one").clone()
    }

    pub(crate) async fn events(&self) -> Vec<Event> {
        self.store.events(&self.merchant, 0, 100_000).await.unwrap()
    }

    /// The kinds of all events, in order.
    pub(crate) async fn kinds(&self) -> Vec<&'static str> {
        self.events().await.iter().map(|event| event.event.kind.name()).collect()
    }

    pub(crate) async fn count(&self, kind: EventKind) -> usize {
        self.events().await.iter().filter(|event| event.event.kind == kind).count()
    }

    /// The reasons of the reviews of a payment that are open.
    pub(crate) async fn open_reviews(&self, id: &PaymentId) -> Vec<&'static str> {
        let reviews = self.read(id).await.payment.reviews;
        reviews.iter().filter(|review| review.is_open()).map(|review| review.reason.name()).collect()
    }

    /// The status of every payment.
    pub(crate) async fn store_payments(&self) -> Vec<PaymentStatus> {
        let filter = PaymentFilter::default();
        let payments = self.store.payments(&self.merchant, &filter, 1_000).await.unwrap();
        payments.iter().map(|record| record.payment.status()).collect()
    }

    /// What the PG gave back of a payment of its own.
    pub(crate) fn given_back(&self, pg_id: &PgPaymentId) -> u64 {
        self.pg.books(|books| books.row(pg_id).given_back)
    }

    /// How often the PG took the money of a payment of its own.
    pub(crate) fn taken(&self, pg_id: &PgPaymentId) -> u32 {
        self.pg.books(|books| books.row(pg_id).taken)
    }

    pub(crate) fn confirms(&self) -> usize {
        self.pg.count(Op::Confirm)
    }

    pub(crate) fn cancels(&self) -> usize {
        self.pg.count(Op::Cancel)
    }

    pub(crate) fn look_ups(&self) -> usize {
        self.pg.count(Op::Verify)
    }

    /// Nothing in the ledger differs.
    pub(crate) async fn check_ledger(&self) {
        let page = self.gateway.check_ledger(None, 1_000).await.unwrap();
        assert_eq!(page.differences, Vec::new());
    }
}
