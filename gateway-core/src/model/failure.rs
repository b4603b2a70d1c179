//! Why a payment or cancel did not happen, in our own stable words.

use serde::{Deserialize, Serialize};

/// Our reason for a refusal, the same whichever PG refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureReason {
    /// The buyer closed the payment window.
    BuyerClosed,
    /// The issuer or bank refused without saying more.
    IssuerDeclined,
    /// Not enough money or credit.
    InsufficientFunds,
    /// Above a limit of the card, account, day or month.
    LimitExceeded,
    /// The card number, expiry date or account is not valid.
    InvalidCard,
    /// The card is stopped, lost or stolen.
    StoppedCard,
    /// A wrong password, or too many wrong tries.
    AuthenticationFailed,
    /// Fraud screening stopped it.
    FraudSuspected,
    /// The instalment plan is not possible.
    InvalidInstallment,
    /// Below what the PG takes.
    AmountTooSmall,
    /// The buyer took too long.
    SessionExpired,
    /// The deposit did not come in time.
    DepositExpired,
    /// The account to refund to was not accepted.
    InvalidRefundAccount,
    /// The PG took the refund and could not pay it out: another account is needed.
    RefundFailed,
    /// The PG does not give this money back: too late, not allowed, or not so much.
    NotCancellable,
    /// An operator decided about this money: they gave it back beside the PG, or it is kept.
    DecidedByOperator,
    /// The money did not match the order and is being given back.
    Mismatch,
    /// The PG could not be reached.
    ProviderUnavailable,
    /// The merchant's contract or keys are wrong.
    ProviderMisconfigured,
    /// The PG cannot do that.
    Unsupported,
    /// A refusal that has no word here yet.
    Other,
}

impl FailureReason {
    /// The word in the API: `insufficient_funds`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.texts().0
    }

    /// What may be shown to a buyer, in English. Says nothing of the PG, the contract or our own words for things.
    #[must_use]
    pub const fn message(self) -> &'static str {
        self.texts().1
    }

    /// What may be shown to a buyer, in Korean. Says as much as the English text.
    #[must_use]
    pub const fn message_ko(self) -> &'static str {
        self.texts().2
    }

    const fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::BuyerClosed => (
                "buyer_closed",
                "The payment window was closed before the payment was complete.",
                "결제가 완료되기 전에 결제창이 닫혔습니다.",
            ),
            Self::IssuerDeclined => (
                "issuer_declined",
                "The card company or bank declined. Try another way to pay.",
                "카드사 또는 은행에서 승인을 거절했습니다. 다른 결제 수단을 이용해 주세요.",
            ),
            Self::InsufficientFunds => (
                "insufficient_funds",
                "The balance or limit is not sufficient.",
                "잔액 또는 한도가 부족합니다.",
            ),
            Self::LimitExceeded => (
                "limit_exceeded",
                "A limit of the card or account is exceeded.",
                "카드 또는 계좌의 이용 한도를 초과했습니다.",
            ),
            Self::InvalidCard => (
                "invalid_card",
                "The card or account details are not valid. Check them and try again.",
                "카드 또는 계좌 정보가 올바르지 않습니다. 확인 후 다시 시도해 주세요.",
            ),
            Self::StoppedCard => (
                "stopped_card",
                "This card cannot be used. Use another one.",
                "사용할 수 없는 카드입니다. 다른 카드를 이용해 주세요.",
            ),
            Self::AuthenticationFailed => (
                "authentication_failed",
                "The authentication failed. Check the password and try again.",
                "인증에 실패했습니다. 비밀번호를 확인한 뒤 다시 시도해 주세요.",
            ),
            Self::FraudSuspected => (
                "fraud_suspected",
                "The payment was stopped for your protection. Ask the card company.",
                "안전한 결제를 위해 결제를 중단했습니다. 카드사에 문의해 주세요.",
            ),
            Self::InvalidInstallment => (
                "invalid_installment",
                "This instalment plan is not possible. Choose another one.",
                "선택한 할부 개월 수로 결제할 수 없습니다. 할부 개월 수를 다시 선택해 주세요.",
            ),
            Self::AmountTooSmall => (
                "amount_too_small",
                "The amount is below the minimum of this payment method.",
                "결제 수단의 최소 결제 금액보다 적습니다.",
            ),
            Self::SessionExpired => (
                "session_expired",
                "The payment window expired. Nothing was charged. Start again.",
                "결제 시간이 만료되었습니다. 결제된 금액은 없으니 다시 시도해 주세요.",
            ),
            Self::DepositExpired => (
                "deposit_expired",
                "The deposit did not arrive in time.",
                "입금 기한까지 입금되지 않았습니다.",
            ),
            Self::InvalidRefundAccount => (
                "invalid_refund_account",
                "The refund account was not accepted. Give another one.",
                "환불 계좌를 사용할 수 없습니다. 다른 계좌를 입력해 주세요.",
            ),
            Self::RefundFailed => (
                "refund_failed",
                "The refund could not be paid out. Give another account.",
                "환불 금액을 입금하지 못했습니다. 다른 계좌를 입력해 주세요.",
            ),
            Self::NotCancellable => (
                "not_cancellable",
                "This payment cannot be cancelled. Ask the shop.",
                "취소할 수 없는 결제입니다. 판매자에게 문의해 주세요.",
            ),
            Self::DecidedByOperator => (
                "decided_by_operator",
                "The shop dealt with this by hand. Ask the shop what became of it.",
                "판매자가 직접 처리한 건입니다. 처리 결과는 판매자에게 문의해 주세요.",
            ),
            Self::Mismatch => (
                "payment_mismatch",
                "The payment does not match the order and was not accepted. Ask the shop.",
                "결제 내용이 주문과 일치하지 않아 결제를 완료할 수 없습니다. 판매자에게 문의해 주세요.",
            ),
            Self::ProviderUnavailable => (
                "provider_unavailable",
                "The payment company cannot be reached right now. Try again shortly.",
                "결제사에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요.",
            ),
            Self::ProviderMisconfigured => (
                "provider_misconfigured",
                "This could not be done because of a problem on the shop's side. Ask the shop.",
                "판매자 측 문제로 처리할 수 없습니다. 판매자에게 문의해 주세요.",
            ),
            Self::Unsupported => (
                "unsupported",
                "The payment company does not support this.",
                "결제사에서 지원하지 않는 기능입니다.",
            ),
            Self::Other => (
                "declined",
                "The payment was declined. Try another way to pay.",
                "결제가 거절되었습니다. 다른 결제 수단을 이용해 주세요.",
            ),
        }
    }
}

/// A code and text as the PG gave them: untrusted, and for developers. It may speak of keys and contracts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PgMessage {
    /// The PG's own code, unchanged: `REJECT_CARD_COMPANY`.
    pub code: String,
    /// The PG's own text, in the PG's language.
    pub message: String,
}

impl PgMessage {
    /// A code and its text.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

/// A refusal: our reason, and the PG's own words.
///
/// ```
/// use paymux_core::model::{Failure, FailureReason, PgMessage};
///
/// let pg = PgMessage::new("REJECT_CARD_PAYMENT", "한도초과 혹은 잔액부족으로 결제에 실패했습니다.");
/// let failure = Failure::by_pg(FailureReason::InsufficientFunds, pg);
/// // The first is the stable code of the API; the others may be shown to the buyer.
/// assert_eq!(failure.reason.name(), "insufficient_funds");
/// assert_eq!(failure.reason.message(), "The balance or limit is not sufficient.");
/// assert_eq!(failure.reason.message_ko(), "잔액 또는 한도가 부족합니다.");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Our reason.
    pub reason: FailureReason,
    /// What the PG said, if it said something.
    pub pg: Option<PgMessage>,
}

impl Failure {
    /// A refusal that no PG worded.
    #[must_use]
    pub const fn of(reason: FailureReason) -> Self {
        Self { reason, pg: None }
    }

    /// A refusal in the PG's words.
    #[must_use]
    pub const fn by_pg(reason: FailureReason, pg: PgMessage) -> Self {
        Self { reason, pg: Some(pg) }
    }
}

#[cfg(test)]
mod tests {
    use super::FailureReason as Why;

    const ALL: [Why; 21] = [
        Why::BuyerClosed,
        Why::IssuerDeclined,
        Why::InsufficientFunds,
        Why::LimitExceeded,
        Why::InvalidCard,
        Why::StoppedCard,
        Why::AuthenticationFailed,
        Why::FraudSuspected,
        Why::InvalidInstallment,
        Why::AmountTooSmall,
        Why::SessionExpired,
        Why::DepositExpired,
        Why::InvalidRefundAccount,
        Why::RefundFailed,
        Why::NotCancellable,
        Why::DecidedByOperator,
        Why::Mismatch,
        Why::ProviderUnavailable,
        Why::ProviderMisconfigured,
        Why::Unsupported,
        Why::Other,
    ];

    #[test]
    fn buyers_read_as_much_in_korean_as_in_english() {
        for why in ALL {
            let (english, korean) = (why.message(), why.message_ko());
            let advises = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
            assert_eq!(
                advises(english, &["Try", "try", "Ask", "Use", "Check", "Choose", "Give", "Start"]),
                advises(korean, &["주세요"]),
                "{}: {english} / {korean}",
                why.name()
            );
            assert!(english.ends_with('.') && korean.ends_with('.'), "{}", why.name());
        }
    }

    #[test]
    fn buyers_read_nothing_that_is_for_developers() {
        for why in ALL {
            for text in [why.message(), why.message_ko()] {
                for word in ["PG", "operator", "운영자", "key", "contract", "계약", "설정", "`"] {
                    assert!(!text.contains(word), "{}: {text}", why.name());
                }
            }
        }
    }

    #[test]
    fn closed_window_says_nothing_of_money() {
        // The browser says that it was closed, and money never follows from what a browser says.
        assert!(!Why::BuyerClosed.message().contains("charged"));
        assert!(!Why::BuyerClosed.message_ko().contains("금액"));
    }
}
