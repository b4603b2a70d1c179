//! A demo server on free ports, with its data in a folder of its own.

use std::{collections::BTreeMap, ffi::OsString};

use paymux_server::{
    App,
    config::{Config, RunMode},
};
use tempfile::TempDir;

/// A running demo.
#[derive(Debug)]
pub struct Demo {
    folder: TempDir,
    variables: BTreeMap<String, String>,
    app: Option<App>,
}

impl Demo {
    /// Starts one, configured as the variables say: `("MERCHANTS__DEMO__DEFAULT_ACCOUNT", "portone")`.
    pub async fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}", folder.path().join("paymux.db").display());
        let defaults = [
            ("SERVER__LISTEN", "127.0.0.1:0"),
            ("SERVER__ADMIN_LISTEN", "127.0.0.1:0"),
            ("SERVER__CONFIRM_WAIT", "800ms"),
            ("SERVER__SHUTDOWN_WAIT", "10s"),
            // On a busy machine a test may come to its next request late.
            ("SERVER__HEADER_TIME", "2m"),
            ("DATABASE__URL", database.as_str()),
        ];
        let variables = defaults.iter().chain(variables);
        let variables = variables.map(|(name, value)| (format!("PAYMUX__{name}"), (*value).to_owned()));
        let mut demo = Self { variables: variables.collect(), folder, app: None };
        demo.resume().await;
        demo
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.app().address())
    }

    /// The server itself.
    #[must_use]
    pub fn app(&self) -> &App {
        self.app.as_ref().unwrap_or_else(|| panic!("the demo in {} is stopped", self.folder.path().display()))
    }

    /// Stops it; its data stays.
    pub async fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            app.stop().await.unwrap();
        }
    }

    /// Sets something for its next life: `("ACCOUNTS__TOSS__SECRET_KEY", "test_sk_second")`.
    pub fn configure(&mut self, name: &str, value: &str) {
        self.variables.insert(format!("PAYMUX__{name}"), value.to_owned());
    }

    /// Leaves a setting out in its next life.
    pub fn unset(&mut self, name: &str) {
        self.variables.remove(&format!("PAYMUX__{name}"));
    }

    /// Starts it again on the same data, on other ports.
    pub async fn resume(&mut self) {
        let variables = self.variables.iter();
        let variables = variables.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let config = Config::load(RunMode::Demo, None, variables).unwrap();
        self.app = Some(App::start(config).await.unwrap());
    }
}
