//! The words that merchants, buyers and logs see, and what they must never see.

use serde_json::json;

use super::fake_books::pg_message;
use crate::{
    Currency, Failure, FailureReason, IdSource, MAX_AMOUNT, Method, Money, PaymentStatus, PgOrderId,
    ProviderError, RawWebhook, Secret, StateProblem, UnknownOutcome,
};

#[test]
fn a_payment_has_the_words_of_the_api() {
    let words = [
        "ready",
        "confirming",
        "awaiting_deposit",
        "paid",
        "partially_cancelled",
        "cancelled",
        "failed",
        "expired",
    ];
    assert_eq!(PaymentStatus::ALL.map(PaymentStatus::name), words);
    for (status, word) in PaymentStatus::ALL.into_iter().zip(words) {
        assert_eq!(PaymentStatus::from_name(word), Some(status));
        assert_eq!(json!(status), json!(word), "stored as it is called");
    }
    assert_eq!(PaymentStatus::from_name("refunded"), None);
}

#[test]
fn methods_and_currencies_have_the_words_of_the_api() {
    let words = ["card", "easy_pay", "transfer", "virtual_account", "mobile_phone"];
    assert_eq!(Method::ALL.map(Method::name), words);
    for (method, word) in Method::ALL.into_iter().zip(words) {
        assert_eq!(Method::from_name(word), Some(method));
        assert_eq!(json!(method), json!(word), "stored as it is called");
    }
    assert_eq!(Method::from_name("cash"), None);
    for (currency, code) in [(Currency::Krw, "KRW"), (Currency::Usd, "USD"), (Currency::Jpy, "JPY")] {
        assert_eq!((currency.code(), currency.to_string().as_str()), (code, code));
        assert_eq!(Currency::from_code(code), Some(currency));
    }
    assert_eq!(Currency::from_code("EUR"), None);
}

#[test]
fn money_is_written_with_its_currency_and_stays_within_what_json_can_hold() {
    assert_eq!(Money::krw(12_345).to_string(), "12345 KRW");
    assert_eq!(Money::new(12_345, Currency::Usd).unwrap().to_string(), "123.45 USD");
    for (amount, kept) in [(MAX_AMOUNT - 1, MAX_AMOUNT - 1), (MAX_AMOUNT, MAX_AMOUNT), (u64::MAX, MAX_AMOUNT)]
    {
        assert_eq!(Money::krw(amount).amount(), kept);
    }
}

#[test]
fn every_reason_has_a_word_and_a_text_in_both_languages() {
    use FailureReason as Why;
    let reasons = [
        (Why::BuyerClosed, "buyer_closed"),
        (Why::IssuerDeclined, "issuer_declined"),
        (Why::InsufficientFunds, "insufficient_funds"),
        (Why::LimitExceeded, "limit_exceeded"),
        (Why::InvalidCard, "invalid_card"),
        (Why::StoppedCard, "stopped_card"),
        (Why::AuthenticationFailed, "authentication_failed"),
        (Why::FraudSuspected, "fraud_suspected"),
        (Why::InvalidInstallment, "invalid_installment"),
        (Why::AmountTooSmall, "amount_too_small"),
        (Why::SessionExpired, "session_expired"),
        (Why::DepositExpired, "deposit_expired"),
        (Why::InvalidRefundAccount, "invalid_refund_account"),
        (Why::NotCancellable, "not_cancellable"),
        (Why::Mismatch, "payment_mismatch"),
        (Why::ProviderUnavailable, "provider_unavailable"),
        (Why::ProviderMisconfigured, "provider_misconfigured"),
        (Why::Other, "declined"),
    ];
    let mut texts = std::collections::BTreeSet::new();
    for (reason, word) in reasons {
        assert_eq!(reason.name(), word);
        let (english, korean) = (reason.message(), reason.message_ko());
        assert!(english.is_ascii() && english.ends_with('.'), "{word}: {english}");
        assert!(
            korean.contains('다') && korean.ends_with('.') || korean.ends_with("요."),
            "{word}: {korean}"
        );
        assert!(texts.insert(english) && texts.insert(korean), "{word} has texts of its own");
    }
    assert_eq!(texts.len(), 2 * reasons.len());
}

#[test]
fn what_is_in_the_way_has_a_code() {
    for (problem, code) in [
        (StateProblem::Status, "invalid_state"),
        (StateProblem::CancelInProgress, "cancel_in_progress"),
        (StateProblem::CancellableAmountExceeded, "cancellable_amount_exceeded"),
        (StateProblem::CancellableAmountChanged, "cancellable_amount_changed"),
        (StateProblem::FullCloseOnly, "full_close_only"),
        (StateProblem::AttemptEnded, "attempt_ended"),
        (StateProblem::TooManyAttempts, "too_many_attempts"),
    ] {
        assert_eq!(problem.name(), code);
    }
}

#[test]
fn an_error_of_a_provider_has_a_word_and_keeps_what_the_pg_said() {
    let said = || pg_message("CODE");
    let by_pg = Failure::by_pg(FailureReason::Other, said());
    for (error, word, speaks) in [
        (ProviderError::NotSent("no route".into()), "not_sent", false),
        (ProviderError::NotProcessed { retry_after: None, pg: said() }, "not_processed", true),
        (ProviderError::StillRunning, "still_running", false),
        (ProviderError::Declined(by_pg), "declined", true),
        (ProviderError::Declined(Failure::of(FailureReason::Other)), "declined", false),
        (ProviderError::OutcomeUnknown(UnknownOutcome::Error(said())), "outcome_unknown", true),
        (ProviderError::no_answer("broke"), "outcome_unknown", false),
        (ProviderError::Conflict(said()), "conflict", true),
        (ProviderError::Misconfigured(said()), "misconfigured", true),
        (ProviderError::Invalid(said()), "invalid", true),
        (ProviderError::Unsupported("this"), "unsupported", false),
    ] {
        assert_eq!(error.name(), word);
        assert_eq!(error.pg(), speaks.then(said).as_ref(), "{word}");
    }
}

#[test]
fn a_secret_is_exposed_on_purpose_only() {
    let secret = Secret::new("canary");
    assert_eq!(secret.expose(), "canary");
    assert_eq!(format!("{secret:?}"), "Secret(…)");
    let webhook = RawWebhook {
        content_type: "text/plain".to_owned(),
        headers: vec![("x-one".to_owned(), "1".to_owned()), ("x-two".to_owned(), "canary".to_owned())],
        body: b"canary".to_vec(),
    };
    assert_eq!(format!("{webhook:?}"), "RawWebhook { bytes: 6, .. }");
    assert_eq!((webhook.header("x-two"), webhook.header("x-three")), (Some("canary"), None));
    assert_eq!(format!("{:?}", IdSource::seeded(1)), "IdSource");
}

#[test]
fn an_order_id_of_ours_is_known_by_every_letter_of_it() {
    let ids = IdSource::seeded(1);
    let ours = PgOrderId::of(&ids.payment(jiff::Timestamp::UNIX_EPOCH), 1).unwrap().to_string();
    assert!(ours.parse::<PgOrderId>().is_ok());
    for at in 3..ours.len() {
        for wrong in ['i', 'L', '-', '한'] {
            let mut letters: Vec<char> = ours.chars().collect();
            letters[at] = wrong;
            let text: String = letters.into_iter().collect();
            assert!(text.parse::<PgOrderId>().is_err(), "{text}");
        }
    }
}

#[test]
fn a_payment_has_as_many_attempts_as_two_letters_can_number() {
    let payment = IdSource::seeded(1).payment(jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(PgOrderId::MOST, 1_023);
    assert!(PgOrderId::of(&payment, PgOrderId::MOST).is_some());
    assert!(PgOrderId::of(&payment, PgOrderId::MOST + 1).is_none());
}
