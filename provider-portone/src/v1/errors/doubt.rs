//! Words of refused cancels that leave open whether money moved, as [`plain`](super::wording::plain) writes them.
//!
//! Sources: P = PortOne; N = NICEPAY's code list (github.com/nicepayments/nicepay-manual, common/code.md) and tips
//! (developers.nicepay.co.kr/tip.php); E = Eximbay's error codes v2.30 (support.eximbay.com); T = Toss Payments'
//! error codes (docs.tosspayments.com). NICEPAY, Eximbay and Toss Payments are PGs behind V1. What has no source is
//! inferred.

use super::wording::has_any;

/// Whether a text leaves open whether money moved.
pub(super) fn is_in_doubt(text: &str) -> bool {
    has_any(text, IN_DOUBT)
}

const IN_DOUBT: &[&str] = &[
    // Done before, or the same request twice.
    "이미",     // P 이미 전액취소된 주문입니다; T ALREADY_CANCELED_PAYMENT 이미 취소된 결제 입니다
    "기취소",   // N 2015 기 취소 요청; N 2015 해당거래 취소실패(기취소성공)
    "취소완료", // N 2013 취소 완료 거래
    "기환불",
    "환불완료",
    "처리완료",
    "취소된", // T ALREADY_CANCELED_PAYMENT
    "환불된", // T ALREADY_REFUND_PAYMENT 이미 환불된 결제입니다
    "취소되었",
    "취소됐",
    "환불되었",
    "환불됐",
    "완료되",
    "완료됐",
    "완료된",
    "성공", // N 2001 취소 성공; N 2211 환불 성공
    "중복", // N 2156 중복등록된거래요청
    "처리중",
    "진행중",
    "already",
    "duplicate",
    "success",
    "completed",
    "beencancel",
    "beenrefund",
    "wascancel",
    "wasrefund",
    // Under way, or about to be.
    "요청중", // T ALREADY_REFUNDING_PAYMENT 이미 환불 요청중인 결제입니다
    "취소되",
    "환불되",
    "취소상태",
    "취소건",
    "망취소",
    "재취소",
    "동일",
    "refunded",
    "canceledpayment",
    "cancelledpayment",
    "iscancel",
    // Another balance. For a checksum that does not fit, PortOne documents no text.
    "잔액",     // P V2 schema, CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN: 취소 가능 잔액 검증에 실패한 경우
    "가능금액", // N 2032 취소금액이 취소가능금액보다 큼
    "가능한금액",
    "취소할수없는금액", // T NOT_CANCELABLE_AMOUNT 취소 할 수 없는 금액 입니다, also once nothing is left
    "금액불일치",       // N 2011 취소 금액 불일치
    "checksum",
    "balance",
    // No answer on the way to the PG, or from the bank or card company behind it.
    "통신",     // N A111 다날 휴대폰 통신 오류입니다; N A226 전문통신 과정에서 오류가 발생하였습니다
    "응답",     // N 7010 VAN응답실패; T FAILED_REFUND_PROCESS 은행 응답시간 지연이나 …
    "송신",     // N X004 전문 송신 중 오류가 발생하였습니다
    "수신",     // N X003 전문 수신 중 오류가 발생하였습니다
    "지연",     // N A299 API 지연처리 발생
    "네트워크", // N I001 서버와의 통신에 실패하였습니다 네트워크 환경을 확인하세요
    "연결",     // N X002 서버로 소켓 연결 중 오류가 발생하였습니다
    "소켓",     // N X002
    "접속",     // N A246 비정상 과다접속으로 인한 오류입니다
    "시간초과",
    "시간이초과", // N A245 인증 시간이 초과 되었습니다
    "타임아웃",
    "timeout", // E D151 the request was received but there was a server time-out
    "timedout",
    "network",
    "connect",       // E EE00 Connect Error
    "communication", // E EE99 Communication Error
    "readerror",     // E EE02 Read Error
    "writeerror",    // E EE01 Write Error
    "socket",
    // A failure inside a PG or a bank: nothing says how far the request had come.
    "장애",   // N 2159 해당은행장애
    "시스템", // N 4008 은행 시스템 서비스 중단; T FAILED_INTERNAL_SYSTEM_PROCESSING 내부 시스템 처리 …
    "서버",
    "점검",       // T FAILED_PARTIAL_REFUND 은행 점검, 해약 계좌 등의 사유로 …
    "서비스시간", // T NOT_AVAILABLE_BANK 은행 서비스 시간이 아닙니다
    "일시적",     // T PROVIDER_ERROR 일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요
    "잠시후",     // T PROVIDER_ERROR
    "다시시도",   // T PROVIDER_ERROR
    "알수없",     // P, of a payment: F9999 알 수 없는 오류
    "기타오류",
    "내부오류",
    "은행오류",
    "은행에서",
    "결제사오류",
    "카드사오류",
    "van사",
    "전산",
    "오류가발생", // N S999 기타오류가 발생하였습니다; N F104 … 확인중 오류가 발생하였습니다
    "오류발생",   // N A304 DB테이블 INSERT 오류발생
    "에러가발생",
    "에러발생",
    "미상",
    "정의되지않은오류",
    "정의되지않은에러",
    "예기치",
    "예상치",
    "기타에러",
    "불명", // 처리 결과 불명
    "미확인",
    "확인불가",
    "확인중",
    "결과를확인", // 취소 결과를 확인할 수 없습니다
    "여부를확인",
    "결과확인",
    "여부확인",
    "상태확인",
    "상태를확인",
    "확인요망",
    "확인필요",
    "db오류",     // N 2000 DB오류
    "db트랜잭션", // N A402 DB트랜잭션 처리에 실패하였습니다
    "db테이블",   // N A306 DB테이블 UPDATE 실패
    "exception",  // N 9002 Try-Catch-Exception
    "system",     // E D100 General system failure
    "server",
    "gateway",
    "database",
    "busy",
    "internal",
    "unexpected",
    "unknown",
    "general", // General Error
    "unspecified",
    "uncertain",
    "undefined",
    "pending",
    "inprogress",
    "processing",
    "noreply", // no reply from issuer
    "noresponse",
    "notrespond",
    "response",
    "unavailable",
    "tryagain",
    "retry",
    "trylater",
    "abort",
    "interrupt",
    "maintenance",
];
