//! Anything in any order: what a buyer, a merchant, a PG, the network and time do at random. After every
//! step invariants 3, 7, 9 and 11 hold, and once it is quiet we say what the PG's books say.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;

use super::{
    bench::{Bench, PAYABLE_FOR, PRICE, SETTLED},
    fake_books::{Op, pg_message},
};
use crate::{
    Clock, EventKind, LatePayments, Money, MoneyMoves, PaymentId, PaymentRecord, PaymentStatus, PgStatus,
    ProviderError, UnknownOutcome,
};

/// What may happen next.
#[derive(Clone, Debug)]
enum Step {
    Open,
    /// The buyer agrees in the window that was opened last.
    Agree,
    /// The buyer asks for an account there.
    AgreeToDeposit,
    /// The browser brings back the `n`th payment the PG knows, twice at once.
    Confirm(usize),
    Close,
    /// Money comes into the `n`th payment, if it waits for it.
    Deposit(usize),
    /// A deposit turns out bad, if nothing of it went back.
    Reverse(usize),
    Console(usize, u64),
    Cancel(Option<u64>),
    /// Two cancels race.
    CancelTwice(u64),
    Webhook(usize),
    Sweep,
    Verify,
    Pass(u64),
    Fault(Op, Failing),
    /// A confirm or cancel whose caller dies while the PG works.
    Crash,
}

/// How a call fails.
#[derive(Clone, Copy, Debug)]
enum Failing {
    NotSent,
    NotDone,
    Lost,
    LostAfter,
    Error,
    ErrorAfter,
    StillRunning,
    Misconfigured,
}

fn step() -> impl Strategy<Value = Step> {
    let failing = prop_oneof![
        Just(Failing::NotSent),
        Just(Failing::NotDone),
        Just(Failing::Lost),
        Just(Failing::LostAfter),
        Just(Failing::Error),
        Just(Failing::ErrorAfter),
        Just(Failing::StillRunning),
        Just(Failing::Misconfigured),
    ];
    let op = prop_oneof![2 => Just(Op::Confirm), 2 => Just(Op::Cancel), 1 => Just(Op::Verify)];
    prop_oneof![
        3 => Just(Step::Open),
        3 => Just(Step::Agree),
        1 => Just(Step::AgreeToDeposit),
        4 => (0..4_usize).prop_map(Step::Confirm),
        1 => Just(Step::Close),
        2 => (0..4_usize).prop_map(Step::Deposit),
        1 => (0..4_usize).prop_map(Step::Reverse),
        1 => ((0..4_usize), (1..4_000_u64)).prop_map(|(n, amount)| Step::Console(n, amount)),
        3 => proptest::option::of(1..6_000_u64).prop_map(Step::Cancel),
        1 => (1..6_000_u64).prop_map(Step::CancelTwice),
        2 => (0..4_usize).prop_map(Step::Webhook),
        1 => Just(Step::Sweep),
        2 => Just(Step::Verify),
        4 => prop_oneof![1..10_u64, 30..90_u64, 600..4_000_u64, 20_000..100_000_u64].prop_map(Step::Pass),
        4 => (op, failing).prop_map(|(op, failing)| Step::Fault(op, failing)),
        1 => Just(Step::Crash),
    ]
}

fn error(failing: Failing) -> ProviderError {
    match failing {
        Failing::NotSent => ProviderError::NotSent("no route".into()),
        Failing::NotDone => {
            ProviderError::NotProcessed { retry_after: None, pg: pg_message("TOO_MANY_REQUESTS") }
        }
        Failing::Lost | Failing::LostAfter => ProviderError::no_answer("the connection broke"),
        Failing::Error | Failing::ErrorAfter => {
            ProviderError::OutcomeUnknown(UnknownOutcome::Error(pg_message("PROVIDER_ERROR")))
        }
        Failing::StillRunning => ProviderError::StillRunning,
        Failing::Misconfigured => ProviderError::Misconfigured(pg_message("UNAUTHORIZED_KEY")),
    }
}

/// One payment in a world where anything happens.
struct World {
    bench: Arc<Bench>,
    id: PaymentId,
    order: Option<String>,
}

impl World {
    async fn new(bench: Bench) -> Self {
        let id = bench.register().await;
        Self { bench: Arc::new(bench), id, order: None }
    }

    fn nth(&self, n: usize) -> Option<crate::Snapshot> {
        self.bench.pg.books(|books| books.snapshots()).into_iter().nth(n)
    }

    /// What anybody is told along the way may be an error; only what is true counts here.
    async fn step(&mut self, step: Step) {
        let (bench, id) = (self.bench.clone(), self.id.clone());
        let now = bench.clock.now();
        match step {
            Step::Open => {
                if let Ok((record, _)) = bench.gateway.next_action(&bench.merchant, &id, None).await {
                    self.order = record.attempts.last().map(|attempt| attempt.pg_order_id.to_string());
                }
            }
            Step::Agree => self.agree(),
            Step::AgreeToDeposit => {
                if let Some(order) = self.order.as_ref().filter(|_| self.takes_money_on_confirm()) {
                    let due_at = now + Duration::from_secs(9_000);
                    bench.pg.books(|books| books.agree_to_deposit(order, PRICE, due_at));
                }
            }
            Step::Confirm(n) => {
                if let Some(shown) = self.nth(n) {
                    let both = (bench.confirm(&id, &shown.pg_id), bench.confirm(&id, &shown.pg_id));
                    let _ = tokio::join!(both.0, both.1);
                }
            }
            Step::Close => drop(bench.bring(&id, serde_json::json!({ "failure": "closed" })).await),
            Step::Deposit(n) => {
                if let Some(shown) = self.nth(n).filter(|s| s.status == PgStatus::AwaitingDeposit) {
                    bench.pg.books(|books| books.charge(&shown.pg_id, now));
                }
            }
            Step::Reverse(n) => {
                let deposit = |s: &crate::Snapshot| s.virtual_account.is_some() && !s.paid.is_zero();
                if let Some(shown) = self.nth(n).filter(|s| deposit(s) && s.cancelled.is_zero()) {
                    bench.pg.books(|books| books.reverse(&shown.pg_id));
                }
            }
            Step::Console(n, amount) => {
                if let Some(shown) = self.nth(n).filter(|s| s.balance().amount() >= amount) {
                    bench.pg.books(|books| books.cancel_in_console(&shown.pg_id, amount));
                }
            }
            Step::Cancel(amount) => drop(bench.cancel(&id, amount).await),
            Step::CancelTwice(amount) => {
                let _ = tokio::join!(bench.cancel(&id, Some(amount)), bench.cancel(&id, Some(amount)));
            }
            Step::Webhook(n) => {
                if let Some(shown) = self.nth(n) {
                    let body =
                        serde_json::json!({ "pg_id": shown.pg_id.as_str(), "order_id": shown.pg_order_id });
                    bench.webhook(body).await;
                }
            }
            Step::Sweep => drop(bench.gateway.sweep_due(&super::bench::account()).await),
            Step::Verify => drop(bench.gateway.verify(&bench.merchant, &id).await),
            Step::Pass(seconds) => bench.pass(Duration::from_secs(seconds)).await,
            Step::Fault(op, failing @ (Failing::LostAfter | Failing::ErrorAfter)) => {
                bench.pg.after(op, move || error(failing));
            }
            Step::Fault(op, failing) => bench.pg.instead(op, move || error(failing)),
            Step::Crash => {
                for op in [Op::Confirm, Op::Cancel] {
                    bench.pg.meanwhile(op, std::future::pending);
                }
                let confirmed = self.nth(0).map(|shown| shown.pg_id);
                if let Some(pg_id) = confirmed {
                    die(bench.confirm(&id, &pg_id)).await;
                }
                die(bench.cancel(&id, Some(1))).await;
                bench.pg.forget_faults();
            }
        }
    }

    fn takes_money_on_confirm(&self) -> bool {
        self.bench.pg.description.repeat_safe_for.is_some()
    }

    fn agree(&self) {
        let Some(order) = &self.order else { return };
        let now = self.bench.clock.now();
        self.bench.pg.books(|books| {
            let pg_id = books.agree(order, PRICE);
            if !self.takes_money_on_confirm() {
                books.charge(&pg_id, now);
            }
        });
    }

    /// What must hold whatever happened.
    async fn check(&self) -> Result<(), TestCaseError> {
        let record = self.bench.read(&self.id).await;
        for row in self.bench.pg.books(|books| books.rows()) {
            let deposited = row.snapshot.virtual_account.is_some();
            prop_assert!(row.charged <= 1 || deposited, "the buyer was charged twice: {row:?}");
            let shown = &row.snapshot;
            prop_assert!(
                shown.cancelled.amount() <= shown.paid.amount(),
                "more went back than came: {row:?}"
            );
        }
        prop_assert!(record.attempts.iter().filter(|attempt| attempt.accepted).count() <= 1);
        if let Some(accepted) = record.accepted() {
            // One in flight may meet a cancel by hand: then the PG's guard decides, and the books tell.
            let settled =
                record.cancels.iter().filter(|c| c.takes_from(accepted) && !c.status.is_unsettled());
            let taken: u64 = settled.map(|c| c.amount.amount()).sum();
            prop_assert!(taken <= PRICE, "Σ cancels {taken} of {PRICE}: {:?}", record.cancels);
        }
        self.check_events(&record).await
    }

    /// Numbered without a gap, and the last status told is the one there is.
    async fn check_events(&self, record: &PaymentRecord) -> Result<(), TestCaseError> {
        let events = self.bench.events().await;
        let mut told = PaymentStatus::Ready;
        for (number, event) in (1..).zip(&events) {
            prop_assert_eq!(event.event.number, number);
            prop_assert_eq!(event.position, number);
            let status = match event.event.kind {
                EventKind::Status(status) => status,
                EventKind::LateMoney => event.event.payment.status,
                _ => continue,
            };
            prop_assert_ne!(status, told, "told twice");
            told = status;
        }
        prop_assert_eq!(told, record.payment.status);
        Ok(())
    }

    /// The network works again, every webhook comes at last, and time passes.
    async fn settle(&self) {
        let bench = &self.bench;
        bench.pg.forget_faults();
        for _ in 0..3 {
            bench.clock.advance(Duration::from_secs(61));
            for shown in bench.pg.books(|books| books.snapshots()) {
                bench
                    .webhook(
                        serde_json::json!({ "pg_id": shown.pg_id.as_str(), "order_id": shown.pg_order_id }),
                    )
                    .await;
            }
            bench.pass_slowly(SETTLED * 2, 6).await;
            bench.pass(PAYABLE_FOR).await;
        }
    }

    /// The books and we say the same.
    async fn agrees(&self) -> Result<(), TestCaseError> {
        let record = self.bench.read(&self.id).await;
        let payment = &record.payment;
        prop_assert!(record.unsettled_cancel().is_none(), "unsettled: {:?}", record.cancels);
        prop_assert!(!record.attempts.iter().any(crate::Attempt::is_uncertain), "{:?}", record.attempts);
        let mut accepted = Money::krw(0);
        for row in self.bench.pg.books(|books| books.rows()) {
            if record.accepted() == Some(&row.snapshot.pg_id) {
                accepted = row.snapshot.paid;
                prop_assert_eq!(payment.amount_paid, row.snapshot.paid);
                prop_assert_eq!(payment.amount_cancelled, row.snapshot.cancelled);
            } else {
                prop_assert!(row.snapshot.balance().is_zero(), "surplus kept: {row:?} {record:?}");
            }
        }
        let left = accepted.saturating_sub(payment.amount_cancelled);
        prop_assert_eq!(payment.status.has_money(), !left.is_zero(), "{:?}", payment.status);
        if payment.status == PaymentStatus::Failed || payment.status == PaymentStatus::Expired {
            prop_assert!(accepted.is_zero());
        }
        prop_assert_ne!(payment.status, PaymentStatus::Confirming);
        Ok(())
    }
}

/// A caller who dies while the PG works: its future is dropped at an await.
async fn die<T>(work: impl Future<Output = T>) {
    let mut work = std::pin::pin!(work);
    for _ in 0..6 {
        if futures_util::poll!(work.as_mut()).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
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
        world.settle().await;
        world.check().await?;
        world.agrees().await
    })
}

/// A PG whose own guards are off.
fn permissive(bench: Bench) -> Bench {
    bench.pg.books(|books| books.permissive = true);
    bench
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn where_money_moves_on_confirm_we_say_what_the_books_say(steps in prop::collection::vec(step(), 1..40)) {
        run(Bench::on_confirm, steps)?;
    }

    #[test]
    fn where_money_moves_before_confirm_we_say_what_the_books_say(steps in prop::collection::vec(step(), 1..40)) {
        run(Bench::before_confirm, steps)?;
    }

    #[test]
    fn late_money_that_goes_back_leaves_the_same_books(steps in prop::collection::vec(step(), 1..40)) {
        run(|| Bench::over(MoneyMoves::BeforeConfirm, LatePayments::GiveBack), steps)?;
    }

    #[test]
    fn we_need_no_guard_of_the_pg(mut steps in prop::collection::vec(step(), 1..40)) {
        // Against a cancel by hand that we have not seen, only the PG's guard helps.
        steps.retain(|step| !matches!(step, Step::Console(..)));
        run(|| permissive(Bench::on_confirm()), steps)?;
    }
}
