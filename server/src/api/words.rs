//! The enums of the API, and how they meet the domain's words.

use paymux_core::model::{
    CancelOrigin, CancelStatus, CancelType, CashReceiptType, ChargeRole, Currency, Device, FailureReason,
    Method, Mode, PaymentStatus, ResultBy,
};
use poem_openapi::Enum;

/// An API enum with the same variants as a domain enum, and the conversions both ways.
macro_rules! word {
    ($(#[$meta:meta])* $name:ident = $domain:ident $published:literal $case:literal { $($(#[$doc:meta])* $variant:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
        #[oai(rename = $published, rename_all = $case)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl From<$domain> for $name {
            fn from(word: $domain) -> Self {
                match word {
                    $($domain::$variant => Self::$variant,)+
                }
            }
        }

        impl From<$name> for $domain {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$variant => Self::$variant,)+
                }
            }
        }
    };
}

word! {
    /// Where a payment stands
    ApiPaymentStatus = PaymentStatus "PaymentStatus" "snake_case" {
        /// Registered; the buyer may pay.
        Ready,
        /// The payment gateway has been asked and has not given a definite answer: do not pay again.
        Confirming,
        /// A virtual account is issued and unpaid.
        AwaitingDeposit,
        /// The money is in.
        Paid,
        /// The money is in, part of it given back.
        PartiallyCancelled,
        /// All given back, or closed before any money came.
        Cancelled,
        /// Declined: no money moved. A new attempt may follow.
        Failed,
        /// Time is up.
        Expired,
    }
}

word! {
    /// How the buyer pays
    ApiMethod = Method "Method" "snake_case" {
        /// 카드
        Card,
        /// 간편결제
        EasyPay,
        /// 계좌이체
        Transfer,
        /// 가상계좌
        VirtualAccount,
        /// 휴대폰
        MobilePhone,
    }
}

word! {
    /// An ISO 4217 currency. Amounts are in its minor unit: won, yen, cents.
    ApiCurrency = Currency "Currency" "UPPERCASE" {
        /// South Korean won
        Krw,
        /// United States dollar
        Usd,
        /// Japanese yen
        Jpy,
    }
}

word! {
    /// Where a cancel stands
    ApiCancelStatus = CancelStatus "CancelStatus" "snake_case" {
        /// To be sent.
        Requested,
        /// Sent; no answer yet.
        Sent,
        /// Done.
        Done,
        /// Accepted; the money is still under way to the buyer.
        Pending,
        /// Refused: no money moved.
        Refused,
        /// Sent, and no definite answer came. Paymux finds out.
        Unknown,
    }
}

word! {
    /// Whether money goes back or an unpaid payment is closed
    ApiCancelType = CancelType "CancelType" "snake_case" {
        /// Money goes back.
        Cancel,
        /// An unpaid payment is closed: no money moves.
        Close,
    }
}

word! {
    /// Who wanted a cancel
    ApiCancelOrigin = CancelOrigin "CancelOrigin" "snake_case" {
        /// You, through this API.
        Merchant,
        /// Paymux: the amount did not match, the order was paid twice, closed or registered again, or the payment was
        /// late.
        Compensation,
        /// Somebody at the payment gateway, such as in its console.
        Pg,
        /// The card company took the money back for the buyer.
        Chargeback,
    }
}

word! {
    /// What the buyer holds
    ApiDevice = Device "Device" "snake_case" {
        /// A desktop browser.
        Desktop,
        /// A phone or tablet.
        Mobile,
    }
}

word! {
    /// How the browser result of a call comes back. A rejected promise is a browser result, whichever this is
    ApiResultBy = ResultBy "ResultBy" "snake_case" {
        /// The buyer comes back to the `return_url`: its query or form is the browser result.
        ReturnUrl,
        /// Pass a function as last argument: what it is given is the browser result.
        Callback,
        /// The call returns a promise of the browser result.
        Promise,
    }
}

/// Why money at the payment gateway does not pay the order
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "DuplicateRole", rename_all = "snake_case")]
pub enum ApiDuplicateRole {
    /// The order is paid already, or has another payment.
    Duplicate,
    /// It does not match what was registered.
    Mismatched,
    /// It came after the deadline, and late payments are cancelled.
    Late,
}

impl From<ChargeRole> for ApiDuplicateRole {
    fn from(role: ChargeRole) -> Self {
        match role {
            ChargeRole::Mismatched => Self::Mismatched,
            ChargeRole::Late => Self::Late,
            // A charge without a misfit is never shown beside the payment's own.
            ChargeRole::Duplicate | ChargeRole::Accepted | ChargeRole::Candidate | ChargeRole::Ended => {
                Self::Duplicate
            }
        }
    }
}

word! {
    /// The kind of a cash receipt (현금영수증)
    ApiCashReceiptType = CashReceiptType "CashReceiptType" "snake_case" {
        /// 소득공제
        Personal,
        /// 지출증빙
        Business,
        /// 미발행
        None,
    }
}

word! {
    /// Whether real money moves
    ApiMode = Mode "Mode" "snake_case" {
        /// No real money.
        Test,
        /// Real money.
        Live,
    }
}

/// The word for a reason: they are many and grow, so the API writes them as text.
pub(crate) fn reason(reason: FailureReason) -> String {
    reason.name().to_owned()
}
