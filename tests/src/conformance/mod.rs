//! The rules every [`PaymentProvider`](paymux_core::provider::PaymentProvider) keeps against the simulator of its PG:
//! `conformance!(Bench)`.
//!
//! A rule is a test. It drives a provider as the gateway would, plays buyer, bank and bad network through the
//! simulator's control API, and compares with the PG's own books, which share no code with the provider.

#![expect(
    missing_docs,
    clippy::unwrap_used,
    reason = "the names of the rules say what they are; a rule is a test"
)]

mod bench;
mod faulty;
mod inbox;
mod portone;
mod requests;
mod toss;

pub mod accounts;
pub mod cancelling;
pub mod confirming;
pub mod describing;
pub mod faults;
pub mod guards;
pub mod movements;
pub mod only_portone;
pub mod only_toss;
pub mod pg_time;
pub mod refunding;
pub mod requesting;
pub mod returning;
pub mod secrets;
pub mod strange;
pub mod verifying;
pub mod webhooks;

pub use bench::{Bench, Calls, Setup};
pub use inbox::Inbox;
pub use portone::PortOneBench;
pub use requests::FollowUp;
pub use toss::TossBench;

/// Makes a test of every rule for one [`Bench`]. Holds the one list of rules.
#[macro_export]
macro_rules! conformance {
    ($bench:ty) => {
        $crate::conformance! { @rules $bench;
            describing::description_makes_sense,
            describing::rotated_key_is_another_credential_of_the_same_account,
            describing::window_costs_as_many_requests_as_described,
            describing::the_least_that_is_offered_is_taken_and_less_is_not,
            guards::cancel_key_is_replayed_as_long_as_described,
            guards::confirm_key_is_replayed_as_long_as_described,
            guards::close_key_is_replayed,
            guards::key_under_another_credential_is_as_described,
            guards::charge_guard_takes_once_whatever_the_key,
            guards::charge_guard_closes_once_whatever_the_key,
            guards::balance_guard_gives_back_once_whatever_the_key,
            guards::order_guard_lets_one_payment_succeed,
            requesting::request_can_be_repeated_and_gives_the_same_step,
            requesting::every_method_offered_can_be_paid_with,
            requesting::window_is_opened_for_what_was_asked,
            requesting::money_moves_when_the_prepared_step_says,
            requesting::step_that_could_not_be_prepared_can_be_asked_for_again,
            returning::success_names_the_payment_and_its_order,
            returning::decline_in_the_window_says_why,
            returning::closed_window_is_a_buyer_who_closed_it,
            returning::the_same_result_is_always_the_same_claim,
            returning::anything_else_is_no_browser_result,
            confirming::confirm_answers_the_requested_amount_taken,
            confirming::confirm_sent_twice_takes_once,
            confirming::confirm_under_another_key_takes_no_second_time,
            confirming::confirms_at_once_take_once,
            confirming::confirm_where_money_moved_before_is_not_sent,
            confirming::declined_payment_takes_nothing_and_shows_as_failed,
            confirming::confirm_after_the_pgs_window_takes_nothing,
            confirming::made_up_payment_blames_neither_card_nor_operator,
            confirming::another_orders_payment_is_not_taken_for_ours,
            confirming::another_amount_than_authenticated_is_not_taken,
            confirming::discounted_payment_adds_up,
            accounts::issued_account_waits_until_its_deposit_comes,
            accounts::account_waits_as_long_as_was_asked,
            accounts::account_past_its_time_is_seen_to_be,
            accounts::unpaid_account_can_be_closed,
            accounts::paid_account_is_not_closed,
            verifying::payment_is_found_by_its_id_and_by_its_order,
            verifying::unknown_payment_is_nothing,
            verifying::the_paid_one_of_several_attempts_is_found,
            verifying::two_charges_of_one_order_are_kept_apart,
            verifying::claimed_payment_of_another_order_is_shown_as_that,
            verifying::closed_window_took_nothing,
            cancelling::a_part_another_part_and_the_rest_add_up,
            cancelling::all_at_once_leaves_nothing,
            cancelling::more_than_is_left_is_refused,
            cancelling::nothing_is_never_everything,
            cancelling::cancel_sent_twice_gives_back_once,
            cancelling::another_balance_than_expected_moves_nothing,
            cancelling::what_is_cancelled_cannot_be_cancelled_again,
            cancelling::our_cancel_is_found_again_in_the_pgs_list,
            cancelling::cancel_in_the_console_is_not_ours,
            cancelling::unknown_payment_is_not_cancelled,
            cancelling::cancel_that_names_another_order_is_no_success,
            cancelling::tax_free_part_of_a_cancel_is_passed_on,
            refunding::deposit_goes_back_to_an_account_only,
            refunding::refund_is_done_in_the_end,
            refunding::refund_bank_is_translated_for_the_pg,
            refunding::refund_to_a_bank_there_is_none_of_moves_nothing,
            refunding::parts_of_a_deposit_go_back_one_after_the_other,
            movements::money_in_is_a_row,
            movements::money_back_is_a_row,
            movements::close_of_an_account_moves_nothing_in,
            movements::both_ends_of_the_time_are_in_it,
            movements::pages_follow_each_other_and_miss_no_row,
            movements::rows_that_leave_meanwhile_hide_no_other,
            movements::unreadable_rows_are_counted_and_hide_no_other,
            movements::rows_of_other_systems_are_hints_too,
            movements::page_that_failed_is_no_page,
            pg_time::pg_time_is_the_pgs_clock,
            pg_time::pg_time_is_one_request_that_changes_nothing,
            pg_time::pg_time_is_read_from_errors_too,
            pg_time::pg_time_without_an_answer_is_an_error,
            webhooks::webhook_of_a_payment_names_it,
            webhooks::webhook_of_an_account_names_it,
            webhooks::webhook_of_a_console_cancel_names_the_payment,
            webhooks::repeat_reads_the_same,
            webhooks::late_delivery_reads_the_same,
            webhooks::forged_webhook_proves_nothing,
            webhooks::garbage_is_no_webhook,
            faults::port_nobody_listens_at_is_not_sent,
            faults::broken_connection_leaves_the_outcome_unknown,
            faults::answer_that_takes_too_long_leaves_the_outcome_unknown,
            faults::error_that_says_nothing_leaves_the_outcome_unknown,
            faults::slow_answer_is_an_answer,
            faults::refused_credential_moves_nothing_or_is_renewed,
            faults::credentials_refused_for_good_are_misconfigured,
            faults::too_many_requests_are_not_done,
            faults::what_executes_later_is_executed_once,
            faults::stale_look_up_is_no_error,
            faults::another_attempt_by_order_is_still_one_of_the_order,
            strange::fields_of_next_year_are_passed_over,
            strange::field_that_is_left_out_is_never_less,
            strange::status_of_next_year_is_no_answer,
            strange::method_of_next_year_is_still_paid,
            strange::amounts_may_have_a_decimal_point,
            strange::amounts_that_are_none_are_no_answer,
            strange::another_payments_answer_is_no_answer,
            strange::cancel_that_the_answer_does_not_show_is_not_done,
            secrets::no_secret_is_shown,
            secrets::no_secret_of_a_payment_is_shown,
        }
    };
    (@rules $bench:ty; $($file:ident::$rule:ident,)*) => {
        $(#[tokio::test]
        async fn $rule() {
            $crate::conformance::$file::$rule::<$bench>().await;
        })*
    };
    // Rules of one PG alone.
    (only $($file:ident::$rule:ident,)*) => {
        $(#[tokio::test]
        async fn $rule() {
            $crate::conformance::$file::$rule().await;
        })*
    };
}
