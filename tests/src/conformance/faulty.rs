//! The questions a provider asks, made ready to meet a fault.

use paymux_core::{
    model::{Method, PgOrderId, PgStatus},
    provider::{CancelRequest, ChargeRef, PaymentProvider, ProviderError},
};
use paymux_sandbox::{Fault, FaultRule};
use serde_json::{Value, json};

use super::{
    bench::{Bench, Calls, charge},
    requests::{AMOUNT, FollowUp, all_of, by_order, close_of, order},
};

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Confirm,
    Cancel,
    Close,
    ById,
    ByOrder,
}

impl Ask {
    /// Those that this PG is asked.
    pub(super) fn all<B: Bench>() -> Vec<Self> {
        let all = [Self::Confirm, Self::Cancel, Self::Close, Self::ById, Self::ByOrder];
        all.into_iter().filter(|ask| *ask != Self::Confirm || B::CALLS.confirm.is_some()).collect()
    }

    pub(super) fn call(self, calls: Calls) -> &'static str {
        match self {
            Self::Confirm => calls.confirm.unwrap(),
            Self::Cancel => calls.cancel,
            Self::Close => calls.close,
            Self::ById => calls.by_id,
            Self::ByOrder => calls.by_order,
        }
    }
}

enum Request {
    Confirm(FollowUp),
    Cancel(CancelRequest),
    Verify(ChargeRef),
}

/// A question that can be asked, once or again.
pub(super) struct Ready {
    ask: Ask,
    pub(super) order: PgOrderId,
    request: Request,
}

impl Ready {
    /// A payment in the state that the question wants; the `n`th.
    pub(super) async fn new<B: Bench>(bench: &B, ask: Ask, n: u64) -> Self {
        let order = order(n);
        let request = match ask {
            Ask::Confirm => Request::Confirm(bench.authenticated(&order, Method::Card).await),
            Ask::Cancel => Request::Cancel(all_of(&charge(&bench.paid(&order).await), n, AMOUNT)),
            Ask::Close => {
                let issued = bench.confirmed(&order, Method::VirtualAccount).await;
                Request::Cancel(close_of(&charge(&issued), n))
            }
            Ask::ById => Request::Verify(charge(&bench.paid(&order).await)),
            Ask::ByOrder => {
                bench.paid(&order).await;
                Request::Verify(by_order(&order))
            }
        };
        Self { ask, order, request }
    }

    pub(super) async fn send(&self, provider: &dyn PaymentProvider) -> Result<(), ProviderError> {
        match &self.request {
            Request::Confirm(follow_up) => follow_up.send(provider).await.map(drop),
            Request::Cancel(request) => provider.cancel(request).await.map(drop),
            Request::Verify(subject) => {
                let found = provider.verify(subject).await?;
                assert_eq!(found.charges.len(), 1, "a payment that is there is found, or the look-up fails");
                Ok(())
            }
        }
    }

    /// Asks again over a sound network, as the gateway would: the same request. Whatever happened before,
    /// the books now say that it was executed once.
    pub(super) async fn is_executed_once<B: Bench>(&self, bench: &B, context: &str) {
        if let Err(error) = self.send(bench.provider()).await {
            assert_eq!(error.name(), "unknown", "{:?} after {context}: {error:?}", self.ask);
        }
        let money = bench.money(&self.order);
        match self.ask {
            Ask::Confirm | Ask::ById | Ask::ByOrder => assert_eq!(money, (AMOUNT, 0), "{context}"),
            Ask::Cancel => assert_eq!(money, (AMOUNT, AMOUNT), "{context}"),
            Ask::Close => {
                let found = bench.look_by_order(&self.order).await;
                assert_eq!((found[0].status, money), (PgStatus::Closed, (0, 0)), "{context}");
            }
        }
    }
}

/// A fault, for a while in real time too short to wait for.
pub(super) fn brief(call: &str, fault: Fault) -> FaultRule {
    FaultRule { for_ms: Some(20), ..FaultRule::new(call, fault) }
}

/// Answers that say nothing of what was done.
pub(super) fn meaningless<B: Bench>() -> Vec<(u16, Value)> {
    let mut answers = vec![
        (500, B::error_of_next_year()),
        (400, B::error_of_next_year()),
        (418, B::error_of_next_year()),
        (200, json!({})),
        (200, json!([])),
        (200, json!(7)),
        (202, json!("")),
        (302, json!("")),
        (400, json!({})),
        (403, json!({ "code": null, "message": null })),
        (409, json!("")),
        (500, json!({ "error": "canary-of-a-body" })),
    ];
    let page = json!("<html>canary-of-a-body</html>");
    answers.extend([200, 400, 403, 404, 500, 502, 503, 504].map(|status| (status, page.clone())));
    answers
}
