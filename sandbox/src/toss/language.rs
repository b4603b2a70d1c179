//! `Accept-Language: en-US` translates every field the merchant did not write, enum-like values included.

use crate::ApiRequest;

/// The language of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    /// The default, also of webhooks.
    #[default]
    Korean,
    /// Asked for by `Accept-Language: en-US`.
    English,
}

impl Language {
    /// What a request asks for.
    pub(crate) fn of(request: &ApiRequest) -> Self {
        let wanted = request.header("accept-language").unwrap_or_default();
        let first = wanted.split([',', ';']).next().unwrap_or_default().trim();
        if first.eq_ignore_ascii_case("en-US") { Self::English } else { Self::Korean }
    }

    /// A word in this language. The English spellings are not published; those of the requests are used.
    pub(crate) fn say(self, korean: &'static str) -> &'static str {
        if self == Self::Korean {
            return korean;
        }
        ENGLISH.iter().find(|(word, _)| *word == korean).map_or(korean, |(_, english)| english)
    }
}

const ENGLISH: &[(&str, &str)] = &[
    ("카드", "CARD"),
    ("간편결제", "EASY_PAY"),
    ("가상계좌", "VIRTUAL_ACCOUNT"),
    ("계좌이체", "TRANSFER"),
    ("휴대폰", "MOBILE_PHONE"),
    ("문화상품권", "CULTURE_GIFT_CERTIFICATE"),
    ("도서문화상품권", "BOOK_GIFT_CERTIFICATE"),
    ("게임문화상품권", "GAME_GIFT_CERTIFICATE"),
    ("신용", "CREDIT"),
    ("개인", "PERSONAL"),
    ("일반", "NORMAL"),
    ("소득공제", "INCOME_DEDUCTION"),
    ("지출증빙", "EXPENSE_PROOF"),
    ("토스페이", "TOSSPAY"),
    ("네이버페이", "NAVERPAY"),
    ("삼성페이", "SAMSUNGPAY"),
    ("애플페이", "APPLEPAY"),
    ("엘페이", "LPAY"),
    ("카카오페이", "KAKAOPAY"),
    ("핀페이", "PINPAY"),
    ("페이코", "PAYCO"),
    ("SSG페이", "SSG"),
    ("결제가 만료되었습니다. 다시 시도해주세요.", "The payment has expired. Please try again."),
];
