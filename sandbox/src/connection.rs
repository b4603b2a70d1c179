//! One connection: reads requests, lets the fault script have its way, answers or does not.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CONTENT_TYPE, DATE},
};
use http_body_util::{BodyExt, Limited};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::{oneshot, watch},
};

use crate::{
    Answer, ApiRequest, Control, Execution, Fault, FaultRule, Outbox,
    control::Core,
    control_routes::{self, ControlAccess},
};

/// The longest request body that is read.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How long a connection may wait for its next request's head. Longer than clients keep idle connections (90 s is
/// usual): a connection closed just as a request is sent would be an unknown outcome that no script asked for.
const HEAD_TIMEOUT: Duration = Duration::from_secs(150);

/// What every connection shares.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) core: Arc<Core>,
    pub(crate) control: Control,
    pub(crate) access: Arc<ControlAccess>,
    pub(crate) stopped: watch::Receiver<bool>,
}

/// The connection ends here, without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the fault script wants no answer")]
struct NoAnswer;

/// Serves a connection until the client leaves, a fault ends it, or `close` changes while it is idle.
pub(crate) async fn serve(stream: TcpStream, service: Service, mut close: watch::Receiver<u64>) {
    // Answers are small and written whole; waiting for more only adds latency.
    let _ = stream.set_nodelay(true);
    let respond = service_fn(move |request| {
        let service = service.clone();
        async move { service.respond(request).await }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), respond));
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = close.changed() => connection.as_mut().graceful_shutdown(),
    }
    // How a client or a fault ends a connection is of no interest.
    let _ = connection.await;
}

impl Service {
    async fn respond(self, request: Request<Incoming>) -> Result<Response<AnswerBody>, NoAnswer> {
        let request = match read(request).await {
            Ok(request) => request,
            Err(refused) => return Ok(self.dated(into_response(refused, None))),
        };
        if control_routes::is_control(&request) {
            let answer = control_routes::answer(&self.control, &self.access, &request).await;
            return Ok(into_response(answer, None));
        }
        self.respond_as_pg(request).await
    }

    async fn respond_as_pg(self, request: ApiRequest) -> Result<Response<AnswerBody>, NoAnswer> {
        let call = self.core.simulator.call_of(&request);
        let verdict = call.map(|call| self.core.faults.judge(call)).unwrap_or_default();
        let fault = verdict.rule.as_ref().map(|rule| rule.fault);
        let number = self.core.calls.received(&request, call, fault, self.core.simulator.clock().now_ms());
        let result = self.execute(request, verdict.rule).await;
        if let Ok((answer, _)) = &result {
            self.core.calls.answered(number, answer.status.as_u16());
        }
        if let Some(duration) = verdict.then_refuse {
            let core = Arc::clone(&self.core);
            tokio::spawn(async move { core.refuse(duration).await });
        }
        let (answer, sent) = result?;
        Ok(self.dated(into_response(answer, sent)))
    }

    /// The answer with the time of the sandbox clock. A merchant may read from it what time it is at the PG, and hyper
    /// would write the system's.
    fn dated(&self, mut response: Response<AnswerBody>) -> Response<AnswerBody> {
        let date = HeaderValue::try_from(self.clock().http_date());
        response
            .headers_mut()
            .insert(DATE, date.expect("a date has digits, letters, commas and colons only"));
        response
    }

    /// Executes a request as the fault script wants it. With the answer comes whom to tell when it is sent.
    async fn execute(&self, request: ApiRequest, rule: Option<FaultRule>) -> Result<Told, NoAnswer> {
        let Some(rule) = rule else {
            return Ok(self.run(request, Execution::ordinary(self.clock())).await);
        };
        let how = Execution::with_fault(self.clock(), rule.fault, rule.duration());
        match rule.fault {
            Fault::ResetBefore => Err(NoAnswer),
            Fault::TimeoutBefore => Err(self.hold(rule.duration()).await),
            Fault::ErrorBefore => Ok((scripted(&rule, self.core.simulator.internal_error()), None)),
            Fault::Unauthorized => Ok((scripted(&rule, self.core.simulator.unauthorized()), None)),
            Fault::ExecutesLater => {
                self.run_unattended(request, how).await;
                if rule.status.is_none() && rule.body.is_none() {
                    return Err(NoAnswer);
                }
                Ok((scripted(&rule, self.core.simulator.internal_error()), None))
            }
            Fault::ResetAfter => {
                drop(self.run(request, how).await);
                Err(NoAnswer)
            }
            Fault::TimeoutAfter => {
                // Dropped before the wait: there will be no answer for the webhooks to wait for.
                drop(self.run(request, how).await);
                Err(self.hold(rule.duration()).await)
            }
            Fault::ErrorAfter => {
                let (_, sent) = self.run(request, how).await;
                Ok((scripted(&rule, self.core.simulator.internal_error()), sent))
            }
            Fault::Garbled => {
                let (answer, sent) = self.run(request, how).await;
                Ok((garbled(&rule, answer), sent))
            }
            _ => Ok(self.run(request, how).await),
        }
    }

    fn clock(&self) -> crate::SandboxClock {
        self.core.simulator.clock().clone()
    }

    /// Executes to the end, webhooks included, even if the client does not wait for it: a PG does not stop half-way
    /// either.
    async fn run(&self, request: ApiRequest, how: Execution) -> Told {
        let core = Arc::clone(&self.core);
        let run = tokio::spawn(async move { run(&core, &request, &how).await });
        run.await.unwrap_or_else(|panicked| {
            tracing::error!(error = %panicked, "a simulated PG panicked");
            (self.core.simulator.internal_error(), None)
        })
    }

    /// Lets a request be admitted now and executed when its time comes.
    async fn run_unattended(&self, request: ApiRequest, how: Execution) {
        let service = self.clone();
        let mut stopped = self.stopped.clone();
        let mut running = Box::pin(async move {
            tokio::select! {
                answer = run(&service.core, &request, &how) => drop(answer),
                _ = stopped.changed() => {}
            }
        });
        // Admitted before anything is answered: a repeat must meet a request that is running.
        let first = poll_fn(|context| Poll::Ready(running.as_mut().poll(context))).await;
        if first.is_pending() {
            tokio::spawn(running);
        }
    }

    /// Keeps the client waiting.
    async fn hold(&self, duration: Duration) -> NoAnswer {
        let mut stopped = self.stopped.clone();
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            _ = stopped.changed() => {}
        }
        NoAnswer
    }
}

/// An answer, and whom to tell, by dropping it, when it has been sent or will never be.
type Told = (Answer, Option<oneshot::Sender<()>>);

/// Executes a request. Its webhooks wait for its answer, but for those which are wanted early.
async fn run(core: &Core, request: &ApiRequest, how: &Execution) -> Told {
    core.tick();
    let mut outbox = Outbox::default();
    let answer = core.simulator.answer(request, how, &mut outbox).await;
    if outbox.0.is_empty() {
        return (answer, None);
    }
    let (sent, is_sent) = oneshot::channel();
    core.sender.send_all(outbox, &core.faults, Some(is_sent)).await;
    (answer, Some(sent))
}

async fn read(request: Request<Incoming>) -> Result<ApiRequest, Answer> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await.map_err(|_| {
        let message = format!("the body could not be read or is longer than {MAX_BODY_BYTES} bytes");
        Answer::json(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "code": "INVALID_REQUEST", "message": message }))
    })?;
    Ok(ApiRequest {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: body.to_bytes(),
    })
}

/// What the rule says, and where it says nothing, the PG's own way.
fn scripted(rule: &FaultRule, mut answer: Answer) -> Answer {
    if let Some(status) = rule.status.and_then(|status| StatusCode::from_u16(status).ok()) {
        answer.status = status;
    }
    match &rule.body {
        None => {}
        Some(Value::String(text)) => {
            answer.content_type = "text/plain;charset=UTF-8";
            answer.body = Bytes::from(text.clone());
        }
        Some(body) => answer.body = Bytes::from(body.to_string()),
    }
    answer
}

/// Half of the body, or the rule's, under the right headers.
fn garbled(rule: &FaultRule, mut answer: Answer) -> Answer {
    answer.body = answer.body.slice(..answer.body.len() / 2);
    let content_type = answer.content_type;
    Answer { content_type, ..scripted(rule, answer) }
}

fn into_response(answer: Answer, sent: Option<oneshot::Sender<()>>) -> Response<AnswerBody> {
    let mut response = Response::builder().status(answer.status).header(CONTENT_TYPE, answer.content_type);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = AnswerBody { rest: Some(answer.body).filter(|body| !body.is_empty()), _sent: sent };
    response.body(body).unwrap_or_else(|error| {
        // A header's value with a line break in it, say: never silently half an answer.
        tracing::error!(%error, "a simulated PG made an answer that HTTP does not allow");
        let mut response = Response::new(AnswerBody { rest: None, _sent: None });
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// A whole body that shows, by being dropped, that it has been handed to the connection.
#[derive(Debug)]
struct AnswerBody {
    rest: Option<Bytes>,
    _sent: Option<oneshot::Sender<()>>,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.rest.take().map(|rest| Ok(Frame::data(rest))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.rest.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
    }
}
