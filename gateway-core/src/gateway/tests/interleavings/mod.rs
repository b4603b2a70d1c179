//! Anything in any order: what a buyer, a merchant, a PG, the network, a store and time do at random. After every step the
//! money invariants hold, and once it is quiet the gateway shows what the PG's books show, or a review says why not.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use serde_json::json;

use self::steps::{Failing, Step, error, step};
use super::{
    bench::{Bench, DAY, FINAL, HOUR, MINUTE, PAYABLE_FOR, SECOND, account, die, new_cancel, refund_account},
    fake_books::Row,
    fake_pg::Op,
};
use crate::{
    gateway::NewCancel,
    lifecycle::tests::sample::{ON_CONFIRM, PRICE},
    model::{Charge, LatePayments, MoneyMoves, PaymentId, PaymentStatus, PgStatus},
    store::PaymentRecord,
};

mod steps;

/// One order in a world where anything happens.
struct World {
    bench: Arc<Bench>,
    /// The order's payments, the newest last.
    payments: Vec<PaymentId>,
    order: Option<String>,
    amount: u64,
}

impl World {
    async fn new(bench: Bench) -> Self {
        let id = bench.register().await;
        Self { bench: Arc::new(bench), payments: vec![id], order: None, amount: PRICE }
    }

    fn row(&self, number: usize) -> Option<Row> {
        self.bench.pg.books(|books| books.rows()).into_iter().nth(number)
    }

    fn takes_alone(&self) -> bool {
        self.bench.pg.money_moves == MoneyMoves::BeforeConfirm
    }

    /// Whose a row is.
    async fn owner(&self, row: &Row) -> Option<PaymentRecord> {
        for id in &self.payments {
            let record = self.bench.read(id).await;
            if record.attempt_of(&row.snapshot.order_id).is_some() {
                return Some(record);
            }
        }
        None
    }

    /// The answers along the way may be errors; only what is true counts here.
    async fn step(&mut self, step: Step) {
        let (bench, id) = (self.bench.clone(), self.payments.last().unwrap().clone());
        let now = bench.pg.clock_now();
        match step {
            Step::Open => {
                if let Ok((record, _)) = bench.try_open(&id).await {
                    self.order = record.attempts.last().map(|attempt| attempt.pg_order_id.to_string());
                }
            }
            Step::Agree => self.agree(),
            Step::AgreeToDeposit => self.agree_to_deposit(),
            Step::Confirm(number) => self.confirm(number).await,
            Step::CloseWindow => drop(bench.bring(&id, json!({ "failure": "closed" })).await),
            Step::Fails(number) => {
                if let Some(row) = self.row(number).filter(|row| row.snapshot.status == PgStatus::Open) {
                    let fails = |shown: &mut crate::model::Snapshot| shown.status = PgStatus::Failed;
                    bench.pg.books(|books| books.change(&row.snapshot.pg_payment_id, fails));
                }
            }
            Step::Deposit(number) => {
                if let Some(row) =
                    self.row(number).filter(|row| row.snapshot.status == PgStatus::AwaitingDeposit)
                {
                    bench.pg.books(|books| books.take(&row.snapshot.pg_payment_id, now));
                }
            }
            Step::Reverse(number) => {
                let deposit = |row: &Row| row.snapshot.is_deposit() && !row.snapshot.paid.is_zero();
                if let Some(row) =
                    self.row(number).filter(|row| deposit(row) && row.snapshot.cancelled.is_zero())
                {
                    bench.pg.books(|books| books.reverse(&row.snapshot.pg_payment_id));
                }
            }
            Step::Console(number, amount) => {
                if let Some(row) = self.row(number).filter(|row| row.snapshot.balance().amount() >= amount) {
                    bench.pg.books(|books| books.cancel_in_console(&row.snapshot.pg_payment_id, amount, now));
                }
            }
            Step::Cancel(amount) => drop(self.cancel(&id, amount).await),
            Step::CancelTwice(amount) => {
                let _ = tokio::join!(self.cancel(&id, Some(amount)), self.cancel(&id, Some(amount)));
            }
            Step::Register(same) => {
                let amount = if same || self.payments.len() > 1 { self.amount } else { PRICE - 500 };
                if let Ok(registered) = bench.try_register("order-1", amount).await {
                    let id = registered.record.payment.id;
                    if !self.payments.contains(&id) {
                        (self.amount, self.order) = (amount, None);
                        self.payments.push(id);
                    }
                }
            }
            Step::Webhook(number, signed) => self.webhook(number, signed).await,
            Step::Sweep => self.sweep().await,
            Step::Verify => drop(bench.gateway.verify(&bench.merchant, &id).await),
            Step::Pass(seconds) => {
                bench.pg.execute_late();
                bench.pass(Duration::from_secs(seconds)).await;
            }
            Step::Fault(op, Failing::Late) => bench.pg.later(op),
            Step::Fault(op, failing @ (Failing::LostAfter | Failing::ErrorAfter)) => {
                bench.pg.after(op, move || error(failing));
            }
            Step::Fault(op, failing) => bench.pg.instead(op, move || error(failing)),
            Step::StoreFault(after) => {
                if after {
                    bench.store.fail_after(0)
                } else {
                    bench.store.fail_before(0)
                }
            }
            Step::Crash => self.crash(&id).await,
            Step::Rotate => {
                let other = bench.replica(|_, pg| pg.description.credential = "second".to_owned());
                other.pass(SECOND).await;
            }
        }
    }

    fn agree(&self) {
        let Some(order) = &self.order else { return };
        let (now, alone) = (self.bench.pg.clock_now(), self.takes_alone());
        self.bench.pg.books(|books| {
            if books.rows().len() < 6 {
                let pg_id = books.agree(order, self.amount);
                if alone {
                    books.take(&pg_id, now);
                }
            }
        });
    }

    fn agree_to_deposit(&self) {
        let Some(order) = &self.order else { return };
        let due_at = super::bench::after(self.bench.pg.clock_now(), 2 * HOUR);
        let alone = self.takes_alone();
        self.bench.pg.books(|books| {
            if books.rows().len() < 6 {
                let pg_id = books.agree_to_deposit(order, self.amount, due_at);
                if alone {
                    books.change(&pg_id, |shown| shown.status = PgStatus::AwaitingDeposit);
                }
            }
        });
    }

    async fn confirm(&self, number: usize) {
        let Some(row) = self.row(number) else { return };
        let Some(owner) = self.owner(&row).await else { return };
        let (id, pg_id) = (owner.payment.id, row.snapshot.pg_payment_id);
        let _ = tokio::join!(self.bench.confirm(&id, &pg_id), self.bench.confirm(&id, &pg_id));
    }

    async fn cancel(&self, id: &PaymentId, amount: Option<u64>) -> Result<(), ()> {
        let new = NewCancel { refund_account: Some(refund_account()), ..new_cancel(amount) };
        self.bench.cancel_with(id, new, None).await.map(drop).map_err(drop)
    }

    async fn webhook(&self, number: usize, signed: bool) {
        let Some(row) = self.row(number) else { return };
        let mut body =
            json!({ "pg_id": row.snapshot.pg_payment_id.as_str(), "order_id": row.snapshot.order_id });
        if signed {
            body["delivery"] = json!(format!("d{}", self.bench.pg.clock_now()));
        }
        self.bench.webhook(body).await;
    }

    /// A sweep waits while its PG is left alone: time passes meanwhile.
    async fn sweep(&self) {
        let swept = account();
        let time = async {
            loop {
                self.bench.advance(SECOND);
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = self.bench.gateway.sweep_due(&swept) => {}
            () = time => {}
        }
    }

    async fn crash(&self, id: &PaymentId) {
        for op in [Op::Confirm, Op::Cancel] {
            self.bench.pg.meanwhile(op, std::future::pending);
        }
        if let Some(row) = self.row(0) {
            die(self.bench.confirm(id, &row.snapshot.pg_payment_id)).await;
        }
        die(self.cancel(id, Some(1))).await;
        self.bench.pg.heal();
    }

    /// What must hold whatever happened.
    async fn check(&self) -> Result<(), TestCaseError> {
        for row in self.bench.pg.books(|books| books.rows()) {
            prop_assert!(row.taken <= 1 || row.snapshot.is_deposit(), "taken twice: {row:?}");
            let (paid, back) = (row.snapshot.paid, row.snapshot.cancelled);
            prop_assert!(back.amount() <= paid.amount(), "more went back than came in: {row:?}");
        }
        for id in &self.payments {
            let record = self.bench.read(id).await;
            prop_assert!(record.charges.iter().filter(|charge| charge.accepted).count() <= 1);
            for charge in record.charges.iter().filter(|charge| charge.has_money()) {
                // One in flight may meet a cancel by hand: then the PG's guard decides, and the books show it.
                let ended = charge.cancels.iter().filter(|cancel| {
                    matches!(
                        cancel.status,
                        crate::model::CancelStatus::Done | crate::model::CancelStatus::Pending
                    )
                });
                let back: u64 = ended.map(|cancel| cancel.amount.amount()).sum();
                let paid = charge.snapshot.as_ref().unwrap().paid.amount();
                prop_assert!(back <= paid, "Σ cancels {back} of {paid}: {:?}", charge.cancels);
            }
        }
        let held: usize = {
            let records =
                futures_util::future::join_all(self.payments.iter().map(|id| self.bench.read(id))).await;
            records.iter().filter(|record| record.payment.holds_order()).count()
        };
        prop_assert!(held <= 1, "the order has two open or paid payments");
        let differences = self.bench.gateway.check_ledger(None, 10).await.unwrap().differences;
        prop_assert!(differences.is_empty(), "{differences:?}");
        Ok(())
    }

    /// The network works again, every webhook comes at last, and time passes.
    async fn conclude(&self) {
        let bench = &self.bench;
        bench.pg.execute_late();
        bench.pg.heal();
        bench.store.heal();
        for _ in 0..3 {
            bench.run(2 * FINAL).await;
            for number in 0..6 {
                self.webhook(number, true).await;
            }
            self.sweep().await;
            bench.run(HOUR + MINUTE).await;
        }
        bench.run(PAYABLE_FOR + DAY).await;
    }

    /// The books and we say the same, or a person is asked.
    async fn agrees(&self) -> Result<(), TestCaseError> {
        let rows = self.bench.pg.books(|books| books.rows());
        for id in &self.payments {
            let record = self.bench.read(id).await;
            let is_reviewed = record.payment.reviews.iter().any(crate::model::Review::is_open);
            prop_assert!(record.charges.iter().all(|charge| !charge.is_unresolved()), "{:?}", record.charges);
            let blocked = record.charges.iter().any(|charge| charge.unresolved_cancel().is_some());
            prop_assert!(!blocked || is_reviewed, "unresolved: {:?}", record.charges);
            prop_assert_ne!(record.payment.status(), PaymentStatus::Confirming, "{:?}", record.charges);
            let accepted = record.accepted().and_then(|charge| charge.pg_payment_id.clone());
            for row in rows.iter().filter(|row| record.attempt_of(&row.snapshot.order_id).is_some()) {
                if accepted.as_ref() == Some(&row.snapshot.pg_payment_id) {
                    prop_assert_eq!(record.payment.shown.amount_paid, row.snapshot.paid);
                    prop_assert_eq!(record.payment.shown.amount_cancelled, row.snapshot.cancelled);
                } else {
                    prop_assert!(row.snapshot.balance().is_zero() || is_reviewed, "kept: {row:?} {record:?}");
                }
            }
            let has_money = record.accepted().is_some_and(|charge: &Charge| {
                charge.snapshot.as_ref().is_some_and(|shown| !shown.balance().is_zero())
            });
            prop_assert_eq!(record.payment.status().has_money(), has_money, "{:?}", record.payment.status());
        }
        Ok(())
    }
}

fn run(bench: impl FnOnce() -> Bench, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut world = World::new(bench()).await;
        for step in steps {
            world.step(step).await;
            world.check().await?;
        }
        world.conclude().await;
        world.check().await?;
        world.agrees().await
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        max_shrink_iters: 3_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn pg_that_is_confirmed_and_we_agree(steps in prop::collection::vec(step(), 1..40)) {
        run(Bench::on_confirm, steps)?;
    }

    #[test]
    fn pg_that_takes_money_alone_and_we_agree(steps in prop::collection::vec(step(), 1..40)) {
        run(Bench::before_confirm, steps)?;
    }

    #[test]
    fn late_payment_that_goes_back_leaves_us_agreed(steps in prop::collection::vec(step(), 1..40)) {
        run(|| Bench::over(MoneyMoves::BeforeConfirm, |settings| settings.late_payments = LatePayments::Cancel), steps)?;
    }

    #[test]
    fn no_guard_of_the_pg_is_needed(mut steps in prop::collection::vec(step(), 1..40)) {
        // Against a cancel by hand that nobody has seen, only the PG's own guard helps.
        steps.retain(|step| !matches!(step, Step::Console(..)));
        let permissive = || {
            let bench = Bench::over(ON_CONFIRM, |_| ());
            bench.pg.books(|books| books.permissive = true);
            bench
        };
        run(permissive, steps)?;
    }
}
