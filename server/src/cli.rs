//! The command line of `paymux`.

use std::{fmt, net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

use crate::telemetry::LogFormat;

/// The exit code.
pub mod exit_code {
    /// Everything went well.
    pub const OK: u8 = 0;
    /// It started and then failed.
    pub const FAILED: u8 = 1;
    /// The command line is not understood (clap's own code).
    pub const USAGE: u8 = 2;
    /// The configuration is wrong: starting again will not help. `EX_CONFIG` of sysexits.h.
    pub const CONFIG: u8 = 78;
}

/// One API for payments, whichever payment gateway stands behind it.
///
/// Without a command, `paymux` runs the demo: simulated gateways, no account, no key, no network.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "paymux", version, after_help = AFTER_HELP, propagate_version = true)]
pub struct Cli {
    /// What to do; the demo if left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How the log looks.
    #[arg(long, global = true, env = "PAYMUX_LOG_FORMAT", default_value = "text", value_enum)]
    pub log_format: LogFormat,
    /// What is logged, such as "info,paymux_core=debug".
    #[arg(long, global = true, env = "PAYMUX_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// The configuration file [serve: paymux.toml if it is there].
    #[arg(long, global = true, env = "PAYMUX_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Every setting can be written in the file or in the environment: `paymux config` explains them.

Exit codes: 0 done, 1 failed, 2 command line not understood, 78 configuration wrong.";

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run a gateway with simulated accounts, on this machine only.
    ///
    /// The API is on 127.0.0.1:8080 with its documentation at /docs, the merchant key is
    /// sk_test_demo, and the data is kept in ./data.
    Demo,
    /// Run the gateway with the accounts of the configuration. Nothing is simulated.
    Serve,
    /// Run only the simulated payment gateways, for tests of other programs.
    Sandbox(SandboxArgs),
    /// See and close what only a person can decide, in a running server.
    Reviews(ReviewsArgs),
    /// Check the books of a running server.
    Ledger(LedgerArgs),
    /// Make a merchant key, and print it with the hash to configure.
    ///
    /// The key is shown once and kept nowhere.
    Key,
    /// Print the default configuration, which explains every setting.
    #[command(alias = "default-config")]
    Config,
    /// Print the API's OpenAPI document.
    Openapi,
}

/// The options of `paymux sandbox`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct SandboxArgs {
    /// The address of every simulator. Other than loopback it needs a control key.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub listen: IpAddr,
    /// The port of the first simulator; each further one takes the next. 0: any free ports.
    #[arg(long, default_value_t = 9090, value_name = "PORT")]
    pub port: u16,
    /// The folder that keeps the simulators' books [default: kept in memory].
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// What callers of /_sandbox/ send as X-Sandbox-Key.
    #[arg(long, env = "PAYMUX_SANDBOX_KEY", hide_env_values = true, value_name = "KEY")]
    pub control_key: Option<String>,
    /// Turn off the gateways' own guards against doing things twice, to show who relies on them.
    #[arg(long)]
    pub permissive: bool,
}

/// How an operator's command reaches the server.
#[derive(Clone, PartialEq, Eq, Args)]
pub struct AdminArgs {
    /// Where the server's admin listener is [default: the configured server.admin_listen].
    #[arg(long, global = true, env = "PAYMUX_ADMIN_URL", value_name = "URL", value_parser = parse_admin_url)]
    pub admin_url: Option<Url>,
    /// The server's server.admin_key [default: the configured one, for the configured address]. Better in the
    /// environment: others on this machine can read a command line.
    #[arg(long, global = true, env = "PAYMUX_ADMIN_KEY", hide_env_values = true, value_name = "KEY")]
    pub admin_key: Option<String>,
    /// Print the API's JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

impl fmt::Debug for AdminArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminArgs").field("json", &self.json).finish_non_exhaustive()
    }
}

fn parse_admin_url(text: &str) -> Result<Url, String> {
    crate::config::parse_base_url(text)
}

/// The options of `paymux reviews`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct ReviewsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: ReviewCommand,
    /// How the server is reached.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// What to do with reviews.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ReviewCommand {
    /// List the open reviews, those of the oldest payment first.
    List {
        /// Closed ones too.
        #[arg(long)]
        all: bool,
    },
    /// Show a review, and what to find out and do.
    Show {
        /// The review: pay_….1
        #[arg(value_name = "REVIEW")]
        id: String,
    },
    /// Close a review with what you found out. It is kept for good who did, and why.
    Close(CloseArgs),
}

/// The options of `paymux reviews close`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct CloseArgs {
    /// The review: pay_….1
    #[arg(value_name = "REVIEW")]
    pub id: String,
    /// What the payment gateway's own console shows.
    #[arg(long = "as", value_enum, value_name = "OUTCOME")]
    pub outcome: Outcome,
    /// Why you are sure, without personal data of buyers.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who you are [default: USER or LOGNAME].
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

/// What an operator found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Outcome {
    /// It was done: the money was taken, or was given back. What follows depends on the reason: see `paymux reviews show`.
    Done,
    /// It was not done.
    #[value(alias = "not_done")]
    NotDone,
}

impl Outcome {
    /// The word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotDone => "not_done",
        }
    }
}

/// The options of `paymux ledger`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct LedgerArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: LedgerCommand,
    /// How the server is reached.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// What to do with the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum LedgerCommand {
    /// Recompute what every payment shows from its events. Fails if anything differs.
    Check,
}

impl Cli {
    /// The command that was meant.
    #[must_use]
    pub fn chosen(&self) -> Command {
        self.command.clone().unwrap_or(Command::Demo)
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, error::ErrorKind};

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn bare_paymux_is_the_demo() {
        assert_eq!(parse("paymux").unwrap().chosen(), Command::Demo);
        assert_eq!(parse("paymux demo").unwrap().chosen(), Command::Demo);
    }

    #[test]
    fn every_command_has_its_word() {
        for (word, command) in [
            ("serve", Command::Serve),
            ("key", Command::Key),
            ("config", Command::Config),
            ("default-config", Command::Config),
            ("openapi", Command::Openapi),
        ] {
            assert_eq!(parse(&format!("paymux {word}")).unwrap().chosen(), command, "{word}");
        }
    }

    #[test]
    fn configuration_file_is_named_before_or_after_the_command() {
        for line in ["paymux --config a.toml serve", "paymux serve --config a.toml"] {
            assert_eq!(parse(line).unwrap().config, Some("a.toml".into()), "{line}");
        }
    }

    #[test]
    fn sandbox_listens_on_loopback_by_default() {
        let Command::Sandbox(args) = parse("paymux sandbox --permissive").unwrap().chosen() else {
            panic!("not the sandbox");
        };
        assert!(args.listen.is_loopback() && args.permissive && args.data.is_none());
    }

    #[test]
    fn the_operators_options_stand_before_and_after_the_word() {
        for line in ["paymux reviews --json list --all", "paymux reviews list --json --all"] {
            let Command::Reviews(args) = parse(line).unwrap().chosen() else { panic!("not the reviews") };
            assert!(args.admin.json && args.command == ReviewCommand::List { all: true }, "{line}");
        }
        let line = "paymux ledger check --admin-url http://127.0.0.1:9 --admin-key kanarienvogel";
        let Command::Ledger(args) = parse(line).unwrap().chosen() else { panic!("not the ledger") };
        assert_eq!(args.admin.admin_url.as_ref().map(Url::as_str), Some("http://127.0.0.1:9/"));
        assert!(!format!("{args:?}").contains("kanarienvogel"));
    }

    #[test]
    fn a_review_is_closed_with_an_outcome_and_a_reason() {
        let close = |rest: &str| parse(&format!("paymux reviews close pay_x.1 {rest}"));
        let Command::Reviews(args) = close("--as not-done --reason none --by kim").unwrap().chosen() else {
            panic!("not the reviews")
        };
        let ReviewCommand::Close(args) = args.command else { panic!("not a close") };
        assert_eq!((args.outcome.word(), args.by.as_deref()), ("not_done", Some("kim")));
        assert!(close("--as not_done --reason none").is_ok(), "the API's own word");
        for rest in ["", "--as done", "--reason none", "--as perhaps --reason none"] {
            assert_eq!(close(rest).unwrap_err().exit_code(), i32::from(exit_code::USAGE), "{rest}");
        }
    }

    #[test]
    fn a_misspelled_command_ends_with_the_code_for_it() {
        let error = parse("paymux serv").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSubcommand);
        assert_eq!(error.exit_code(), i32::from(exit_code::USAGE));
    }

    #[test]
    fn every_command_and_option_is_explained() {
        let cli = Cli::command();
        for command in cli.get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{}", argument.get_id());
            }
        }
        let help = Cli::command().render_long_help().to_string();
        assert!(help.contains("Exit codes") && help.contains("--config"), "{help}");
    }
}
