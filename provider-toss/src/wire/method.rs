//! Payment methods in Toss' words.

use paymux_core::model::Method;

/// The method in requests. The wallets are part of the card window.
pub(crate) const fn method_name(method: Method) -> &'static str {
    match method {
        Method::Card | Method::EasyPay => "CARD",
        Method::Transfer => "TRANSFER",
        Method::VirtualAccount => "VIRTUAL_ACCOUNT",
        Method::MobilePhone => "MOBILE_PHONE",
    }
}

/// The method of an answer: Korean, or English where the answer was translated. `None` for one that
/// we have no word for, such as gift certificates.
pub(super) fn method_of(name: &str, has_wallet: bool) -> Option<Method> {
    let name = name.trim().to_uppercase().replace([' ', '-'], "_");
    match name.as_str() {
        // Up to version 1.4 a wallet is a card with `easyPay` beside it.
        "카드" | "CARD" if has_wallet => Some(Method::EasyPay),
        "카드" | "CARD" => Some(Method::Card),
        "간편결제" | "EASY_PAY" | "EASYPAY" => Some(Method::EasyPay),
        "계좌이체" | "TRANSFER" => Some(Method::Transfer),
        "가상계좌" | "VIRTUAL_ACCOUNT" => Some(Method::VirtualAccount),
        "휴대폰" | "MOBILE_PHONE" => Some(Method::MobilePhone),
        _ => None,
    }
}

/// A wallet's name as requests want it: `toss_pay`, `TossPay` and `TOSSPAY` are one. Korean names
/// are accepted by Toss as they are.
pub(crate) fn easy_pay_name(provider: &str) -> String {
    provider.to_uppercase().replace([' ', '-', '_'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_read_in_korean_and_english() {
        for (name, has_wallet, method) in [
            ("카드", false, Some(Method::Card)),
            ("카드", true, Some(Method::EasyPay)),
            ("간편결제", true, Some(Method::EasyPay)),
            ("가상계좌", false, Some(Method::VirtualAccount)),
            ("계좌이체", false, Some(Method::Transfer)),
            ("휴대폰", false, Some(Method::MobilePhone)),
            ("CARD", false, Some(Method::Card)),
            ("Virtual Account", false, Some(Method::VirtualAccount)),
            ("Mobile Phone", false, Some(Method::MobilePhone)),
            ("문화상품권", false, None),
            ("A_METHOD_OF_NEXT_YEAR", false, None),
        ] {
            assert_eq!(method_of(name, has_wallet), method, "{name}");
        }
    }

    #[test]
    fn what_is_asked_for_is_recognised_in_an_answer() {
        for method in Method::ALL {
            assert_eq!(method_of(method_name(method), method == Method::EasyPay), Some(method));
        }
    }

    #[test]
    fn wallets_have_one_name_however_they_are_written() {
        for (written, sent) in
            [("toss_pay", "TOSSPAY"), ("KakaoPay", "KAKAOPAY"), ("네이버페이", "네이버페이")]
        {
            assert_eq!(easy_pay_name(written), sent);
        }
    }
}
