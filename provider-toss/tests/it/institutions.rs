//! Every bank and card company of Toss' lists, in the order of codes/org-codes, and our code of it: what is sent for ours,
//! and what is made of Toss'.

use paymux_core::{
    model::{FailureReason, Method, Snapshot},
    provider::{CancelRequest, PaymentProvider, PaymentRequest, ProviderError},
};
use serde_json::{Value, json};

use crate::{
    cancel::{ALL, cancelled, refund_account, request},
    lookup::subject,
    request::{order, parameters, prepare},
    stub::{ACCOUNT_KEY, CARD_KEY, Reply, Stub, account, card},
};

const BANKS: [(&str, &str); 26] = [
    ("02", "002"),
    ("03", "003"),
    ("06", "004"),
    ("07", "007"),
    ("11", "011"),
    ("12", "012"),
    ("20", "020"),
    ("23", "023"),
    ("27", "027"),
    ("31", "031"),
    ("32", "032"),
    ("34", "034"),
    ("35", "035"),
    ("37", "037"),
    ("39", "039"),
    ("45", "045"),
    ("48", "048"),
    ("50", "050"),
    ("54", "054"),
    ("64", "064"),
    ("71", "071"),
    ("81", "081"),
    ("88", "088"),
    ("89", "089"),
    ("90", "090"),
    ("92", "092"),
];

/// 유안타, 신한, 삼성, KB, 미래에셋, 한국투자, 교보, 하이, 현대차, 키움, SK, 대신, 한화, 하나, DB, 유진, 메리츠, NH, 부국, 신영, LIG (케이프),
/// KTB (다올), 카카오페이, 펀드온라인코리아 (한국포스), 토스.
const SECURITIES_FIRMS: [(&str, &str); 25] = [
    ("S0", "209"),
    ("S2", "278"),
    ("S3", "240"),
    ("S4", "218"),
    ("S5", "238"),
    ("S6", "243"),
    ("S8", "261"),
    ("S9", "262"),
    ("SA", "263"),
    ("SB", "264"),
    ("SD", "266"),
    ("SE", "267"),
    ("SG", "269"),
    ("SH", "270"),
    ("SI", "279"),
    ("SJ", "280"),
    ("SK", "287"),
    ("SL", "247"),
    ("SM", "290"),
    ("SN", "291"),
    ("SO", "292"),
    ("SP", "227"),
    ("SQ", "288"),
    ("SR", "294"),
    ("ST", "271"),
];

/// Toss' code, our code, what is sent for ours.
const CARD_COMPANIES: [(&str, &str, &str); 30] = [
    ("3K", "003", "3K"),
    ("46", "364", "46"),
    ("71", "368", "71"),
    ("30", "002", "30"),
    ("31", "361", "31"),
    ("51", "365", "51"),
    ("38", "045", "38"),
    ("41", "366", "41"),
    ("62", "048", "62"),
    ("36", "370", "36"),
    ("33", "041", "우리"),
    ("W1", "041", "우리"),
    ("37", "071", "37"),
    ("39", "050", "39"),
    ("35", "372", "35"),
    ("42", "373", "42"),
    ("15", "090", "15"),
    ("3A", "089", "3A"),
    ("24", "092", "24"),
    ("21", "374", "21"),
    ("61", "367", "61"),
    ("11", "381", "11"),
    ("91", "371", "91"),
    ("34", "369", "34"),
    ("6D", "10002", "6D"),
    ("4M", "10004", "4M"),
    ("3C", "10001", "3C"),
    ("7A", "10003", "7A"),
    ("4J", "10006", "4J"),
    ("4V", "10005", "4V"),
];

/// What a look-up makes of `body` with this in the place of one of its objects' codes.
async fn shown(key: &str, body: &str, object: &str, field: &str, code: &str) -> Snapshot {
    let mut body: Value = serde_json::from_str(body).unwrap();
    body[object][field] = json!(code);
    let stub = Stub::replying([Reply::Json(200, body.to_string())]).await;
    stub.toss().verify(&subject(Some(key))).await.unwrap().charges.remove(0)
}

#[tokio::test]
async fn every_bank_goes_out_and_comes_back_as_one_code() {
    for (toss, ours) in BANKS.into_iter().chain(SECURITIES_FIRMS) {
        let stub = Stub::replying([Reply::Json(200, cancelled(&card(), json!({})))]).await;
        let request = CancelRequest { refund_account: Some(refund_account(ours)), ..request(ALL) };
        stub.toss().cancel(&request).await.unwrap();
        assert_eq!(stub.only().json()["refundReceiveAccount"]["bank"], toss, "{ours}");

        let snapshot = shown(ACCOUNT_KEY, &account(), "virtualAccount", "bankCode", toss).await;
        let account = snapshot.virtual_account.unwrap();
        assert_eq!((account.bank_code.unwrap().as_str(), account.pg_bank.as_deref()), (ours, Some(toss)));
        let snapshot = shown(CARD_KEY, &card(), "transfer", "bankCode", toss).await;
        assert_eq!(snapshot.method_detail.bank_code.unwrap().as_str(), ours);
    }
}

#[tokio::test]
async fn every_card_company_goes_out_and_comes_back_as_one_code() {
    for (toss, ours, sent) in CARD_COMPANIES {
        let request = PaymentRequest { card_issuer: ours.parse().ok(), ..order(Method::Card) };
        let window = parameters(&request).await;
        assert_eq!(
            (&window["card"]["cardCompany"], &window["card"]["flowMode"]),
            (&json!(sent), &json!("DIRECT"))
        );

        let detail = shown(CARD_KEY, &card(), "card", "issuerCode", toss).await.method_detail;
        assert_eq!(
            (detail.card_issuer.unwrap().as_str(), detail.pg_card_issuer.as_deref()),
            (ours, Some(toss))
        );
    }
}

#[tokio::test]
async fn refund_to_a_bank_toss_has_no_code_for_sends_nothing() {
    let stub = Stub::replying([]).await;
    let request = CancelRequest { refund_account: Some(refund_account("265")), ..request(ALL) };
    let refused = stub.toss().cancel(&request).await.unwrap_err();
    let ProviderError::Declined(failure) = refused else { panic!("{refused:?}") };
    assert_eq!((failure.reason, failure.pg), (FailureReason::InvalidRefundAccount, None));
    assert_eq!(stub.count(), 0);
}

/// A cancel that was stored with Toss' own code is repeated under its key with the body it was first sent with.
#[tokio::test]
async fn refund_account_of_an_older_build_is_sent_as_it_was() {
    for bank in ["88", "06", "S3"] {
        let stored = json!({ "bank_code": bank, "account_number": "110234567890", "holder_name": "박서준" });
        let account = serde_json::from_value(stored).unwrap();
        let stub = Stub::replying([Reply::Json(200, cancelled(&card(), json!({})))]).await;
        stub.toss().cancel(&CancelRequest { refund_account: Some(account), ..request(ALL) }).await.unwrap();
        assert_eq!(stub.only().json()["refundReceiveAccount"]["bank"], bank);
    }
}

#[tokio::test]
async fn server_checkout_names_the_card_company_too() {
    let mut ready: Value = serde_json::from_str(&card()).unwrap();
    (ready["status"], ready["approvedAt"]) = (json!("READY"), Value::Null);
    let stub = Stub::replying([Reply::Json(200, ready.to_string())]).await;
    let toss = stub.toss_with(|config| config.checkout = paymux_toss::Checkout::Server);
    let request = PaymentRequest { card_issuer: "041".parse().ok(), ..order(Method::Card) };
    toss.request(&request).await.unwrap();
    let sent = stub.only().json();
    assert_eq!((&sent["cardCompany"], &sent["flowMode"]), (&json!("우리"), &json!("DIRECT")));
    assert_eq!(sent.get("easyPay"), None);
    let both = PaymentRequest { easy_pay_provider: Some("tosspay".to_owned()), ..request };
    assert_eq!(prepare(&both, |_| ()).await.unwrap_err().name(), "unsupported");
}
