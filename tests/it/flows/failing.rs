//! Windows that came to nothing, in the words of either PG.

use serde_json::{Value, json};
use tests::harness::{Shop, eventually};

/// A buyer's visit, and what the PG says of it.
async fn visit(shop: &Shop, id: &str, mut visit: Value, text: Option<&str>) -> Value {
    visit["payment_id"] = id.into();
    if let Some(text) = text {
        visit["text"] = text.into();
    }
    shop.buyer_with(visit).await
}

/// PGs have many words for a window that the buyer closed, and some mark the payment as failed. For the merchant it is one
/// outcome: the payment is as it was.
pub(crate) async fn window_closed_in_other_words(shop: &mut Shop) {
    let words = ["사용자에 의한 취소입니다.(091)", "결제가 취소되었습니다", "사용자취소", "userCancel"];
    for (number, text) in words.into_iter().enumerate() {
        let id = shop.register(&format!("order-{number}")).await;
        let result = visit(shop, &id, json!({ "outcome": "close" }), Some(text)).await;
        let closed = shop.confirm(&id, &result).await.expect(200, "ready");
        assert_eq!(closed["last_attempt"]["code"], "buyer_closed", "{text}");
        assert_eq!(closed["last_attempt"]["failure"]["pg"]["message"], text);
        assert_eq!(closed["failure"], Value::Null, "{text}");
        let verified = shop.verify(&id).await.expect(200, "ready");
        assert_eq!(verified["last_attempt"]["code"], "buyer_closed", "{text}");
        assert_eq!(shop.events_of(&id).await, ["payment.registered"], "{text}");
        shop.next_action(&id).await.expect(200, "ready");
        shop.pay(&id).await;
    }
}

/// The merchant's contract or channel is wrong: nobody is told that it is the buyer's card.
pub(crate) async fn refused_for_the_contract(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    let (code, text) = match shop.account.as_str() {
        "toss" => ("PAY_PROCESS_ABORTED", "계약된 결제수단이 아닙니다."),
        _ => ("F0400", "결제에 실패하였습니다. [8901] 미등록PG업체/거래정지업체"),
    };
    let declined = json!({ "outcome": "decline", "decline_code": code });
    let result = visit(shop, &id, declined, Some(text)).await;
    let refused = shop.confirm(&id, &result).await.expect(502, "provider_misconfigured");
    assert_eq!(refused["pg"]["message"], text);
    let shown = shop.payment(&id).await;
    assert_eq!(shown["amount_paid"], 0);
    let failure = &shown["last_attempt"]["failure"];
    assert_eq!(
        (&failure["reason"], &failure["pg"]["message"]),
        (&json!("provider_misconfigured"), &json!(text))
    );
    if shown["status"] == "failed" {
        assert_eq!(shown["failure"], *failure, "the PG shows it, so the payment does");
    }
    for word in ["카드", "비밀번호", "한도"] {
        assert!(!failure["message_ko"].as_str().unwrap().contains(word), "{failure:#}");
    }
    // The operator has mended it.
    shop.next_action(&id).await;
    shop.pay(&id).await;
}

/// What the PG said of a decline stands wherever the payment does, not only in the first answer.
pub(crate) async fn pgs_words_are_shown_everywhere(shop: &mut Shop) {
    let id = shop.register("order-1").await;
    let result = shop.buyer(&id, "decline").await;
    let declined = shop.confirm(&id, &result).await.expect(402, "payment_declined");
    let pg = declined["pg"].clone();
    assert!(pg["code"].is_string() && !pg["message"].as_str().unwrap().is_empty(), "{pg:#}");
    let event = eventually(async || {
        let events = shop.events().await;
        let failed = events.into_iter().find(|event| event["type"] == "payment.failed");
        failed.ok_or_else(|| "no payment.failed".to_owned())
    })
    .await;
    let listed = shop.payments().await.remove(0);
    let verified = shop.verify(&id).await.expect(200, "failed").body;
    for (place, payment) in [
        ("402", &declined["payment"]),
        ("read", &shop.payment(&id).await),
        ("list", &listed),
        ("event", &event["data"]),
        ("verify", &verified),
    ] {
        assert_eq!(payment["failure"]["pg"], pg, "{place}");
        assert_eq!(payment["last_attempt"]["failure"], payment["failure"], "{place}");
        assert_eq!(payment["failure"]["reason"], declined["reason"], "{place}");
    }
}
