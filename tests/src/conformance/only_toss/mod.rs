//! What only Toss Payments has.

mod answers;
mod errors;
mod keys;
mod refunds;
mod transactions;

pub use answers::{
    bad_deposit_takes_the_money_away_again, english_answers_read_to_the_same_snapshots,
    every_version_reads_to_the_same_snapshots, expired_account_is_waited_for_as_toss_says,
    what_the_documents_disagree_on_is_read_either_way,
};
pub use errors::{
    declines_have_our_reasons, refusal_is_replayed_for_fifteen_days, running_key_is_still_running,
    second_charge_of_an_approved_order_is_looked_up, temporary_error_is_unknown_and_not_a_decline,
    unknown_key_at_the_confirm_is_a_window_to_open_again,
};
pub use keys::{
    another_key_pairs_payments_are_not_seen, checkout_made_by_the_server_is_paid_like_any_other,
    checkout_that_cannot_be_made_says_why, keys_toss_does_not_know_are_misconfigured,
    the_widget_opens_with_its_own_keys,
};
pub use refunds::{
    failed_refund_keeps_its_money_out_of_the_balance, of_refunds_at_once_none_is_done_until_all_are,
    refund_account_that_is_not_the_holders_asks_for_another, refund_is_pending_until_it_is_completed,
    refund_is_refused_while_another_is_under_way,
};
pub use transactions::{reversed_deposit_is_a_row_of_some_kind, wrong_paging_key_hides_no_row};
