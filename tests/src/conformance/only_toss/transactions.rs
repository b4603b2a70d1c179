//! Toss' list of transactions.

use std::time::Duration;

use gateway_core::MovementKind;
use sandbox::{Fault, FaultRule, OrderAction, toss::ApiVersion};
use serde_json::json;

use crate::conformance::{TossBench, bench::Bench, movements::listed, requests::order};

/// Toss does not document whether a reversed deposit makes a row. Whatever it makes, the list can be read, and says
/// nothing that came in twice.
pub async fn reversed_deposit_is_a_row_of_some_kind() {
    for version in ApiVersion::ALL {
        let bench = TossBench::at(version).await;
        let from = bench.now();
        bench.deposited(&order(1)).await;
        bench.advance(Duration::from_secs(60));
        bench.control().reverse(&OrderAction::all_of(order(1).as_str())).unwrap();
        let listed = listed(&bench, from, bench.now()).await;
        assert_eq!(listed.unreadable, 0, "{version:?}");
        let came_in = listed.rows.iter().filter(|row| row.kind == MovementKind::In).count();
        assert_eq!(came_in, 1, "{version:?}: {:?}", listed.rows);
    }
}

/// Toss was seen to refuse the last key of a page. The rows behind it must not look as if there were none.
pub async fn wrong_paging_key_is_no_end_of_the_list() {
    let bench = TossBench::start().await;
    for code in ["INVALID_TRANSACTION_KEY", "INVALID_PAGING_KEY"] {
        let rule = FaultRule::new("transactions", Fault::ErrorBefore);
        let body = Some(json!({ "code": code, "message": "잘못된 페이징 키 입니다." }));
        bench.fault(FaultRule { status: Some(400), body, ..rule }).await;
        let movements = bench.provider().movements().unwrap();
        let refused = movements.page(bench.now(), bench.now(), Some("txrd_of_the_last_row")).await;
        assert_eq!(refused.unwrap_err().name(), "unknown", "{code}");
    }
}
