use std::sync::Arc;

use futures_util::StreamExt as _;
use poem::{EndpointExt as _, Route, endpoint::make, http::Method, test::TestClient, test::TestResponse};
use poem_openapi::{
    Object, OpenApi, OpenApiService,
    param::{Header, Path, Query},
    payload::{Json, PlainText},
};
use serde_json::Value;

use super::*;
use crate::{
    api::ApiError,
    config::{Config, RunMode},
    http::{Bodies, BodyLimits, Expected, MerchantAuth, MerchantKeys},
};

/// What a caller sends where it must not come back.
const SUBMITTED: &str = "4242-4242-4242-4242";

#[derive(Object)]
struct Order {
    #[oai(validator(max_length = 10))]
    name: String,
    #[oai(validator(minimum(value = "1")))]
    amount: u64,
}

struct Api;

#[OpenApi]
impl Api {
    /// Takes an order
    #[oai(path = "/orders", method = "post")]
    async fn create(&self, order: Json<Order>) -> PlainText<String> {
        PlainText(format!("{} {}", order.name, order.amount))
    }

    /// Shows an order
    #[oai(path = "/orders/:number", method = "get")]
    async fn show(
        &self,
        number: Path<u32>,
        page: Query<Option<u32>>,
        #[oai(name = "X-Shard")] shard: Header<Option<u8>>,
    ) -> Result<PlainText<String>, ApiError> {
        if number.0 == 7 {
            return Err(ApiError::new(ErrorCode::NotFound));
        }
        Ok(PlainText(format!("{} {:?} {:?}", number.0, page.0, shard.0)))
    }

    /// Says who calls
    #[oai(path = "/who", method = "get")]
    async fn who(&self, auth: MerchantAuth) -> PlainText<String> {
        PlainText(auth.0.to_string())
    }
}

fn client() -> TestClient<impl Endpoint> {
    let config = Config::load(RunMode::Demo, None, []).unwrap();
    let routes = Route::new()
        .nest("/", OpenApiService::new(Api, "test", "1"))
        .at("/panic", make(|_| async { panic_with::<&'static str>(SUBMITTED) }))
        .at("/never", make(|_| std::future::pending::<&'static str>()))
        .at("/broken", make(|_| async { Err::<(), _>(broken()) }))
        .data(MerchantKeys::new(&config));
    let routes = Bodies::new(routes, BodyLimits { bytes: 1_000, requests: 2 }, Arc::new(|_| true));
    let document = serde_json::from_str(&OpenApiService::new(Api, "test", "1").spec()).unwrap();
    client_of(Funnel::new(routes, Duration::from_millis(200), Addresses::of(&document)))
}

fn client_of<E: Endpoint>(endpoint: E) -> TestClient<E> {
    TestClient::new(endpoint).default_header("Host", "pay.example")
}

fn panic_with<T>(text: &str) -> T {
    panic!("{text}")
}

fn broken() -> Error {
    let error = std::io::Error::other(format!("cannot store {SUBMITTED}"));
    Error::new(error, StatusCode::INTERNAL_SERVER_ERROR)
}

/// Checks that the answer is a problem of this code in our shape.
async fn assert_problem(answer: TestResponse, code: ErrorCode, param: Option<&str>) {
    let response = answer.0;
    let name = code.name();
    assert_eq!(response.status(), code.status(), "{name}");
    assert_eq!(response.content_type(), Some("application/problem+json"), "{name}");
    assert_eq!(response.header("Cache-Control"), Some("no-store"), "{name}");
    let id = response.header("X-Request-Id").unwrap().to_owned();
    let body = response.into_body().into_string().await.unwrap();
    // One random id in two thousand holds the digits by chance.
    assert!(!body.replace(&id, "").contains("4242"), "{name}: {body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["code"], name);
    assert_eq!(body["request_id"], id, "{name}");
    assert_eq!(body.get("param").and_then(Value::as_str), param, "{name}");
}

async fn post(body: &str, content_type: &str) -> TestResponse {
    let client = client();
    client.post("/orders").content_type(content_type).body(body.to_owned()).send().await
}

#[tokio::test]
async fn a_body_that_is_not_what_was_asked_for_is_not_repeated() {
    for (body, param) in [
        (format!("{{\"name\": \"{SUBMITTED}"), None),
        (SUBMITTED.to_owned(), None),
        (format!("\"{SUBMITTED}\""), None),
        (format!("{{\"name\": \"a\", \"amount\": \"{SUBMITTED}\"}}"), None),
        (format!("{{\"{SUBMITTED}\": 1}}"), None),
        (format!("{{\"name\": \"{SUBMITTED}\", \"amount\": 1}}"), Some("name")),
        ("{\"name\": \"a\", \"amount\": 0}".to_owned(), Some("amount")),
        (String::new(), None),
        ("[".repeat(900), None),
    ] {
        assert_problem(post(&body, "application/json").await, ErrorCode::InvalidBody, param).await;
    }
}

#[tokio::test]
async fn a_caller_cannot_name_the_parameter() {
    for (reason, field) in [
        ("failed to parse \"Order\": field `name` verification failed. maxLength(10)", Some("name")),
        (
            "Expected input type \"Order\", found \"failed to parse \\\"A\\\": field `x` verification failed.\"",
            None,
        ),
        ("failed to parse \"A\": field `4242-4242` verification failed. x", None),
        ("failed to parse \"A\": field `x`", None),
    ] {
        assert_eq!(refused_field(reason), field, "{reason}");
    }
}

#[tokio::test]
async fn wrong_parameter_is_named_and_not_repeated() {
    let client = client();
    let path = client.get(format!("/orders/{SUBMITTED}")).send().await;
    assert_problem(path, ErrorCode::NotFound, None).await;
    let query = client.get("/orders/1").query("page", &SUBMITTED).send().await;
    assert_problem(query, ErrorCode::InvalidParameter, Some("page")).await;
    let header = client.get("/orders/1").header("X-Shard", SUBMITTED).send().await;
    assert_problem(header, ErrorCode::InvalidParameter, Some("X-Shard")).await;
}

#[tokio::test]
async fn another_media_type_is_refused() {
    let form = format!("name={SUBMITTED}");
    let answer = post(&form, "application/x-www-form-urlencoded").await;
    assert_problem(answer, ErrorCode::UnsupportedMediaType, None).await;
    let answer = post("{}", SUBMITTED).await;
    assert_problem(answer, ErrorCode::UnsupportedMediaType, None).await;
}

#[tokio::test]
async fn an_unknown_route_is_not_found_and_not_repeated() {
    for path in ["/nowhere", "/4242-4242", "/orders/1/4242", "/.."] {
        let answer = client().get(path).send().await;
        assert_problem(answer, ErrorCode::NoSuchRoute, None).await;
    }
}

#[tokio::test]
async fn an_address_that_is_no_text_is_malformed() {
    let answer = client().get("/%ff%fe4242").send().await;
    assert_problem(answer, ErrorCode::MalformedRequest, None).await;
}

#[tokio::test]
async fn another_method_is_not_allowed() {
    let answer = client().delete("/orders").send().await;
    assert_eq!(answer.0.header("Allow"), Some("POST"));
    assert_problem(answer, ErrorCode::MethodNotAllowed, None).await;
    let answer = client().request(Method::from_bytes(b"BREW").unwrap(), "/orders").send().await;
    assert_problem(answer, ErrorCode::MethodNotAllowed, None).await;
}

#[tokio::test]
async fn a_head_is_answered_like_a_get_without_its_body() {
    for (path, status) in [("/orders/1", 200), ("/nowhere", 404), ("/orders/x", 404)] {
        let response = client().head(path).send().await.0;
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert!(response.header("X-Request-Id").is_some());
        assert!(response.into_body().into_bytes().await.unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_large_body_is_refused_announced_or_not() {
    let large = "4".repeat(1_001);
    assert_problem(post(&large, "application/json").await, ErrorCode::BodyTooLarge, None).await;
    let announced = client().post("/orders").header("Content-Length", "1001").send().await;
    assert_problem(announced, ErrorCode::BodyTooLarge, None).await;
    let fits = format!("{{\"name\":\"a\",\"amount\":1}}{}", " ".repeat(900));
    post(&fits, "application/json").await.assert_status_is_ok();
}

/// A body that never ends.
fn endless() -> Body {
    let first = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"{"))]);
    Body::from_bytes_stream(first.chain(futures_util::stream::pending()))
}

fn routes(request_time: Duration, requests: usize, expected: Expected) -> Funnel<Bodies<Route>> {
    let echo = make(|mut request: Request| async move {
        let body = request.take_body().into_string().await.map_err(Error::from)?;
        Ok::<_, Error>(format!("read {body:?}"))
    });
    let never = make(|_| std::future::pending::<&'static str>());
    let routes = Route::new().at("/echo", echo).at("/never", never);
    let bodies = Bodies::new(routes, BodyLimits { bytes: 1_000, requests }, expected);
    Funnel::new(bodies, request_time, Addresses::default())
}

#[tokio::test(start_paused = true)]
async fn body_that_does_not_arrive_is_given_up() {
    let client = client_of(routes(Duration::from_secs(60), 2, Arc::new(|_| true)));
    let begun = tokio::time::Instant::now();
    let answer = client.post("/echo").body(endless()).send().await;
    assert_problem(answer, ErrorCode::TimedOut, None).await;
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn body_without_a_known_sender_is_not_read() {
    let client = client_of(routes(Duration::from_secs(60), 2, Arc::new(|_| false)));
    let answer = client.post("/echo").body(endless()).send().await;
    answer.assert_text("read \"\"").await;
}

#[tokio::test(start_paused = true)]
async fn request_too_many_is_overloaded_until_another_ends() {
    let client = client_of(routes(Duration::from_secs(60), 1, Arc::new(|_| true)));
    let answers = futures_util::future::join(client.get("/never").send(), async {
        let refused = client.get("/echo").send().await;
        assert_eq!(refused.0.header("Retry-After"), Some("1"));
        assert_problem(refused, ErrorCode::Overloaded, None).await;
    });
    let (never, ()) = answers.await;
    assert_problem(never, ErrorCode::TimedOut, None).await;
    client.get("/echo").send().await.assert_status_is_ok();
}

#[tokio::test]
async fn request_of_http_1_1_names_its_host() {
    let endpoint = routes(Duration::from_secs(60), 1, Arc::new(|_| true));
    for (host, status) in [(None, 400), (Some("pay.example"), 200)] {
        let mut request = Request::builder().version(Version::HTTP_11).uri_str("/echo");
        if let Some(host) = host {
            request = request.header("Host", host);
        }
        let response = endpoint.call(request.finish()).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{host:?}");
    }
}

#[tokio::test]
async fn a_header_that_must_be_single_is_refused_twice() {
    let client = client();
    let request = client.get("/orders/1").header("Idempotency-Key", "a");
    let answer = request.header("Idempotency-Key", SUBMITTED).send().await;
    assert_problem(answer, ErrorCode::MalformedRequest, Some("idempotency-key")).await;
}

#[tokio::test]
async fn a_header_that_is_no_text_is_not_taken_for_an_absent_one() {
    let unreadable = poem::http::HeaderValue::from_bytes(b"key-\xe9").unwrap();
    let answer = client().get("/orders/1").header("Idempotency-Key", unreadable).send().await;
    assert_problem(answer, ErrorCode::MalformedRequest, Some("idempotency-key")).await;
}

#[tokio::test]
async fn request_without_a_key_is_answered_how_to_send_one() {
    let response = client().get("/who").header("Authorization", SUBMITTED).send().await;
    assert_eq!(response.0.header("WWW-Authenticate"), Some("Bearer"));
    assert_problem(response, ErrorCode::Unauthenticated, None).await;
}

#[tokio::test]
async fn a_panic_and_a_failure_tell_nothing_of_themselves() {
    for path in ["/panic", "/broken"] {
        assert_problem(client().get(path).send().await, ErrorCode::Internal, None).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_answered() {
    assert_problem(client().get("/never").send().await, ErrorCode::TimedOut, None).await;
}

#[tokio::test]
async fn an_error_of_a_handler_is_answered_as_it_is() {
    assert_problem(client().get("/orders/7").send().await, ErrorCode::NotFound, None).await;
}

#[tokio::test]
async fn an_id_the_caller_sends_is_not_taken_over() {
    let response = client().get("/orders/1").header("X-Request-Id", SUBMITTED).send().await.0;
    let ids: Vec<_> = response.headers().get_all("X-Request-Id").iter().collect();
    assert_eq!(ids.len(), 1);
    assert!(ids[0].to_str().unwrap().starts_with("req_"));
}
