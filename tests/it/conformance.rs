//! Every provider against the simulator of its PG.

mod toss {
    tests::conformance!(tests::conformance::TossBench);
    tests::conformance! { only
        only_toss::every_version_reads_to_the_same_snapshots,
        only_toss::english_answers_read_to_the_same_snapshots,
        only_toss::the_widget_opens_with_its_own_keys,
        only_toss::another_key_pairs_payments_are_not_seen,
        only_toss::keys_toss_does_not_know_are_an_operators_business,
        only_toss::a_checkout_made_by_the_server_is_paid_like_any_other,
        only_toss::a_checkout_that_cannot_be_made_says_why,
        only_toss::a_bad_deposit_takes_the_money_away_again,
        only_toss::declines_have_our_reasons,
        only_toss::a_temporary_error_is_unknown_and_not_a_decline,
        only_toss::a_refusal_is_replayed_for_fifteen_days,
        only_toss::a_running_key_is_told_as_running,
        only_toss::a_second_attempt_of_an_approved_order_is_a_conflict,
        only_toss::a_refund_is_pending_until_it_is_completed,
        only_toss::a_refund_that_fails_is_refused_and_its_money_stays_out_of_the_balance,
        only_toss::a_refund_is_refused_while_another_is_under_way,
        only_toss::of_refunds_at_once_none_is_done_until_all_are,
        only_toss::a_refund_account_that_is_not_the_holders_asks_for_another,
        only_toss::what_the_documents_disagree_on_is_read_either_way,
        only_toss::an_unknown_key_at_the_confirm_is_a_window_to_open_again,
        only_toss::an_expired_account_is_expired_though_toss_goes_on_saying_waiting,
    }
}

mod portone {
    tests::conformance!(tests::conformance::PortOneBench);
    tests::conformance! { only
        only_portone::a_thousand_look_ups_on_a_cold_cache_fetch_one_token,
        only_portone::a_thousand_look_ups_after_the_tokens_life_fetch_one_token,
        only_portone::a_thousand_refused_at_once_fetch_one_token,
        only_portone::no_token_is_not_sent_and_refused_keys_are_an_operators_business,
        only_portone::both_forms_of_the_authorization_are_taken,
        only_portone::the_paid_are_listed_across_pages,
        only_portone::a_failed_page_is_no_list,
        only_portone::a_live_account_does_not_see_payments_of_a_test_channel,
        only_portone::webhooks_come_as_json_or_as_a_form,
        only_portone::a_window_for_another_amount_than_registered_does_not_open,
        only_portone::a_changed_amount_is_registered_anew,
        only_portone::a_second_window_of_a_paid_order_is_a_reason_to_look_it_up,
        only_portone::a_closed_account_is_closed_whatever_portone_calls_it,
    }
}
