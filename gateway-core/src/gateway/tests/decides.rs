//! Which of several PG payments decides what a payment is.

use std::time::Duration;

use super::bench::{Bench, PRICE};
use crate::{Clock, Money, PgStatus, Snapshot, derive::decisive};

/// From what decides least to what decides most.
fn ranked() -> Vec<Vec<Snapshot>> {
    let bench = Bench::on_confirm();
    let any = bench.pg.books(|books| {
        let id = books.agree("order", PRICE);
        books.row(&id).snapshot
    });
    let unpaid = |status| Snapshot { status, ..any.clone() };
    let paid = |status, cancelled| Snapshot {
        status,
        paid: Money::krw(PRICE),
        cancelled: Money::krw(cancelled),
        paid_at: Some(bench.clock.now()),
        ..any.clone()
    };
    vec![
        vec![unpaid(PgStatus::Cancelled), unpaid(PgStatus::Expired)],
        vec![unpaid(PgStatus::Failed)],
        vec![unpaid(PgStatus::Ready), unpaid(PgStatus::Paid)],
        vec![unpaid(PgStatus::InProgress)],
        vec![unpaid(PgStatus::AwaitingDeposit)],
        vec![paid(PgStatus::Paid, PRICE), paid(PgStatus::Cancelled, PRICE)],
        vec![paid(PgStatus::Paid, 0), paid(PgStatus::Cancelled, 1), paid(PgStatus::Expired, 0)],
    ]
}

#[test]
fn money_decides_first_then_what_waits_for_it_then_what_is_open_and_then_what_ended() {
    let ranks = ranked();
    for (rank, higher) in ranks.iter().enumerate() {
        for lower in ranks[..rank].iter().flatten() {
            for higher in higher {
                assert_eq!(decisive([lower, higher]), Some(higher), "{:?}", lower.status);
                assert_eq!(decisive([higher, lower]), Some(higher), "{:?}", lower.status);
            }
        }
    }
    assert_eq!(decisive([]), None);
}

#[test]
fn of_two_that_were_paid_the_earlier_decides() {
    let ranks = ranked();
    let first = &ranks.last().unwrap()[0];
    let paid_at = first.paid_at.map(|at| at + Duration::from_secs(1));
    let second = &Snapshot { paid_at, ..first.clone() };
    assert_eq!(decisive([first, second]), Some(first));
    assert_eq!(decisive([second, first]), Some(first));
}
