//! Logs: to standard error, as text or JSON, filtered by `PAYMUX_LOG`.
//!
//! Nothing here or in `http/` logs a header, a body or a query: they hold keys and card data.
//!
//! A log that nobody reads must not stop a payment. So lines are written by a thread of their own; those that find no room are
//! left out and counted, and so is what one place in the code says too often.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    collections::HashMap,
    io, panic,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tracing::{Event, Level, Metadata, callsite, level_filters::LevelFilter};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{self, MakeWriter},
    layer::{Context, Filter, Layered, SubscriberExt as _},
};

/// What is logged if nobody says otherwise.
const DEFAULT_FILTER: &str = "info";

/// What the libraries may say at most, whatever the filter: the finer levels of some print headers and bodies.
const LIBRARIES: LevelFilter = LevelFilter::WARN;

/// How the targets of our own crates begin.
const OURS: &str = "paymux";

/// How many lines may wait to be written. A line has some hundred bytes.
const WAITING: usize = 8_192;

/// How many lines one place in the code may write in each [`WINDOW`].
const MOST_OF_ONE_PLACE: u32 = 1_000;
const WINDOW: Duration = Duration::from_secs(10);

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not understood.
    #[error("the log filter is not understood; write it like \"info,paymux_core=debug\"")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// Somebody already logs in this process.
    #[error("logging was already set up")]
    AlreadySet(#[source] tracing::subscriber::SetGlobalDefaultError),
}

/// The log of this process. Dropping it writes what waits, for a second at most.
#[derive(Debug)]
pub struct Log {
    left_out: LeftOut,
    _guard: WorkerGuard,
}

/// How many lines were left out.
#[derive(Clone, Debug)]
struct LeftOut {
    unwritten: ErrorCounter,
    repeated: Arc<AtomicU64>,
}

impl LeftOut {
    fn counts(&self) -> (u64, u64) {
        let unwritten = u64::try_from(self.unwritten.dropped_lines()).unwrap_or(u64::MAX);
        (unwritten, self.repeated.load(Ordering::Relaxed))
    }
}

impl Log {
    /// Says every ten seconds how many lines were left out, if any were. Never returns.
    pub async fn report(&self) {
        let mut told = (0, 0);
        loop {
            tokio::time::sleep(WINDOW).await;
            let counts = self.left_out.counts();
            if counts != told {
                tracing::warn!(
                    unwritten = counts.0 - told.0,
                    repeated = counts.1 - told.1,
                    "lines of the log were left out: nobody read them in time, or one was repeated too often"
                );
                told = counts;
            }
        }
    }
}

/// Starts logging to standard error for the whole process, until the answer is dropped.
///
/// # Errors
///
/// [`TelemetryError`] if the filter is not understood or logging was already set up.
pub fn start(format: LogFormat, filter: Option<&str>) -> Result<Log, TelemetryError> {
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING)
        .thread_name("log")
        .finish(io::stderr());
    let left_out = LeftOut { unwritten: writer.error_counter(), repeated: Arc::default() };
    let subscriber = subscriber(format, filter, writer, Arc::clone(&left_out.repeated))?;
    tracing::subscriber::set_global_default(subscriber).map_err(TelemetryError::AlreadySet)?;
    // The usual hook writes to standard error itself, and would wait there for ever.
    panic::set_hook(Box::new(|panic| match Backtrace::capture() {
        backtrace if backtrace.status() == BacktraceStatus::Captured => {
            tracing::error!(%backtrace, "{panic}")
        }
        _ => tracing::error!("{panic}"),
    }));
    Ok(Log { left_out, _guard: guard })
}

type Lines = Box<dyn Layer<Registry> + Send + Sync>;

fn subscriber(
    format: LogFormat,
    filter: Option<&str>,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
    repeated: Arc<AtomicU64>,
) -> Result<Layered<Lines, Registry>, TelemetryError> {
    let limits = Limits { filter: read_filter(filter)?, places: Mutex::default(), repeated };
    let lines: Lines = match format {
        LogFormat::Text => fmt::layer().with_ansi(false).with_writer(writer).with_filter(limits).boxed(),
        LogFormat::Json => fmt::layer().json().with_writer(writer).with_filter(limits).boxed(),
    };
    Ok(tracing_subscriber::registry().with(lines))
}

fn read_filter(filter: Option<&str>) -> Result<EnvFilter, TelemetryError> {
    let text = filter.filter(|text| !text.is_empty()).unwrap_or(DEFAULT_FILTER);
    EnvFilter::builder().parse(text).map_err(TelemetryError::Filter)
}

/// What the operator wants to see, within what may be seen.
struct Limits {
    filter: EnvFilter,
    /// Since when the lines of each place are counted, and how many there were.
    places: Mutex<HashMap<callsite::Identifier, (Instant, u32)>>,
    repeated: Arc<AtomicU64>,
}

impl Limits {
    fn is_repeated(&self, place: callsite::Identifier) -> bool {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = places.entry(place).or_insert_with(|| (Instant::now(), 0));
        if since.elapsed() >= WINDOW {
            (*since, *count) = (Instant::now(), 0);
        }
        *count = count.saturating_add(1);
        *count > MOST_OF_ONE_PLACE
    }
}

impl Filter<Registry> for Limits {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, Registry>) -> bool {
        // A directive can name a module of a library, so the filter itself cannot keep them closed.
        let is_ours = metadata.target().starts_with(OURS);
        // What needs a person is said whatever the filter: one with a typo in it would keep all of it quiet.
        let needs_person = is_ours && *metadata.level() == Level::ERROR;
        let may_be_seen = is_ours || *metadata.level() <= LIBRARIES;
        needs_person || may_be_seen && Filter::enabled(&self.filter, metadata, context)
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, Registry>) -> bool {
        let is_repeated = self.is_repeated(event.metadata().callsite());
        if is_repeated {
            self.repeated.fetch_add(1, Ordering::Relaxed);
        }
        !is_repeated
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Filter::<Registry>::max_level_hint(&self.filter).map(|most| most.max(LevelFilter::ERROR))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Collects what is logged.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: Option<&str>, log: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = subscriber(format, filter, move || writer.clone(), Arc::default()).unwrap();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_of_json_is_an_object_with_its_fields() {
        let page = logged(LogFormat::Json, None, || tracing::info!(order_id = "o-1", "paid"));
        let line: serde_json::Value = serde_json::from_str(&page).unwrap();
        assert_eq!(line["fields"]["message"], "paid");
        assert_eq!(line["fields"]["order_id"], "o-1");
    }

    #[test]
    fn the_filter_chooses_what_is_logged() {
        let log = || tracing::debug!("a detail");
        assert!(!logged(LogFormat::Text, None, log).contains("a detail"));
        assert!(logged(LogFormat::Text, Some("debug"), log).contains("a detail"));
    }

    #[test]
    fn no_filter_opens_a_library() {
        let log = || {
            tracing::debug!(target: "hyper", "Authorization: Bearer sk_live");
            tracing::trace!(target: "hyper::proto::h1", "Authorization: Bearer sk_live");
            tracing::info!(target: "poem::route", "Authorization: Bearer sk_live");
        };
        for filter in [
            "trace",
            "hyper=trace",
            "trace,hyper=debug",
            "hyper::proto::h1=trace",
            "poem=info,hyper::proto=trace",
        ] {
            assert_eq!(logged(LogFormat::Text, Some(filter), log), "", "{filter}");
        }
        let warning = || tracing::warn!(target: "hyper", "a warning");
        assert!(logged(LogFormat::Text, None, warning).contains("a warning"));
    }

    #[test]
    fn no_filter_hides_what_needs_a_person() {
        for filter in ["debgu", "hyper::proto=trace", "off"] {
            let page = logged(LogFormat::Text, Some(filter), || {
                tracing::warn!("a detail");
                tracing::error!("the disk is full");
            });
            assert!(page.contains("the disk is full") && !page.contains("a detail"), "{filter}: {page}");
        }
    }

    #[test]
    fn what_is_said_too_often_leaves_room_for_the_rest() {
        let page = logged(LogFormat::Text, None, || {
            for _ in 0..2 * MOST_OF_ONE_PLACE {
                tracing::warn!("the same again");
            }
            tracing::error!("the disk is full");
        });
        assert_eq!(page.lines().count(), usize::try_from(MOST_OF_ONE_PLACE).unwrap() + 1);
        assert!(page.ends_with("the disk is full\n"), "{page}");
    }

    #[test]
    fn a_filter_that_is_not_understood_stops_the_start() {
        assert!(read_filter(Some("paymux_core=loud")).is_err());
        assert!(read_filter(Some("")).is_ok());
    }
}
