use std::net::Ipv4Addr;

use poem::{Route, endpoint::make};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::*;

const SETTING: &str = "server.listen";
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn limits(connections: usize, header_milliseconds: u64) -> ListenerLimits {
    ListenerLimits {
        connections,
        connections_per_peer: connections,
        header_time: Duration::from_millis(header_milliseconds),
        proxies: Vec::new(),
    }
}

/// Holds a handler where the test wants it.
#[derive(Clone, Default)]
struct Gate {
    entered: Arc<Notify>,
    open: Arc<Notify>,
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

/// Serves `/`, which answers at once, and `/held`, which waits for the gate.
async fn start(limits: ListenerLimits, gate: Gate) -> Running {
    let hardened = Hardened::bind(ANY_PORT, SETTING, limits).unwrap();
    let address = hardened.addresses()[0];
    let held = make(move |_| {
        let gate = gate.clone();
        async move {
            gate.entered.notify_one();
            gate.open.notified().await;
            "hello"
        }
    });
    let routes = Route::new().at("/", make(|_| async { "hello" })).at("/held", held);
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move { stopped.await.unwrap_or_default() };
    let served = tokio::spawn(hardened.serve(routes, stopped, PATIENCE));
    Running { address, stop, served }
}

async fn connect(running: &Running) -> TcpStream {
    TcpStream::connect(running.address).await.unwrap()
}

/// Everything until the server ends the connection, cleanly or not.
async fn read_to_cut(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    let _cleanly_or_not = read.expect("the connection was not cut");
    String::from_utf8(bytes).unwrap()
}

async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"hello") {
        let mut chunk = [0; 1_024];
        let length = timeout(PATIENCE, stream.read(&mut chunk)).await.unwrap().unwrap();
        assert!(length > 0, "cut before the answer");
        seen.extend_from_slice(&chunk[..length]);
    }
    String::from_utf8(seen).unwrap()
}

#[tokio::test]
async fn a_client_that_dribbles_its_headers_is_cut() {
    let running = start(limits(8, 100), Gate::default()).await;
    let (mut reader, mut writer) = connect(&running).await.into_split();
    let dribble = tokio::spawn(async move {
        writer.write_all(b"GET / HTTP/1.1\r\nX-Slow: ").await.unwrap();
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        while writer.write_all(b"a").await.is_ok() {
            ticks.tick().await;
        }
    });
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, reader.read_to_end(&mut bytes)).await;
    let _cleanly_or_not = read.expect("the dribbler was not cut");
    timeout(PATIENCE, dribble).await.expect("the dribbler still writes").unwrap();
}

#[tokio::test]
async fn a_client_that_says_nothing_is_cut() {
    let running = start(limits(8, 100), Gate::default()).await;
    assert_eq!(read_to_cut(&mut connect(&running).await).await, "");
}

#[tokio::test]
async fn answered_connection_that_asks_nothing_more_is_closed() {
    let running = start(limits(8, 100), Gate::default()).await;
    let mut stream = connect(&running).await;
    ask(&mut stream).await;
    assert_eq!(read_to_cut(&mut stream).await, "");
}

#[tokio::test]
async fn http_2_is_not_spoken() {
    let running = start(limits(8, 60_000), Gate::default()).await;
    let mut stream = connect(&running).await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let answer = read_to_cut(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[test]
fn only_an_error_about_one_client_is_passed_over() {
    use io::ErrorKind::{ConnectionAborted, Other, OutOfMemory};
    for (kind, passed_over) in [(ConnectionAborted, true), (OutOfMemory, false), (Other, false)] {
        assert_eq!(is_about_one_client(&kind.into()), passed_over, "{kind}");
    }
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let running = start(limits(8, 60_000), Gate::default()).await;
    let (mut reader, mut writer) = connect(&running).await.into_split();
    let flood = tokio::spawn(async move {
        let sent = writer.write_all(b"GET / HTTP/1.1\r\nX-Long: ").await;
        let mut sending = sent.is_ok();
        while sending {
            sending = writer.write_all(&[b'a'; 65_536]).await.is_ok();
        }
    });
    let mut first = [0; 12];
    timeout(PATIENCE, reader.read_exact(&mut first)).await.expect("it reads for ever").unwrap();
    assert_eq!(&first, b"HTTP/1.1 431");
    drop(reader);
    timeout(PATIENCE, flood).await.expect("it was never cut").unwrap();
}

#[tokio::test]
async fn silent_connections_give_way_to_one_that_asks() {
    let running = start(limits(4, 60_000), Gate::default()).await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(connect(&running).await);
    }
    ask(&mut connect(&running).await).await;
    assert_eq!(read_to_cut(&mut silent[0]).await, "", "the oldest gave way");
}

#[tokio::test]
async fn connection_waits_while_all_others_are_busy() {
    let gate = Gate::default();
    // A proxy: its address is no limit, so what is full is the whole.
    let proxies = vec![Network::parse("127.0.0.1").unwrap()];
    let running = start(ListenerLimits { proxies, ..limits(1, 60_000) }, gate.clone()).await;
    let mut first = connect(&running).await;
    first.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    timeout(PATIENCE, gate.entered.notified()).await.expect("the handler was not called");
    let mut second = connect(&running).await;
    let mut asked = tokio::spawn(async move { ask(&mut second).await });
    assert!(timeout(Duration::from_millis(100), &mut asked).await.is_err(), "both at once");
    gate.open.notify_one();
    timeout(PATIENCE, asked).await.expect("the second was never served").unwrap();
}

#[tokio::test]
async fn peer_with_enough_busy_connections_gets_no_other() {
    let gate = Gate::default();
    let running = start(ListenerLimits { connections_per_peer: 1, ..limits(8, 60_000) }, gate.clone()).await;
    let mut first = connect(&running).await;
    first.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    timeout(PATIENCE, gate.entered.notified()).await.expect("the handler was not called");
    assert_eq!(read_to_cut(&mut connect(&running).await).await, "");
    gate.open.notify_one();
}

#[tokio::test]
async fn half_a_header_does_not_hold_the_stop() {
    let running = start(limits(8, 60_000), Gate::default()).await;
    let mut half = connect(&running).await;
    half.write_all(b"GET / HTTP/1.1\r\nX-Slow: ").await.unwrap();
    ask(&mut connect(&running).await).await;
    running.stop.send(()).unwrap();
    timeout(PATIENCE / 2, running.served).await.expect("it waits for half a header").unwrap();
}

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_stop() {
    let gate = Gate::default();
    let running = start(limits(8, 60_000), gate.clone()).await;
    let mut stream = connect(&running).await;
    stream.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    timeout(PATIENCE, gate.entered.notified()).await.expect("the handler was not called");
    running.stop.send(()).unwrap();
    // Nobody is let in any more, so the stop was heard.
    let refused = async { while TcpStream::connect(running.address).await.is_ok() {} };
    timeout(PATIENCE, refused).await.expect("it still listens");
    gate.open.notify_one();
    let answer = read_to_cut(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    timeout(PATIENCE, running.served).await.expect("it still runs").unwrap();
}

#[tokio::test]
async fn a_busy_port_names_the_setting() {
    let first = Hardened::bind(ANY_PORT, SETTING, limits(1, 100)).unwrap();
    let taken = first.addresses()[0];
    let error = Hardened::bind(taken, SETTING, limits(1, 100)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{taken} is in use by another process; \
             set server.listen (or PAYMUX__SERVER__LISTEN) to another address"
        ),
    );
}

#[tokio::test]
async fn loopback_is_one_port_on_both_addresses() {
    let hardened = Hardened::bind_loopback(ANY_PORT, SETTING, limits(1, 100)).unwrap();
    let addresses = hardened.addresses();
    assert!(addresses.iter().all(|address| address.ip().is_loopback()));
    assert!(addresses.iter().all(|address| address.port() == addresses[0].port()));
    // The machine has ::1 or it has not; where it has, we listen there.
    let has_ipv6 = TcpListener::bind("[::1]:0").await.is_ok();
    assert_eq!(addresses.len(), if has_ipv6 { 2 } else { 1 });
}
