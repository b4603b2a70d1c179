//! PortOne's clock.

use jiff::Timestamp;
use paymux_core::provider::PaymentProvider as _;

use super::{
    provider, refused,
    stub::{HANG_UP, Stub},
};

async fn time(headers: &'static str, status: u16) -> Result<Timestamp, &'static str> {
    let stub = Stub::with_headers(headers, move |_| refused(status, -1, "Unauthorized")).await;
    let time = provider(&stub.url).pg_time().await;
    let asked = stub.all();
    assert_eq!(asked.len(), 1, "one request, and no login");
    assert_eq!((asked[0].line.as_str(), &asked[0].authorization), ("GET /users/pg", &None));
    time.map_err(|error| error.name())
}

#[tokio::test]
async fn date_header_counts_whatever_the_status() {
    let time_of_answer = "2026-03-01T01:15:12Z".parse::<Timestamp>().unwrap();
    for status in [200, 401, 404, 500] {
        assert_eq!(
            time("\r\ndate: Sun, 01 Mar 2026 01:15:12 GMT", status).await,
            Ok(time_of_answer),
            "{status}"
        );
    }
    assert_eq!(time("\r\nDate: Sunday, 01-Mar-26 01:15:12 GMT", 401).await, Ok(time_of_answer));
}

#[tokio::test]
async fn answer_without_a_date_is_no_time() {
    for headers in ["", "\r\ndate: ", "\r\ndate: 1772327712", "\r\ndate: Sun, 31 Feb 2026 01:15:12 GMT"] {
        assert_eq!(time(headers, 401).await, Err("unanswered"), "{headers}");
    }
    assert_eq!(time("", HANG_UP).await, Err("unanswered"));
}
