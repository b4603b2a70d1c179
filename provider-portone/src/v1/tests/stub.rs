//! A small HTTP server: answers as a closure says, and keeps what it was asked.
//!
//! It knows nothing of PortOne but how to log in.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufStream},
    net::{TcpListener, TcpStream},
};

/// Given as a status, it hangs up instead of answering.
pub(super) const HANG_UP: u16 = 0;
/// Given as a status, it never answers.
pub(super) const SILENCE: u16 = 1;

/// A request, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) authorization: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) body: String,
}

type Answer = dyn Fn(&Seen) -> (u16, String) + Send + Sync;

/// The server; it lives as long as the test's runtime.
pub(super) struct Stub {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

const LOGIN: &str = "POST /users/getToken";

impl Stub {
    /// Answers everything but the login with `answer`.
    pub(super) async fn start(answer: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::bare(move |seen| {
            if seen.line == LOGIN {
                let token = r#"{"access_token":"abc","now":1000,"expired_at":2800}"#;
                return (200, format!(r#"{{"code":0,"message":null,"response":{token}}}"#));
            }
            answer(seen)
        })
        .await
    }

    /// Answers everything with `answer`.
    pub(super) async fn bare(answer: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::with_headers("", answer).await
    }

    /// Answers everything with `answer`, under these header lines, each begun with a line break.
    pub(super) async fn with_headers(
        headers: &'static str,
        answer: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, memory): (Arc<Answer>, _) = (Arc::new(answer), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, headers, answer.clone(), memory.clone()));
            }
        });
        Self { url, seen }
    }

    /// What was asked, logins left out.
    pub(super) fn calls(&self) -> Vec<Seen> {
        self.all().into_iter().filter(|seen| seen.line != LOGIN).collect()
    }

    /// How often someone logged in.
    pub(super) fn logins(&self) -> usize {
        self.all().iter().filter(|seen| seen.line == LOGIN).count()
    }

    /// Everything that was asked.
    pub(super) fn all(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, headers: &str, answer: Arc<Answer>, memory: Arc<Mutex<Vec<Seen>>>) {
    let mut stream = BufStream::new(stream);
    while let Some(seen) = read(&mut stream).await {
        memory.lock().unwrap().push(seen.clone());
        let (status, body) = answer(&seen);
        if status == HANG_UP {
            return;
        }
        if status == SILENCE {
            std::future::pending::<()>().await;
        }
        let length = body.len();
        // Only a redirect's location means something, and nobody may follow one.
        let head = format!("HTTP/1.1 {status} Said\r\nlocation: /elsewhere\r\ncontent-length: {length}");
        let text = format!("{head}{headers}\r\n\r\n{body}");
        if stream.write_all(text.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufStream<TcpStream>) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines.next()?.strip_suffix(" HTTP/1.1")?.to_owned();
    let headers: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    let header = |name: &str| {
        let found = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| (*value).to_owned())
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen {
        line,
        authorization: header("authorization"),
        content_type: header("content-type"),
        body: String::from_utf8(body).unwrap(),
    })
}
