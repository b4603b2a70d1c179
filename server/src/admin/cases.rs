//! The operations on cases.

use std::sync::Arc;

use gateway_core::{Case, Gateway, GatewayError, PaymentRecord};
use poem_openapi::{
    Enum, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use tokio_util::task::TaskTracker;

use super::{
    Tag,
    case_body::{CaseBody, CaseList, CloseCase},
    case_id::CaseId,
};
use crate::{
    api::{
        answer::problem_of,
        list::{ListObject, page_size},
        register_body::wrong,
        strict_json::StrictJson,
    },
    http::{ApiError, ErrorCode},
};

/// The operations on cases.
#[derive(Clone, Debug)]
pub(super) struct CasesApi {
    pub(super) gateway: Arc<Gateway>,
    pub(super) tasks: TaskTracker,
}

/// Which cases are listed
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum Listed {
    /// Those that wait for somebody.
    #[default]
    Open,
    /// Settled ones too.
    All,
}

impl Listed {
    fn lists(self, case: &Case) -> bool {
        self == Self::All || case.is_open()
    }
}

#[OpenApi(prefix_path = "/cases", tag = "Tag::Cases")]
impl CasesApi {
    /// List cases
    ///
    /// Every merchant's; those of the oldest payment first.
    #[oai(path = "/", method = "get", operation_id = "listCases")]
    async fn list(
        &self,
        /// Which; the open ones if absent.
        state: Query<Option<Listed>>,
        /// The `next_cursor` of the page before.
        #[oai(validator(max_length = 64))]
        cursor: Query<Option<String>>,
        /// How many, 1 to 100; 20 if absent.
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<Option<u32>>,
    ) -> Result<Json<CaseList>, ApiError> {
        let after = cursor.0.map(|cursor| cursor.parse()).transpose();
        let after: Option<CaseId> =
            after.map_err(|_| wrong("cursor", "must be the next_cursor of a page"))?;
        let limit = page_size(limit.0);
        let page = self.page(state.0.unwrap_or_default(), after.as_ref(), limit).await;
        let mut data = page.map_err(|error| problem_of(&error))?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let full = data.len() > limit;
        data.truncate(limit);
        let next_cursor = data.last().filter(|_| full).map(|case| case.id.clone());
        Ok(Json(CaseList { object: ListObject::List, data, next_cursor }))
    }

    /// Read a case
    #[oai(path = "/:id", method = "get", operation_id = "readCase")]
    async fn read(
        &self,
        /// The case's id.
        id: Path<String>,
    ) -> Result<Json<CaseBody>, ApiError> {
        let id = case_id(&id.0)?;
        let record = self.gateway.payment_of_any(&id.payment).await.map_err(|error| problem_of(&error))?;
        shown(&record, &id).map(Json)
    }

    /// Close a case
    ///
    /// Says what you found out. The payment gateway is asked first, once more: if it tells by now, the case settles
    /// itself, and this answers 409 `case_closed` and changes nothing.
    #[oai(path = "/:id/close", method = "post", operation_id = "closeCase")]
    async fn close(
        &self,
        /// The case's id.
        id: Path<String>,
        body: StrictJson<CloseCase>,
    ) -> Result<Json<CaseBody>, ApiError> {
        let id = case_id(&id.0)?;
        let (gateway, verdict) = (Arc::clone(&self.gateway), body.0.into_domain());
        // A task of its own: what was asked of the PG is brought to an end, whoever hangs up. The core logs
        // who decided what, and keeps it with the payment and its events.
        let closed = self.tasks.spawn(async move {
            let record = gateway.close_case(&id.payment, id.number, &verdict).await?;
            Ok::<_, GatewayError>((id, record))
        });
        match closed.await {
            Ok(Ok((id, record))) => shown(&record, &id).map(Json),
            Ok(Err(error)) => Err(problem_of(&error)),
            Err(_panic) => Err(ApiError::new(ErrorCode::Internal)),
        }
    }
}

impl CasesApi {
    /// The cases after one, and one more than `limit` if there are more.
    async fn page(
        &self,
        listed: Listed,
        after: Option<&CaseId>,
        limit: u32,
    ) -> Result<Vec<CaseBody>, GatewayError> {
        let mut page = Vec::new();
        if let Some(after) = after {
            // The page before may have ended in the middle of a payment.
            let record = self.gateway.payment_of_any(&after.payment).await?;
            page.extend(cases(&record, listed, after.number));
        }
        let after = after.map(|case| &case.payment);
        let records = self.gateway.cases(listed == Listed::Open, after, limit.saturating_add(1)).await?;
        page.extend(records.iter().flat_map(|record| cases(record, listed, 0)));
        Ok(page)
    }
}

/// The cases of a payment after the one with a number.
fn cases(record: &PaymentRecord, listed: Listed, after: u16) -> impl Iterator<Item = CaseBody> {
    let cases = record.payment.cases.iter();
    let cases = cases.filter(move |case| case.number > after && listed.lists(case));
    cases.map(|case| CaseBody::new(record, case))
}

fn shown(record: &PaymentRecord, id: &CaseId) -> Result<CaseBody, ApiError> {
    let case = record.payment.cases.iter().find(|case| case.number == id.number);
    case.map(|case| CaseBody::new(record, case)).ok_or_else(|| ApiError::new(ErrorCode::NotFound))
}

/// What cannot be an id is no case's.
fn case_id(text: &str) -> Result<CaseId, ApiError> {
    text.parse().map_err(|_| ApiError::new(ErrorCode::NotFound))
}
