//! What was asked of Toss: the same code means another thing in the answer to another call.

/// What was asked of Toss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// `POST /v1/payments/confirm`: takes money.
    Confirm,
    /// `POST /v1/payments/{paymentKey}/cancel`: returns money.
    Cancel,
    /// `GET /v1/payments/…`.
    LookUp,
    /// `GET /v1/transactions`.
    List,
    /// `POST /v1/payments`: moves nothing.
    Create,
}

impl Call {
    /// Whether it changes nothing at Toss.
    pub(crate) const fn only_reads(self) -> bool {
        matches!(self, Self::LookUp | Self::List)
    }
}
