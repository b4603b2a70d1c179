//! Logs: to standard error, as text or JSON, filtered by `PAYMUX_LOG`.
//!
//! Nothing here or in `http/` logs a header, a body or a query: they hold keys and card data.

use std::io;

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// What is logged if nobody says otherwise. The libraries that see requests stay at `warn`,
/// since their finer levels print headers and bodies.
const DEFAULT_FILTER: &str = "info,hyper=warn,hyper_util=warn,reqwest=warn,h2=warn,rustls=warn";

/// Those libraries: a filter may not open them further.
const NEVER_BELOW_WARN: [&str; 5] = ["h2", "hyper", "hyper_util", "reqwest", "rustls"];

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

/// Starts logging to standard error for the whole process.
///
/// # Errors
///
/// [`TelemetryError`] if the filter is not understood or logging was already set up.
pub fn start(format: LogFormat, filter: Option<&str>) -> Result<(), TelemetryError> {
    let subscriber = subscriber(format, filter, io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(TelemetryError::AlreadySet)
}

fn subscriber(
    format: LogFormat,
    filter: Option<&str>,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
) -> Result<Box<dyn tracing::Subscriber + Send + Sync>, TelemetryError> {
    let builder = tracing_subscriber::fmt().with_env_filter(read_filter(filter)?);
    Ok(match format {
        LogFormat::Text => Box::new(builder.with_ansi(false).with_writer(writer).finish()),
        LogFormat::Json => Box::new(builder.json().with_writer(writer).finish()),
    })
}

fn read_filter(filter: Option<&str>) -> Result<EnvFilter, TelemetryError> {
    let text = filter.filter(|text| !text.is_empty()).unwrap_or(DEFAULT_FILTER);
    let filter = EnvFilter::builder().parse(text).map_err(TelemetryError::Filter)?;
    NEVER_BELOW_WARN.iter().try_fold(filter, |filter, library| {
        let directive = format!("{library}=warn").parse().map_err(TelemetryError::Filter)?;
        Ok(filter.add_directive(directive))
    })
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
        let subscriber = subscriber(format, filter, move || writer.clone()).unwrap();
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
    fn no_filter_opens_the_libraries_that_see_requests() {
        let log = || tracing::debug!(target: "hyper", "Authorization: Bearer sk_live");
        for filter in ["trace", "hyper=trace", "trace,hyper=debug"] {
            assert!(!logged(LogFormat::Text, Some(filter), log).contains("sk_live"), "{filter}");
        }
    }

    #[test]
    fn a_filter_that_is_not_understood_stops_the_start() {
        assert!(read_filter(Some("paymux_core=loud")).is_err());
        assert!(read_filter(Some("")).is_ok());
    }
}
