//! The V1 payment object: one row per opened payment window.

use serde::{Deserialize, Serialize};

use super::bank;
use super::config::PortoneConfig;

/// The bank and the card company of a buyer whose page named none.
const USUAL_BANK: &str = "088";
const USUAL_CARD_COMPANY: &str = "366";

/// The longest `merchant_uid`, in characters.
pub(super) const MAX_MERCHANT_UID_CHARS: usize = 40;

/// The four statuses of V1. A partly cancelled payment stays `paid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ready,
    Paid,
    Failed,
    Cancelled,
}

impl Status {
    /// Its name on the wire.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status a path segment names.
    pub(super) fn named(text: &str) -> Option<Self> {
        [Self::Ready, Self::Paid, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|status| status.name() == text)
    }
}

/// Money given back, as `cancel_history` lists it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Cancellation {
    pub(super) amount: u64,
    pub(super) cancellation_id: String,
    pub(super) cancelled_at: u64,
    pub(super) pg_tid: String,
    pub(super) reason: Option<String>,
    pub(super) receipt_url: Option<String>,
}

/// An instant discount of the buyer's card company.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Promotion {
    /// What it takes off the amount of the order. `amount` is that of the order (V1's words for both fields), so it stays
    /// what the page asked for, and cancels are of that, too: V1 documents no other arithmetic.
    pub(super) discount: u64,
    pub(super) id: String,
}

/// A V1 payment, rendered as it is stored.
///
/// Every key is always present and the keys are alphabetical: unknown texts are
/// `null`, unknown times are `0`, empty lists are `[]`. Times are UNIX seconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Payment {
    /// The original total; it does not shrink when money is given back.
    pub(super) amount: u64,
    pub(super) apply_num: Option<String>,
    pub(super) bank_code: Option<String>,
    pub(super) bank_name: Option<String>,
    pub(super) buyer_addr: Option<String>,
    pub(super) buyer_email: Option<String>,
    pub(super) buyer_name: Option<String>,
    pub(super) buyer_postcode: Option<String>,
    pub(super) buyer_tel: Option<String>,
    pub(super) cancel_amount: u64,
    pub(super) cancel_history: Vec<Cancellation>,
    pub(super) cancel_reason: Option<String>,
    pub(super) cancel_receipt_urls: Vec<String>,
    pub(super) cancelled_at: u64,
    pub(super) card_code: Option<String>,
    pub(super) card_issuer_code: Option<String>,
    pub(super) card_issuer_name: Option<String>,
    pub(super) card_name: Option<String>,
    pub(super) card_number: Option<String>,
    pub(super) card_publisher_code: Option<String>,
    pub(super) card_publisher_name: Option<String>,
    pub(super) card_quota: u32,
    pub(super) card_type: Option<u8>,
    pub(super) cash_receipt_issued: bool,
    pub(super) channel: String,
    pub(super) currency: String,
    pub(super) custom_data: Option<String>,
    pub(super) customer_uid: Option<String>,
    pub(super) customer_uid_usage: Option<String>,
    /// Deposits to a fixed unlimited account, a kind the simulator does not issue.
    pub(super) deposit_history: [(); 0],
    pub(super) emb_pg_provider: Option<String>,
    pub(super) escrow: bool,
    pub(super) fail_reason: Option<String>,
    pub(super) failed_at: u64,
    pub(super) imp_uid: String,
    pub(super) merchant_uid: String,
    pub(super) name: Option<String>,
    pub(super) paid_at: u64,
    pub(super) pay_method: Option<String>,
    pub(super) pg_id: String,
    pub(super) pg_provider: String,
    pub(super) pg_tid: Option<String>,
    pub(super) promotion: Option<Promotion>,
    pub(super) receipt_url: Option<String>,
    pub(super) sandbox: bool,
    pub(super) started_at: u64,
    pub(super) status: Status,
    pub(super) user_agent: Option<String>,
    pub(super) vbank_code: Option<String>,
    pub(super) vbank_date: u64,
    pub(super) vbank_holder: Option<String>,
    pub(super) vbank_issued_at: u64,
    pub(super) vbank_name: Option<String>,
    pub(super) vbank_num: Option<String>,
}

/// What the page said when it opened the window.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) merchant_uid: String,
    pub(super) amount: u64,
    pub(super) currency: String,
    pub(super) pay_method: String,
    pub(super) name: Option<String>,
    pub(super) buyer: Person,
    /// JSON, as a text.
    pub(super) custom_data: Option<String>,
    /// Where webhooks go instead of the console's URL.
    pub(super) notice_urls: Vec<String>,
}

/// Who pays, as the page says.
#[derive(Clone, Debug, Default)]
pub(super) struct Person {
    pub(super) addr: Option<String>,
    pub(super) email: Option<String>,
    pub(super) name: Option<String>,
    pub(super) postcode: Option<String>,
    pub(super) tel: Option<String>,
}

/// On whose channel the window was opened.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) pg_provider: String,
    pub(super) pg_id: String,
    pub(super) sandbox: bool,
}

impl Channel {
    /// The merchant's only one.
    pub(super) fn of(config: &PortoneConfig) -> Self {
        Self {
            pg_provider: config.pg_provider.clone(),
            pg_id: config.pg_id.clone(),
            sandbox: config.test_channel,
        }
    }
}

impl Payment {
    /// The row of a window that has just opened.
    pub(super) fn opened(imp_uid: String, order: Opening, channel: Channel, now: u64) -> Self {
        Self {
            amount: order.amount,
            apply_num: None,
            bank_code: None,
            bank_name: None,
            buyer_addr: order.buyer.addr,
            buyer_email: order.buyer.email,
            buyer_name: order.buyer.name,
            buyer_postcode: order.buyer.postcode,
            buyer_tel: order.buyer.tel,
            cancel_amount: 0,
            cancel_history: Vec::new(),
            cancel_reason: None,
            cancel_receipt_urls: Vec::new(),
            cancelled_at: 0,
            card_code: None,
            card_issuer_code: None,
            card_issuer_name: None,
            card_name: None,
            card_number: None,
            card_publisher_code: None,
            card_publisher_name: None,
            card_quota: 0,
            card_type: None,
            cash_receipt_issued: false,
            channel: "pc".to_owned(),
            currency: order.currency,
            custom_data: order.custom_data,
            customer_uid: None,
            customer_uid_usage: None,
            deposit_history: [],
            emb_pg_provider: easy_pay(&order.pay_method),
            escrow: false,
            fail_reason: None,
            failed_at: 0,
            imp_uid,
            merchant_uid: order.merchant_uid,
            name: order.name,
            paid_at: 0,
            pay_method: Some(order.pay_method),
            pg_id: channel.pg_id,
            pg_provider: channel.pg_provider,
            pg_tid: None,
            promotion: None,
            receipt_url: None,
            sandbox: channel.sandbox,
            started_at: now,
            status: Status::Ready,
            user_agent: Some("Mozilla/5.0".to_owned()),
            vbank_code: None,
            vbank_date: 0,
            vbank_holder: None,
            vbank_issued_at: 0,
            vbank_name: None,
            vbank_num: None,
        }
    }

    /// What can still be given back.
    pub(super) fn balance(&self) -> u64 {
        self.amount.saturating_sub(self.cancel_amount)
    }

    /// Whether this is a virtual account that waits for its money.
    ///
    /// `ready` alone does not say so: an abandoned window is `ready` too.
    pub(super) fn awaits_deposit(&self) -> bool {
        self.status == Status::Ready && self.is_vbank() && self.vbank_num.is_some()
    }

    /// Whether it was (to be) paid into a virtual account.
    pub(super) fn is_vbank(&self) -> bool {
        self.pay_method.as_deref() == Some("vbank")
    }

    /// The time that a search by status compares.
    pub(super) fn listed_at(&self) -> u64 {
        match self.status {
            Status::Ready => self.started_at,
            Status::Paid => self.paid_at,
            Status::Failed => self.failed_at,
            Status::Cancelled => self.cancelled_at,
        }
    }

    /// The time of the latest change.
    pub(super) fn updated_at(&self) -> u64 {
        self.started_at.max(self.paid_at).max(self.failed_at).max(self.cancelled_at)
    }

    /// The money arrives.
    pub(super) fn take_money(&mut self, now: u64) {
        self.status = Status::Paid;
        self.paid_at = now;
        let serial = self.imp_uid.trim_start_matches("imp_").to_owned();
        self.pg_tid = Some(format!("{}{now}{serial}", self.pg_id));
        self.receipt_url = Some(format!("https://receipt.invalid/{}", self.imp_uid));
        match self.pay_method.as_deref() {
            Some("card") => self.show_card(&serial),
            Some("trans") => {
                self.bank_code = Some(USUAL_BANK.to_owned());
                self.bank_name = Some("신한은행".to_owned());
            }
            _ => {}
        }
    }

    fn show_card(&mut self, serial: &str) {
        self.apply_num = serial.get(..8).map(str::to_owned);
        let company = self.card_code.get_or_insert_with(|| USUAL_CARD_COMPANY.to_owned());
        self.card_name = bank::card_company(company).map(str::to_owned);
        self.card_number = Some("543333******1234".to_owned());
        self.card_type = Some(0);
    }

    /// An account is issued for the buyer to pay into, until `due`.
    pub(super) fn issue_account(&mut self, now: u64, due: u64) {
        let serial = self.imp_uid.trim_start_matches("imp_").to_owned();
        self.vbank_code = bank::code_at(&self.pg_provider, USUAL_BANK);
        self.vbank_name = Some("신한은행".to_owned());
        self.vbank_num = Some(format!("562{serial}"));
        self.vbank_holder = Some("포트원샌드박스".to_owned());
        self.vbank_date = due;
        self.vbank_issued_at = now;
        self.pg_tid = Some(format!("{}VBNK{serial}", self.pg_id));
    }

    /// The payment will not happen.
    pub(super) fn fail(&mut self, now: u64, reason: &str) {
        self.status = Status::Failed;
        self.failed_at = now;
        self.fail_reason = Some(reason.to_owned());
    }

    /// Gives `amount` back; only what is given back whole turns `cancelled`.
    pub(super) fn give_back(&mut self, now: u64, amount: u64, reason: Option<String>) -> String {
        let nth = self.cancel_history.len().saturating_add(1);
        let serial = self.imp_uid.trim_start_matches("imp_").to_owned();
        let cancellation_id = format!("cncl-{serial}-{nth}");
        let receipt_url = format!("https://receipt.invalid/{}/cancel/{nth}", self.imp_uid);
        self.cancel_amount = self.cancel_amount.saturating_add(amount);
        self.cancelled_at = now;
        self.cancel_reason.clone_from(&reason);
        self.cancel_receipt_urls.push(receipt_url.clone());
        self.cancel_history.push(Cancellation {
            amount,
            cancellation_id: cancellation_id.clone(),
            cancelled_at: now,
            pg_tid: format!("{}CNCL{serial}{nth}", self.pg_id),
            reason,
            receipt_url: Some(receipt_url),
        });
        if self.cancel_amount >= self.amount {
            self.status = Status::Cancelled;
        }
        cancellation_id
    }
}

/// The easy-pay service inside a PG's own window.
fn easy_pay(pay_method: &str) -> Option<String> {
    matches!(pay_method, "kakaopay" | "naverpay" | "payco" | "tosspay" | "samsung")
        .then(|| pay_method.to_owned())
}
