//! What a change announces: read off the record before and after it.

use super::Context;
use crate::{
    model::{
        CancelId, CancelStatus, Charge, ChargeId, Currency, EventKind, Misfit, Movement, NewEvent,
        PaymentStatus, ReviewSubject,
    },
    store::PaymentRecord,
};

/// What one event announces, before it has a name and a number.
struct News {
    kind: EventKind,
    movement: Option<Movement>,
    cancel: Option<CancelId>,
}

impl News {
    const fn of(kind: EventKind) -> Self {
        Self { kind, movement: None, cancel: None }
    }
}

/// The events of a change. Remembers on the payment which charge was announced as paid.
pub(super) fn of(before: &PaymentRecord, after: &mut PaymentRecord, context: &Context<'_>) -> Vec<NewEvent> {
    let mut news = if before.payment.version == 0 {
        vec![News::of(EventKind::Registered)]
    } else {
        let mut news = payment_news(before, after);
        news.extend(other_money(before, after));
        news.extend(cancel_news(before, after));
        news.extend(dispute_news(before, after));
        news
    };
    news.extend(review_news(before, after));
    // Before the view is taken: events carry the payment as it is committed.
    remember_announced(after, &news);
    let view = after.view();
    (after.events + 1..)
        .zip(news)
        .map(|(number, news)| NewEvent {
            id: context.ids.event(context.now),
            kind: news.kind,
            number,
            movement: news.movement,
            cancel: news.cancel,
            created_at: context.now,
            payment: view.clone(),
        })
        .collect()
}

/// What became of the payment, with the money of the charge that pays it, or paid it before.
fn payment_news(before: &PaymentRecord, after: &PaymentRecord) -> Vec<News> {
    let mut moved = after
        .charges
        .iter()
        .filter(|charge| pays(charge, before))
        .filter_map(|charge| movement(before, charge));
    let first = moved.next();
    let (was, is) = (before.payment.status(), after.payment.status());
    let announced = after.payment.announced.as_ref();
    let announced_paid = announced.is_some() && announced == after.accepted().map(|charge| &charge.id);
    // That the deposit came was announced. That it is gone again has a name of its own.
    let reversed = is == PaymentStatus::AwaitingDeposit && first.as_ref().is_some_and(|moved| moved.paid < 0);
    let kind = match is {
        _ if is == was => first.is_some().then_some(EventKind::AmountsUpdated),
        _ if reversed => Some(EventKind::DepositReversed),
        // The same money again: its refund failed, or it was shown less for a while. A shop that ships on
        // `paid` must not be announced twice.
        PaymentStatus::Paid if announced_paid => Some(EventKind::AmountsUpdated),
        status => Some(EventKind::Status(status)),
    };
    let news = kind.map(|kind| News { kind, movement: first, cancel: None });
    // Every amount is in exactly one event, so what else moved in this change gets an event for itself.
    let rest =
        moved.map(|moved| News { kind: EventKind::AmountsUpdated, movement: Some(moved), cancel: None });
    news.into_iter().chain(rest).collect()
}

/// Whether a charge's money is announced with the payment's own events: it is accepted, or was when its money
/// went, or may be yet.
fn pays(charge: &Charge, before: &PaymentRecord) -> bool {
    let was_accepted = || before.charge(&charge.id).is_some_and(|charge| charge.accepted);
    charge.accepted || charge.is_undecided() || (charge.misfit.is_none() && was_accepted())
}

/// Money at the PG that does not pay the order: in, and back.
fn other_money(before: &PaymentRecord, after: &PaymentRecord) -> Vec<News> {
    let mut news = Vec::new();
    for charge in after.charges.iter().filter(|charge| !pays(charge, before)) {
        let Some(moved) = movement(before, charge) else { continue };
        // Money that went took its misfit along (`take_over`). It leaves under the name it came by.
        let misfit = charge.misfit.or_else(|| before.charge(&charge.id)?.misfit).unwrap_or(Misfit::Mismatch);
        let kind = match (moved.paid, moved.cancelled) {
            // Also where it went back in the same change: the movement holds both amounts.
            (1.., _) => EventKind::Found(misfit),
            // What was given back is here again: its refund failed, or was undone.
            (0, ..0) => EventKind::AmountsUpdated,
            _ => EventKind::Returned(misfit),
        };
        news.push(News { kind, movement: Some(moved), cancel: None });
    }
    news
}

/// What moved in a charge between two records.
fn movement(before: &PaymentRecord, charge: &Charge) -> Option<Movement> {
    let (paid, cancelled) = amounts(Some(charge));
    let (paid_before, cancelled_before) = amounts(before.charge(&charge.id));
    let moved = Movement {
        charge: charge.id.clone(),
        currency: currency(charge)?,
        // Signed: the PG may take back what it showed, and all movements add up to what it shows now.
        paid: paid.saturating_sub(paid_before),
        cancelled: cancelled.saturating_sub(cancelled_before),
    };
    (moved.paid != 0 || moved.cancelled != 0).then_some(moved)
}

fn currency(charge: &Charge) -> Option<Currency> {
    charge.snapshot.as_ref().map(|snapshot| snapshot.paid.currency())
}

/// What came in and went back, as the PG shows it. Amounts are at most 2⁵³ − 1, so they fit.
pub(crate) fn amounts(charge: Option<&Charge>) -> (i64, i64) {
    let signed = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
    let snapshot = charge.and_then(|charge| charge.snapshot.as_ref());
    snapshot.map_or((0, 0), |snapshot| (signed(snapshot.paid.amount()), signed(snapshot.cancelled.amount())))
}

/// Cancels and closes that were made or moved on. "Sent" is no news: it was requested in the same breath; nor is that a request
/// which did nothing is to be sent again.
fn cancel_news(before: &PaymentRecord, after: &PaymentRecord) -> Vec<News> {
    let was = statuses(before);
    let is_news = |(id, status): &(CancelId, CancelStatus)| {
        // A repeat changes no status, so a cancel that is stuck for days writes no events.
        let old = was.iter().find(|(known, _)| known == id).map(|(_, status)| *status);
        old != Some(*status)
    };
    let news = statuses(after).into_iter().filter(is_news).filter_map(|(id, status)| {
        let is_new = !was.iter().any(|(known, _)| *known == id);
        let status = match status {
            CancelStatus::Sent | CancelStatus::Requested if is_new => CancelStatus::Requested,
            CancelStatus::Sent | CancelStatus::Requested => return None,
            status => status,
        };
        Some(News { kind: EventKind::Cancel(status), movement: None, cancel: Some(id) })
    });
    news.collect()
}

fn statuses(record: &PaymentRecord) -> Vec<(CancelId, CancelStatus)> {
    let cancels = record.charges.iter().flat_map(|charge| &charge.cancels);
    let closes = record.charges.iter().flat_map(|charge| &charge.closes).chain(&record.payment.closes);
    cancels
        .map(|cancel| (cancel.id.clone(), cancel.status))
        .chain(closes.map(|close| (close.id.clone(), close.status)))
        .collect()
}

fn dispute_news(before: &PaymentRecord, after: &PaymentRecord) -> Vec<News> {
    match (before.payment.shown.disputed, after.payment.shown.disputed) {
        (false, true) => vec![News::of(EventKind::DisputeOpened)],
        (true, false) => vec![News::of(EventKind::DisputeClosed)],
        _ => Vec::new(),
    }
}

fn review_news(before: &PaymentRecord, after: &PaymentRecord) -> Vec<News> {
    let mut news = Vec::new();
    for review in &after.payment.reviews {
        let old = before.payment.reviews.iter().find(|old| old.number == review.number);
        let cancel = match &review.about {
            ReviewSubject::Cancel(id) => Some(id.clone()),
            _ => None,
        };
        // A review that opens and closes in one change is announced twice, so that the feed has both.
        if old.is_none() {
            news.push(News { kind: EventKind::ReviewOpened, movement: None, cancel: cancel.clone() });
        }
        if !review.is_open() && old.is_none_or(crate::model::Review::is_open) {
            news.push(News { kind: EventKind::ReviewClosed, movement: None, cancel });
        }
    }
    news
}

/// Remembers which charge was announced as paid, so that the same money is not announced again.
fn remember_announced(after: &mut PaymentRecord, news: &[News]) {
    let accepted: Option<ChargeId> = after.accepted().map(|charge| charge.id.clone());
    if after.payment.shown.amount_paid.is_zero() {
        // A deposit that was reversed and comes again is a new `paid`.
        after.payment.announced = None;
    } else if news.iter().any(|news| news.kind == EventKind::Status(PaymentStatus::Paid)) {
        after.payment.announced = accepted;
    }
}
