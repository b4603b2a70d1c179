//! The rules of the [`Store`] port. Every backend runs all of them: `store_suite!(Bench)`.

#![expect(
    missing_docs,
    clippy::unwrap_used,
    reason = "the names of the rules say what they are; a rule is a test"
)]

use std::sync::LazyLock;

use gateway_core::{
    AccountId, Attempt, Cancel, CancelOrigin, CancelScope, CancelStatus, Change, Customer, EventKind,
    IdSource, IdempotencyRecord, Money, Moved, NewEvent, Payment, PaymentRecord, PaymentStatus, PaymentTerms,
    PgOrderId, RawWebhook, ReceivedWebhook, RefundAccount, Secret, Store,
};
use jiff::Timestamp;

pub mod agreement;
pub mod commit;
pub mod feed;
pub mod idempotency;
pub mod inbox;
pub mod operators;
pub mod orders;
pub mod reads;
pub mod sweeps;
pub mod watches;

/// How many webhooks of each account the inbox of a store under test holds.
pub const INBOX_CAPACITY: u16 = 3;

/// Makes an empty store, and keeps alive what it stands on.
pub trait StoreBench {
    /// A store nobody else uses, with an inbox of [`INBOX_CAPACITY`].
    fn new() -> Self;

    /// The store.
    fn store(&self) -> &dyn Store;
}

/// Makes a test of every rule for one [`StoreBench`]. Holds the one list of rules.
#[macro_export]
macro_rules! store_suite {
    ($bench:ty) => {
        $crate::store_suite! { @rules $bench;
            commit::a_committed_payment_reads_back_as_it_was,
            commit::a_new_payment_is_refused_where_one_is,
            commit::a_change_of_an_older_version_is_refused,
            commit::a_change_of_an_unknown_payment_is_a_conflict,
            commit::a_change_that_skips_a_version_is_a_conflict,
            commit::a_payment_never_moves_to_another_merchant_or_account,
            commit::of_many_changes_of_one_version_exactly_one_wins,
            commit::a_refused_change_leaves_nothing,
            commit::attempts_and_cancels_are_replaced_not_repeated,
            commit::a_pg_id_is_accepted_once_per_account,
            commit::many_may_claim_one_pg_id,
            commit::an_answer_is_kept_whatever_the_version,
            commit::an_answer_outlives_a_change_that_had_not_read_it,
            commit::an_answer_of_an_unknown_attempt_is_nothing,
            orders::an_order_has_one_payment_that_holds_it,
            orders::merchants_share_no_order_ids,
            orders::of_many_payments_of_one_order_exactly_one_wins,
            orders::an_ended_payment_is_taken_over,
            orders::a_change_read_before_the_take_over_is_refused,
            orders::a_payment_paid_meanwhile_is_not_taken_over,
            orders::money_that_comes_late_on_a_superseded_payment_can_be_written,
            orders::only_a_payment_of_the_same_merchant_and_order_is_taken_over,
            orders::an_order_id_finds_its_holder_else_its_newest,
            reads::another_merchants_payment_is_not_found,
            reads::an_attempt_is_found_by_its_order_id_at_its_account_only,
            reads::a_pg_id_is_found_where_it_was_accepted_else_where_it_was_claimed_last,
            reads::a_merchants_payments_are_listed_newest_first,
            reads::lists_can_be_narrowed,
            reads::pages_of_a_list_never_skip_or_repeat,
            feed::the_feed_tells_a_merchants_events_in_order,
            feed::pages_of_the_feed_never_skip_or_repeat,
            feed::changes_made_at_once_each_have_their_place,
            feed::a_payments_own_events_are_told_in_order,
            operators::whose_a_payment_is_can_be_asked_of_any,
            operators::all_payments_are_listed_oldest_first,
            operators::pages_of_all_payments_never_skip_or_repeat,
            operators::every_merchants_payments_are_counted,
            operators::a_payment_with_a_case_is_found_for_good,
            operators::a_payment_made_with_a_case_is_found,
            operators::a_refused_change_opens_no_case,
            operators::pages_of_cases_never_skip_or_repeat,
            watches::a_due_payment_is_taken_by_one,
            watches::what_is_due_for_one_account_is_not_taken_for_another,
            watches::a_lease_that_ran_out_is_no_lease,
            watches::a_change_ends_the_lease,
            watches::the_soonest_are_taken_first,
            watches::a_hint_makes_a_payment_due_at_once,
            watches::a_hint_never_makes_a_payment_due_later,
            watches::a_hint_may_be_due_later,
            watches::a_later_hint_does_not_put_off_an_earlier_one,
            watches::an_earlier_hint_brings_a_later_one_forward,
            watches::a_later_hint_that_came_during_a_look_is_due_when_it_said,
            watches::a_hint_does_not_end_a_lease,
            watches::a_hint_that_came_during_a_look_is_followed_by_another,
            watches::a_change_that_saw_the_hints_answers_them,
            watches::a_change_that_saw_no_hints_answers_none,
            watches::a_change_may_let_the_hints_it_did_not_see_wait,
            watches::a_hint_of_an_unknown_payment_is_nothing,
            watches::the_next_watch_is_known,
            watches::the_next_watch_is_the_accounts_own,
            inbox::a_webhook_comes_out_as_it_came_in,
            inbox::webhooks_are_taken_oldest_first_and_by_one,
            inbox::a_finished_webhook_is_gone,
            inbox::a_full_inbox_takes_nothing_until_there_is_room,
            inbox::what_came_for_one_account_is_not_taken_for_another,
            inbox::one_accounts_full_inbox_does_not_fill_anothers,
            inbox::a_delivery_is_new_once_per_account,
            idempotency::a_key_is_used_once_per_merchant,
            idempotency::a_repeat_meets_its_key_before_its_order,
            idempotency::the_first_final_answer_stays,
            idempotency::an_answer_without_a_row_is_kept_too,
            idempotency::old_records_are_forgotten,
            sweeps::a_sweep_is_taken_by_one_and_when_due,
            sweeps::a_sweep_that_failed_does_not_undo_the_one_before,
            sweeps::a_sweep_whose_lease_ran_out_is_taken_again,
            sweeps::an_account_in_use_cannot_change,
            sweeps::an_account_without_open_payments_may_change,
            sweeps::an_account_of_a_watched_payment_cannot_change,
            sweeps::one_changed_account_binds_none,
            sweeps::an_account_in_use_cannot_be_taken_away,
            sweeps::a_store_that_works_says_so,
        }
    };
    (@rules $bench:ty; $($subject:ident::$rule:ident,)+) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let bench = <$bench as $crate::store_suite::StoreBench>::new();
                let store = $crate::store_suite::StoreBench::store(&bench);
                $crate::store_suite::$subject::$rule(store).await;
            }
        )+
    };
}

static IDS: LazyLock<IdSource> = LazyLock::new(IdSource::random);

/// A moment: so many seconds into the test.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

/// What a test calls the merchant, account and order of a payment.
pub(crate) fn payment_of(merchant: &str, account: &str, order_id: &str) -> Payment {
    let zero = Money::krw(0);
    Payment {
        id: IDS.payment(at(0)),
        merchant: merchant.parse().unwrap(),
        account: account.parse().unwrap(),
        order_id: order_id.parse().unwrap(),
        terms: terms(),
        status: PaymentStatus::Ready,
        amount_paid: zero,
        amount_cancelled: zero,
        method: None,
        method_detail: None,
        virtual_account: None,
        receipt_url: None,
        cash_receipt: None,
        failure: None,
        last_attempt: None,
        late: false,
        superseded: false,
        told_of: None,
        looked_at: None,
        answered_hints: 0,
        hint_looked_at: None,
        recheck_at: None,
        cases: Vec::new(),
        livemode: false,
        simulated: true,
        version: 1,
        created_at: at(0),
        expires_at: at(1_800),
        paid_at: None,
        watch: None,
    }
}

fn terms() -> PaymentTerms {
    PaymentTerms {
        order_name: "사과 한 상자".to_owned(),
        amount: Money::krw(27_500),
        tax_free_amount: None,
        method: None,
        account: None,
        customer: Customer { name: Some("김구매".to_owned()), ..Customer::default() },
        card_issuer: None,
        installment_months: None,
        easy_pay_provider: None,
        deposit_due_at: None,
        cash_receipt: None,
        locale: Some("ko".to_owned()),
        return_url: "https://shop.example/return".to_owned(),
        metadata: [("cart".to_owned(), "17".to_owned())].into(),
    }
}

/// A payment of the usual merchant at the usual account.
pub(crate) fn payment(order_id: &str) -> Payment {
    payment_of("demo", "toss", order_id)
}

/// The change that makes a payment.
pub(crate) fn made(payment: &Payment) -> Change {
    Change {
        expected: None,
        payment: payment.clone(),
        hints: 0,
        more_hints_at: None,
        attempts: Vec::new(),
        cancels: Vec::new(),
        events: Vec::new(),
        idempotency: None,
        supersedes: None,
    }
}

/// A change of what was read, which changes nothing yet.
pub(crate) fn changed(record: &PaymentRecord) -> Change {
    let mut payment = record.payment.clone();
    payment.version += 1;
    Change { expected: Some(record.payment.version), hints: record.hints, ..made(&payment) }
}

/// Makes a payment, and reads it.
pub(crate) async fn keep(store: &dyn Store, payment: &Payment) -> PaymentRecord {
    store.commit(made(payment)).await.unwrap();
    read(store, payment).await
}

/// Moves what was read to a status, and reads it.
pub(crate) async fn moved(store: &dyn Store, record: &PaymentRecord, status: PaymentStatus) -> PaymentRecord {
    let mut change = changed(record);
    change.payment.status = status;
    store.commit(change).await.unwrap();
    read(store, &record.payment).await
}

pub(crate) async fn read(store: &dyn Store, payment: &Payment) -> PaymentRecord {
    store.payment(&payment.merchant, &payment.id).await.unwrap().unwrap()
}

pub(crate) fn attempt(payment: &Payment, number: u16) -> Attempt {
    Attempt::new(number, PgOrderId::of(&payment.id, number).unwrap(), at(i64::from(number)))
}

/// An attempt with a claimed or accepted PG id.
pub(crate) fn attempt_with(payment: &Payment, number: u16, pg_id: &str, accepted: bool) -> Attempt {
    Attempt { pg_id: Some(pg_id.parse().unwrap()), accepted, ..attempt(payment, number) }
}

pub(crate) fn cancel(amount: u64) -> Cancel {
    Cancel {
        id: IDS.cancel(at(0)),
        origin: CancelOrigin::Merchant,
        status: CancelStatus::Requested,
        pg_id: None,
        attempt: None,
        scope: CancelScope::Part,
        amount: Money::krw(amount),
        tax_free_amount: None,
        guard: Money::krw(27_500),
        reason: "부분 품절".to_owned(),
        refund_account: Some(RefundAccount {
            bank_code: "20".to_owned(),
            account_number: Secret::new("110123456789"),
            holder_name: Secret::new("김구매"),
        }),
        sending: None,
        pg_cancel_id: None,
        failure: None,
        created_at: at(0),
    }
}

pub(crate) fn event(payment: &Payment, number: u64) -> NewEvent {
    NewEvent {
        id: IDS.event(at(0)),
        kind: EventKind::Status(payment.status),
        number,
        moved: Moved::default(),
        created_at: at(0),
        payment: payment.clone(),
        cancels: Vec::new(),
    }
}

pub(crate) fn request(payment: &Payment, key: &str) -> IdempotencyRecord {
    IdempotencyRecord {
        merchant: payment.merchant.clone(),
        key: key.to_owned(),
        digest: "digest".to_owned(),
        payment: Some(payment.id.clone()),
        cancel: None,
        answer: None,
        created_at: at(0),
    }
}

/// The account of [`payment`] and [`webhook`].
pub(crate) fn account() -> AccountId {
    "toss".parse().unwrap()
}

/// An account that has nothing to do with it.
pub(crate) fn other_account() -> AccountId {
    "portone".parse().unwrap()
}

pub(crate) fn webhook(received_at: Timestamp) -> ReceivedWebhook {
    webhook_of(&account(), received_at)
}

pub(crate) fn webhook_of(account: &AccountId, received_at: Timestamp) -> ReceivedWebhook {
    ReceivedWebhook {
        id: IDS.webhook(received_at),
        account: account.clone(),
        received_at,
        raw: RawWebhook {
            content_type: "application/json".to_owned(),
            headers: vec![("tosspayments-webhook-id".to_owned(), "값".to_owned())],
            body: (0..=u8::MAX).collect(),
        },
    }
}

/// Asserts that a result is this error.
macro_rules! assert_refused {
    ($result:expr, $error:pat) => {{
        let result = $result;
        assert!(matches!(result, Err($error)), "{result:?}");
    }};
}
pub(crate) use assert_refused;
