//! Payment methods in PortOne's words and ours.

use paymux_core::{model::Method, provider::ProviderError};

use super::Payment;

/// Wallets that are a `pay_method` of their own. Reading accepts more (see [`paid_with`]).
const WALLETS: [&str; 17] = [
    "alipay",
    "applepay",
    "kakaopay",
    "kpay",
    "lpay",
    "naverpay",
    "payco",
    "paypal",
    "pinpay",
    "samsungpay",
    "skpay",
    "ssgpay",
    "toss_brandpay",
    "tosspay",
    "tosspay_card",
    "tosspay_money",
    "wechat",
];
/// What only answers say, and what it is called when asked for.
const OTHER_NAMES: [(&str, &str); 5] = [
    ("kakopay", "kakaopay"),
    ("naverpay_card", "naverpay"),
    ("naverpay_point", "naverpay"),
    ("samsung", "samsungpay"),
    ("ssgpay_bank", "ssgpay"),
];
/// PGs that are nothing but a wallet, and its name. They report the source of the money as the method.
const WALLET_PGS: [(&str, &str); 7] = [
    ("kakaopay", "kakaopay"),
    ("naverpay", "naverpay"),
    ("payco", "payco"),
    ("smilepay", "smilepay"),
    ("toss_brandpay", "toss_brandpay"),
    ("tosspay", "tosspay"),
    ("tosspay_v2", "tosspay"),
];

/// The `pay_method` to ask for.
///
/// Without a named wallet an easy payment opens the PG's card window, which offers its wallets too.
///
/// # Errors
///
/// `Unsupported` for a wallet PortOne has no code for.
pub(crate) fn pay_method(method: Method, wallet: Option<&str>) -> Result<&'static str, ProviderError> {
    Ok(match method {
        Method::Card => "card",
        Method::Transfer => "trans",
        Method::VirtualAccount => "vbank",
        Method::MobilePhone => "phone",
        Method::EasyPay => match wallet {
            None => "card",
            Some(name) => easy_pay_code(name).ok_or(ProviderError::Unsupported("this easy payment"))?,
        },
    })
}

/// PortOne's code of a wallet, however its name is written: `KAKAOPAY`, `kakao_pay`, `SSG`.
fn easy_pay_code(name: &str) -> Option<&'static str> {
    let plain = |text: &str| text.replace(['_', '-', ' '], "").to_ascii_lowercase();
    let name = plain(name);
    WALLETS.into_iter().find(|code| plain(code) == name || plain(code) == format!("{name}pay"))
}

/// How a payment was paid.
pub(crate) struct Paid {
    pub(crate) method: Option<Method>,
    pub(crate) easy_pay_provider: Option<String>,
}

/// Reads it out of the method, the PG, and the wallet used inside the PG's window.
pub(crate) fn paid_with(payment: &Payment) -> Paid {
    let pay_method = payment.pay_method.as_deref();
    // An account is an account, whichever wallet's window it was ordered in.
    if pay_method == Some("vbank") {
        return Paid { method: Some(Method::VirtualAccount), easy_pay_provider: None };
    }
    if let Some(wallet) = wallet(payment) {
        return Paid { method: Some(Method::EasyPay), easy_pay_provider: Some(wallet) };
    }
    let method = match pay_method {
        Some("card") => Some(Method::Card),
        Some("trans") => Some(Method::Transfer),
        Some("phone") => Some(Method::MobilePhone),
        _ => None,
    };
    Paid { method, easy_pay_provider: None }
}

fn wallet(payment: &Payment) -> Option<String> {
    let pay_method = payment.pay_method.as_deref()?;
    let usual = |name: &str| {
        let other = OTHER_NAMES.into_iter().find(|(other, _)| *other == name);
        other.map_or(name, |(_, usual)| usual).to_owned()
    };
    if let Some(inside) = &payment.emb_pg_provider {
        return Some(usual(inside));
    }
    let named = usual(pay_method);
    if WALLETS.contains(&named.as_str()) {
        return Some(named);
    }
    let pg = payment.pg_provider.as_deref()?;
    WALLET_PGS.into_iter().find(|(code, _)| *code == pg).map(|(_, wallet)| wallet.to_owned())
}
