//! Texts as merchants have them, and as each PG gets them.

use serde_json::{Value, json};
use tests::harness::Shop;

const FAMILY: &str = "👨\u{200d}👩\u{200d}👧";

/// What the window of a prepared payment is asked for.
fn window(prepared: &Value) -> Value {
    prepared["next_action"]["calls"].as_array().unwrap().last().unwrap()["args"][0].clone()
}

/// Emoji and line breaks come from product pages, `+82` from an address book, and `""` from a form that was left blank. None
/// of it is a reason to lose a sale.
#[tokio::test]
async fn texts_are_mended_for_people_and_for_each_pg() {
    for account in ["toss", "portone"] {
        let shop = Shop::open(account, "card").await;
        let fields = json!({
            "order_name": format!("José 선물\r\n세트 {FAMILY}\u{200b}"),
            "customer": { "id": "", "name": format!("홍길동{FAMILY}"), "email": "", "phone": "+82 (0)10-1234.5678" },
            "account": "", "locale": "", "card": { "issuer": "" }, "easy_pay": { "provider": "" },
        });
        let registered = shop.register_with("order-1", fields.clone()).await.expect(201, "ready");
        assert_eq!(registered["order_name"], format!("José 선물 세트 {FAMILY}"));
        let again = shop.register_with("order-1", fields).await.expect(200, "ready");
        assert_eq!(again["id"], registered["id"], "the same body is the same payment");
        let id = registered.text("id");
        let window = window(&shop.next_action(&id).await.expect(200, "ready").body);
        let (order_name, name, phone, expected) = if account == "toss" {
            let whole = (format!("José 선물 세트 {FAMILY}"), format!("홍길동{FAMILY}"));
            ("orderName", "customerName", "customerMobilePhone", whole)
        } else {
            ("name", "buyer_name", "buyer_tel", ("Jose 선물 세트".to_owned(), "홍길동".to_owned()))
        };
        assert_eq!(
            (&window[order_name], &window[name]),
            (&json!(expected.0), &json!(expected.1)),
            "{window:#}"
        );
        assert_eq!(window[phone], "01012345678");
        shop.pay(&id).await;
        shop.close().await;
    }
}
