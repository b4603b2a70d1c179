//! Records, snapshots and answers to apply to them. Time is in seconds after [`START`].

use std::time::Duration;

use jiff::Timestamp;

pub(crate) use super::pg::{description, listed, shown, terms};
use crate::{
    lifecycle::{Answer, Context, Draft, Foreign, apply, finish},
    model::{
        Attempt, BrowserStep, Cancel, CancelId, CancelKey, CancelOrigin, CancelStatus, ChargeId, Claim,
        Close, Device, IdSource, LatePayments, LookUpSubject, Money, MoneyMoves, NewEvent, Operation,
        Payment, PaymentStatus, PgOrderId, PgPaymentId, PgStatus, Preparation, PreparedStep, Secret, Shown,
        Snapshot,
    },
    provider::{LookUp, ProviderDescription},
    store::{Checks, PaymentRecord},
};

/// What every payment of the samples costs.
pub(crate) const PRICE: u64 = 10_000;
/// When every payment of the samples was registered.
pub(crate) const START: i64 = 1_790_000_000;
/// When it may no longer be paid, in seconds after [`START`].
pub(crate) const DEADLINE: i64 = 24 * 60 * 60;
/// From when on a look-up shows what was true before, in seconds: the read timeout and 30 seconds.
pub(crate) const VISIBLE: i64 = 60;
/// How long after a send "not there" means not done, in seconds: 10 seconds to leave, then [`VISIBLE`].
pub(crate) const FINAL: i64 = 70;
pub(crate) const HOUR: i64 = 60 * 60;
pub(crate) const DAY: i64 = 24 * HOUR;

/// How long the sample PG takes a confirm after the buyer agreed.
pub(crate) const CONFIRMS_WITHIN: Duration = Duration::from_secs(600);
/// How long an answer of the sample PG may take.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A moment, in seconds after [`START`].
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

pub(crate) fn pg_id(name: &str) -> PgPaymentId {
    name.parse().unwrap()
}

/// A PG that takes money when we confirm, with idempotency keys.
pub(crate) const ON_CONFIRM: MoneyMoves = MoneyMoves::OnConfirm { within: CONFIRMS_WITHIN };

/// Something that happens to a payment.
pub(crate) type Happens = fn(&mut World);

/// One payment, what happens to it, and what it announced.
pub(crate) struct World {
    pub(crate) record: PaymentRecord,
    pub(crate) events: Vec<NewEvent>,
    /// What the newest change announced.
    pub(crate) news: Vec<NewEvent>,
    pub(crate) now: Timestamp,
    pub(crate) is_clock_trusted: bool,
    pub(crate) late_payments: LatePayments,
    pub(crate) has_list: bool,
    pub(crate) lists_part_cancels: bool,
    pub(crate) description: ProviderDescription,
    pub(crate) sibling: Option<PaymentRecord>,
    pub(crate) taken: Vec<PgPaymentId>,
    pub(crate) ids: IdSource,
}

impl World {
    /// Money moves when we confirm.
    pub(crate) fn on_confirm() -> Self {
        Self::of(ON_CONFIRM)
    }

    /// Money moves in the window.
    pub(crate) fn before_confirm() -> Self {
        Self::of(MoneyMoves::BeforeConfirm)
    }

    fn of(money_moves: MoneyMoves) -> Self {
        let ids = IdSource::seeded(1);
        let record = fresh(&ids, "order-1");
        let mut world = Self {
            record,
            events: Vec::new(),
            news: Vec::new(),
            now: at(0),
            is_clock_trusted: true,
            late_payments: LatePayments::Keep,
            has_list: true,
            lists_part_cancels: money_moves != MoneyMoves::BeforeConfirm,
            description: description(money_moves),
            sibling: None,
            taken: Vec::new(),
            ids,
        };
        world.change(|_, _| ());
        world.open(money_moves);
        world
    }

    /// Another window is opened under a new order id.
    pub(crate) fn open(&mut self, money_moves: MoneyMoves) {
        let number = u16::try_from(self.record.attempts.len() + 1).unwrap();
        let order_id = PgOrderId::of(&self.record.payment.id, number).unwrap();
        let step = BrowserStep::Redirect { url: "https://pg.example/".to_owned(), form: None };
        let prepared = PreparedStep { step, device: Device::Desktop, money_moves, pg_payment_id: None };
        self.change(move |draft, context| {
            let mut attempt = Attempt::new(number, order_id, context.now);
            attempt.preparation = Preparation::Ready(prepared);
            draft.record.attempts.push(attempt);
        });
    }

    pub(crate) fn at(&mut self, second: i64) -> &mut Self {
        self.now = at(second);
        self
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            now: self.now,
            is_clock_trusted: self.is_clock_trusted,
            can_ask: true,
            description: &self.description,
            has_list: self.has_list,
            lists_part_cancels: self.lists_part_cancels,
            late_payments: self.late_payments,
            ids: &self.ids,
            sibling: self.sibling.as_ref(),
            taken: &self.taken,
        }
    }

    /// Changes the record and commits what follows.
    pub(crate) fn change<T>(&mut self, change: impl FnOnce(&mut Draft, &Context<'_>) -> T) -> T {
        let context = self.context();
        let mut draft = Draft::of(self.record.clone());
        let done = change(&mut draft, &context);
        let finished = finish::finish(draft, &context);
        self.news = finished.change.map(|change| change.events).unwrap_or_default();
        self.events.extend(self.news.iter().cloned());
        self.record = finished.record;
        done
    }

    /// The order id of the newest attempt.
    pub(crate) fn order_id(&self) -> String {
        self.record.attempts.last().unwrap().pg_order_id.to_string()
    }

    /// A charge of the newest attempt, as the PG shows it.
    pub(crate) fn shown(&self, name: &str, status: PgStatus) -> Snapshot {
        shown(&self.order_id(), name, status)
    }

    /// The same, paid now.
    pub(crate) fn paid(&self, name: &str) -> Snapshot {
        let now = self.now.as_second() - START;
        self.shown(name, PgStatus::Paid).with_money_at(now)
    }

    /// A look-up by PG id, asked now.
    pub(crate) fn look_up(&mut self, name: &str, charges: Vec<Snapshot>) -> Vec<Foreign> {
        let attempt = self.record.charge_at_pg(&pg_id(name)).map_or(1, |charge| charge.attempt);
        let subject = LookUpSubject::Charge { attempt, pg_payment_id: pg_id(name) };
        self.answer(&subject, charges, true, self.now)
    }

    /// A look-up that shows this charge now.
    pub(crate) fn see(&mut self, snapshot: &Snapshot) -> Vec<Foreign> {
        self.look_up(snapshot.pg_payment_id.clone().as_str(), vec![snapshot.clone()])
    }

    /// A look-up of the newest attempt's order id, asked now.
    pub(crate) fn look_up_order(&mut self, charges: Vec<Snapshot>, complete: bool) -> Vec<Foreign> {
        let number = self.record.attempts.last().unwrap().number;
        self.answer(&LookUpSubject::Attempt(number), charges, complete, self.now)
    }

    pub(crate) fn answer(
        &mut self,
        subject: &LookUpSubject,
        charges: Vec<Snapshot>,
        complete: bool,
        asked_at: Timestamp,
    ) -> Vec<Foreign> {
        let look_up = LookUp { charges, complete };
        let answer = Answer { subject, look_up: &look_up, asked_at, is_look_up: true };
        self.change(|draft, context| apply::apply(draft, &answer, context))
    }

    /// A browser brings a charge back; `sends`: its confirm is committed.
    pub(crate) fn claim(&mut self, name: Option<&str>, state: Option<&str>, sends: bool) -> ChargeId {
        let attempt = self.record.attempts.last().unwrap().number;
        let by_us = self.record.attempts.last().is_some_and(|attempt| !attempt.takes_money_before_confirm());
        let (name, state) = (name.map(pg_id), state.map(Secret::new));
        self.change(|draft, context| {
            let id = draft.charge_for_claim(attempt, name.as_ref(), state.as_ref(), context);
            let charge = draft.record.charge_mut(&id).unwrap();
            charge.claim.get_or_insert(Claim {
                at: context.now,
                state,
                is_unnamed: name.is_none(),
                is_open: !by_us && charge.snapshot.is_none(),
            });
            if sends {
                draft.send(&Operation::Confirm(id.clone()), context);
            }
            id
        })
    }

    /// A browser brings back a charge that is confirmed.
    pub(crate) fn confirm(&mut self, name: &str) -> ChargeId {
        self.claim(Some(name), None, true)
    }

    /// A payment that a charge of this name pays.
    pub(crate) fn pay(&mut self, name: &str) -> ChargeId {
        let by_us = self.record.attempts.last().is_some_and(|attempt| !attempt.takes_money_before_confirm());
        self.claim(Some(name), None, by_us);
        let paid = self.paid(name);
        self.see(&paid);
        let accepted = self.record.accepted().expect("it pays the order");
        assert_eq!(accepted.pg_payment_id, Some(pg_id(name)));
        accepted.id.clone()
    }

    /// The merchant's cancel of the accepted charge, committed to be sent.
    pub(crate) fn cancel(&mut self, amount: u64) -> CancelId {
        let charge = self.record.accepted().unwrap();
        let left = charge.cancellable().unwrap();
        let cancel = Cancel {
            id: self.ids.cancel(self.now),
            origin: CancelOrigin::Merchant,
            compensates: None,
            status: CancelStatus::Requested,
            held: None,
            is_whole: Money::krw(amount) == left,
            amount: Money::krw(amount),
            tax_free_amount: None,
            vat_amount: None,
            cancellable_before: left,
            failed_at: None,
            reason: "changed my mind".to_owned(),
            refund_account: None,
            dispatch: None,
            pg_cancel_id: None,
            failure: None,
            key: Some(CancelKey { key: "key".to_owned(), digest: "digest".to_owned() }),
            created_at: self.now,
        };
        let (id, charge) = (cancel.id.clone(), charge.id.clone());
        self.change(|draft, context| {
            draft.record.charge_mut(&charge).unwrap().cancels.push(cancel);
            draft.send(&Operation::Cancel(id.clone()), context);
        });
        id
    }

    /// The merchant's close of the accepted account, committed to be sent.
    pub(crate) fn close_account(&mut self) -> CancelId {
        let close = self.close(CancelStatus::Requested);
        let id = close.id.clone();
        self.change(|draft, context| {
            draft.record.charges.iter_mut().find(|charge| charge.accepted).unwrap().closes.push(close);
            draft.send(&Operation::Close(id.clone()), context);
        });
        id
    }

    /// The merchant closes the payment without any PG.
    pub(crate) fn close_payment(&mut self) {
        let close = self.close(CancelStatus::Done);
        self.change(|draft, _| draft.record.payment.closes.push(close));
    }

    fn close(&self, status: CancelStatus) -> Close {
        Close {
            id: self.ids.cancel(self.now),
            origin: CancelOrigin::Merchant,
            status,
            reason: "sold out".to_owned(),
            dispatch: None,
            failure: None,
            key: None,
            created_at: self.now,
        }
    }

    pub(crate) fn status(&self) -> PaymentStatus {
        self.record.payment.status()
    }

    /// The kinds of the newest change's events.
    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        self.news.iter().map(|event| event.kind.name()).collect()
    }

    /// The reasons of the reviews that are open.
    pub(crate) fn open_reviews(&self) -> Vec<&'static str> {
        let reviews = self.record.payment.reviews.iter().filter(|review| review.is_open());
        reviews.map(|review| review.reason.name()).collect()
    }

    pub(crate) fn charge(&self, name: &str) -> &crate::model::Charge {
        self.record.charge_at_pg(&pg_id(name)).unwrap()
    }
}

/// A payment that is to be registered.
pub(crate) fn fresh(ids: &IdSource, order_id: &str) -> PaymentRecord {
    let terms = terms(PRICE);
    let payment = Payment {
        id: ids.payment(at(0)),
        merchant: "demo".parse().unwrap(),
        account: "fake".parse().unwrap(),
        order_id: order_id.parse().unwrap(),
        shown: Shown::nothing(terms.amount.currency()),
        terms,
        last_attempt: None,
        closes: Vec::new(),
        superseded: false,
        yielded: false,
        announced: None,
        reviews: Vec::new(),
        livemode: false,
        simulated: true,
        version: 0,
        created_at: at(0),
        expires_at: at(DEADLINE),
    };
    PaymentRecord { payment, attempts: Vec::new(), charges: Vec::new(), checks: Checks::default(), events: 0 }
}
