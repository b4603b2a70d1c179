//! What a merchant decides for all of its payments.

use std::{collections::BTreeMap, time::Duration};

use crate::model::{AccountId, LatePayments, Method};

/// How a merchant wants its payments handled.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MerchantPolicy {
    /// The account that takes payments no rule says otherwise of.
    pub default_account: AccountId,
    /// Rules by method. None unless they are set.
    pub account_by_method: BTreeMap<Method, AccountId>,
    /// What happens to late payments. They are kept unless it is set.
    pub late_payments: LatePayments,
    /// How long a registered payment may be paid. 30 minutes unless it is set.
    pub payable_for: Duration,
}

impl MerchantPolicy {
    /// Everything goes to this account; late payments are kept.
    #[must_use]
    pub const fn new(default_account: AccountId) -> Self {
        Self {
            default_account,
            account_by_method: BTreeMap::new(),
            late_payments: LatePayments::Keep,
            payable_for: Duration::from_secs(30 * 60),
        }
    }
}
