//! Payment methods as the configuration names them.

use paymux_core::model::Method;

/// Reads one method's name.
pub(super) fn parse_method(text: &str) -> Result<Method, String> {
    Method::from_name(text).ok_or_else(|| {
        let names = Method::ALL.map(Method::name).join(", ");
        format!("must be one of {names}")
    })
}
