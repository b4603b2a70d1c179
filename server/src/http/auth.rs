//! Who calls: a merchant, by the key it sends.

use std::sync::Arc;

use paymux_core::model::MerchantId;
use poem::{Request, http::header::AUTHORIZATION};
use poem_openapi::{SecurityScheme, auth::Bearer};

use crate::config::{Config, KeyHash};

/// Keys are far shorter; there is no reason to hash a megabyte.
const MAX_KEY_LENGTH: usize = 256;

/// The hashes of all merchants' keys. Given to the routes with `EndpointExt::data`.
#[derive(Clone, Debug)]
pub struct MerchantKeys(Arc<[(KeyHash, MerchantId)]>);

impl MerchantKeys {
    /// Those of the configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let keys = config
            .merchants
            .values()
            .flat_map(|merchant| merchant.keys.iter().map(|key| (key.clone(), merchant.id.clone())));
        Self(keys.collect())
    }

    /// Whose key this is. Every hash is compared whole, so that the time taken tells nothing.
    #[must_use]
    pub fn owner(&self, key: &str) -> Option<MerchantId> {
        if key.is_empty() || key.len() > MAX_KEY_LENGTH {
            return None;
        }
        let hash = KeyHash::of(key);
        self.0.iter().fold(
            None,
            |found, (known, name)| {
                if known.matches(&hash) { Some(name.clone()) } else { found }
            },
        )
    }
}

/// A merchant's secret key, as `paymux key` makes it: `Authorization: Bearer sk_…`.
#[derive(Debug, SecurityScheme)]
#[oai(ty = "bearer", rename = "MerchantKey", checker = "authenticate")]
pub struct MerchantAuth(pub MerchantId);

#[expect(clippy::unused_async, reason = "poem-openapi awaits what a checker returns")]
async fn authenticate(request: &Request, bearer: Bearer) -> Option<MerchantId> {
    // With two of them, a proxy before us may have looked at the other one.
    let once = request.headers().get_all(AUTHORIZATION).iter().count() == 1;
    let keys = request.data::<MerchantKeys>()?;
    if once { keys.owner(&bearer.token) } else { None }
}

/// Whether the request's key is a merchant's, before any of its body was read.
pub(crate) fn is_by_a_merchant(request: &Request, keys: &MerchantKeys) -> bool {
    bearer_token(request).is_some_and(|token| keys.owner(token).is_some())
}

/// What stands after `Authorization: Bearer`.
pub(crate) fn bearer_token(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header(AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use poem::{EndpointExt as _, Route, test::TestClient};
    use poem_openapi::{OpenApi, OpenApiService, payload::PlainText};

    use super::*;
    use crate::config::RunMode;

    struct Api;

    #[OpenApi]
    impl Api {
        /// Says who calls
        #[oai(path = "/who", method = "get")]
        async fn who(&self, auth: MerchantAuth) -> PlainText<String> {
            PlainText(auth.0.to_string())
        }
    }

    fn client() -> TestClient<impl poem::Endpoint> {
        let config = Config::load(RunMode::Demo, None, []).unwrap();
        let service = OpenApiService::new(Api, "test", "1");
        TestClient::new(Route::new().nest("/", service).data(MerchantKeys::new(&config)))
    }

    #[tokio::test]
    async fn a_key_names_its_merchant() {
        let answer = client().get("/who").header("Authorization", "Bearer sk_test_demo").send().await;
        answer.assert_status_is_ok();
        answer.assert_text("demo").await;
    }

    #[tokio::test]
    async fn whoever_sends_no_valid_key_is_nobody() {
        let long = format!("Bearer {}", "x".repeat(100_000));
        for header in ["", "Bearer", "Bearer ", "Bearer sk_test_dem", "Basic c2tfdGVzdF9kZW1vOg==", &long] {
            let answer = client().get("/who").header("Authorization", header).send().await;
            assert_eq!(answer.0.status(), 401, "{:.40}", header);
        }
        assert_eq!(client().get("/who").send().await.0.status(), 401);
    }

    #[tokio::test]
    async fn two_keys_at_once_are_none() {
        let answer = client()
            .get("/who")
            .header("Authorization", "Bearer sk_test_demo")
            .header("Authorization", "Bearer other")
            .send()
            .await;
        assert_eq!(answer.0.status(), 401);
    }
}
