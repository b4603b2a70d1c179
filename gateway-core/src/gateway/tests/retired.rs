//! Accounts that are retired, or have no credentials any more; accounts that may not change (design §3).

use serde_json::json;

use super::{
    bench::{Bench, DAY, HOUR, MINUTE, PAYABLE_FOR, account},
    errors::no_answer,
    fake_pg::Op,
};
use crate::{
    gateway::GatewayError,
    lifecycle::tests::sample::PRICE,
    model::{CancelStatus, PaymentStatus, PgStatus, ReviewOutcome},
    store::{AccountDifference, AdminStore as _, StoreError},
};

impl Bench {
    /// The same account, retired.
    pub(super) fn retired(&self) -> Self {
        self.replica(|settings, _| settings.retired = true)
    }

    /// The same account, retired, of which nobody has the credentials any more.
    pub(super) fn nobody_can_ask(&self) -> Self {
        self.replica(|settings, _| (settings.retired, settings.has_credentials) = (true, false))
    }
}

#[tokio::test]
async fn retired_account_takes_no_new_payment_and_no_window() {
    for bench in Bench::both() {
        let (id, _) = bench.opened().await;
        let retired = bench.retired();
        let answer = retired.try_register("order-2", PRICE).await;
        assert!(matches!(answer, Err(GatewayError::Invalid { param: "account", .. })), "{answer:?}");
        let answer = retired.try_open(&id).await;
        assert!(matches!(answer, Err(GatewayError::AccountRetired(_))), "{answer:?}");
        let before = bench.pg.count(Op::Request);
        retired.run(DAY).await;
        assert_eq!(bench.pg.count(Op::Request), before);
    }
}

#[tokio::test]
async fn retired_account_reopens_nothing() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.opened().await;
    bench.run(PAYABLE_FOR + MINUTE).await;
    let retired = bench.retired();
    let answer = retired.try_register("order-1", PRICE).await;
    assert!(matches!(answer, Err(GatewayError::Invalid { param: "account", .. })), "{answer:?}");
    assert_eq!(bench.status(&id).await, PaymentStatus::Expired);
}

#[tokio::test]
async fn claims_and_cancels_of_a_retired_account_open_a_review() {
    let bench = Bench::on_confirm();
    let (claimed, pg_id) = bench.agreed().await;
    let retired = bench.retired();
    let answer = retired.confirm(&claimed, &pg_id).await;
    assert!(matches!(answer, Err(GatewayError::AccountRetired(_))), "{answer:?}");
    assert_eq!(bench.open_reviews(&claimed).await, ["account_retired"]);

    let bench = Bench::on_confirm();
    let (paid, _) = bench.paid().await;
    let retired = bench.retired();
    for _ in 0..2 {
        let answer = retired.cancel(&paid, None).await;
        assert!(matches!(answer, Err(GatewayError::AccountRetired(_))), "{answer:?}");
    }
    assert_eq!(bench.open_reviews(&paid).await, ["account_retired"], "one is enough");
    assert!(retired.cancel(&paid, Some(1_000)).await.is_err());
    let reviews = bench.read(&paid).await.payment.reviews;
    let asked_for: Vec<_> = reviews.iter().filter_map(|review| review.asked_for.as_deref()).collect();
    assert_eq!(asked_for, ["to refund 10000 KRW (changed my mind)", "to refund 1000 KRW (changed my mind)"]);
    assert!(bench.read(&paid).await.charges[0].cancels.is_empty());
    retired.run(10 * DAY).await;
    assert_eq!((bench.confirms(), bench.cancels()), (1, 0));
}

#[tokio::test]
async fn unpaid_payment_of_a_retired_account_can_be_closed() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.opened().await;
    let retired = bench.retired();
    assert_eq!(retired.cancel(&id, None).await.unwrap().payment.status(), PaymentStatus::Cancelled);
}

#[tokio::test]
async fn retired_account_is_looked_up_while_it_has_credentials() {
    let bench = Bench::before_confirm();
    let (id, pg_id) = bench.agreed().await;
    let retired = bench.retired();
    assert_eq!(retired.confirm(&id, &pg_id).await.unwrap().payment.status(), PaymentStatus::Paid);

    let bench = Bench::on_confirm();
    let (id, pg_id) = bench.agreed().await;
    bench.pg.after(Op::Confirm, no_answer);
    bench.pg.instead(Op::Verify, no_answer);
    bench.confirm(&id, &pg_id).await.unwrap();
    let retired = bench.retired();
    retired.run(HOUR).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    assert_eq!(bench.confirms(), 1, "nothing is sent");
}

#[tokio::test]
async fn operation_under_way_when_the_account_was_retired_is_a_review() {
    let bench = Bench::on_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.instead(Op::Cancel, no_answer);
    bench.cancel(&id, Some(1_000)).await.unwrap();
    let retired = bench.retired();
    retired.run(DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["account_retired"]);
    assert_eq!(bench.cancels(), 1);
    bench.run(2 * DAY).await;
    assert_eq!(bench.newest_cancel(&id).await.status, CancelStatus::Done, "the account is active again");
    assert!(bench.open_reviews(&id).await.is_empty(), "nobody has to decide any more");
}

#[tokio::test]
async fn compensation_on_a_retired_account_is_a_review() {
    let bench = Bench::before_confirm();
    let (id, _, second) = bench.paid_twice().await;
    let retired = bench.retired();
    retired.verify(&id).await;
    retired.run(DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["account_retired"]);
    assert_eq!(bench.given_back(&second), 0);
}

#[tokio::test]
async fn account_without_credentials_asks_and_sends_nothing() {
    for bench in Bench::both() {
        let (id, _) = bench.paid().await;
        let gone = bench.nobody_can_ask();
        let before = bench.pg.all_calls().len();
        assert!(matches!(gone.gateway.verify(&gone.merchant, &id).await, Err(GatewayError::Unsupported(_))));
        assert!(matches!(gone.cancel(&id, None).await, Err(GatewayError::AccountRetired(_))));
        gone.webhook(json!({ "order_id": bench.read(&id).await.attempts[0].pg_order_id.as_str() })).await;
        gone.sweep().await;
        gone.run(3 * DAY).await;
        assert_eq!(bench.pg.all_calls().len(), before);
        assert_eq!(bench.status(&id).await, PaymentStatus::Paid);
    }
}

#[tokio::test]
async fn unknown_outcome_without_credentials_is_a_review_at_once() {
    // No answer can come any more.
    let bench = Bench::on_confirm();
    let (confirming, pg_id) = bench.agreed().await;
    bench.pg.fails(Op::Confirm, no_answer);
    bench.confirm(&confirming, &pg_id).await.unwrap();
    let gone = bench.nobody_can_ask();
    gone.run(HOUR).await;
    assert_eq!(bench.open_reviews(&confirming).await, ["account_retired"]);
    assert_eq!(bench.status(&confirming).await, PaymentStatus::Confirming);

    let bench = Bench::before_confirm();
    let (claimed, pg_id) = bench.agreed().await;
    let gone = bench.nobody_can_ask();
    assert_eq!(gone.confirm(&claimed, &pg_id).await.unwrap().payment.status(), PaymentStatus::Confirming);
    gone.run(HOUR).await;
    assert_eq!(bench.open_reviews(&claimed).await, ["account_retired"]);
    let commits = bench.store.commits();
    gone.run(5 * DAY).await;
    assert!(bench.store.commits() - commits <= 6, "at most once a day");
}

#[tokio::test]
async fn account_may_not_change_while_its_payments_hold_money() {
    let bench = Bench::before_confirm();
    let bind = async |bench: &Bench| {
        let bindings: Vec<_> = bench.gateway.accounts().map(crate::account::Account::binding).collect();
        bench.store.bind_accounts(&bindings).await
    };
    bind(&bench).await.unwrap();
    let (id, _) = bench.paid().await;
    type Change = fn(&mut super::fake_pg::FakePg);
    let changes: [(AccountDifference, Change); 3] = [
        (AccountDifference::Kind, |pg| pg.description.kind = "other"),
        (AccountDifference::Mode, |pg| pg.description.mode = crate::model::Mode::Live),
        (AccountDifference::PgMerchant, |pg| pg.description.pg_merchant = "other".to_owned()),
    ];
    for (expected, change) in changes {
        let changed = bench.replica(|_, pg| change(pg));
        let answer = bind(&changed).await;
        let Err(StoreError::AccountChanged { account: named, difference, payments }) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!((named, difference, payments), (account(), expected, 1));
    }
    assert!(matches!(
        bench.store.bind_accounts(&[]).await,
        Err(StoreError::AccountChanged { difference: AccountDifference::Removed, .. })
    ));
    // All given back and nothing looked up any more: it may change.
    bench.cancel(&id, None).await.unwrap();
    bench.run(31 * DAY).await;
    bind(&bench.replica(|_, pg| pg.description.pg_merchant = "other".to_owned())).await.unwrap();
}

#[tokio::test]
async fn order_id_of_another_account_is_unknown_here() {
    let bench = Bench::on_confirm();
    let (_, order) = bench.opened().await;
    let outcome = bench.webhook(json!({ "order_id": order })).await;
    assert_eq!(outcome, [crate::gateway::InboxOutcome::Marked { proved: false }]);
    let raw = crate::provider::RawWebhook {
        headers: Vec::new(),
        body: json!({ "order_id": order }).to_string().into_bytes(),
        received_at: bench.pg.clock_now(),
    };
    let other = "other".parse().unwrap();
    bench.gateway.receive(&other, raw).await.unwrap();
    assert_eq!(bench.gateway.process_inbox(&other).await.unwrap(), [crate::gateway::InboxOutcome::Ignored]);
}

#[tokio::test]
async fn waiting_account_is_a_review_once_nobody_can_ask() {
    for bench in Bench::both() {
        let (id, _) = bench.awaiting_deposit(DAY).await;
        let bench = bench.nobody_can_ask();
        bench.run(2 * DAY).await;
        assert!(bench.open_reviews(&id).await.contains(&"account_retired"));
    }
}

#[tokio::test]
async fn window_that_takes_money_is_a_review_once_nobody_can_ask() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.opened().await;
    let bench = bench.nobody_can_ask();
    bench.run(PAYABLE_FOR + DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["order_not_shown"]);
    bench.decide(&id, ReviewOutcome::NotDone).await.unwrap();
    assert!(bench.open_reviews(&id).await.is_empty());
}

#[tokio::test]
async fn pending_refund_is_a_review_once_nobody_can_ask() {
    let bench = Bench::before_confirm();
    let (id, _) = bench.paid().await;
    bench.pg.books(|books| books.slow_refunds = true);
    bench.cancel(&id, None).await.unwrap();
    let bench = bench.nobody_can_ask();
    bench.run(2 * DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["account_retired"]);
}

#[tokio::test]
async fn window_behind_a_failed_try_is_a_review_too() {
    let bench = Bench::before_confirm();
    let (id, window) = bench.opened().await;
    bench.pg.books(|books| {
        let declined = books.agree(&window, PRICE);
        books.change(&declined, |shown| shown.status = PgStatus::Failed);
    });
    bench.verify(&id).await;
    assert_eq!(bench.status(&id).await, PaymentStatus::Failed);
    let bench = bench.nobody_can_ask();
    bench.run(PAYABLE_FOR + DAY).await;
    assert_eq!(bench.open_reviews(&id).await, ["order_not_shown"]);
}
