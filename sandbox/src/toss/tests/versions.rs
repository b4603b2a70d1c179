//! What the API version of a key changes.

use serde_json::{Value, json};

use super::{
    super::{ApiVersion, KeyPair, TossConfig},
    bench::Bench,
};
use crate::{OrderAction, PayMethod};

async fn at(version: ApiVersion) -> Bench {
    let pair = KeyPair { api_version: version, ..KeyPair::new("test_ck_old", "test_sk_old") };
    Bench::with(TossConfig { keys: vec![pair], ..TossConfig::default() }).await
}

fn has(value: &Value, name: &str) -> bool {
    value.as_object().unwrap().contains_key(name)
}

#[tokio::test]
async fn names_of_fields_depend_on_the_version() {
    for version in ApiVersion::ALL {
        let bench = at(version).await;
        let card = bench.confirmed("order-0001", PayMethod::Card, 1_000).await;
        let account = bench.confirmed("order-0002", PayMethod::VirtualAccount, 1_000).await;
        let wallet = bench.confirmed("order-0003", PayMethod::EasyPay, 1_000).await;
        assert_eq!(card["version"], version.as_str());
        let numeric = version >= ApiVersion::V2022November;
        assert_eq!(has(&card, "lastTransactionKey"), numeric, "{version:?}");
        assert_eq!(has(&card, "transactionKey"), !numeric, "{version:?}");
        assert_eq!(has(&card["card"], "issuerCode"), numeric, "{version:?}");
        assert_eq!(has(&card["card"], "company"), !numeric, "{version:?}");
        let bank =
            if numeric { &account["virtualAccount"]["bankCode"] } else { &account["virtualAccount"]["bank"] };
        assert_eq!(bank, if numeric { "20" } else { "우리" }, "{version:?}");
        let flat = version <= ApiVersion::V1_4;
        assert_eq!(wallet["easyPay"].is_string(), flat, "{version:?}");
        assert_eq!(has(&card["card"], "receiptUrl"), flat, "{version:?}");
        assert_eq!(has(&card, "receipt"), !flat, "{version:?}");
        assert_eq!(has(&card, "country"), version >= ApiVersion::V1_4, "{version:?}");
    }
}

#[tokio::test]
async fn a_bad_deposit_waits_again_or_cancels_by_version() {
    for version in ApiVersion::ALL {
        let bench = at(version).await;
        let payment = bench.deposited("order-0001", 1_000).await;
        bench.control.reverse(&OrderAction::all_of("order-0001")).unwrap();
        let payment = bench.look_up(&payment).await;
        let expected = if version <= ApiVersion::V1_4 { "CANCELED" } else { "WAITING_FOR_DEPOSIT" };
        assert_eq!(
            (&payment["status"], &payment["approvedAt"]),
            (&json!(expected), &Value::Null),
            "{version:?}"
        );
        assert_eq!(bench.money("order-0001"), (0, 0));
    }
}
