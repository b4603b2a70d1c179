//! `[merchants.NAME]`: who may call us, and which account takes their payments.

use std::{collections::BTreeMap, time::Duration};

use paymux_core::model::{AccountId, LatePayments, MerchantId, Method, Mode};
use url::Origin;

use super::{AccountConfig, ConfigError, KeyHash, ReturnOrigins, Settings, origins::parse_origin};

/// Time enough to fetch a card from another room.
const PAYABLE_FOR: Duration = Duration::from_secs(30 * 60);

/// `[merchants.NAME]`.
#[derive(Clone, Debug)]
pub struct MerchantConfig {
    /// The merchant's name.
    pub id: MerchantId,
    /// The hashes of the keys the merchant may use; several while one is being replaced.
    pub keys: Vec<KeyHash>,
    /// The account of payments that name none.
    pub default_account: AccountId,
    /// The account of payments by these methods that name none.
    pub accounts_by_method: BTreeMap<Method, AccountId>,
    /// Where buyers may be sent back to.
    pub return_origins: ReturnOrigins,
    /// What happens to money that comes after the deadline.
    pub late_payments: LatePayments,
    /// How long a registered payment may be paid, unless the merchant says otherwise.
    pub payable_for: Duration,
}

impl MerchantConfig {
    pub(super) fn read(
        id: MerchantId,
        mut table: Settings,
        accounts: &BTreeMap<AccountId, AccountConfig>,
    ) -> Result<Self, ConfigError> {
        let own = Own { merchant: &id, accounts };
        let keys = table.list("keys", KeyHash::parse)?.ok_or_else(|| table.missing("keys"))?;
        if keys.is_empty() {
            return Err(table.wrong("keys", "must hold at least one hash"));
        }
        let default_account = own.default_account(&mut table)?;
        let accounts_by_method = own.accounts_by_method(&mut table)?;
        let listed = table.list("return_origins", parse_origin)?;
        let return_origins = own.return_origins(&table, listed)?;
        let late_payments = table.parsed("late_payments", parse_late_payments)?;
        let payable_for = table.duration("payable_for")?;
        table.deny_rest()?;
        Ok(Self {
            keys,
            default_account,
            accounts_by_method,
            return_origins,
            late_payments: late_payments.unwrap_or_default(),
            payable_for: payable_for.unwrap_or(PAYABLE_FOR),
            id,
        })
    }
}

/// The accounts as one merchant sees them.
struct Own<'a> {
    merchant: &'a MerchantId,
    accounts: &'a BTreeMap<AccountId, AccountConfig>,
}

impl Own<'_> {
    fn all(&self) -> impl Iterator<Item = &AccountConfig> {
        self.accounts.values().filter(|account| account.merchant == *self.merchant)
    }

    /// Another merchant's account is answered like one that does not exist.
    fn check(&self, name: &str) -> Result<AccountId, String> {
        let found = self.all().find(|account| account.id.as_str() == name);
        found.map(|account| account.id.clone()).ok_or_else(|| {
            let names: Vec<_> = self.all().map(|account| account.id.as_str()).collect();
            format!("must name an account of this merchant: {}", names.join(", "))
        })
    }

    /// As [`check`](Self::check), for an account that is to take payments. Where all are retired none can.
    fn check_active(&self, name: &str) -> Result<AccountId, String> {
        let account = self.check(name)?;
        let is_retired = |id: &AccountId| self.accounts.get(id).is_some_and(|account| account.retired);
        if is_retired(&account) && self.active().next().is_some() {
            return Err("names a retired account, which takes no payment".to_owned());
        }
        Ok(account)
    }

    fn active(&self) -> impl Iterator<Item = &AccountConfig> {
        self.all().filter(|account| !account.retired)
    }

    fn default_account(&self, table: &mut Settings) -> Result<AccountId, ConfigError> {
        if let Some(account) = table.parsed("default_account", |text| self.check_active(text))? {
            return Ok(account);
        }
        let (active, all): (Vec<_>, Vec<_>) = (self.active().collect(), self.all().collect());
        match (&active[..], &all[..]) {
            ([only], _) | ([], [only]) => Ok(only.id.clone()),
            _ => Err(table.missing("default_account")),
        }
    }

    fn accounts_by_method(&self, table: &mut Settings) -> Result<BTreeMap<Method, AccountId>, ConfigError> {
        let mut rules = table.table("accounts_by_method")?;
        let mut accounts = BTreeMap::new();
        for method in Method::ALL {
            let Some(name) = rules.parsed(method.name(), |text| self.check_active(text))? else {
                continue;
            };
            let offered = self.accounts.get(&name).and_then(|account| account.methods.as_ref());
            if offered.is_some_and(|methods| !methods.contains(&method)) {
                return Err(rules.wrong(method.name(), "names an account without this method"));
            }
            accounts.insert(method, name);
        }
        rules.deny_rest()?;
        Ok(accounts)
    }

    fn return_origins(
        &self,
        table: &Settings,
        listed: Option<Vec<Origin>>,
    ) -> Result<ReturnOrigins, ConfigError> {
        let live = self.all().any(|account| account.mode == Mode::Live);
        match listed {
            Some(origins) => Ok(ReturnOrigins::Listed(origins)),
            None if live => Err(table.missing("return_origins")),
            None => Ok(ReturnOrigins::Localhost),
        }
    }
}

/// `keep` or `cancel`.
fn parse_late_payments(text: &str) -> Result<LatePayments, String> {
    match text {
        "keep" => Ok(LatePayments::Keep),
        "cancel" => Ok(LatePayments::Cancel),
        "give_back" => {
            Err("must be \"keep\" or \"cancel\": \"give_back\" is called \"cancel\" now".to_owned())
        }
        _ => Err("must be \"keep\" or \"cancel\"".to_owned()),
    }
}
