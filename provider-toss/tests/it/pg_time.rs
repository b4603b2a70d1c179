//! Toss' clock: the `Date` of a look-up that finds nothing.

use paymux_core::provider::{PaymentProvider, ProviderError, Response};

use crate::stub::{Reply, Stub};

#[tokio::test]
async fn pg_time_is_the_date_of_any_answer() {
    let date = "date: Sat, 14 Mar 2026 01:31:02 GMT";
    let not_found = r#"{"code": "NOT_FOUND_PAYMENT", "message": "존재하지 않는 결제 정보 입니다."}"#;
    for (status, body) in [(404, not_found), (401, "{}"), (429, ""), (502, "<html>"), (200, "")] {
        let stub = Stub::replying([Reply::With(status, date, body.to_owned())]).await;
        let time = stub.toss().pg_time().await.unwrap();
        assert_eq!(time, "2026-03-14T01:31:02Z".parse().unwrap(), "{status}");
        assert_eq!(stub.only().line, "GET /v1/payments/orders/no-such-order");
    }
}

#[tokio::test]
async fn answer_without_a_date_tells_no_time() {
    for header in ["x-stub: 1", "date: soon", "date: 2026-03-14T01:31:02Z"] {
        let stub = Stub::replying([Reply::With(404, header, String::new())]).await;
        let error = stub.toss().pg_time().await.unwrap_err();
        assert!(matches!(error, ProviderError::Unknown(Response::Unanswered(_))), "{error:?}");
        assert_eq!(error.detail(), "the answer's Date header is missing or not a date");
    }
}
