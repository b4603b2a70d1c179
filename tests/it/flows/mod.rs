//! Every flow of a payment through the real HTTP server, on every PG and method that has it.
//!
//! Each runs against a demo server of its own and ends with our books held against the simulator's.

#![expect(clippy::unwrap_used, reason = "a flow that cannot go on is a failed test")]

mod cancelling;
mod checks;
mod compensations;
mod deposits;
mod failing;
mod faults;
mod found;
mod in_time;
mod late;
mod paying;
mod refunds;
mod refused;
mod repeats;
mod retired;
mod swapped;
mod texts;
mod two_windows;
mod uncertain;
mod webhooks;

/// The table: `flows::toss::card::paid` runs `paying::paid` in a shop with that account and method. In the
/// permissive worlds the PG guards against nothing, so that what is sent twice shows as doubled money.
macro_rules! flows {
    ($($world:ident = $open:ident($account:literal) {
        $($method:ident { $($file:ident: $($flow:ident),+;)+ })+
    })+) => {
        $(mod $world {
            $(mod $method {
                $($(
                    #[tokio::test]
                    async fn $flow() {
                        let mut shop = tests::harness::Shop::$open($account, stringify!($method)).await;
                        crate::flows::$file::$flow(&mut shop).await;
                        shop.close().await;
                    }
                )+)+
            })+
        })+
    };
}

flows! {
    toss = open("toss") {
        card {
            paying: paid, paid_by_one_card_company, declined_then_paid, window_closed, amount_tampered,
                amount_tampered_and_hidden, another_payments_return;
            failing: window_closed_in_other_words, refused_for_the_contract, pgs_words_are_shown_everywhere;
            cancelling: cancelled_in_part_and_then_in_full, closed_before_paying, cancelled_in_the_console;
            webhooks: webhook_sent_twice, webhook_before_the_browser, webhooks_late_and_out_of_order, only_the_webhook_came, forged;
            repeats: a_confirm_is_done_once, a_declined_confirm_is_replayed, two_confirms_at_once_take_the_money_once,
                two_tabs_pay_once, a_cancel_is_done_once, a_cancel_needs_a_key,
                two_cancels_at_once_never_give_back_too_much, a_caller_who_hangs_up_changes_nothing;
            faults: a_confirm_that_takes_too_long_is_answered_202, an_error_after_the_money_moved_is_seen_through,
                an_answer_cut_in_half_is_seen_through, a_confirm_that_got_lost_is_sent_again,
                a_confirm_executed_later_is_found, a_pg_that_is_down_is_tried_again,
                a_cancel_without_an_answer_is_done_once, a_cancel_that_got_lost_is_sent_again,
                refused_keys_are_not_a_decline, a_restart_goes_on_with_a_confirm;
            checks: the_truth_is_accepted, another_order_id_is_not_ours, another_amount_is_not_ours,
                another_currency_is_not_ours, another_status_is_not_paid, a_pg_payment_pays_one_order;
            late: an_expired_payment_is_not_confirmed;
        }
        virtual_account {
            paying: paid, declined_then_paid, window_closed, amount_tampered, amount_tampered_and_hidden, another_payments_return;
            cancelling: cancelled_in_part_and_then_in_full, closed_before_paying, cancelled_in_the_console;
            deposits: closed_before_the_deposit, the_deposit_wins_against_a_close, expired_without_a_deposit, deposit_announced_late, reversed_and_made_again,
                a_refund_reaches_the_bank_that_was_named, a_bank_the_pg_lacks_is_refused_before_it_is_sent,
                a_refund_that_failed_goes_to_another_account, a_part_that_failed_goes_to_another_account;
            webhooks: webhook_sent_twice, webhook_before_the_browser, only_the_webhook_came, forged;
        }
    }
    portone = open("portone") {
        card {
            paying: paid, paid_by_one_card_company, declined_then_paid, window_closed, amount_tampered,
                amount_tampered_and_noticed_by_the_window, another_payments_return;
            failing: window_closed_in_other_words, refused_for_the_contract, pgs_words_are_shown_everywhere;
            cancelling: cancelled_in_part_and_then_in_full, closed_before_paying, cancelled_in_the_console;
            webhooks: webhook_sent_twice, webhook_before_the_browser, webhooks_late_and_out_of_order, only_the_webhook_came, forged;
            repeats: a_confirm_is_done_once, a_declined_confirm_is_replayed, two_confirms_at_once_take_the_money_once,
                two_tabs_pay_once, a_cancel_is_done_once, a_cancel_needs_a_key,
                two_cancels_at_once_never_give_back_too_much, a_caller_who_hangs_up_changes_nothing;
            faults: a_confirm_that_takes_too_long_is_answered_202, an_error_after_the_money_moved_is_seen_through,
                an_answer_cut_in_half_is_seen_through, a_confirm_that_got_lost_is_sent_again,
                a_confirm_executed_later_is_found, a_pg_that_is_down_is_tried_again,
                a_cancel_without_an_answer_is_done_once, a_cancel_that_got_lost_is_sent_again,
                a_token_refused_early_is_fetched_anew, a_restart_goes_on_with_a_confirm;
            checks: the_truth_is_accepted, another_order_id_is_not_ours, another_amount_is_not_ours,
                another_currency_is_not_ours, another_status_is_not_paid, a_pg_payment_pays_one_order, another_mode_is_not_ours,
                a_pg_payment_shown_under_two_orders_pays_the_first;
            late: late_payment_is_kept_and_marked, late_payment_of_a_replaced_payment_is_cancelled,
                late_payment_without_a_webhook_is_found;
        }
        virtual_account {
            paying: paid, declined_then_paid, window_closed, amount_tampered, amount_tampered_and_noticed_by_the_window, another_payments_return;
            cancelling: cancelled_in_part_and_then_in_full, closed_before_paying, cancelled_in_the_console;
            deposits: closed_before_the_deposit, the_deposit_wins_against_a_close, expired_without_a_deposit, deposit_announced_late,
                a_refund_reaches_the_bank_that_was_named, a_bank_the_pg_lacks_is_refused_before_it_is_sent;
            webhooks: webhook_sent_twice, webhook_before_the_browser, only_the_webhook_came, forged;
        }
    }
    permissive_toss = open_permissive("toss") {
        card {
            paying: paid, declined_then_paid, another_payments_return;
            cancelling: cancelled_in_part_and_then_in_full, cancelled_in_the_console;
            webhooks: webhook_sent_twice, webhook_before_the_browser, only_the_webhook_came;
            repeats: a_confirm_is_done_once, two_confirms_at_once_take_the_money_once, two_tabs_pay_once,
                a_cancel_is_done_once, two_cancels_at_once_never_give_back_too_much,
                a_caller_who_hangs_up_changes_nothing;
            faults: a_confirm_that_takes_too_long_is_answered_202, an_error_after_the_money_moved_is_seen_through,
                an_answer_cut_in_half_is_seen_through, a_confirm_that_got_lost_is_sent_again,
                a_cancel_without_an_answer_is_done_once, a_cancel_that_got_lost_is_sent_again;
        }
        virtual_account {
            paying: paid;
            cancelling: cancelled_in_part_and_then_in_full;
            deposits: a_refund_that_failed_goes_to_another_account, a_part_that_failed_goes_to_another_account;
            webhooks: webhook_sent_twice;
        }
    }
    permissive_portone = open_permissive("portone") {
        card {
            paying: paid, declined_then_paid, another_payments_return;
            cancelling: cancelled_in_part_and_then_in_full, cancelled_in_the_console;
            webhooks: webhook_sent_twice, webhook_before_the_browser, only_the_webhook_came;
            repeats: a_confirm_is_done_once, two_confirms_at_once_take_the_money_once, two_tabs_pay_once,
                a_cancel_is_done_once, two_cancels_at_once_never_give_back_too_much,
                a_caller_who_hangs_up_changes_nothing;
            faults: a_confirm_that_takes_too_long_is_answered_202, an_error_after_the_money_moved_is_seen_through,
                an_answer_cut_in_half_is_seen_through, a_confirm_that_got_lost_is_sent_again,
                a_cancel_without_an_answer_is_done_once, a_cancel_that_got_lost_is_sent_again;
        }
        virtual_account {
            paying: paid;
            cancelling: cancelled_in_part_and_then_in_full;
            webhooks: webhook_sent_twice;
        }
    }
}
