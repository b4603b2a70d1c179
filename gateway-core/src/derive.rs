//! What a payment's status is, given what the PG says now.

use jiff::Timestamp;

use crate::{PaymentStatus, PgStatus, Snapshot};

/// The status one PG payment gives, on amounts before labels: Toss leaves `PARTIAL_CANCELED` with
/// nothing left, PortOne V1 leaves a partly cancelled payment `paid`.
///
/// `sent`: whether we asked the PG to take the money and have no definite answer. Only then does
/// an untouched payment mean "confirming".
#[must_use]
pub fn derive(snapshot: &Snapshot, sent: bool, now: Timestamp) -> PaymentStatus {
    if !snapshot.paid.is_zero() {
        return if snapshot.cancelled.is_zero() {
            PaymentStatus::Paid
        } else if snapshot.balance().is_zero() {
            PaymentStatus::Cancelled
        } else {
            PaymentStatus::PartiallyCancelled
        };
    }
    match snapshot.status {
        PgStatus::AwaitingDeposit if is_overdue(snapshot, now) => PaymentStatus::Expired,
        PgStatus::AwaitingDeposit => PaymentStatus::AwaitingDeposit,
        // A PG that says "paid" of no money is not believed: ask again.
        PgStatus::Ready | PgStatus::InProgress | PgStatus::Paid if sent => PaymentStatus::Confirming,
        PgStatus::Ready | PgStatus::InProgress | PgStatus::Paid => PaymentStatus::Ready,
        PgStatus::Cancelled => PaymentStatus::Cancelled,
        PgStatus::Failed => PaymentStatus::Failed,
        PgStatus::Expired => PaymentStatus::Expired,
    }
}

/// Of several PG payments, the one that decides: money first, then an account that waits for it,
/// then a window that is still open; what ended counts only when nothing else is left.
#[must_use]
pub(crate) fn decisive<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> Option<&'a Snapshot> {
    snapshots.into_iter().max_by_key(|snapshot| {
        let rank = match snapshot.status {
            _ if !snapshot.balance().is_zero() => 6,
            _ if !snapshot.paid.is_zero() => 5,
            PgStatus::AwaitingDeposit => 4,
            PgStatus::InProgress => 3,
            PgStatus::Ready | PgStatus::Paid => 2,
            PgStatus::Failed => 1,
            PgStatus::Cancelled | PgStatus::Expired => 0,
        };
        // The earlier payment keeps its place against a second one.
        (rank, std::cmp::Reverse(snapshot.paid_at))
    })
}

fn is_overdue(snapshot: &Snapshot, now: Timestamp) -> bool {
    let due_at = snapshot.virtual_account.as_ref().and_then(|account| account.due_at);
    due_at.is_some_and(|due_at| due_at <= now)
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, strategy::ValueTree};

    use super::*;
    use crate::{MethodDetail, Money, Secret, VirtualAccount};

    const NOW: i64 = 1_790_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn status() -> impl Strategy<Value = PgStatus> {
        prop::sample::select(vec![
            PgStatus::Ready,
            PgStatus::InProgress,
            PgStatus::AwaitingDeposit,
            PgStatus::Paid,
            PgStatus::Cancelled,
            PgStatus::Failed,
            PgStatus::Expired,
        ])
    }

    prop_compose! {
        /// Any snapshot, sensible or not.
        fn snapshot()(
            status in status(),
            paid in prop_oneof![Just(0), 1..10_000_u64],
            cancelled in prop_oneof![Just(0), 1..10_000_u64],
            due_in in prop::option::of(-5..5_i64),
        ) -> Snapshot {
            Snapshot {
                pg_id: "pg1".parse().unwrap(),
                pg_order_id: String::new(),
                raw_status: String::new(),
                status,
                total: Money::krw(10_000),
                paid: Money::krw(paid),
                cancelled: Money::krw(cancelled),
                method: None,
                method_detail: MethodDetail::default(),
                virtual_account: due_in.map(|due_in| VirtualAccount {
                    bank_code: None,
                    account_number: "1".to_owned(),
                    holder_name: None,
                    due_at: Some(at(NOW + due_in)),
                }),
                receipt_url: None,
                cash_receipt: None,
                cancels: Vec::new(),
                paid_at: None,
                failure: None,
                mode: None,
                deposit_secret: None,
                raw: Secret::new(""),
            }
        }
    }

    proptest! {
        #[test]
        fn amounts_come_before_labels(snapshot in snapshot(), sent: bool) {
            let derived = derive(&snapshot, sent, at(NOW));
            let (paid, cancelled) = (snapshot.paid.amount(), snapshot.cancelled.amount());
            if paid > 0 {
                prop_assert_eq!(derived == PaymentStatus::Paid, cancelled == 0);
                prop_assert_eq!(derived == PaymentStatus::Cancelled, cancelled >= paid);
                prop_assert_eq!(derived == PaymentStatus::PartiallyCancelled, cancelled > 0 && cancelled < paid);
            } else {
                prop_assert!(!derived.has_money(), "no label makes money of nothing");
            }
        }

        #[test]
        fn the_label_of_paid_money_changes_nothing(snapshot in snapshot(), other in status(), sent: bool) {
            prop_assume!(!snapshot.paid.is_zero());
            let relabelled = Snapshot { status: other, ..snapshot.clone() };
            prop_assert_eq!(derive(&snapshot, sent, at(NOW)), derive(&relabelled, !sent, at(NOW + 100)));
        }

        #[test]
        fn only_what_we_sent_is_confirming(snapshot in snapshot()) {
            prop_assert_ne!(derive(&snapshot, false, at(NOW)), PaymentStatus::Confirming);
            if derive(&snapshot, true, at(NOW)) == PaymentStatus::Confirming {
                prop_assert_eq!(derive(&snapshot, false, at(NOW)), PaymentStatus::Ready);
            }
        }

        #[test]
        fn an_account_waits_until_it_is_due(snapshot in snapshot(), sent: bool) {
            let snapshot = Snapshot { paid: Money::krw(0), status: PgStatus::AwaitingDeposit, ..snapshot };
            let due = snapshot.virtual_account.as_ref().and_then(|account| account.due_at);
            let waits = due.is_none_or(|due| due > at(NOW));
            let expected = if waits { PaymentStatus::AwaitingDeposit } else { PaymentStatus::Expired };
            prop_assert_eq!(derive(&snapshot, sent, at(NOW)), expected);
        }

        #[test]
        fn money_decides_over_what_waits_and_what_ended(snapshots in prop::collection::vec(snapshot(), 1..6)) {
            let best = decisive(&snapshots).unwrap();
            let holds = snapshots.iter().any(|snapshot| !snapshot.balance().is_zero());
            prop_assert_eq!(!best.balance().is_zero(), holds);
        }
    }

    #[test]
    fn every_state_of_the_pg_gives_its_own() {
        use PaymentStatus::{AwaitingDeposit, Cancelled, Confirming, Expired, Failed, Ready};
        for (status, idle, sent) in [
            (PgStatus::Ready, Ready, Confirming),
            (PgStatus::InProgress, Ready, Confirming),
            (PgStatus::Paid, Ready, Confirming),
            (PgStatus::AwaitingDeposit, AwaitingDeposit, AwaitingDeposit),
            (PgStatus::Cancelled, Cancelled, Cancelled),
            (PgStatus::Failed, Failed, Failed),
            (PgStatus::Expired, Expired, Expired),
        ] {
            let mut runner = proptest::test_runner::TestRunner::deterministic();
            let any = snapshot().new_tree(&mut runner).unwrap().current();
            let unpaid = Snapshot { status, paid: Money::krw(0), virtual_account: None, ..any };
            assert_eq!(derive(&unpaid, false, at(NOW)), idle, "{status:?}");
            assert_eq!(derive(&unpaid, true, at(NOW)), sent, "{status:?}");
        }
    }
}
