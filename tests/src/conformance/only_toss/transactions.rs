//! Toss' list of transactions.

use std::{collections::HashSet, time::Duration};

use paymux_core::{
    model::PgPaymentId,
    provider::{MovementKind, Page, PgMovement},
};
use paymux_sandbox::{Fault, FaultRule, OrderAction, toss::ApiVersion};
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

/// Toss was seen to refuse the last key of a page. The rows behind it are read all the same.
pub async fn wrong_paging_key_hides_no_row() {
    for code in ["INVALID_TRANSACTION_KEY", "INVALID_PAGING_KEY"] {
        let bench = TossBench::start().await;
        let (from, rows) = (bench.now(), TossBench::ROWS_PER_PAGE * 3 / 2);
        for n in 0..rows {
            bench.control().add_foreign_payment(&TossBench::foreign_row()).unwrap();
            if n % 7 == 0 {
                bench.advance(Duration::from_secs(1));
            }
        }
        let movements = bench.provider().movements().unwrap();
        let first = movements.page(from, bench.now(), None).await.unwrap();
        let rule = FaultRule::new("transactions", Fault::ErrorBefore);
        let body = Some(json!({ "code": code, "message": "잘못된 페이징 키 입니다." }));
        bench.fault(FaultRule { status: Some(400), body, ..rule }).await;
        let (mut named, mut cursor) = (names(&first), first.next);
        assert!(named.len() < rows && cursor.is_some());
        while let Some(next) = cursor {
            let page = movements.page(from, bench.now(), Some(&next)).await.unwrap();
            named.extend(names(&page));
            cursor = page.next;
        }
        assert_eq!(named.len(), rows, "{code}");
    }
}

fn names(page: &Page<PgMovement>) -> HashSet<PgPaymentId> {
    page.rows.iter().filter_map(|row| row.pg_payment_id.clone()).collect()
}
