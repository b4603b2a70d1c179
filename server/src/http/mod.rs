//! What every HTTP answer has in common, whichever route gives it.

pub mod addresses;
pub mod auth;
pub mod bodies;
pub mod docs;
pub mod error_code;
pub mod funnel;
pub mod lift;
pub mod listener;
pub mod refusal;
pub mod request_id;

pub use addresses::Addresses;
pub use auth::{MerchantAuth, MerchantKeys};
pub use bodies::{Bodies, BodyLimits, Expected};
pub use error_code::{ErrorCode, Retry};
pub use funnel::Funnel;
pub use listener::{Hardened, ListenError, ListenerLimits};
pub use refusal::{PROBLEM_JSON, problem_response};
pub use request_id::RequestId;
