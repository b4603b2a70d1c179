//! Anything the PG may show in any order, old answers among them: what holds after every change, and that the record
//! shows in the end what the PG shows.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::sample::{DAY, HOUR, START, World, at, pg_id};
use crate::{
    lifecycle::{amounts, status},
    model::{
        Cancel, CancelStatus, Charge, EventKind, LatePayments, LookUpSubject, Misfit, MoneyMoves, Outcome,
        PaymentStatus, PgStatus, Snapshot, SnapshotCancel,
    },
    store::PaymentRecord,
};

/// What may happen next. Charges are counted; a name that the PG does not know is made up.
#[derive(Clone, Debug)]
enum Step {
    /// Another window.
    Open,
    /// The buyer does something at the PG.
    Window(usize, Window),
    /// Money is taken back at the PG.
    CancelAtPg(usize, u64),
    /// A browser brings a charge back; `true`: its confirm is sent.
    Claim(usize, bool),
    /// A look-up of a charge, as the PG showed it so many changes ago.
    LookUp(usize, usize),
    /// A look-up of an order id.
    LookUpOrder(bool),
    /// The merchant cancels a part, or closes what is unpaid.
    Cancel(u64),
    Close,
    /// The order is registered again; there is no other payment that holds money.
    Supersede,
    Pass(i64),
    /// The clock is in doubt, or not any more.
    Doubt(bool),
}

#[derive(Clone, Copy, Debug)]
enum Window {
    Agree,
    Pay,
    PayOtherAmount,
    PayInOtherMode,
    Issue,
    Fail,
    Expire,
    Wait,
    Reverse,
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..4_usize;
    let window = prop_oneof![
        3 => Just(Window::Agree),
        6 => Just(Window::Pay),
        1 => Just(Window::PayOtherAmount),
        1 => Just(Window::PayInOtherMode),
        2 => Just(Window::Issue),
        1 => Just(Window::Fail),
        1 => Just(Window::Expire),
        1 => Just(Window::Wait),
        1 => Just(Window::Reverse),
    ];
    prop_oneof![
        1 => Just(Step::Open),
        6 => (name.clone(), window).prop_map(|(name, window)| Step::Window(name, window)),
        2 => (name.clone(), 1..12_000_u64).prop_map(|(name, amount)| Step::CancelAtPg(name, amount)),
        4 => (name.clone(), any::<bool>()).prop_map(|(name, sends)| Step::Claim(name, sends)),
        8 => (name, prop_oneof![3 => Just(0), 1 => 0..4_usize]).prop_map(|(name, age)| Step::LookUp(name, age)),
        2 => any::<bool>().prop_map(Step::LookUpOrder),
        2 => (1..12_000_u64).prop_map(Step::Cancel),
        1 => Just(Step::Close),
        1 => Just(Step::Supersede),
        5 => prop_oneof![1..60_i64, 60..120_i64, HOUR..3 * HOUR, DAY..3 * DAY].prop_map(Step::Pass),
        1 => any::<bool>().prop_map(Step::Doubt),
    ]
}

/// A payment, and a PG that remembers everything it ever showed.
struct Pg {
    world: World,
    /// By name, the newest last.
    books: BTreeMap<usize, Vec<Snapshot>>,
}

fn name(number: usize) -> String {
    format!("k{number}")
}

impl Pg {
    fn new(before_confirm: bool, late_payments: LatePayments) -> Self {
        let mut world = if before_confirm { World::before_confirm() } else { World::on_confirm() };
        world.late_payments = late_payments;
        Self { world, books: BTreeMap::new() }
    }

    fn second(&self) -> i64 {
        self.world.now.as_second() - START
    }

    fn newest(&self, number: usize) -> Option<Snapshot> {
        self.books.get(&number)?.last().cloned()
    }

    fn show(&mut self, number: usize, snapshot: Snapshot) {
        self.books.entry(number).or_default().push(snapshot);
    }

    fn window(&mut self, number: usize, window: Window) {
        let second = self.second();
        let before = self.newest(number);
        let is_new = before.is_none();
        let open = before.unwrap_or_else(|| self.world.shown(&name(number), PgStatus::Open));
        let is_untouched = open.status == PgStatus::Open || is_new;
        let waits = open.status == PgStatus::AwaitingDeposit;
        let next = match window {
            Window::Agree if is_new => open,
            Window::Pay if is_untouched || waits => open.with_money_at(second),
            Window::PayOtherAmount if is_untouched => open.with_total(7_000).with_money_at(second),
            Window::PayInOtherMode if is_untouched => {
                Snapshot { mode: Some(crate::model::Mode::Live), ..open.with_money_at(second) }
            }
            Window::Issue if is_untouched => open.with_account(second + DAY),
            Window::Fail if is_untouched => Snapshot { status: PgStatus::Failed, ..open },
            Window::Expire if is_untouched || waits => Snapshot { status: PgStatus::Expired, ..open },
            Window::Wait if is_untouched => Snapshot { status: PgStatus::Pending, ..open },
            Window::Reverse if open.virtual_account.is_some() && open.cancelled.is_zero() => {
                let zero = crate::model::Money::krw(0);
                Snapshot {
                    status: PgStatus::AwaitingDeposit,
                    paid: zero,
                    cancellable: zero,
                    paid_at: None,
                    ..open
                }
            }
            _ => return,
        };
        self.show(number, next);
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let before = self.world.record.clone();
        match step {
            Step::Open => {
                let by_us = !before.attempts[0].takes_money_before_confirm();
                let moves = if by_us { super::sample::ON_CONFIRM } else { MoneyMoves::BeforeConfirm };
                if before.attempts.len() < 3 {
                    self.world.open(moves);
                }
            }
            Step::Window(number, window) => self.window(*number, *window),
            Step::CancelAtPg(number, amount) => {
                if let Some(shown) = self.newest(*number).filter(|shown| shown.balance().amount() >= *amount)
                {
                    let entries = shown.cancels.as_ref().map_or(0, Vec::len);
                    let entry = SnapshotCancel {
                        pg_cancel_id: Some(format!("c{entries}")),
                        ..super::sample::listed(*amount, None)
                    };
                    self.show(*number, shown.with_cancel(entry));
                }
            }
            Step::Claim(number, sends) => {
                let by_us = !before.attempts.last().unwrap().takes_money_before_confirm();
                let is_known =
                    before.charge_at_pg(&pg_id(&name(*number))).is_some_and(|c| c.confirm.is_some());
                let is_barred = before.charges.iter().any(Charge::is_unresolved);
                self.world.claim(Some(&name(*number)), None, *sends && by_us && !is_known && !is_barred);
            }
            Step::LookUp(number, age) => self.look_up(*number, *age, &before)?,
            Step::LookUpOrder(complete) => {
                let order_id = self.world.order_id();
                let newest = self.books.values().filter_map(|history| history.last());
                let shown: Vec<_> = newest.filter(|shown| shown.order_id == order_id).cloned().collect();
                self.world.look_up_order(shown, *complete);
            }
            Step::Cancel(amount) => {
                let left = before.cancellable().amount();
                let is_free = before.accepted().is_some_and(|charge| charge.unresolved_cancel().is_none());
                if is_free && *amount <= left {
                    self.world.cancel(*amount);
                }
            }
            Step::Close if before.payment.status() == PaymentStatus::Ready => self.world.close_payment(),
            Step::Supersede if !before.payment.holds_order() => {
                self.world.change(|draft, _| draft.record.payment.superseded = true);
            }
            Step::Close | Step::Supersede => {}
            Step::Pass(seconds) => {
                self.world.now = at(self.second() + seconds);
            }
            Step::Doubt(doubt) => self.world.is_clock_trusted = !doubt,
        }
        self.check(&before)
    }

    /// A look-up by id: it touches its own charge only, and says nothing new the second time.
    fn look_up(&mut self, number: usize, age: usize, before: &PaymentRecord) -> Result<(), TestCaseError> {
        let history = self.books.get(&number).cloned().unwrap_or_default();
        let shown = history.len().checked_sub(age + 1).and_then(|at| history.get(at)).cloned();
        let charges: Vec<_> = shown.into_iter().collect();
        self.world.look_up(&name(number), charges.clone());
        let id = pg_id(&name(number));
        let is_other = |charge: &&Charge| charge.pg_payment_id.as_ref() != Some(&id);
        // Money that waited for the clock is judged once it can be believed, whatever is looked up.
        let is_decided = |charge: &&Charge| !charge.is_undecided();
        for charge in before.charges.iter().filter(is_other).filter(is_decided) {
            let after = self.world.record.charge(&charge.id).unwrap();
            if after.accepted && charge.misfit == Some(Misfit::Duplicate) {
                // What paid the order was reversed, and this duplicate pays it now.
                continue;
            }
            let role_aside =
                Charge { accepted: charge.accepted, closes: charge.closes.clone(), ..after.clone() };
            prop_assert_eq!(&role_aside, charge, "another charge was touched");
        }
        let once = self.world.record.clone();
        self.world.look_up(&name(number), charges);
        // A cancel that was announced as done and is gone again stays in doubt, whatever the PG shows.
        let doubt_aside = |charge: &Charge| Charge { less_seen_at: None, ..charge.clone() };
        let of = |record: &PaymentRecord| record.charges.iter().map(doubt_aside).collect::<Vec<_>>();
        prop_assert_eq!(of(&self.world.record), of(&once), "the same answer again changed something");
        prop_assert!(self.world.news.is_empty());
        self.check(&once)
    }

    /// What must hold after every change.
    fn check(&self, before: &PaymentRecord) -> Result<(), TestCaseError> {
        let record = &self.world.record;
        prop_assert!(record.charges.iter().filter(|charge| charge.accepted).count() <= 1);
        for charge in &record.charges {
            let movements = self.world.events.iter().filter_map(|event| event.movement.as_ref());
            let of_charge = movements.filter(|moved| moved.charge == charge.id);
            let sum = of_charge.fold((0, 0), |sum, moved| (sum.0 + moved.paid, sum.1 + moved.cancelled));
            prop_assert_eq!(sum, amounts(Some(charge)), "its events do not add up: {:?}", charge);
            self.check_charge(charge, before.charge(&charge.id))?;
        }
        let is_open = record.payment.closed_at().is_none() && !record.payment.superseded;
        let counting = record.charges.iter().filter(|charge| charge.misfit.is_none());
        let unresolved = counting.clone().any(Charge::is_unresolved);
        if unresolved && is_open && record.accepted().is_none() {
            prop_assert_eq!(record.payment.status(), PaymentStatus::Confirming);
        }
        let numbers: Vec<_> = self.world.events.iter().map(|event| event.number).collect();
        prop_assert!(numbers.iter().zip(1..).all(|(number, expected)| *number == expected), "{:?}", numbers);
        let announced = self.world.events.iter().rev().find_map(|event| match event.kind {
            EventKind::Status(status) => Some(status),
            EventKind::DepositReversed => Some(PaymentStatus::AwaitingDeposit),
            EventKind::Registered => Some(PaymentStatus::Ready),
            // A refund failed: what was paid is paid again.
            EventKind::AmountsUpdated => Some(event.payment.payment.status()),
            _ => None,
        });
        prop_assert_eq!(announced, Some(record.payment.status()), "the newest status was not announced");
        Ok(())
    }

    fn check_charge(&self, charge: &Charge, before: Option<&Charge>) -> Result<(), TestCaseError> {
        let goes_back =
            |cancel: &&Cancel| cancel.compensates.is_some() && cancel.status != CancelStatus::Refused;
        prop_assert!(charge.cancels.iter().filter(goes_back).count() <= 1, "twice: {:?}", charge.cancels);
        prop_assert!(!charge.accepted || charge.misfit.is_none());
        if let Some(back) = charge.cancels.iter().find(goes_back) {
            prop_assert!(!charge.accepted, "accepted money goes back");
            prop_assert_eq!(back.amount, back.cancellable_before);
            prop_assert_ne!(charge.misfit, None);
        }
        let Some(before) = before else { return Ok(()) };
        if let Some(outcome) = before.confirm.as_ref().and_then(crate::model::Dispatch::outcome) {
            let now = charge.confirm.as_ref().and_then(crate::model::Dispatch::outcome);
            prop_assert_eq!(now, Some(outcome), "a definite outcome changed");
        }
        let ended = charge.confirm.as_ref().and_then(crate::model::Dispatch::outcome);
        let was_open = before.confirm.as_ref().is_some_and(|sent| sent.outcome().is_none());
        if was_open && matches!(ended, Some(Outcome::NotDone(_))) && charge.snapshot.is_none() {
            let sent = charge.confirm.as_ref().unwrap();
            let age = self.world.now.duration_since(sent.last_sent_at).as_secs();
            prop_assert!(age >= super::sample::FINAL && self.world.is_clock_trusted, "ended {} s after", age);
        }
        if let (Some(timing), true) = (before.timing, charge.has_money() && before.has_money()) {
            prop_assert_eq!(charge.timing, Some(timing), "lateness was decided twice");
        }
        Ok(())
    }

    /// The clock is right, and every charge is looked up twice with time between.
    fn conclude(&mut self) -> Result<(), TestCaseError> {
        self.world.is_clock_trusted = true;
        for _ in 0..3 {
            self.world.now = at(self.second() + DAY);
            for number in 0..4 {
                let before = self.world.record.clone();
                let shown: Vec<_> = self.newest(number).into_iter().collect();
                self.world.look_up(&name(number), shown);
                self.check(&before)?;
            }
            for attempt in 1..=self.world.record.attempts.len() {
                let number = u16::try_from(attempt).unwrap();
                let order_id = self.world.record.attempt(number).unwrap().pg_order_id.to_string();
                let newest = self.books.values().filter_map(|history| history.last());
                let shown = newest.filter(|shown| shown.order_id == order_id).cloned().collect();
                self.world.answer(&LookUpSubject::Attempt(number), shown, true, self.world.now);
            }
        }
        self.agrees()
    }

    /// The record shows what the PG shows.
    fn agrees(&self) -> Result<(), TestCaseError> {
        let record = &self.world.record;
        let changed = |charge: &Charge| {
            let about = crate::model::ReviewSubject::Charge(charge.id.clone());
            record.payment.reviews.iter().any(|review| review.about == about)
        };
        for number in 0..4 {
            let Some(theirs) = self.newest(number) else { continue };
            let charge = record.charge_at_pg(&pg_id(&name(number)));
            let Some(charge) = charge else { return Err(TestCaseError::fail("a charge is not known")) };
            let ours = charge.snapshot.as_ref().unwrap();
            prop_assert_eq!(
                (ours.status, ours.paid, ours.cancelled),
                (theirs.status, theirs.paid, theirs.cancelled)
            );
            prop_assert!(!charge.has_money() || charge.accepted || charge.misfit.is_some(), "{:?}", charge);
            let stays = charge.misfit.is_some() && !theirs.balance().is_zero();
            prop_assert!(!stays || charge.compensation().is_some() || changed(charge), "kept: {:?}", charge);
            let wrong = charge.accepted && theirs.paid != crate::model::Money::krw(super::sample::PRICE);
            prop_assert!(!wrong || theirs.paid.is_zero(), "{:?}", charge);
            prop_assert!(
                charge.misfit != Some(Misfit::Duplicate)
                    || record.charges.len() > 1
                    || record.payment.superseded
            );
        }
        prop_assert_ne!(
            record.payment.status() == PaymentStatus::Confirming,
            self.nothing_is_open(),
            "{:?}",
            record.charges
        );
        Ok(())
    }

    fn nothing_is_open(&self) -> bool {
        let record = &self.world.record;
        let is_open = |charge: &Charge| charge.is_unresolved() || charge.is_pending_at_pg();
        // An account that is over says nothing of other windows.
        let is_over = |charge: &Charge| {
            let ended = charge.snapshot.as_ref().is_some_and(|shown| {
                matches!(shown.status, PgStatus::Failed | PgStatus::Expired)
                    && shown.virtual_account.is_some()
            });
            !charge.has_money() && (ended || status::was_asked_past_due(charge))
        };
        let decided = record.accepted().is_some_and(|charge| !is_over(charge))
            || record.payment.closed_at().is_some()
            || record.payment.superseded;
        decided || !record.charges.iter().any(is_open)
    }
}

fn run(before_confirm: bool, late_payments: LatePayments, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut pg = Pg::new(before_confirm, late_payments);
    for step in steps {
        pg.step(step)?;
    }
    pg.conclude()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn record_follows_a_pg_that_is_confirmed(steps in prop::collection::vec(step(), 1..60)) {
        run(false, LatePayments::Keep, &steps)?;
    }

    #[test]
    fn record_follows_a_pg_that_takes_money_alone(steps in prop::collection::vec(step(), 1..60)) {
        run(true, LatePayments::Keep, &steps)?;
    }

    #[test]
    fn record_follows_where_late_payments_go_back(steps in prop::collection::vec(step(), 1..60)) {
        run(true, LatePayments::Cancel, &steps)?;
    }
}
