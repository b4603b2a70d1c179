//! PortOne's V1 JSON, field for field, and what it means.
//!
//! Every field is read whatever its type, as `None` if it cannot be, and missed only where it is needed: so one that
//! changed hides no payment unless money or identity hang on it, and then the error names the field.

mod amount;
mod envelope;
mod id;
mod lenient;
mod method;
mod movement;
mod page;
mod payment;
mod prepare;
mod snapshot;
mod token;
mod unreadable;

pub(crate) use amount::{major_number, read_amount};
pub(crate) use envelope::Body;
pub(crate) use id::{is_imp_uid, is_path_segment};
pub(crate) use method::pay_method;
pub(crate) use movement::movement;
pub(crate) use page::{PAGE_LIMIT, Page};
pub(crate) use payment::Payment;
pub(crate) use prepare::{Prepare, Prepared};
pub(crate) use snapshot::snapshot;
pub(crate) use token::{Credentials, Token};
pub(crate) use unreadable::Unreadable;
