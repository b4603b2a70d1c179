//! Toss' JSON, field for field, and its meaning in our words.

mod decimal;
mod field;
mod institution;
mod method;
mod payment;
mod request;
mod snapshot;
mod time;
mod transaction;

pub(crate) use decimal::Major;
pub(crate) use institution::card_company;
pub(crate) use method::{easy_pay_name, method_name};
pub(crate) use payment::Payment;
pub(crate) use request::{CancelBody, ConfirmBody, CreateBody};
pub(crate) use snapshot::snapshot;
pub(crate) use time::local_text;
pub(crate) use transaction::{ROWS_PER_PAGE, page};
