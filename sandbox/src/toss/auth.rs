//! HTTP Basic with the secret key as the user (Toss docs, reference/using-api/authorization).

use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{
    config::KeyPair,
    errors::{INCORRECT_BASIC_AUTH_FORMAT, INVALID_API_KEY, Refusal, UNAUTHORIZED_KEY},
    keys::SecretKeys,
};
use crate::{ApiRequest, fingerprint::fingerprint};

/// Official samples pad; a public client does not and is served.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who makes a request.
#[derive(Debug)]
pub(crate) struct Caller<'a> {
    pub(crate) pair: &'a KeyPair,
    /// Names the secret key, of which a pair may have two, without writing it into a file.
    pub(crate) secret_id: String,
}

/// Whose request this is.
///
/// No header, or a key that does not work (any more): `UNAUTHORIZED_KEY`. Not Basic, not base64 or no colon:
/// `INCORRECT_BASIC_AUTH_FORMAT`.
/// A client key in the place of the secret key: `INVALID_API_KEY`. The fourth failure, a secret key that does not belong
/// to the client key, shows at the payment.
pub(crate) fn authenticate<'a>(
    pairs: &'a [KeyPair],
    keys: &SecretKeys,
    request: &ApiRequest,
    now_ms: u64,
) -> Result<Caller<'a>, Refusal> {
    let header = request.header("authorization").ok_or(UNAUTHORIZED_KEY.refuse())?;
    let user = basic_user(header).ok_or(INCORRECT_BASIC_AUTH_FORMAT.refuse())?;
    let owner = keys.client_key_of(&user, now_ms);
    if let Some(pair) = owner.and_then(|owner| pairs.iter().find(|pair| pair.client_key == owner)) {
        return Ok(Caller { pair, secret_id: fingerprint(&user) });
    }
    let is_client_key = pairs.iter().any(|pair| pair.client_key == user);
    Err(if is_client_key { INVALID_API_KEY.refuse() } else { UNAUTHORIZED_KEY.refuse() })
}

/// The user of a Basic credential whose password is empty.
fn basic_user(header: &str) -> Option<String> {
    let (scheme, credential) = header.split_once(' ')?;
    let decoded = BASE64.decode(credential.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    password.is_empty().then(|| user.to_owned())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;

    fn outcome(header: Option<String>) -> Result<String, &'static str> {
        let pairs = [KeyPair::new("test_ck_1", "test_sk_1"), KeyPair::new("test_gck_1", "test_gsk_1")];
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert("authorization", HeaderValue::from_str(&header).unwrap());
        }
        let (path, query) = ("/".to_owned(), String::new());
        let request = ApiRequest { method: Method::GET, path, query, headers, body: Bytes::new() };
        authenticate(&pairs, &SecretKeys::of(&pairs), &request, 0)
            .map(|caller| caller.pair.client_key.clone())
            .map_err(|refusal| refusal.error.code)
    }

    #[test]
    fn each_wrong_credential_fails_in_its_own_way() {
        let basic = |text: &str| Some(format!("Basic {}", STANDARD.encode(text)));
        let cases = [
            (basic("test_sk_1:"), Ok("test_ck_1")),
            (Some(format!("Basic {}", STANDARD_NO_PAD.encode("test_sk_1:"))), Ok("test_ck_1")),
            (Some(format!("basic {}", STANDARD_NO_PAD.encode("test_gsk_1:"))), Ok("test_gck_1")),
            (None, Err("UNAUTHORIZED_KEY")),
            (basic("test_sk_2:"), Err("UNAUTHORIZED_KEY")),
            (basic("\u{feff}test_sk_1:"), Err("UNAUTHORIZED_KEY")),
            (basic("test_sk_1"), Err("INCORRECT_BASIC_AUTH_FORMAT")),
            (basic("test_sk_1:password"), Err("INCORRECT_BASIC_AUTH_FORMAT")),
            (Some("Bearer test_sk_1".to_owned()), Err("INCORRECT_BASIC_AUTH_FORMAT")),
            (Some("Basic %%%".to_owned()), Err("INCORRECT_BASIC_AUTH_FORMAT")),
            (basic("test_ck_1:"), Err("INVALID_API_KEY")),
        ];
        for (header, expected) in cases {
            assert_eq!(outcome(header.clone()), expected.map(str::to_owned), "{header:?}");
        }
    }
}
