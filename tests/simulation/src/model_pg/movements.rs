//! The PG's own list of money in and money back.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use paymux_core::{
    model::{Money, PgPaymentId},
    provider::{MovementKind, Movements, Page, PgMovement, ProviderError},
};

use super::{
    Client, Kind, Model,
    books::{Books, PgPayment},
    network::PgCall,
};

/// How many rows a page has.
const PAGE: usize = 3;
/// How much later than it happened a movement may appear in the list.
const LISTED_WITHIN: Duration = Duration::from_secs(60 * 60);

impl Model {
    fn movements(&self, books: &Books, from: Timestamp, to: Timestamp) -> Vec<PgMovement> {
        let now = self.world.now();
        // Some appear at once and some within the hour; what is in a list stays in it, so that its pages hold.
        let listed = |at: Timestamp| {
            let delay = if self.world.profile.odd_lists && at.as_second() % 2 == 0 {
                LISTED_WITHIN
            } else {
                Duration::ZERO
            };
            at.saturating_add(delay).is_ok_and(|listed_at| listed_at <= now)
        };
        let mut rows: Vec<_> = books.rows.values().flat_map(|row| self.rows_of(row.now())).collect();
        rows.retain(|row| from <= row.at && row.at <= to && listed(row.at));
        if self.world.profile.odd_lists {
            rows.push(PgMovement {
                pg_payment_id: Some("elsewhere".parse::<PgPaymentId>().expect("a PG id")),
                order_id: Some("an order of another system".to_owned()),
                kind: MovementKind::In,
                amount: None,
                at: from,
            });
        }
        rows.sort_by_key(|row| row.at);
        rows
    }

    fn rows_of(&self, payment: &PgPayment) -> Vec<PgMovement> {
        let row = |kind, amount, at| PgMovement {
            pg_payment_id: Some(payment.id.clone()),
            order_id: Some(payment.order.clone()),
            kind,
            amount: Some(Money::krw(amount)),
            at,
        };
        let came = payment.paid_at.map(|at| row(MovementKind::In, payment.taken, at));
        let mut rows: Vec<_> = came.into_iter().collect();
        match self.kind {
            Kind::OnConfirm => {
                let back = payment.cancels.iter();
                rows.extend(back.map(|cancel| row(MovementKind::Back, cancel.amount, cancel.at)));
            }
            // A payment of which something is left stays in the list of the paid.
            Kind::BeforeConfirm if payment.balance() == 0 => {
                let last = payment.cancels.iter().map(|cancel| cancel.at).max();
                rows.extend(last.map(|at| row(MovementKind::Back, payment.given_back(), at)));
            }
            Kind::BeforeConfirm => {}
        }
        rows
    }
}

#[async_trait]
impl Movements for Client {
    fn shows_part_cancels(&self) -> bool {
        self.model.kind == Kind::OnConfirm
    }

    async fn page(
        &self,
        from: Timestamp,
        to: Timestamp,
        cursor: Option<&str>,
    ) -> Result<Page<PgMovement>, ProviderError> {
        let model = Arc::clone(&self.model);
        let first: usize = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        // The gateway's clock may be wrong; the PG goes by what it is asked for.
        self.call(PgCall {
            name: format!("list from {first}"),
            order: None,
            key: None,
            is_supported: true,
            work: Box::new(move |books| {
                let all = model.movements(books, from, to);
                let more = all.len() > first + PAGE;
                let rows: Vec<_> = all.into_iter().skip(first).take(PAGE).collect();
                let unreadable = usize::from(model.world.profile.odd_lists);
                Ok(Page { rows, unreadable, next: more.then(|| (first + PAGE).to_string()) })
            }),
        })
        .await
    }
}
