//! Every provider against the simulator of its PG.

mod toss {
    tests::conformance!(tests::conformance::TossBench);
    tests::conformance! { only
        only_toss::every_version_reads_to_the_same_snapshots,
        only_toss::english_answers_read_to_the_same_snapshots,
        only_toss::the_widget_opens_with_its_own_keys,
        only_toss::another_key_pairs_payments_are_not_seen,
        only_toss::keys_toss_does_not_know_are_misconfigured,
        only_toss::checkout_made_by_the_server_is_paid_like_any_other,
        only_toss::checkout_that_cannot_be_made_says_why,
        only_toss::bad_deposit_takes_the_money_away_again,
        only_toss::declines_have_our_reasons,
        only_toss::temporary_error_is_unknown_and_not_a_decline,
        only_toss::refusal_is_replayed_for_fifteen_days,
        only_toss::running_key_is_still_running,
        only_toss::second_charge_of_an_approved_order_is_looked_up,
        only_toss::refund_is_pending_until_it_is_completed,
        only_toss::failed_refund_keeps_its_money_out_of_the_balance,
        only_toss::refund_is_refused_while_another_is_under_way,
        only_toss::of_refunds_at_once_none_is_done_until_all_are,
        only_toss::refund_account_that_is_not_the_holders_asks_for_another,
        only_toss::what_the_documents_disagree_on_is_read_either_way,
        only_toss::unknown_key_at_the_confirm_is_a_window_to_open_again,
        only_toss::expired_account_is_waited_for_as_toss_says,
        only_toss::reversed_deposit_is_a_row_of_some_kind,
        only_toss::wrong_paging_key_hides_no_row,
    }
}

mod portone {
    tests::conformance!(tests::conformance::PortOneBench);
    tests::conformance! { only
        only_portone::a_thousand_look_ups_on_a_cold_cache_fetch_one_token,
        only_portone::a_thousand_look_ups_after_the_tokens_life_fetch_one_token,
        only_portone::a_thousand_refused_at_once_fetch_one_token,
        only_portone::without_a_token_nothing_is_sent,
        only_portone::both_forms_of_the_authorization_are_taken,
        only_portone::the_paid_of_one_second_are_listed_across_pages,
        only_portone::live_account_does_not_see_payments_of_a_test_channel,
        only_portone::webhooks_come_as_json_or_as_a_form,
        only_portone::window_for_another_amount_than_registered_does_not_open,
        only_portone::changed_amount_is_registered_anew,
        only_portone::second_window_of_a_paid_order_is_a_reason_to_look_it_up,
        only_portone::closed_account_is_closed_whatever_portone_calls_it,
        only_portone::unreadable_charge_of_the_order_makes_the_look_up_incomplete,
        only_portone::claimed_foreign_payment_that_cannot_be_read_is_none_of_ours,
    }
}
