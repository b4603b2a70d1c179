//! The tables of refusals.

use paymux_core::{
    model::{FailureReason, Method, PgCancelStatus},
    provider::{CancelScope, PaymentProvider as _, ProviderError},
};

use super::{ALL, by_id, cancel_request, payment_request, provider, refused, stub::Stub};
use crate::v1::errors;

async fn refused_cancel(scope: CancelScope, status: u16, code: i64, text: &'static str) -> ProviderError {
    let stub = Stub::start(move |_| refused(status, code, text)).await;
    let error = provider(&stub.url).cancel(&cancel_request(scope)).await.unwrap_err();
    assert_eq!(stub.calls().len(), 1, "{status} {code} {text}");
    error
}

fn reason(error: &ProviderError) -> Option<FailureReason> {
    if let ProviderError::Declined(failure) = error { Some(failure.reason) } else { None }
}

#[tokio::test]
async fn refusal_of_a_cancel_with_a_text_is_a_decline() {
    use FailureReason::{InvalidRefundAccount, NotCancellable};
    for (code, text, expected) in [
        (1, "취소할 결제건이 존재하지 않습니다.", NotCancellable),
        (-1, "취소할 결제건이 존재하지 않습니다.", NotCancellable),
        (-1, "[2016] 취소 기한 초과", NotCancellable),
        (-1, "[1534] 부분취소 불가능 거래", NotCancellable),
        (-1, "취소 할 수 없는 결제 입니다.", NotCancellable),
        (-1, "취소 불가", NotCancellable),
        (-1, "카드사 취소 거절", NotCancellable),
        (-1, "취소 가능 기간이 지났습니다", NotCancellable),
        (-1, "Payment not cancelable", NotCancellable),
        (-1, "[2012] 취소 해당거래 없음", NotCancellable),
        (-1, "[2017] 취소 불가 회원사", NotCancellable),
        (-1, "[2023] 취소 한도 초과", NotCancellable),
        (-1, "[2027] 에스크로 거래는 구매 또는 구매거절 시 취소가능", NotCancellable),
        (-1, "취소 한도를 초과했습니다.", NotCancellable),
        (-1, "환불 가능한 기간이 지났습니다.", NotCancellable),
        (-1, "환불을 지원하지 않는 결제입니다.", NotCancellable),
        (-1, "환불이 거절됐습니다. 결제사에 문의 부탁드립니다.", NotCancellable),
        (-1, "입금 대기중인 결제는 부분 환불이 불가합니다.", NotCancellable),
        (-1, "휴면 처리된 회원의 결제는 취소할 수 없습니다.", NotCancellable),
        (-1, "즉시할인금액보다 적은 금액은 부분취소가 불가능합니다.", NotCancellable),
        (-1, "환불이 불가능한 은행입니다.", InvalidRefundAccount),
        (-1, "고객 계좌가 입금이 되지 않는 상태입니다.", InvalidRefundAccount),
        (-1, "잘못된 환불 계좌번호입니다.", InvalidRefundAccount),
        (-1, "[V601] 은행코드 미설정 오류입니다", InvalidRefundAccount),
        (-1, "[230] 예금주 실명번호 불일치", InvalidRefundAccount),
        (1, "환불 계좌 정보가 누락되었습니다.", InvalidRefundAccount),
    ] {
        for scope in [ALL, CancelScope::Close] {
            let error = refused_cancel(scope, 200, code, text).await;
            assert_eq!(reason(&error), Some(expected), "{code} {text} {error:?}");
            let pg = error.pg().unwrap();
            assert_eq!((pg.code.as_str(), pg.message.as_str()), (code.to_string().as_str(), text));
        }
    }
}

#[tokio::test]
async fn refusal_that_leaves_doubt_is_unknown() {
    for (status, code, text) in [
        (200, 1, "이미 전액취소된 주문입니다."),
        (200, -1, "이미 취소된 결제 입니다."),
        (200, -1, "[2015] 해당거래 취소실패(기취소성공)"),
        (200, -1, "[2013] 취소 완료 거래"),
        (200, 1, "취소 가능 잔액이 일치하지 않습니다."),
        (200, -1, "[2032] 취소금액이 취소가능금액보다 큼"),
        (200, -1, "취소 할 수 없는 금액 입니다."),
        (200, 1, "a Checksum that does not fit"),
        (200, -1, "[A226] 전문통신 과정에서 오류가 발생하였습니다"),
        (200, -1, "[7010] VAN응답실패"),
        (200, -1, "은행 응답시간 지연이나 일시적인 오류로 환불요청에 실패했습니다."),
        (200, -1, "[X002] 서버로 소켓 연결 중 오류가 발생하였습니다"),
        (200, -1, "네트워크 오류"),
        (200, -1, "처리 시간 초과"),
        (200, -1, "Time-out"),
        (200, -1, "the request was received but there was a server time-out"),
        (200, -1, "EE00 Connect Error"),
        (200, -1, "connection reset"),
        (200, -1, "[2159] 해당은행장애"),
        (200, -1, "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요."),
        // What tells nothing of why.
        (200, -1, "Unexpected error"),
        (200, -1, "unknown error"),
        (200, -1, "General Error"),
        (200, -1, "no reply from issuer"),
        (200, -1, "기타 오류"),
        (200, -1, "예기치 못한 오류가 발생했습니다."),
        (200, -1, "취소 결과를 확인할 수 없습니다"),
        (200, -1, "처리 결과 불명"),
        (200, -1, "9999"),
        (200, -1, "[E-102]"),
        (200, -1, "취소 실패"),
        (200, -1, "[9999] 카드사 취소 처리에 실패하였습니다."),
        (200, -1, "환불 요청이 실패했습니다"),
        (200, -1, "Cancel failed"),
        (200, -1, "ERROR: refund request failed (V701)"),
        (200, -1, "취소에 실패했습니다. 관리자에게 문의하세요."),
        (200, 7, "a text of next year"),
        // A system on the way failed.
        (200, -1, "PG사에서 오류가 발생했습니다"),
        (200, -1, "은행 오류"),
        (200, -1, "은행에서 오류가 발생했습니다"),
        (200, -1, "결제사 오류"),
        (200, -1, "VAN사 오류"),
        (200, -1, "전산 오류"),
        (200, -1, "카드사 전산 오류"),
        (200, -1, "Server error"),
        (200, -1, "Bad Gateway"),
        (200, -1, "Database error"),
        (200, -1, "Service busy"),
        (200, -1, "정의되지 않은 에러입니다"),
        (200, -1, "The requested amount exceeds the authorized amount"),
        (200, -1, "Scheduled maintenance. Please try again later."),
        (200, -1, "원인 미상 오류"),
        (200, -1, "환불계좌로 처리합니다"),
        // It is done or will be, whatever else is said.
        (200, -1, "전액 환불되어 취소할 수 없습니다"),
        (200, -1, "취소상태의 거래는 취소할 수 없습니다"),
        (200, -1, "취소건은 취소할 수 없습니다"),
        (200, -1, "망취소 후 재취소 불가"),
        (200, -1, "취소 거절(동일 취소거래 존재)"),
        (200, -1, "Refunded payment cannot be cancelled"),
        (200, -1, "Canceled payment cannot be canceled"),
        // It was perhaps done, or surely.
        (200, -1, "취소상태 확인요망"),
        (200, -1, "취소여부 확인 필요"),
        (200, -1, "취소된 거래입니다"),
        (200, -1, "환불 완료된 거래입니다"),
        (200, -1, "취소처리 완료"),
        (200, -1, "취소 성공"),
        // The doubt comes before what is definite elsewhere: a reason, an account, a contract.
        (200, -1, "은행 오류로 취소할 수 없습니다"),
        (200, -1, "처리 결과를 알 수 없어 재취소 불가"),
        (200, -1, "취소된 거래는 취소할 수 없습니다"),
        (200, -1, "Server error: payment not cancelable"),
        (200, -1, "예금주 오류, 전산 오류"),
        (200, -1, "[업체정보 확인] 취소여부 확인 필요"),
        (200, -1, "계약된 VAN사 오류"),
        (200, -1, "가맹점 정보 전산 오류"),
        // A shop is named, and nothing said of it.
        (200, -1, "[상점ID: books] 취소 실패"),
        (200, -1, "[가맹점정보: 도서몰] 취소 실패"),
        (200, -1, "계약기관 사정으로 취소 실패"),
        (200, -1, "signature 1f3a: cancel failed"),
        (200, -1, ""),
        (200, 7, "  "),
        (207, 1, "취소할 결제건이 존재하지 않습니다."),
        (400, 1, "취소할 결제건이 존재하지 않습니다."),
        (403, -1, "허용되지 않은 IP"),
        (404, -1, "존재하지 않는 결제정보입니다."),
        (500, 1, "취소 실패"),
        (503, 0, "취소 실패"),
    ] {
        for scope in [ALL, CancelScope::Close] {
            let error = refused_cancel(scope, status, code, text).await;
            assert_eq!(error.name(), "unknown", "{status} {code} {text}");
            let pg = error.pg().unwrap();
            assert_eq!((pg.code.as_str(), pg.message.as_str()), (code.to_string().as_str(), text.trim()));
        }
    }
}

/// Each has a word that an accepted cancel would have as well: sent again, such a cancel is done twice.
#[tokio::test]
async fn refusal_that_may_mean_later_is_not_repeated() {
    for text in [
        // Nothing was accepted, or another cancel was.
        "취소 요청이 접수되지 않았습니다",
        "이미 접수된 취소입니다",
        "환불 접수 실패",
        "request not accepted",
        "송금 한도를 초과했습니다",
        "취소 접수 시간이 아닙니다",
        "취소는 영업일 09시~18시에 가능합니다",
        "환불 접수기간이 지났습니다",
        "Only full refunds are accepted",
        "카드사에 취소를 요청했으나 거부되었습니다",
        "지급예정 금액이 부족합니다",
        "환불 예정 금액이 결제 금액보다 큽니다",
        "입금예정일 이후에 취소해 주세요",
        "요청완료 확인 필요",
        // It was accepted, and what stands beside that is no reason to ask for it again.
        "환불 접수되어 취소할 수 없습니다",
        "송금 처리 중인 건은 취소불가",
        "익영업일 지급예정으로 취소 불가",
        "환불계좌로 송금 요청되었으나 계좌번호 오류",
        "Request accepted, cannot be cancelled",
        // It will be done.
        "취소 요청이 접수되었습니다. 처리까지 3~5일의 기간이 소요됩니다.",
        "취소 접수",
        "취소요청이 접수되어 처리 중입니다.",
        "Refund has been scheduled",
        "Cancellation scheduled",
        "Refund requested",
        "취소신청 되었습니다",
        "당일 취소불가, 익일 자동취소됩니다",
        "매입 후 취소 처리됩니다. 즉시 취소 불가",
        "에스크로 구매거절, 환불 처리됩니다",
        "가맹점 정산 한도초과로 익일 취소됩니다",
    ] {
        for scope in [ALL, CancelScope::Close] {
            let error = refused_cancel(scope, 200, -1, text).await;
            assert_eq!(error.name(), "may_follow", "{text}");
            assert_eq!(error.pg().unwrap().message, text);
        }
    }
}

#[tokio::test]
async fn cancel_that_was_accepted_is_pending_and_not_refused() {
    for text in [
        "취소 요청이 접수되었습니다.",
        "환불 대기",
        "환불 접수 완료",
        "익영업일 환불 예정",
        "request accepted",
        "환불계좌로 송금 요청되었습니다",
        "환불계좌 입금 예정",
        "환불 접수가 완료되었습니다. 영업일 기준 3일 내 환불됩니다.",
        "취소 요청이 완료되었습니다",
        "접수되었습니다. 취소금액: 4,000원",
        "취소 요청이 접수되었습니다. [가맹점 정보: 도서몰]",
    ] {
        let stub = Stub::start(move |_| refused(200, -1, text)).await;
        let outcome = provider(&stub.url).cancel(&cancel_request(ALL)).await.unwrap();
        assert_eq!((outcome.status, outcome.snapshot), (PgCancelStatus::Pending, None), "{text}");
        // A close that was accepted is nowhere to be seen before it is done: look-ups decide.
        let error = refused_cancel(CancelScope::Close, 200, -1, text).await;
        assert_eq!(error.name(), "may_follow", "{text}");
    }
}

#[tokio::test]
async fn too_many_requests_are_not_done() {
    let stub = Stub::with_headers("\r\nretry-after: 7", |seen| {
        if seen.line == "POST /users/getToken" {
            let token = r#"{"access_token":"abc","now":1000,"expired_at":2800}"#;
            return (200, format!(r#"{{"code":0,"message":null,"response":{token}}}"#));
        }
        refused(429, -1, "Too Many Requests")
    })
    .await;
    let error = provider(&stub.url).cancel(&cancel_request(ALL)).await.unwrap_err();
    let ProviderError::NotDone { retry_after, .. } = &error else { panic!("{error:?}") };
    assert_eq!(retry_after.map(|wait| wait.as_secs()), Some(7));
    assert_eq!(error.pg().unwrap().message, "Too Many Requests");
}

#[tokio::test]
async fn refused_look_up_is_unknown_and_a_failing_server_says_nothing() {
    for (status, code, name) in [
        (200, 1, "unknown"),
        (200, -1, "unknown"),
        (403, -1, "unknown"),
        (500, -1, "not_done"),
        (503, -1, "not_done"),
    ] {
        let stub = Stub::start(move |_| refused(status, code, "")).await;
        let error = provider(&stub.url).verify(&by_id()).await.unwrap_err();
        assert_eq!(error.name(), name, "{status} {code}");
    }
}

/// Texts that blame the merchant's contract, keys or channel.
const CONTRACT: &[&str] = &[
    "결제에 실패하였습니다. [8901] 미등록PG업체/거래정지업체",
    "[9015] [인증실패] 업체정보에 이상이 있습니다. 해당 서비스 업체로 문의하여 주십시오.",
    "등록된 PG 설정 정보가 없습니다.",
    "비인증결제모듈 사용정보를 찾을 수 없습니다.",
    "인증에 실패하였습니다. API키와 secret을 확인하세요.",
    "[2152] 미등록가맹점",
    "[3014] 카드가맹점 정보 오류",
    "[A109] 요청한 MID의 설정 정보가 없습니다",
    "[A565] 휴대폰결제ID미설정 오류",
    "계약되지 않은 지불수단입니다.",
    "DM - There is a problem with your merchant configuration",
    "INVALID_API_KEY",
    "[2024] 취소패스워드 불일치",
    "[P005] 해당되는 MID 정보가 없습니다.",
    "[U316] 상점 기준정보가 유효하지 않습니다.",
    "[V001] 가맹점 아이디가 조회 되지 않습니다",
    "[A305] 가맹점번호 기준정보 미설정 오류.",
    "[M001] 계좌이체 CPID를 확인해 주세요",
    "F500 결제 창 호출에 실패했습니다. 채널 정보를 조회할 수 없습니다.",
    "F500 결제 창 호출에 실패하였습니다. 채널 정보를 조회하는데 실패하였습니다.",
    "Not found PG [ nice ] and any PG in your info.",
    "가맹점 거래정지",
    "[9015] [인증실패] 가맹점 인증에 실패하였습니다",
    "거래정지 상점입니다",
    "가맹점 1일 결제 한도초과",
    "상점 월 한도초과",
    "월 한도초과 상점입니다",
    "가맹점 미등록",
    "가맹점 해지",
    "가맹점번호 오류",
    "CPID 오류",
    "미등록 MID",
    "미등록 단말기",
    "등록되지 않은 단말기번호입니다",
    "cid코드가 등록되지 않았습니다",
    "존재하지 않는 채널입니다",
    "channelKey is invalid",
    "할부 계약이 없는 가맹점입니다",
];

#[tokio::test]
async fn refusal_because_of_the_contract_is_for_the_operator() {
    for &text in CONTRACT {
        let error = refused_cancel(ALL, 200, -1, text).await;
        assert_eq!(error.name(), "misconfigured", "cancel: {text}");
        assert_eq!(error.pg().unwrap().message, text);
        for status in [200, 400, 500] {
            let stub = Stub::start(move |_| refused(status, -1, text)).await;
            let error = provider(&stub.url).verify(&by_id()).await.unwrap_err();
            assert_eq!(error.name(), "misconfigured", "look-up: {status} {text}");
            let error = provider(&stub.url).request(&payment_request(Method::Card)).await.unwrap_err();
            assert_eq!(error.name(), "misconfigured", "window: {status} {text}");
        }
    }
    let doubtful = refused_cancel(ALL, 400, -1, CONTRACT[0]).await;
    assert_eq!(doubtful.name(), "unknown", "no status but 200 is documented for a cancel");
}

#[test]
fn contract_is_never_blamed_on_the_card() {
    for &text in CONTRACT {
        assert_eq!(errors::reason("F400", text), FailureReason::ProviderMisconfigured, "{text}");
    }
}

#[test]
fn fault_of_the_buyer_is_not_the_merchants() {
    use FailureReason::{
        AuthenticationFailed, InsufficientFunds, InvalidInstallment, IssuerDeclined, LimitExceeded, Other,
        StoppedCard,
    };
    for (text, expected) in [
        ("결제 비밀번호가 미설정되었습니다", AuthenticationFailed),
        ("카드 비밀번호 미설정", AuthenticationFailed),
        ("휴대폰 계약자와 주민번호 불일치", AuthenticationFailed),
        ("통신사 계약 정지 고객입니다", IssuerDeclined),
        ("[V004] 할부개월 설정 오류", InvalidInstallment),
        ("할부 개월 설정오류", InvalidInstallment),
        ("한도초과입니다. 가맹점에 문의하세요", LimitExceeded),
        ("가맹점에서 쓸 수 있는 카드 한도초과", LimitExceeded),
        ("한도초과 가맹점에 문의하세요", LimitExceeded),
        ("카드한도초과 가맹점", LimitExceeded),
        ("거래정지 카드입니다 가맹점 문의", StoppedCard),
        ("가맹점 고객 인증실패", AuthenticationFailed),
        ("잔액부족(상점: 도서몰)", InsufficientFunds),
        ("휴대폰 단말기 해지", Other),
    ] {
        assert_eq!(errors::reason("", text), expected, "{text}");
    }
}

#[test]
fn closed_window_has_one_reason_in_all_its_words() {
    for (code, text) in [
        ("", "사용자가 결제를 취소함"),
        ("", "사용자가 결제를 취소하였습니다."),
        ("", "사용자에 의한 취소입니다.(091)"),
        ("F400", "[결제포기] 사용자가 결제를 취소하셨습니다"),
        ("", "결제가 취소되었습니다"),
        ("F0005", "[9999] 결제를 취소하였습니다."),
        ("", "사용자취소"),
        ("", "사용자 취소(UC)"),
        ("", "userCancel"),
        ("USER_CANCEL", ""),
        ("PAY_PROCESS_CANCELED", "결제가 진행되지 않았습니다"),
        ("", "고객님께서 결제를 취소하셨습니다."),
        ("", "구매자가 결제창을 닫았습니다"),
        ("", "Payment cancelled by user"),
        ("", "The payment was cancelled."),
        ("", "사용자에 의해 결제가 취소되었습니다."),
        ("", "사용자가 결제창을 종료하였습니다"),
        ("", "결제를 중단하였습니다"),
        ("", "사용자 인증취소"),
        ("", "사용자가 인증을 취소하였습니다"),
        ("", "사용자가 비밀번호 입력을 취소하였습니다"),
        ("", "고객에 의한 취소"),
        ("", "[P091] 결제 요청을 취소하였습니다."),
        ("", "결제요청을 취소하였습니다"),
        ("", "Payment cancelled by the user"),
        ("", "User closed the window"),
    ] {
        assert_eq!(errors::reason(code, text), FailureReason::BuyerClosed, "{code} {text}");
    }
}

#[test]
fn cancel_for_another_reason_is_no_closed_window() {
    for (text, reason) in [
        ("한도초과로 결제가 취소되었습니다", FailureReason::LimitExceeded),
        ("승인 후 자동취소되었습니다", FailureReason::Other),
        ("통신 오류로 망취소되었습니다", FailureReason::Other),
        ("사용자 인증실패로 거래가 취소되었습니다", FailureReason::AuthenticationFailed),
        ("한도 초과로 사용자취소 처리", FailureReason::LimitExceeded),
        ("사용자가 취소할 수 없는 결제입니다", FailureReason::Other),
        ("사용자 정보 오류로 결제가 취소되었습니다", FailureReason::Other),
        ("고객사 요청으로 취소되었습니다", FailureReason::Other),
        ("승인취소되었습니다", FailureReason::Other),
        ("고객사 요청에 의해 결제를 중단합니다. (상세사유 : 재고 부족)", FailureReason::Other),
        ("취소할 수 없는 결제입니다", FailureReason::Other),
    ] {
        assert_eq!(errors::reason("", text), reason, "{text}");
    }
}

#[test]
fn texts_of_the_pg_have_reasons() {
    for (code, text, reason) in [
        ("", "한도초과", FailureReason::LimitExceeded),
        ("", "잔액부족", FailureReason::InsufficientFunds),
        ("F0004", "카드 비밀번호 오류", FailureReason::AuthenticationFailed),
        ("", "100원 미만 결제는 불가능하다", FailureReason::AmountTooSmall),
        ("F9999", "알 수 없는 오류", FailureReason::Other),
        // A buyer who took too long was charged nothing; a PG that did may have charged.
        ("", "[A245] 인증 시간이 초과 되었습니다", FailureReason::SessionExpired),
        ("", "결제창 유효시간 초과", FailureReason::SessionExpired),
        ("", "카드사 승인 응답 시간초과", FailureReason::Other),
        ("", "승인 시간이 초과되었습니다. 결제 여부를 확인하세요", FailureReason::Other),
        ("", "인증 후 승인 시간 초과", FailureReason::Other),
        ("", "처리 시간 초과", FailureReason::Other),
        ("", "", FailureReason::Other),
    ] {
        assert_eq!(errors::reason(code, text), reason, "{code} {text}");
    }
}
