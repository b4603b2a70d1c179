//! The tables. Where the documentation has no code for a case, the row says so.

use paymux_core::model::FailureReason as Why;

use crate::call::Call;

/// What a code means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A definite decline; nothing moved.
    Declined(Why),
    /// Keys or contract.
    Misconfigured,
    /// The request as we wrote it.
    Invalid,
    /// It may have been done, now or before, or the balance is another: look up.
    Unknown,
    /// Not done, and later it may be.
    Later,
    /// The same key is being worked on.
    StillRunning,
    /// Toss knows no such payment.
    NotFound,
}

/// Rows that share a meaning.
type Rows = (Meaning, &'static [&'static str]);

/// What a code means as the answer to `call`; `None` if Toss documents no such answer.
pub(super) fn meaning(call: Call, code: &str) -> Option<Meaning> {
    let table = match call {
        Call::Confirm => CONFIRM,
        Call::Cancel => CANCEL,
        Call::LookUp => LOOK_UP,
        Call::List => LIST,
        Call::Create => CREATE,
    };
    let rows = || table.iter().chain(EVERYWHERE);
    rows().find(|(_, codes)| codes.contains(&code)).map(|(meaning, _)| *meaning)
}

/// Answers given before a request is looked at, whatever it asks.
pub(super) const EVERYWHERE: &[Rows] = &[
    (
        Meaning::Misconfigured,
        &["UNAUTHORIZED_KEY", "INCORRECT_BASIC_AUTH_FORMAT", "INVALID_API_KEY", "INVALID_TEST_CODE"],
    ),
    (Meaning::Invalid, &["INVALID_REQUEST", "INVALID_IDEMPOTENCY_KEY"]),
    (Meaning::Later, &["FORBIDDEN_CONSECUTIVE_REQUEST", "MAINTAINED_METHOD"]),
    (Meaning::StillRunning, &["IDEMPOTENT_REQUEST_PROCESSING"]),
];

pub(super) const CONFIRM: &[Rows] = &[
    // Done before.
    (Meaning::Unknown, &["ALREADY_PROCESSED_PAYMENT", "ALREADY_COMPLETED_PAYMENT", "DUPLICATED_ORDER_ID"]),
    // It may have been done.
    (
        Meaning::Unknown,
        &[
            "PROVIDER_ERROR",
            "CARD_PROCESSING_ERROR",
            "UNAPPROVED_ORDER_ID",
            "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
            "FAILED_INTERNAL_SYSTEM_PROCESSING",
            "UNKNOWN_PAYMENT_ERROR",
            "COMMON_ERROR",
        ],
    ),
    (Meaning::Later, &["NOT_AVAILABLE_PAYMENT", "NOT_AVAILABLE_BANK"]),
    (
        Meaning::Misconfigured,
        &[
            "INVALID_AUTHORIZE_AUTH",
            "NOT_FOUND_TERMINAL_ID",
            "INVALID_UNREGISTERED_SUBMALL",
            "NOT_REGISTERED_BUSINESS",
        ],
    ),
    // Another order id than the window was opened with, or another key (Toss docs, reference/error-codes). Another
    // amount is probably `INVALID_REQUEST` (not documented). A buyer can cause both by changing the return URL: the
    // core looks up first, and pages an operator only if the payment at Toss is as we registered it.
    (Meaning::Invalid, &["FORBIDDEN_REQUEST"]),
    // The key comes from the buyer's browser, so an unknown one is more likely made up than our mistake: start again,
    // and page nobody. Keys that do not belong together are answered `FORBIDDEN_REQUEST` or, as too late, `…_SESSION`.
    (Meaning::Declined(Why::SessionExpired), &["NOT_FOUND_PAYMENT_SESSION", "NOT_FOUND_PAYMENT"]),
    (Meaning::Declined(Why::AmountTooSmall), &["BELOW_MINIMUM_AMOUNT"]),
    (
        Meaning::Declined(Why::InvalidInstallment),
        &[
            "EXCEED_MAX_CARD_INSTALLMENT_PLAN",
            "INVALID_CARD_INSTALLMENT_PLAN",
            "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT",
            "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN",
        ],
    ),
    (
        Meaning::Declined(Why::InvalidCard),
        &[
            "INVALID_CARD_EXPIRATION",
            "INVALID_CARD_NUMBER",
            "INVALID_ACCOUNT_INFO_RE_REGISTER",
            "REJECT_TOSSPAY_INVALID_ACCOUNT",
        ],
    ),
    (Meaning::Declined(Why::StoppedCard), &["INVALID_STOPPED_CARD", "INVALID_CARD_LOST_OR_STOLEN"]),
    (
        Meaning::Declined(Why::LimitExceeded),
        &[
            "EXCEED_MAX_DAILY_PAYMENT_COUNT",
            "EXCEED_MAX_PAYMENT_AMOUNT",
            "EXCEED_MAX_AMOUNT",
            "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT",
            "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT",
            "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT",
            "EXCEEDS_TRANSFER_AMOUNT_MAXIMUM",
            "EXCEED_MAX_ONE_DAY_AMOUNT",
        ],
    ),
    // Both say "limit exceeded or balance too low" and not which.
    (Meaning::Declined(Why::InsufficientFunds), &["REJECT_ACCOUNT_PAYMENT", "REJECT_CARD_PAYMENT"]),
    (
        Meaning::Declined(Why::IssuerDeclined),
        &["REJECT_CARD_COMPANY", "INVALID_REJECT_CARD", "RESTRICTED_TRANSFER_ACCOUNT"],
    ),
    (Meaning::Declined(Why::AuthenticationFailed), &["EXCEED_MAX_AUTH_COUNT", "INVALID_PASSWORD"]),
    (Meaning::Declined(Why::FraudSuspected), &["FDS_ERROR"]),
    (Meaning::Declined(Why::Other), &["NOT_ALLOWED_POINT_USE"]),
];

pub(super) const CANCEL: &[Rows] = &[
    // Done before, or the balance is another than we said.
    (
        Meaning::Unknown,
        &[
            "ALREADY_CANCELED_PAYMENT",
            "ALREADY_REFUND_PAYMENT",
            "ALREADY_REFUNDING_PAYMENT",
            "NOT_MATCHES_REFUNDABLE_AMOUNT",
        ],
    ),
    // It may have been done.
    (
        Meaning::Unknown,
        &[
            "PROVIDER_ERROR",
            "FAILED_INTERNAL_SYSTEM_PROCESSING",
            "FAILED_REFUND_PROCESS",
            "FAILED_METHOD_HANDLING_CANCEL",
            "FAILED_PARTIAL_REFUND",
            "COMMON_ERROR",
            "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
        ],
    ),
    (Meaning::Later, &["NOT_AVAILABLE_BANK"]),
    (Meaning::Misconfigured, &["FORBIDDEN_REQUEST", "NOT_FOUND_PAYMENT"]),
    (
        Meaning::Declined(Why::InvalidRefundAccount),
        &[
            "INVALID_REFUND_ACCOUNT_INFO",
            "INVALID_REFUND_ACCOUNT_NUMBER",
            "INVALID_BANK",
            "FORBIDDEN_BANK_REFUND_REQUEST",
            "NOT_ALLOWED_REFUND_BANK",
        ],
    ),
    (
        Meaning::Declined(Why::NotCancellable),
        &[
            // Also what a payment answers that partial cancels have emptied: this one may be among them. The core
            // takes a decline for the outcome only if no earlier send is in doubt.
            "NOT_CANCELABLE_AMOUNT",
            "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT",
            "REFUND_REJECTED",
            "NOT_CANCELABLE_PAYMENT",
            "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER",
            "EXCEED_MAX_REFUND_DUE",
            "EXCEED_CANCEL_LIMIT",
            "NOT_ALLOWED_PARTIAL_REFUND",
            "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT",
            "INVALID_REFUND_AMOUNT",
            "EXCEED_MAX_REFUND_AMOUNT",
            "NOT_SUPPORTED_REFUND",
        ],
    ),
];

/// No row is a decline: an error of a look-up says nothing about the payment.
pub(super) const LOOK_UP: &[Rows] = &[
    (Meaning::NotFound, &["NOT_FOUND_PAYMENT"]),
    (Meaning::Misconfigured, &["NOT_FOUND", "FORBIDDEN_REQUEST"]),
    (Meaning::Later, &["FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING"]),
];

pub(super) const LIST: &[Rows] = &[
    // A wrong paging key, by two names. Toss says it even of the last key of the page before
    // (techchat.tosspayments.com/m/1377493933021728779).
    (Meaning::Unknown, &["INVALID_TRANSACTION_KEY", "INVALID_PAGING_KEY"]),
    (Meaning::Invalid, &["INVALID_DATE", "INVALID_ISO_DATE_FORMAT", "EXCEED_MAX_QUERY_LIMIT"]),
    (Meaning::Misconfigured, &["NOT_FOUND", "FORBIDDEN_REQUEST"]),
];

pub(super) const CREATE: &[Rows] = &[
    // Created, approved or cancelled before.
    (Meaning::Unknown, &["DUPLICATED_ORDER_ID"]),
    (
        Meaning::Invalid,
        &[
            "INVALID_URL",
            "INCORRECT_SUCCESS_URL_FORMAT",
            "INCORRECT_FAIL_URL_FORMAT",
            "INVALID_ORDER_ID",
            "INVALID_ORDER_NAME",
            "INVALID_FLOW_MODE_PARAMETERS",
        ],
    ),
    (Meaning::Misconfigured, &["NOT_SUPPORTED_METHOD", "NOT_FOUND", "FORBIDDEN_REQUEST"]),
];

/// What the codes of the payment window mean (Toss docs, sdk/v2/error-codes): in what the browser brings back, and in the
/// `failure` of a payment. The SDK writes some in upper case and as the name of a class.
const WINDOW: &[(Why, &[&str])] = &[
    // Aborted: the page took its own window away.
    (Why::BuyerClosed, &["PAY_PROCESS_CANCELED", "USER_CANCEL", "PAYMENT_REQUEST_ABORTED"]),
    (Why::SessionExpired, &["EXPIRED_PAYMENT"]),
    (Why::LimitExceeded, &["EXCEED_DEPOSIT_AMOUNT_LIMIT"]),
    (Why::ProviderUnavailable, &["PROVIDER_STATUS_UNHEALTHY", "NETWORK_ERROR"]),
    (
        Why::ProviderMisconfigured,
        &[
            "INVALID_CARD_COMPANY",
            "INVALID_PARAMETERS",
            "INVALID_METADATA",
            "INVALID_CLIENT_KEY",
            "INVALID_CUSTOMER_KEY",
            "INVALID_VARIANT_KEY",
            "BELOW_ZERO_AMOUNT",
            "INVALID_AMOUNT_VALUE",
            "INVALID_AMOUNT_CURRENCY",
            "NOT_FOUND_MERCHANT",
            "NOT_SETUP_AMOUNT",
            "NOT_SUPPORTED_API_INDIVIDUAL_KEY",
            "NOT_SUPPORTED_METHOD",
            "NOT_SUPPORTED_PROMISE",
            "NOT_SUPPORTED_WIDGET_KEY",
            "INSECURE_KEY_USAGE",
            "V1_METHOD_NOT_SUPPORTED",
            "UNSUPPORTED_TEST_PHASE_PAYMENT_METHOD",
            "EXCEED_MAX_DUE_DATE",
            "INCORRECT_SUCCESS_URL_FORMAT",
            "INCORRECT_FAIL_URL_FORMAT",
        ],
    ),
];

/// Our reason for a code of the window; `None` if it is none of its.
pub(super) fn of_window(code: &str) -> Option<Why> {
    let letters = |text: &str| text.replace('_', "").to_ascii_lowercase();
    let is_it = |known: &&str| letters(known) == letters(code);
    WINDOW.iter().find(|(_, codes)| codes.iter().any(is_it)).map(|(reason, _)| *reason)
}
