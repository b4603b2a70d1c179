//! Display texts as the PGs behind V1 can take them.
//!
//! Several still keep texts in EUC-KR, and refuse or garble what is not in it: KICC forbids emoji for that reason
//! (docs.kicc.co.kr, special-character). V1 does not say which PG does, so every one gets what all of them can hold.

use encoding_rs::EUC_KR;
use paymux_core::model::cut;
use unicode_normalization::UnicodeNormalization as _;

/// The text in at most `longest` characters of those PGs: in composed form, with accents left out and signs written in
/// another way where EUC-KR has none; nothing if nothing of it can be written.
pub(crate) fn writable(text: &str, longest: usize) -> Option<String> {
    let mut written = String::with_capacity(text.len());
    // macOS writes a syllable in its parts.
    for c in text.nfc() {
        if is_in_euc_kr(c) {
            written.push(c);
        } else if let Some(other) = other_form(c) {
            written.push(other);
        } else {
            // "é" is "e" and an accent; an emoji is nothing else.
            written.extend(std::iter::once(c).nfkd().filter(|part| is_in_euc_kr(*part)));
        }
    }
    let words: Vec<_> = written.split_whitespace().collect();
    let kept = cut(&words.join(" "), longest).to_owned();
    (!kept.is_empty()).then_some(kept)
}

fn is_in_euc_kr(c: char) -> bool {
    let mut bytes = [0; 4];
    let (_, _, is_unmappable) = EUC_KR.encode(c.encode_utf8(&mut bytes));
    !is_unmappable
}

/// Signs of which EUC-KR has another form.
const fn other_form(c: char) -> Option<char> {
    Some(match c {
        '\u{2010}'..='\u{2014}' | '\u{2212}' => '-',
        '₩' => '￦',
        '•' | '\u{30fb}' => '·',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_go_and_accents_are_left_out() {
        for (text, expected) in [
            ("홍길동", Some("홍길동")),
            ("똠방각하", Some("똠방각하")),
            ("\u{1112}\u{1161}\u{11ab}글", Some("한글")),
            ("선물 🎁 세트 👨\u{200d}👩\u{200d}👧", Some("선물 세트")),
            ("José Müller", Some("Jose Muller")),
            ("원두 500g — ₩9,900", Some("원두 500g - ￦9,900")),
            ("金哲洙", Some("金哲洙")),
            ("Tom & Jerry's", Some("Tom & Jerry's")),
            ("🎁", None),
            ("", None),
        ] {
            assert_eq!(writable(text, 40).as_deref(), expected, "{text}");
        }
        assert_eq!(writable(&"가".repeat(50), 40).unwrap().chars().count(), 40);
    }
}
