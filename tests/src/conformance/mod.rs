//! The rules every [`PaymentProvider`] keeps against the simulator of its PG: `conformance!(Bench)`.
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
mod toss;

pub mod accounts;
pub mod cancelling;
pub mod confirming;
pub mod describing;
pub mod faults;
pub mod only_portone;
pub mod only_toss;
pub mod refunding;
pub mod requesting;
pub mod returning;
pub mod secrets;
pub mod strange;
pub mod verifying;
pub mod webhooks;

pub use bench::{AMOUNT, Bench, Calls, Setup, all_of, order, part_of};
pub use inbox::Inbox;
pub use portone::PortOneBench;
pub use toss::TossBench;

/// Makes a test of every rule for one [`Bench`]. Holds the one list of rules.
#[macro_export]
macro_rules! conformance {
    ($bench:ty) => {
        $crate::conformance! { @rules $bench;
            describing::a_description_makes_sense,
            describing::the_least_that_is_offered_is_taken_and_less_is_not,
            requesting::a_request_can_be_repeated_and_gives_the_same_step,
            requesting::every_method_offered_can_be_paid_with,
            requesting::a_window_is_opened_for_what_was_asked,
            returning::a_success_names_the_payment_and_its_order,
            returning::a_decline_in_the_window_says_why,
            returning::a_closed_window_is_told_as_closed,
            returning::anything_else_is_no_browser_result,
            confirming::a_confirm_answers_the_requested_amount_taken,
            confirming::a_confirm_sent_twice_takes_once,
            confirming::a_confirm_under_another_key_takes_no_second_time,
            confirming::confirms_at_once_take_once,
            confirming::a_declined_payment_takes_nothing_and_shows_as_failed,
            confirming::a_confirm_after_the_pgs_window_takes_nothing,
            confirming::a_made_up_payment_blames_neither_card_nor_operator,
            confirming::another_orders_payment_is_not_taken_for_ours,
            confirming::another_amount_than_authenticated_is_not_taken,
            accounts::an_issued_account_waits_until_its_deposit_comes,
            accounts::an_account_waits_as_long_as_was_asked,
            accounts::an_account_past_its_time_is_seen_to_be,
            accounts::an_unpaid_account_can_be_closed,
            accounts::an_account_that_was_paid_is_not_closed,
            verifying::a_payment_is_found_by_its_id_and_by_its_order,
            verifying::an_unknown_payment_is_nothing,
            verifying::the_paid_one_of_several_attempts_is_found,
            verifying::two_windows_of_one_order_are_both_seen_by_their_ids,
            verifying::a_closed_window_took_nothing,
            cancelling::a_part_another_part_and_the_rest_add_up,
            cancelling::all_at_once_leaves_nothing,
            cancelling::more_than_is_left_is_refused,
            cancelling::nothing_is_never_everything,
            cancelling::a_cancel_sent_twice_gives_back_once,
            cancelling::a_key_is_enough_where_the_pg_has_keys,
            cancelling::another_balance_than_expected_moves_nothing,
            cancelling::what_is_cancelled_cannot_be_cancelled_again,
            cancelling::our_cancel_is_found_again_in_the_pgs_list,
            cancelling::a_cancel_in_the_console_is_not_ours,
            cancelling::an_unknown_payment_is_not_cancelled,
            refunding::a_deposit_goes_back_to_an_account_only,
            refunding::a_refund_is_done_in_the_end,
            refunding::a_refund_to_a_bank_there_is_none_of_moves_nothing,
            refunding::parts_of_a_deposit_go_back_one_after_the_other,
            webhooks::what_the_pg_sends_of_a_payment_names_it,
            webhooks::what_the_pg_sends_of_an_account_names_it,
            webhooks::a_console_cancel_is_told,
            webhooks::a_repeat_reads_the_same,
            webhooks::a_forged_one_proves_nothing,
            webhooks::garbage_is_no_webhook,
            faults::a_port_nobody_listens_at_is_not_sent,
            faults::a_broken_connection_leaves_the_outcome_unknown,
            faults::an_answer_that_takes_too_long_leaves_the_outcome_unknown,
            faults::an_error_that_says_nothing_leaves_the_outcome_unknown,
            faults::a_slow_answer_is_an_answer,
            faults::a_refused_credential_moves_nothing_or_is_renewed,
            faults::credentials_refused_for_good_are_an_operators_business,
            faults::too_many_requests_are_not_processed,
            faults::what_executes_later_is_executed_once,
            faults::a_stale_look_up_is_no_error,
            faults::another_attempt_by_order_is_still_one_of_the_order,
            strange::fields_of_next_year_are_passed_over,
            strange::a_status_of_next_year_is_no_answer,
            strange::a_method_of_next_year_is_still_paid,
            strange::amounts_may_have_a_decimal_point,
            strange::amounts_that_are_none_are_no_answer,
            strange::another_payments_answer_is_seen_to_be_anothers,
            strange::a_cancel_that_the_answer_does_not_show_is_not_done,
            secrets::no_secret_is_shown,
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
