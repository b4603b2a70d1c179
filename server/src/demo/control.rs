//! The control API of a demo: one for all simulated PGs, by `payment_id`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use paymux_core::{
    gateway::Gateway,
    model::{AccountId, Attempt, BrowserStep, Device, MerchantId, Method, PaymentId, PgOrderId},
    store::PaymentRecord,
};
use paymux_sandbox::{
    ActionOptions, ApiRequest, Control, ControlAccess, ControlError, ControlErrorCode, FaultRule,
    OrderAction, PayMethod, PayOutcome, PayRequest,
};
use poem::{
    Body, Endpoint, EndpointExt as _, Request, Response, Route, get, handler, http::StatusCode, post,
    web::Data,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::DemoClock;

/// What the control calls work on.
#[derive(Clone, Debug)]
pub(crate) struct Demo {
    gateway: Arc<Gateway>,
    controls: Arc<BTreeMap<AccountId, Control>>,
    merchants: Arc<[MerchantId]>,
    clock: DemoClock,
}

/// Adds the control routes.
pub(crate) fn mount(
    routes: Route,
    gateway: Arc<Gateway>,
    controls: BTreeMap<AccountId, Control>,
    merchants: impl Iterator<Item = MerchantId>,
    clock: DemoClock,
) -> Route {
    let demo = Demo { gateway, controls: Arc::new(controls), merchants: merchants.collect(), clock };
    let control = Route::new()
        .at("/pay", post(pay))
        .at("/deposit", post(deposit))
        .at("/reverse", post(reverse))
        .at("/cancel", post(cancel))
        .at("/clock", post(advance).get(time))
        .at("/faults", post(add_faults).get(faults).delete(clear_faults))
        .at("/calls", get(received_calls))
        .at("/webhooks", get(webhooks))
        .at("/payments", get(books))
        .at("/reset", post(reset))
        .data(demo)
        .around(guard);
    routes.nest("/_sandbox", control)
}

/// Loopback only, no foreign page, JSON only: the rules of the simulators' own control API.
async fn guard<E: Endpoint<Output = Response>>(endpoint: Arc<E>, request: Request) -> poem::Result<Response> {
    let seen = ApiRequest {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        query: String::new(),
        headers: request.headers().clone(),
        body: bytes::Bytes::new(),
    };
    match ControlAccess::on_loopback().check(&seen) {
        Ok(()) => endpoint.call(request).await,
        Err(error) => Ok(refusal(&error)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    payment_id: Option<String>,
    order_id: Option<String>,
    method: Option<PayMethod>,
    outcome: PayOutcome,
    amount: Option<u64>,
    decline_code: Option<String>,
    #[serde(default)]
    bypass_prepare: bool,
    notify: Option<bool>,
    at_s: Option<i64>,
    discount: Option<u64>,
    #[serde(default)]
    already_open: bool,
    text: Option<String>,
}

/// The buyer goes through the window the page opened.
#[handler]
async fn pay(Data(demo): Data<&Demo>, body: Body) -> Response {
    answer(async {
        let pay: Pay = read(body).await?;
        let record = demo.find(pay.payment_id.as_deref(), pay.order_id.as_deref()).await?;
        let record = demo.with_next_action(record).await?;
        let options = ActionOptions {
            notify: pay.notify.unwrap_or(true),
            at_s: pay.at_s.unwrap_or(0),
            discount: pay.discount,
            already_open: pay.already_open,
            text: pay.text,
        };
        let request = PayRequest {
            order_id: pay.order_id.unwrap_or_else(|| order_id(&record)),
            method: pay.method.or_else(|| record.payment.terms.method.map(pay_method)),
            outcome: pay.outcome,
            amount: Some(pay.amount.unwrap_or_else(|| record.payment.terms.amount.amount())),
            decline_code: pay.decline_code,
            client_key: None,
            order_name: Some(record.payment.terms.order_name.clone()),
            bypass_prepare: pay.bypass_prepare,
            sdk: sdk(&record),
        };
        demo.control(&record)?.with(options).pay(&request)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    payment_id: Option<String>,
    order_id: Option<String>,
    pg_id: Option<String>,
    amount: Option<u64>,
    reason: Option<String>,
    notify: Option<bool>,
    at_s: Option<i64>,
}

/// The buyer's money arrives on a virtual account.
#[handler]
async fn deposit(Data(demo): Data<&Demo>, body: Body) -> Response {
    act(demo, body, Control::deposit).await
}

/// A deposit is reversed.
#[handler]
async fn reverse(Data(demo): Data<&Demo>, body: Body) -> Response {
    act(demo, body, Control::reverse).await
}

/// Somebody cancels in the PG's own console.
#[handler]
async fn cancel(Data(demo): Data<&Demo>, body: Body) -> Response {
    act(demo, body, Control::cancel).await
}

async fn act(
    demo: &Demo,
    body: Body,
    action: impl FnOnce(&Control, &OrderAction) -> Result<Value, ControlError>,
) -> Response {
    answer(async {
        let act: Act = read(body).await?;
        let record = demo.find(act.payment_id.as_deref(), act.order_id.as_deref()).await?;
        let order_id = act.order_id.unwrap_or_else(|| order_id(&record));
        let (notify, at_s) = (act.notify.unwrap_or(true), act.at_s.unwrap_or(0));
        let options = ActionOptions { notify, at_s, ..ActionOptions::default() };
        action(
            &demo.control(&record)?.with(options),
            &OrderAction { order_id, pg_id: act.pg_id, amount: act.amount, reason: act.reason },
        )
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_s: u64,
}

/// Time passes, for the gateway and for the simulators.
#[handler]
async fn advance(Data(demo): Data<&Demo>, body: Body) -> Response {
    answer(async {
        let Advance { advance_s } = read(body).await?;
        let failed =
            |error: std::io::Error| ControlError::new(ControlErrorCode::InvalidState, error.to_string());
        demo.clock.advance(Duration::from_secs(advance_s)).map_err(failed)?;
        demo.controls.values().for_each(Control::tick);
        demo.gateway.notify_all();
        Ok(json!({ "now_ms": demo.clock.sandbox().now_ms() }))
    })
    .await
}

#[handler]
async fn time(Data(demo): Data<&Demo>) -> Response {
    answer(async { Ok(json!({ "now_ms": demo.clock.sandbox().now_ms() })) }).await
}

/// A rule for one account, or for every account that has such a call.
#[handler]
async fn add_faults(Data(demo): Data<&Demo>, body: Body) -> Response {
    answer(async {
        let rules: Vec<FaultRule> = read(body).await?;
        for rule in &rules {
            let hit = demo.controls.values().any(|control| concerns(rule, control));
            if !hit {
                let message = format!("no simulator has the call {:?}", rule.call);
                return Err(ControlError::new(ControlErrorCode::InvalidRequest, message));
            }
        }
        for control in demo.controls.values() {
            let own: Vec<_> = rules.iter().filter(|rule| concerns(rule, control)).cloned().collect();
            control.add_faults(own).await?;
        }
        Ok(demo.by_account(Control::faults))
    })
    .await
}

fn concerns(rule: &FaultRule, control: &Control) -> bool {
    rule.account.as_ref().is_none_or(|account| account == control.account()) && control.knows_call(&rule.call)
}

#[handler]
async fn faults(Data(demo): Data<&Demo>) -> Response {
    answer(async { Ok(demo.by_account(Control::faults)) }).await
}

#[handler]
async fn clear_faults(Data(demo): Data<&Demo>) -> Response {
    answer(async {
        demo.controls.values().for_each(Control::clear_faults);
        Ok(demo.by_account(Control::faults))
    })
    .await
}

#[handler]
async fn received_calls(Data(demo): Data<&Demo>) -> Response {
    answer(async { Ok(demo.by_account(Control::calls)) }).await
}

#[handler]
async fn webhooks(Data(demo): Data<&Demo>) -> Response {
    answer(async { Ok(demo.by_account(Control::webhooks)) }).await
}

#[handler]
async fn books(Data(demo): Data<&Demo>) -> Response {
    answer(async { Ok(demo.by_account(Control::payments)) }).await
}

/// Resets the simulators. The gateway's own database stays: it is cleared by deleting it.
#[handler]
async fn reset(Data(demo): Data<&Demo>, body: Body) -> Response {
    answer(async {
        let _: Map<String, Value> = read(body).await?;
        demo.controls.values().for_each(Control::reset);
        Ok(json!({}))
    })
    .await
}

impl Demo {
    fn by_account<T: Serialize>(&self, of: impl Fn(&Control) -> T) -> Value {
        let lists = self.controls.iter().map(|(account, control)| (account.to_string(), json!(of(control))));
        Value::Object(lists.collect())
    }

    fn control(&self, record: &PaymentRecord) -> Result<&Control, ControlError> {
        let control = self.controls.get(&record.payment.account);
        control.ok_or_else(|| ControlError::new(ControlErrorCode::NotFound, "no simulator of this account"))
    }

    /// The payment a call is about, whoever's it is.
    async fn find(
        &self,
        payment_id: Option<&str>,
        order_id: Option<&str>,
    ) -> Result<PaymentRecord, ControlError> {
        if let Some(id) = payment_id {
            let unknown =
                || ControlError::new(ControlErrorCode::UnknownOrder, "no payment with this payment_id");
            let id: PaymentId = id.parse().map_err(|_| unknown())?;
            for merchant in self.merchants.iter() {
                if let Ok(record) = self.gateway.payment(merchant, &id).await {
                    return Ok(record);
                }
            }
            return Err(unknown());
        }
        let Some(order_id) = order_id else {
            return Err(ControlError::new(
                ControlErrorCode::InvalidRequest,
                "name a payment_id or an order_id",
            ));
        };
        let unknown = || ControlError::unknown_order(order_id);
        let pg_order_id: PgOrderId = order_id.parse().map_err(|_| unknown())?;
        for account in self.controls.keys() {
            let owner = self.gateway.store().owner_of_order(account, &pg_order_id).await;
            if let Ok(Some((merchant, id))) = owner {
                return self.gateway.payment(&merchant, &id).await.map_err(|_| unknown());
            }
        }
        Err(unknown())
    }

    /// The payment with a window that the buyer can pay in: a page would have asked for one. An open one stays.
    async fn with_next_action(&self, record: PaymentRecord) -> Result<PaymentRecord, ControlError> {
        let (merchant, id) = (&record.payment.merchant, &record.payment.id);
        let newest = record.attempts.last().and_then(Attempt::prepared);
        let device = newest.map_or(Device::Desktop, |prepared| prepared.device);
        match self.gateway.next_action(merchant, id, device, None).await {
            Ok((record, _)) => Ok(record),
            // A window that is open in another tab can still be used.
            Err(_) if !record.attempts.is_empty() => Ok(record),
            Err(error) => Err(ControlError::new(ControlErrorCode::InvalidState, error.to_string())),
        }
    }
}

/// The order id of the attempt the PG knows most about: that of the accepted charge, else the newest.
fn order_id(record: &PaymentRecord) -> String {
    let accepted = record.accepted().and_then(|charge| record.attempt(charge.attempt));
    let attempt = accepted.or(record.attempts.last());
    attempt.map(|attempt| attempt.pg_order_id.to_string()).unwrap_or_default()
}

/// What the page would pass to the window: the arguments of the last call.
fn sdk(record: &PaymentRecord) -> Map<String, Value> {
    let prepared = record.attempts.last().and_then(Attempt::prepared);
    let Some(BrowserStep::Script { calls, .. }) = prepared.map(|prepared| &prepared.step) else {
        return Map::new();
    };
    let argument = calls.last().and_then(|call| call.args.first());
    argument.and_then(Value::as_object).cloned().unwrap_or_default()
}

const fn pay_method(method: Method) -> PayMethod {
    match method {
        Method::Card => PayMethod::Card,
        Method::EasyPay => PayMethod::EasyPay,
        Method::Transfer => PayMethod::Transfer,
        Method::VirtualAccount => PayMethod::VirtualAccount,
        Method::MobilePhone => PayMethod::MobilePhone,
    }
}

async fn read<T: DeserializeOwned>(body: Body) -> Result<T, ControlError> {
    let invalid = |message: String| ControlError::new(ControlErrorCode::InvalidRequest, message);
    let bytes = body.into_bytes().await.map_err(|_| invalid("the body cannot be read".to_owned()))?;
    serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))
}

async fn answer<T: Serialize>(work: impl Future<Output = Result<T, ControlError>>) -> Response {
    match work.await {
        Ok(body) => json_response(StatusCode::OK, &body),
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &ControlError) -> Response {
    json_response(error.code.status(), error)
}

fn json_response(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).unwrap_or_default();
    Response::builder().status(status).content_type("application/json").body(body)
}
