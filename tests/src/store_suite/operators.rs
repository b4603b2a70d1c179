//! What operators look through: the payments of every merchant, and those with a case.

use gateway_core::{
    Case, CaseClosing, CaseKind, CaseOutcome, CaseSubject, Change, MerchantId, Payment, PaymentId, Store,
    StoreError,
};

use super::{assert_refused, at, changed, keep, made, payment, payment_of, read};

type Owned = (MerchantId, PaymentId);

fn owned(payment: &Payment) -> Owned {
    (payment.merchant.clone(), payment.id.clone())
}

/// Payments of two merchants by turns, as they are listed.
async fn of_two_merchants(store: &dyn Store, count: u32) -> Vec<Owned> {
    let mut kept = Vec::new();
    for n in 0..count {
        let (merchant, account) = if n % 2 == 0 { ("demo", "toss") } else { ("other", "toss_2") };
        let payment = payment_of(merchant, account, &format!("order-{n}"));
        kept.push(owned(&keep(store, &payment).await.payment));
    }
    kept.sort_by(|a, b| a.1.cmp(&b.1));
    kept
}

/// A case about the confirm of attempt 1.
pub(crate) fn open_case(number: u16) -> Case {
    Case {
        number,
        about: CaseSubject::Confirm(1),
        kind: CaseKind::UnknownConfirm,
        opened_at: at(0),
        closing: None,
    }
}

pub(crate) fn closed_case(number: u16) -> Case {
    let closing = CaseClosing::Decided {
        at: at(5),
        by: "운영자".to_owned(),
        outcome: CaseOutcome::NotDone,
        reason: "콘솔에 없음".to_owned(),
    };
    Case { closing: Some(closing), ..open_case(number) }
}

/// Gives a payment these cases in place of those it has.
async fn with_cases(store: &dyn Store, payment: &Payment, cases: Vec<Case>) {
    let mut change = changed(&read(store, payment).await);
    change.payment.cases = cases;
    store.commit(change).await.unwrap();
}

/// All pages of two, put together.
async fn pages(store: &dyn Store, cases: Option<bool>) -> Vec<Owned> {
    let mut listed: Vec<Owned> = Vec::new();
    loop {
        let after = listed.last().map(|(_, id)| id);
        let page = match cases {
            None => store.all_payments(after, 2).await,
            Some(only_open) => store.payments_with_cases(only_open, after, 2).await,
        };
        let page = page.unwrap();
        assert!(page.len() <= 2);
        // A page that repeats would never come to an end.
        assert!(page.first().is_none_or(|(_, next)| after.is_none_or(|last| next > last)), "{listed:?}");
        if page.is_empty() {
            return listed;
        }
        listed.extend(page);
    }
}

pub async fn whose_a_payment_is_can_be_asked_of_any(store: &dyn Store) {
    let mine = keep(store, &payment("order-1")).await.payment;
    let theirs = keep(store, &payment_of("other", "toss_2", "order-1")).await.payment;
    for payment in [mine, theirs] {
        assert_eq!(store.owner_of(&payment.id).await.unwrap(), Some(payment.merchant));
    }
    assert_eq!(store.owner_of(&payment("order-1").id).await.unwrap(), None);
}

pub async fn all_payments_are_listed_oldest_first(store: &dyn Store) {
    assert_eq!(store.all_payments(None, 10).await.unwrap(), []);
    let kept = of_two_merchants(store, 5).await;
    assert_eq!(store.all_payments(None, 10).await.unwrap(), kept);
    assert_eq!(store.all_payments(None, 0).await.unwrap(), []);
    assert_eq!(store.all_payments(Some(&kept[1].1), 2).await.unwrap(), kept[2..4]);
    assert_eq!(store.all_payments(Some(&kept[4].1), 2).await.unwrap(), []);
}

pub async fn pages_of_all_payments_never_skip_or_repeat(store: &dyn Store) {
    let kept = of_two_merchants(store, 7).await;
    assert_eq!(pages(store, None).await, kept);
}

pub async fn every_merchants_payments_are_counted(store: &dyn Store) {
    assert_eq!(store.count_payments().await.unwrap(), 0);
    let first = payment("order-1");
    keep(store, &first).await;
    keep(store, &payment_of("other", "toss_2", "order-1")).await;
    assert_eq!(store.count_payments().await.unwrap(), 2);
    // Neither a change nor what was refused is another payment.
    store.commit(changed(&read(store, &first).await)).await.unwrap();
    assert_refused!(store.commit(made(&payment("order-1"))).await, StoreError::OrderTaken);
    assert_eq!(store.count_payments().await.unwrap(), 2);
}

pub async fn a_payment_with_a_case_is_found_for_good(store: &dyn Store) {
    let payment = keep(store, &payment("order-1")).await.payment;
    let (found, none) = (vec![owned(&payment)], Vec::new());
    for (cases, open, any) in [
        (vec![], &none, &none),
        (vec![open_case(1)], &found, &found),
        (vec![closed_case(1)], &none, &found),
        (vec![closed_case(1), open_case(2)], &found, &found),
        (vec![open_case(1), closed_case(2)], &found, &found),
        (vec![closed_case(1), closed_case(2)], &none, &found),
    ] {
        with_cases(store, &payment, cases.clone()).await;
        assert_eq!(read(store, &payment).await.payment.cases, cases);
        assert_eq!(store.payments_with_cases(true, None, 10).await.unwrap(), *open, "{cases:?}");
        assert_eq!(store.payments_with_cases(false, None, 10).await.unwrap(), *any, "{cases:?}");
    }
}

pub async fn a_payment_made_with_a_case_is_found(store: &dyn Store) {
    let payment = Payment { cases: vec![open_case(1)], ..payment("order-1") };
    keep(store, &payment).await;
    assert_eq!(store.payments_with_cases(true, None, 10).await.unwrap(), [owned(&payment)]);
}

pub async fn a_refused_change_opens_no_case(store: &dyn Store) {
    let payment = keep(store, &payment("order-1")).await.payment;
    let with_case = Payment { cases: vec![open_case(1)], version: 8, ..payment };
    let change = Change { expected: Some(7), ..made(&with_case) };
    assert_refused!(store.commit(change).await, StoreError::Conflict);
    assert_eq!(store.payments_with_cases(false, None, 10).await.unwrap(), []);
}

pub async fn pages_of_cases_never_skip_or_repeat(store: &dyn Store) {
    let kept = of_two_merchants(store, 12).await;
    let (mut open, mut any) = (Vec::new(), Vec::new());
    for (n, (merchant, id)) in kept.into_iter().enumerate() {
        let payment = store.payment(&merchant, &id).await.unwrap().unwrap().payment;
        // A third has an open case, a third a closed one.
        match n % 3 {
            0 => with_cases(store, &payment, vec![open_case(1)]).await,
            1 => with_cases(store, &payment, vec![closed_case(1)]).await,
            _ => continue,
        }
        any.push(owned(&payment));
        if n % 3 == 0 {
            open.push(owned(&payment));
        }
    }
    assert_eq!(pages(store, Some(true)).await, open);
    assert_eq!(pages(store, Some(false)).await, any);
}
