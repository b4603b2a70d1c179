//! What a demo says when it is ready.

use url::Url;

/// The banner: where things are, the key, and a first payment to try.
pub(crate) fn banner(public_url: &Url, admin: std::net::SocketAddr) -> String {
    let api = public_url.as_str().trim_end_matches('/');
    format!(
        "
  Paymux demo: everything is simulated, no money moves.

    API            {api}
    Documentation  {api}/docs
    Admin          http://{admin}
    Merchant key   sk_test_demo

  Try it:

    curl -s {api}/v1/payments -H 'Authorization: Bearer sk_test_demo' -H 'Content-Type: application/json' \\
      -d '{{\"order_id\":\"order-1\",\"order_name\":\"T-shirt\",\"amount\":15000,\"currency\":\"KRW\",\"return_url\":\"http://localhost:3000/return\"}}'

  Then let the buyer pay, with the id from the answer:

    curl -s {api}/_sandbox/pay -H 'Content-Type: application/json' -d '{{\"payment_id\":\"pay_…\",\"outcome\":\"approve\"}}'

  and confirm what the browser brought back:

    curl -s {api}/v1/payments/pay_…/confirm -H 'Authorization: Bearer sk_test_demo' -H 'Content-Type: application/json' \\
      -d '{{\"browser_result\":{{…}}}}'

"
    )
}
