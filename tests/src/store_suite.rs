//! The rules of the [`Store`] port. Every backend runs all of them: `store_suite!(Bench)`.

#![expect(
    missing_docs,
    clippy::unwrap_used,
    reason = "the names of the rules say what they are; a rule is a test"
)]

use paymux_core::store::Store;

pub mod accounts;
pub mod admin;
pub mod agreement;
pub mod answers;
pub mod commit;
pub mod feed;
pub mod idempotency;
pub mod inbox;
pub mod orders;
pub mod pg_ids;
pub mod reads;
mod sample;
pub mod several;
pub mod sweeps;
pub mod work_queue;

/// How many webhooks each room of each account's inbox holds in a store under test.
pub const INBOX_CAPACITY: u16 = 3;

/// Makes an empty store, and keeps alive what it stands on.
pub trait StoreBench {
    /// A store nobody else uses, whose inbox rooms hold [`INBOX_CAPACITY`].
    fn new() -> Self;

    /// The store.
    fn store(&self) -> &dyn Store;
}

/// Makes a test of every rule for one [`StoreBench`]. Holds the one list of rules.
#[macro_export]
macro_rules! store_suite {
    ($bench:ty) => {
        $crate::store_suite! { @rules $bench;
            commit::committed_payment_reads_back_as_it_was,
            commit::new_payment_in_place_of_another_is_a_conflict,
            commit::change_of_an_older_version_is_a_conflict,
            commit::change_of_an_unknown_payment_is_a_conflict,
            commit::change_that_skips_a_version_is_a_conflict,
            commit::payment_keeps_its_merchant_account_and_order,
            commit::fifty_changes_of_one_version_one_wins,
            commit::refused_change_leaves_nothing,
            commit::attempts_and_charges_are_replaced_not_repeated,
            commit::reasons_to_refuse_come_in_a_fixed_order,
            several::two_payments_change_in_one_commit,
            several::old_version_of_one_payment_refuses_the_other,
            several::refused_second_payment_leaves_nothing_of_the_first,
            several::unchanged_payment_is_compared_and_left_alone,
            several::unchanged_payment_of_another_version_is_a_conflict,
            several::change_of_two_merchants_is_a_conflict,
            several::payment_twice_in_a_change_is_a_conflict,
            several::order_passes_between_payments_in_one_commit,
            several::order_for_two_payments_of_a_change_is_taken,
            several::pg_id_passes_between_payments_in_one_commit,
            several::pg_id_for_two_payments_of_a_change_is_taken,
            several::commit_ends_the_lease_of_each_payment,
            answers::secret_is_saved_whatever_the_version,
            answers::saved_secret_outlives_a_change_made_before_it,
            answers::secret_in_a_change_replaces_the_saved_one,
            answers::secret_of_an_unknown_charge_is_ignored,
            orders::order_has_one_payment_that_holds_it,
            orders::superseded_payment_holds_no_order,
            orders::registration_supersedes_every_older_payment,
            orders::merchants_share_no_order_ids,
            orders::fifty_payments_of_one_order_one_wins,
            orders::order_finds_its_holder_else_its_newest,
            pg_ids::pg_id_is_accepted_once_per_account,
            pg_ids::accepted_charge_stays_so_when_written_again,
            pg_ids::charge_is_found_by_the_pg_id_it_was_given_later,
            pg_ids::pg_id_passes_between_charges_of_a_payment,
            pg_ids::pg_id_may_be_claimed_by_many,
            pg_ids::pg_id_finds_who_accepted_it_else_the_newest,
            pg_ids::pg_order_id_finds_its_payment_at_its_account,
            reads::payment_of_another_merchant_is_not_found,
            reads::payments_are_listed_newest_first,
            reads::lists_are_narrowed_by_order_and_status,
            reads::pages_of_payments_never_skip_or_repeat,
            feed::feed_has_a_merchants_events_in_order,
            feed::pages_of_the_feed_never_skip_or_repeat,
            feed::concurrent_commits_each_have_their_positions,
            feed::events_of_a_payment_are_its_own_in_order,
            admin::owner_of_any_payment_is_found,
            admin::all_payments_are_listed_oldest_first,
            admin::pages_of_all_payments_never_skip_or_repeat,
            admin::payments_of_every_merchant_are_counted,
            admin::payment_with_a_review_is_found_for_good,
            admin::new_payment_with_a_review_is_found,
            admin::refused_change_opens_no_review,
            admin::pages_of_reviews_never_skip_or_repeat,
            admin::newest_commit_is_the_latest_time_seen,
            admin::working_store_answers_a_ping,
            work_queue::due_payment_is_leased_once,
            work_queue::due_payments_are_leased_for_their_account_only,
            work_queue::lease_that_ran_out_is_no_lease,
            work_queue::lease_by_a_wrong_clock_is_no_lease,
            work_queue::commit_ends_the_lease,
            work_queue::longest_due_is_leased_first,
            work_queue::payment_is_due_at_its_earliest_check,
            work_queue::commit_replaces_what_is_pending,
            work_queue::owed_look_up_makes_a_payment_due,
            work_queue::owing_leaves_the_version_alone,
            work_queue::look_up_is_owed_once,
            work_queue::hints_share_the_look_up_that_is_ahead,
            work_queue::later_look_up_puts_off_no_earlier_one,
            work_queue::owing_ends_no_lease,
            work_queue::look_up_owed_since_the_read_outlives_the_commit,
            work_queue::only_the_look_up_that_was_answered_is_gone,
            work_queue::owing_for_an_unknown_payment_is_ignored,
            work_queue::released_payment_is_free_from_then_on,
            work_queue::release_makes_nothing_due_early,
            work_queue::release_without_a_lease_is_ignored,
            work_queue::next_due_is_the_earliest_that_is_free,
            work_queue::next_due_is_the_accounts_own,
            inbox::webhook_comes_out_as_it_came_in,
            inbox::webhooks_are_leased_oldest_first_and_once,
            inbox::known_webhooks_are_leased_first,
            inbox::finished_webhook_is_gone,
            inbox::full_room_takes_nothing_until_there_is_space,
            inbox::full_room_takes_no_space_from_the_other,
            inbox::webhooks_are_leased_for_their_account_only,
            inbox::accounts_share_no_space,
            inbox::delivery_is_new_once_per_account,
            idempotency::key_is_used_once_per_merchant,
            idempotency::first_final_answer_stays,
            idempotency::answer_of_another_request_is_ignored,
            idempotency::answer_without_a_record_is_kept,
            idempotency::old_records_are_forgotten,
            idempotency::record_of_a_cancel_is_never_forgotten,
            sweeps::due_sweep_is_leased_once,
            sweeps::failed_sweep_keeps_how_far_the_last_one_got,
            sweeps::sweep_whose_lease_ran_out_is_leased_again,
            accounts::account_with_live_payments_stays_as_it_was,
            accounts::account_without_live_payments_may_change_or_go,
            accounts::same_and_new_accounts_are_bound,
            accounts::one_changed_account_binds_none,
            accounts::removed_account_stays_bound,
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

/// Asserts that a result is this error.
macro_rules! assert_refused {
    ($result:expr, $error:pat) => {{
        let result = $result;
        assert!(matches!(result, Err($error)), "{result:?}");
    }};
}
use assert_refused;
