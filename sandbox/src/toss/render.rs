//! The Payment object, as each version of the API shows it (Toss docs, reference, "Payment object").

use serde_json::{Map, Value, json};

use super::{
    config::ApiVersion,
    errors, institutions,
    language::Language,
    refunds::refund_status,
    row::{Cancel, Method, Row, VirtualAccount},
    time,
};

/// Where the real API is: what `checkout.url` says where no request names the simulator's own address.
pub(super) const REAL_BASE_URL: &str = "https://api.tosspayments.com";

/// For how long after the window was opened the refund account is shown.
const REFUND_ACCOUNT_SHOWN_MS: u64 = 30 * 60 * 1_000;

/// How a payment is to be shown, and to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) mid: &'a str,
    pub(crate) version: ApiVersion,
    pub(crate) language: Language,
    pub(crate) now_ms: u64,
    /// Where the simulator is reached, for `checkout.url`.
    pub(crate) base_url: &'a str,
    /// Only the answer of the confirm shows the deposit secret.
    pub(crate) with_secret: bool,
}

impl View<'_> {
    /// The Payment object. Every field its version has is there, `null` where there is nothing to say.
    pub(crate) fn payment(&self, row: &Row) -> Value {
        let mut fields = self.identity(row);
        fields.append(&mut self.amounts(row));
        fields.append(&mut self.methods(row));
        fields.append(&mut self.aftermath(row));
        self.as_of_version(row, &mut fields);
        Value::Object(fields)
    }

    fn identity(&self, row: &Row) -> Map<String, Value> {
        let checkout = format!("{}/v1/payments/{}/checkout", self.base_url, row.payment_key);
        object(json!({
            "version": self.version.as_str(),
            "mId": self.mid,
            "type": "NORMAL",
            "paymentKey": row.payment_key,
            "lastTransactionKey": row.last_transaction_key,
            "orderId": row.order_id,
            "orderName": row.order_name,
            "status": row.status.as_str(),
            "method": row.method.map(|method| self.language.say(method.korean())),
            "requestedAt": time::with_offset(row.requested_at_ms),
            "approvedAt": row.approved_at_ms.map(time::with_offset),
            "checkout": { "url": checkout },
            "country": "KR",
            "metadata": row.ask.metadata,
        }))
    }

    fn amounts(&self, row: &Row) -> Map<String, Value> {
        let (balance, tax_free) = (row.balance(), row.tax_free_balance());
        let vat = value_added_tax(balance.saturating_sub(tax_free));
        object(json!({
            "currency": "KRW",
            "totalAmount": row.total,
            "balanceAmount": balance,
            "suppliedAmount": balance.saturating_sub(tax_free).saturating_sub(vat),
            "vat": vat,
            "taxFreeAmount": tax_free,
            "taxExemptionAmount": 0,
        }))
    }

    fn methods(&self, row: &Row) -> Map<String, Value> {
        // A payment shows how it was paid once it was paid, or its account was issued.
        let shown = row.was_approved().then_some(row.method).flatten();
        let only = |wanted: Method, value: Value| if shown == Some(wanted) { value } else { Value::Null };
        let gift = matches!(
            shown,
            Some(Method::CultureGiftCertificate | Method::BookGiftCertificate | Method::GameGiftCertificate)
        );
        object(json!({
            "card": only(Method::Card, self.card(row)),
            "virtualAccount": row.virtual_account.as_ref().map(|account| self.virtual_account(row, account)),
            "transfer": only(Method::Transfer, json!({ "bankCode": "20", "settlementStatus": "INCOMPLETED" })),
            "mobilePhone": only(Method::MobilePhone, self.mobile_phone(row)),
            "giftCertificate": if gift {
                json!({ "approveNo": "00000000", "settlementStatus": "INCOMPLETED" })
            } else {
                Value::Null
            },
            "easyPay": only(Method::EasyPay, self.easy_pay(row)),
            "foreignEasyPay": null,
        }))
    }

    fn aftermath(&self, row: &Row) -> Map<String, Value> {
        let cancels: Vec<Value> = row.cancels.iter().map(|one| cancel(row, one)).collect();
        let secret = row.virtual_account.as_ref().filter(|_| self.with_secret).map(|account| &account.secret);
        object(json!({
            "useEscrow": row.was_approved().then_some(row.ask.use_escrow),
            "cultureExpense": false,
            "cancels": (!cancels.is_empty()).then_some(cancels),
            "isPartialCancelable": !row.ask.use_escrow,
            "secret": secret,
            "receipt": row.approved_at_ms.map(|_| json!({ "url": receipt_url(row) })),
            "failure": row.failure.as_ref().map(|failure| self.failure(&failure.code)),
            "cashReceipt": self.cash_receipt(row),
            "cashReceipts": null,
            "discount": (row.was_approved() && row.discount > 0).then(|| json!({ "amount": row.discount })),
        }))
    }

    fn card(&self, row: &Row) -> Value {
        let issuer = row.ask.card_company.as_deref().unwrap_or("41");
        json!({
            // With the instant discount, although the card company bears it.
            "amount": row.total,
            "issuerCode": issuer,
            "acquirerCode": issuer,
            "number": "51071234****567*",
            "installmentPlanMonths": row.ask.installment_months,
            "approveNo": "00000000",
            "useCardPoint": false,
            "cardType": self.language.say("신용"),
            "ownerType": self.language.say("개인"),
            "acquireStatus": if row.balance() == 0 { "CANCELED" } else { "READY" },
            "isInterestFree": false,
            "interestPayer": null,
        })
    }

    fn virtual_account(&self, row: &Row, account: &VirtualAccount) -> Value {
        let recent = self.now_ms < row.requested_at_ms.saturating_add(REFUND_ACCOUNT_SHOWN_MS);
        let refund_account = account.refund_account.as_ref().filter(|_| recent).map(|refund| {
            json!({ "bankCode": refund.bank_code, "accountNumber": refund.number, "holderName": refund.holder_name })
        });
        json!({
            "accountType": self.language.say("일반"),
            "accountNumber": account.number,
            "bankCode": account.bank_code,
            "customerName": account.customer_name,
            "depositorName": account.depositor_name,
            "dueDate": time::with_offset(account.due_at_ms),
            "expired": account.expired,
            "settlementStatus": "INCOMPLETED",
            "refundStatus": refund_status(row).as_str(),
            "refundReceiveAccount": refund_account,
        })
    }

    fn mobile_phone(&self, row: &Row) -> Value {
        let phone = row.ask.customer_phone.as_deref().unwrap_or("01012345678");
        let hidden: String = phone
            .chars()
            .enumerate()
            .map(|(at, digit)| if (3..7).contains(&at) { '*' } else { digit })
            .collect();
        json!({ "customerMobilePhone": hidden, "settlementStatus": "INCOMPLETED", "receiptUrl": receipt_url(row) })
    }

    fn easy_pay(&self, row: &Row) -> Value {
        let provider = self.wallet(row);
        json!({ "provider": provider, "amount": row.total, "discountAmount": 0 })
    }

    fn wallet(&self, row: &Row) -> &'static str {
        let wanted = row.ask.easy_pay.as_deref().and_then(institutions::easy_pay);
        self.language.say(wanted.unwrap_or("토스페이"))
    }

    fn failure(&self, code: &str) -> Value {
        let expired = || self.language.say("결제가 만료되었습니다. 다시 시도해주세요.").to_owned();
        let message = errors::find(code).map_or_else(expired, |error| error.message(self.language));
        json!({ "code": code, "message": message })
    }

    /// Issued with the deposit, if the buyer asked for one.
    fn cash_receipt(&self, row: &Row) -> Value {
        let kind = match row.ask.cash_receipt.as_deref() {
            Some("소득공제") => "소득공제",
            Some("지출증빙") => "지출증빙",
            _ => return Value::Null,
        };
        if row.approved_at_ms.is_none() {
            return Value::Null;
        }
        json!({
            "type": self.language.say(kind),
            "receiptKey": format!("r{}", row.payment_key),
            "issueNumber": "000000001",
            "receiptUrl": receipt_url(row),
            "amount": row.balance(),
            "taxFreeAmount": row.tax_free_balance(),
        })
    }

    /// Turns the newest shape into the one of an older version.
    fn as_of_version(&self, row: &Row, fields: &mut Map<String, Value>) {
        if self.version < ApiVersion::V2022November {
            rename(fields, "lastTransactionKey", "transactionKey");
            for method in ["virtualAccount", "transfer"] {
                self.name_the_bank(fields, method);
            }
            if let Some(card) = inner(fields, "card") {
                card.remove("acquirerCode");
                let company = card.remove("issuerCode");
                card.insert("company".to_owned(), company.map_or(Value::Null, card_company_name));
            }
        }
        if self.version <= ApiVersion::V1_4 {
            self.flatten_easy_pay(row, fields);
            let receipt = fields.remove("receipt").and_then(|receipt| receipt.get("url").cloned());
            if let Some(card) = inner(fields, "card") {
                card.insert("receiptUrl".to_owned(), receipt.unwrap_or(Value::Null));
                card.insert("provider".to_owned(), Value::Null);
            }
            if let Some(phone) = inner(fields, "mobilePhone") {
                phone.insert("carrier".to_owned(), "SKT".into());
            }
        }
        if self.version < ApiVersion::V1_4 {
            for newer in ["country", "failure", "foreignEasyPay"] {
                fields.remove(newer);
            }
            for (object, newer) in [("card", "interestPayer"), ("mobilePhone", "receiptUrl")] {
                if let Some(object) = inner(fields, object) {
                    object.remove(newer);
                }
            }
        }
    }

    fn name_the_bank(&self, fields: &mut Map<String, Value>, method: &str) {
        let Some(object) = inner(fields, method) else { return };
        if let Some(code) = object.remove("bankCode") {
            object.insert("bank".to_owned(), bank_name(&code));
        }
        if let Some(refund) = inner(object, "refundReceiveAccount")
            && let Some(code) = refund.remove("bankCode")
        {
            refund.insert("bank".to_owned(), bank_name(&code));
        }
    }

    fn flatten_easy_pay(&self, row: &Row, fields: &mut Map<String, Value>) {
        let paid = fields.get("easyPay").is_some_and(Value::is_object);
        if paid {
            fields.insert("easyPay".to_owned(), self.wallet(row).into());
        }
        fields.insert("easyPayAmount".to_owned(), if paid { row.total.into() } else { Value::Null });
        fields.insert("easyPayDiscountAmount".to_owned(), if paid { 0.into() } else { Value::Null });
    }
}

fn cancel(row: &Row, cancel: &Cancel) -> Value {
    let discount_of = |method: Method| if row.method == Some(method) { cancel.discount } else { 0 };
    json!({
        "cancelAmount": cancel.amount,
        "cancelReason": cancel.reason,
        "taxFreeAmount": cancel.tax_free,
        "taxExemptionAmount": 0,
        "refundableAmount": cancel.refundable_after,
        "cardDiscountAmount": discount_of(Method::Card),
        "transferDiscountAmount": discount_of(Method::Transfer),
        "easyPayDiscountAmount": 0,
        "canceledAt": time::with_offset(cancel.at_ms),
        "transactionKey": cancel.transaction_key,
        "receiptKey": null,
        "cancelStatus": "DONE",
        "cancelRequestId": cancel.request_id,
    })
}

/// An eleventh of the taxed amount, half a won rounded up.
fn value_added_tax(taxed: u64) -> u64 {
    taxed.saturating_mul(2).saturating_add(11) / 22
}

pub(super) fn receipt_url(row: &Row) -> String {
    format!("https://dashboard.tosspayments.com/receipt/redirection?transactionId={}&ref=PX", row.payment_key)
}

fn bank_name(code: &Value) -> Value {
    code.as_str().and_then(institutions::bank).map_or(Value::Null, |bank| bank.korean.into())
}

fn card_company_name(code: Value) -> Value {
    code.as_str().and_then(institutions::card_company).map_or(code.clone(), |company| company.korean.into())
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn inner<'a>(fields: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Map<String, Value>> {
    fields.get_mut(name)?.as_object_mut()
}

fn rename(fields: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = fields.remove(from) {
        fields.insert(to.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tax_is_an_eleventh_rounded_half_up() {
        for (taxed, vat) in [(7_000, 636), (27_500, 2_500), (10_000, 909), (0, 0), (5, 0), (6, 1), (100, 9)] {
            assert_eq!(value_added_tax(taxed), vat, "{taxed}");
        }
    }
}
