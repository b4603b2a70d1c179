//! PortOne's V1 JSON, field for field, and what it means.

mod amount;
mod envelope;
mod id;
mod lenient;
mod method;
mod page;
mod payment;
mod prepare;
mod snapshot;
mod token;

pub(crate) use amount::{major_number, read_amount};
pub(crate) use envelope::{Body, Unreadable};
pub(crate) use id::{is_imp_uid, is_path_segment};
pub(crate) use method::pay_method;
pub(crate) use page::Page;
pub(crate) use payment::{Payment, Status};
pub(crate) use prepare::{Prepare, Prepared};
pub(crate) use snapshot::snapshot;
pub(crate) use token::{Credentials, Token};
