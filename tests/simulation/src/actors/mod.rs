//! Those who make things happen.

pub(crate) mod buyer;
pub(crate) mod mischief;
pub(crate) mod shop;
pub(crate) mod workers;
