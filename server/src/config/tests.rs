use std::{fs, path::Path};

use paymux_core::{
    account::AccountLimits,
    model::{LatePayments, Method, Mode},
};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use url::Url;

use super::*;

const HASH: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A whole configuration for `serve`, on the lines the errors below name.
const GOOD: &str = r#"[server]
public_url = "https://pay.example"
[database]
encryption_key = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
[merchants.shop]
keys = ["@HASH@"]
return_origins = ["https://shop.example"]
default_account = "one"
[merchants.shop.accounts_by_method]
card = "two"
[accounts.one]
kind = "any"
merchant = "shop"
mode = "live"
webhook_path_token = "0123456789abcdef"
secret_key = "hunter2hunter2"
[accounts.two]
kind = "any"
merchant = "shop"
mode = "test"
methods = ["card"]
webhook_path_token = "0123456789abcdef"
"#;

fn account(name: &str) -> AccountId {
    name.parse().unwrap()
}

fn merchant(name: &str) -> MerchantId {
    name.parse().unwrap()
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn load(mode: RunMode, text: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut entries = from_toml(Path::new("built-in defaults"), DEFAULT_FILE)?;
    if mode == RunMode::Demo {
        overlay(&mut entries, from_toml(Path::new("built-in demo"), DEMO_FILE)?);
    }
    overlay(&mut entries, from_toml(Path::new("paymux.toml"), &text.replace("@HASH@", HASH))?);
    overlay(&mut entries, from_variables(variables(pairs))?);
    Config::read(mode, entries)
}

fn serve(text: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    load(RunMode::Serve, text, pairs)
}

/// What `paymux serve` says of the good configuration with one line replaced.
fn complaint(line: &str, replacement: &str) -> String {
    assert!(GOOD.contains(line), "{line}");
    serve(&GOOD.replacen(line, replacement, 1), &[]).unwrap_err().to_string()
}

#[test]
fn a_demo_needs_no_configuration() {
    let config = Config::load(RunMode::Demo, None, []).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.admin_listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.server.public_url.as_str(), "http://localhost:8080/");
    assert_eq!(config.server.confirm_wait.as_secs(), 8);
    assert_eq!(config.server.limits.body_bytes, 64 * 1024);
    let demo = &config.merchants[&merchant("demo")];
    assert!(demo.keys[0].matches(&KeyHash::of("sk_test_demo")));
    assert!(config.accounts.contains_key(&demo.default_account));
    assert!(demo.return_origins.allow(&Url::parse("http://localhost:3000/done").unwrap()));
    assert!(matches!(&config.database.url, DatabaseUrl::Sqlite(path) if path.ends_with("paymux.db")));
    assert!(config.database.demo_key_file().ends_with("data/paymux.key"));
}

#[test]
fn serve_without_configuration_does_not_start() {
    let set = variables(&[("PAYMUX__SERVER__LISTEN", "127.0.0.1:8080")]);
    let error = Config::load(RunMode::Serve, None, set).unwrap_err();
    assert!(error.to_string().contains("PAYMUX__SERVER__PUBLIC_URL"), "{error}");
    let without_accounts = GOOD.split("[merchants").next().unwrap();
    let error = serve(without_accounts, &[]).unwrap_err();
    assert!(error.to_string().contains("accounts is missing"), "{error}");
}

#[test]
fn a_whole_configuration_is_understood() {
    let config = serve(GOOD, &[]).unwrap();
    let shop = &config.merchants[&merchant("shop")];
    assert_eq!(shop.default_account, account("one"));
    assert_eq!(shop.accounts_by_method[&Method::Card], account("two"));
    assert_eq!(shop.late_payments, LatePayments::Keep);
    assert!(!shop.return_origins.allow(&Url::parse("http://localhost/").unwrap()));
    let one = &config.accounts[&account("one")];
    assert_eq!((one.kind.as_str(), one.mode), ("any", Mode::Live));
    let mut settings = one.settings.clone();
    let secret = settings.required_secret("secret_key").unwrap();
    assert_eq!(secret.expose_secret(), "hunter2hunter2");
    settings.deny_rest().unwrap();
}

#[test]
fn a_commented_setting_of_the_default_file_is_a_setting() {
    let is_setting = |line: &&str| line.starts_with('[') || line.contains(" = ");
    let uncommented: String = DEFAULT_FILE
        .lines()
        .map(|line| line.trim_start_matches(['#', ' ']))
        .filter(is_setting)
        .filter(|line| !line.starts_with("encryption_key") && !line.contains("_file = "))
        .filter(|line| !line.starts_with("virtual_account =") && !line.starts_with("# "))
        .flat_map(|line| [line, "\n"])
        .collect();
    let name = uncommented.lines().find_map(|line| line.strip_prefix("[accounts.")?.strip_suffix(']'));
    let example = account(name.unwrap());
    let token = variable_of(&format!("accounts.{example}.webhook_path_token"));
    let config = serve(
        &uncommented,
        &[
            ("PAYMUX__DATABASE__ENCRYPTION_KEY", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="),
            (&token, "0123456789abcdef"),
        ],
    )
    .unwrap();
    assert_eq!(config.merchants[&merchant("shop")].default_account, example);
    let (written, left_out) = (&config.merchants[&merchant("shop")], serve(GOOD, &[]).unwrap());
    let left_out = &left_out.merchants[&merchant("shop")];
    assert_eq!(written.payable_for, left_out.payable_for, "the file states another default");
    assert_eq!(written.late_payments, left_out.late_payments, "the file states another default");
    let (limits, usual) = (config.accounts[&example].limits, AccountLimits::default());
    let calls = Some(usual.max_concurrent_calls);
    assert_eq!(limits.max_concurrent_calls, calls, "the file states another default");
    let webhooks = Some(usual.unverified_webhooks_per_minute);
    assert_eq!(limits.unverified_webhooks_per_minute, webhooks, "the file states another default");
    assert!(!config.accounts[&example].retired, "the file states another default");
}

#[test]
fn a_mistake_is_named_by_file_line_and_key() {
    for (line, replacement, expected) in [
        (
            "public_url = \"https://pay.example\"",
            "public_url = \"pay\"",
            "paymux.toml:2: server.public_url must be an address",
        ),
        (
            "public_url = \"https://pay.example\"",
            "public_url = \"http://pay.example\"",
            "paymux.toml:14: accounts.one.mode must not be \"live\"",
        ),
        (
            "public_url = \"https://pay.example\"",
            "max_connections = 0",
            "paymux.toml:2: server.max_connections must be a whole number from 1 to",
        ),
        (
            "public_url = \"https://pay.example\"",
            "max_connections = \"9\"",
            "paymux.toml:2: server.max_connections must be a whole number",
        ),
        (
            "public_url = \"https://pay.example\"",
            "trusted_proxies = \"10.0.0.1\"",
            "paymux.toml:2: server.trusted_proxies must be a list",
        ),
        (
            "public_url = \"https://pay.example\"",
            "trusted_proxies = [\n\"::1\",\n\"x\"]",
            "paymux.toml:4: server.trusted_proxies must hold addresses",
        ),
        (
            "public_url = \"https://pay.example\"",
            "confirm_wait = \"31s\"\npublic_url = \"https://pay.example\"",
            "paymux.toml:2: server.confirm_wait must be shorter",
        ),
        (
            "public_url = \"https://pay.example\"",
            "listen = \"8080\"",
            "paymux.toml:2: server.listen must be an address",
        ),
        (
            "public_url = \"https://pay.example\"",
            "admin_listen = \"127.0.0.1:8080\"",
            "paymux.toml:2: server.admin_listen must differ",
        ),
        (
            "public_url = \"https://pay.example\"",
            "publik_url = \"x\"\npublic_url = \"https://pay.example\"",
            "paymux.toml:2: server.publik_url is not a setting; did you mean public_url? known here: admin_key, admin_listen, ",
        ),
        (
            "public_url = \"https://pay.example\"",
            "publik_url = \"https://pay.example\"",
            "paymux.toml:2: server.publik_url is not a setting; did you mean public_url, which is not set? known here: ",
        ),
        (
            "public_url = \"https://pay.example\"",
            "",
            "paymux.toml:1: server.public_url is missing; set it there or as PAYMUX__SERVER__PUBLIC_URL",
        ),
        (
            "public_url = \"https://pay.example\"",
            "admin_key = \"short\"",
            "paymux.toml:2: server.admin_key must be at least 16 letters",
        ),
        (
            "methods = [\"card\"]",
            "max_concurrent_calls = 0",
            "paymux.toml:21: accounts.two.max_concurrent_calls must be a whole number from 1 to",
        ),
        (
            "methods = [\"card\"]",
            "calls_at_once = 256",
            "paymux.toml:21: accounts.two.calls_at_once is called max_concurrent_calls now",
        ),
        (
            "methods = [\"card\"]",
            "unproved_hints_per_minute = 600",
            "paymux.toml:21: accounts.two.unproved_hints_per_minute is called unverified_webhooks_per_minute now",
        ),
        (
            "methods = [\"card\"]",
            "retired = \"yes\"",
            "paymux.toml:21: accounts.two.retired must be true or false",
        ),
        (
            "methods = [\"card\"]",
            "retired = true",
            "paymux.toml:10: merchants.shop.accounts_by_method.card names a retired account",
        ),
        (
            "methods = [\"card\"]",
            "requests_per_minute = 3",
            "paymux.toml:21: accounts.two.requests_per_minute must be a whole number from 4 to",
        ),
        (
            "encryption_key = \"BwcH",
            "encryption_key = \"Bwc",
            "paymux.toml:4: database.encryption_key must be 32 bytes in base64",
        ),
        (
            "keys = [\"@HASH@\"]",
            "keys = []",
            "paymux.toml:6: merchants.shop.keys must hold at least one hash",
        ),
        (
            "keys = [\"@HASH@\"]",
            "keys = [\"@HASH@\", \"@HASH@\"]",
            "paymux.toml:5: merchants.shop.keys must not hold a key twice",
        ),
        (
            "keys = [\"@HASH@\"]",
            "keys = [\"sk_live_plain\"]",
            "paymux.toml:6: merchants.shop.keys must hold hashes",
        ),
        (
            "return_origins = [\"https://shop.example\"]",
            "",
            "paymux.toml:5: merchants.shop.return_origins is missing",
        ),
        (
            "default_account = \"one\"",
            "default_account = \"won\"",
            "paymux.toml:8: merchants.shop.default_account must name an account of this merchant: one, two",
        ),
        ("default_account = \"one\"", "", "paymux.toml:5: merchants.shop.default_account is missing"),
        (
            "default_account = \"one\"",
            "late_payments = \"maybe\"\ndefault_account = \"one\"",
            "paymux.toml:8: merchants.shop.late_payments must be \"keep\" or \"cancel\"",
        ),
        (
            "default_account = \"one\"",
            "late_payments = \"give_back\"\ndefault_account = \"one\"",
            "paymux.toml:8: merchants.shop.late_payments must be \"keep\" or \"cancel\": \"give_back\" is called \"cancel\" now",
        ),
        (
            "card = \"two\"",
            "karte = \"two\"",
            "paymux.toml:10: merchants.shop.accounts_by_method.karte is not a setting; known here: card, ",
        ),
        (
            "card = \"two\"",
            "transfer = \"two\"",
            "paymux.toml:10: merchants.shop.accounts_by_method.transfer names an account without this method",
        ),
        (
            "[accounts.one]",
            "[accounts.One]",
            "paymux.toml:11: accounts.One must have a name of a lower-case letter",
        ),
        ("[accounts.one]", "[accounts.o__ne]", "paymux.toml:11: accounts.o__ne must have a name without __"),
        ("kind = \"any\"", "", "paymux.toml:11: accounts.one.kind is missing"),
        ("kind = \"any\"", "kind = 3", "paymux.toml:12: accounts.one.kind must be a text"),
        ("kind = \"any\"", "kind = \"\"", "paymux.toml:12: accounts.one.kind must not be empty"),
        (
            "merchant = \"shop\"\nmode = \"test\"",
            "merchant = \"other\"\nmode = \"test\"",
            "paymux.toml:19: accounts.two.merchant must name one of [merchants.*]: shop",
        ),
        (
            "mode = \"live\"",
            "mode = \"prod\"",
            "paymux.toml:14: accounts.one.mode must be \"test\" or \"live\"",
        ),
        (
            "methods = [\"card\"]",
            "methods = [\"cash\"]",
            "paymux.toml:21: accounts.two.methods must be one of card, easy_pay",
        ),
        (
            "webhook_path_token = \"0123456789abcdef\"",
            "webhook_path_token = \"short\"",
            "paymux.toml:15: accounts.one.webhook_path_token must be at least 16",
        ),
        ("[accounts.two]", "[accounts.two", "paymux.toml:17: not valid TOML"),
        ("[accounts.two]", "[accounts.one]", "paymux.toml:17: not valid TOML"),
        (
            "[database]",
            "[databases]",
            "paymux.toml:3: databases is not a setting; did you mean database? known here: accounts, database, merchants, server",
        ),
    ] {
        let complaint = complaint(line, replacement);
        assert!(complaint.contains(expected), "{replacement}\n  said {complaint}\n  not  {expected}");
    }
}

#[test]
fn a_mistake_in_the_environment_is_named_by_its_variable() {
    for (name, value, expected) in [
        (
            "PAYMUX__SERVER__LISTEN",
            "x",
            "environment variable PAYMUX__SERVER__LISTEN: server.listen must be an address",
        ),
        (
            "PAYMUX__SERVER__LISTEN",
            "",
            "environment variable PAYMUX__SERVER__LISTEN: server.listen must not be empty",
        ),
        (
            "PAYMUX__SERVER__LITSEN",
            "x",
            "environment variable PAYMUX__SERVER__LITSEN: server.litsen is not a setting; did you mean listen? known here: ",
        ),
        ("PAYMUX__SERVER", "x", "environment variable PAYMUX__SERVER: server must be a table"),
        (
            "PAYMUX__SURVER__LISTEN",
            "x",
            "environment variable PAYMUX__SURVER__LISTEN: surver is not a setting; did you mean server? known here: accounts, database, merchants, server",
        ),
        ("PAYMUX____LISTEN", "x", "environment variable PAYMUX____LISTEN is not of the form"),
        ("PAYMUX__server__listen", "x", "environment variable PAYMUX__server__listen is not of the form"),
        (
            "PAYMUX_SERVER_LISTEN",
            "x",
            "environment variable PAYMUX_SERVER_LISTEN is not one that Paymux reads: rename or unset it; did you mean PAYMUX__SERVER__LISTEN?",
        ),
        (
            "paymux__database__url",
            "x",
            "environment variable paymux__database__url is not one that Paymux reads: rename or unset it; did you mean PAYMUX__DATABASE__URL?",
        ),
        (
            "PAYMUX_LOGS",
            "x",
            "environment variable PAYMUX_LOGS is not one that Paymux reads: rename or unset it; did you mean PAYMUX_LOG?",
        ),
        (
            "PAYMUX_LISTEN",
            "x",
            "environment variable PAYMUX_LISTEN is not one that Paymux reads: rename or unset it; did you mean PAYMUX__SERVER__LISTEN?",
        ),
        (
            "PAYMUX_PORT",
            "9000",
            "environment variable PAYMUX_PORT is not one that Paymux reads: rename or unset it",
        ),
        (
            "PAYMUX_PORTONE_IMP_KEY",
            "x",
            "environment variable PAYMUX_PORTONE_IMP_KEY is not one that Paymux reads",
        ),
        (
            "PAYMUX_ENCRYPTION_KEY",
            "x",
            "environment variable PAYMUX_ENCRYPTION_KEY is not one that Paymux reads",
        ),
        (
            "PAYMUX__SERVER__TRUSTED_PROXIES",
            "::1, x",
            "environment variable PAYMUX__SERVER__TRUSTED_PROXIES: server.trusted_proxies must hold",
        ),
        (
            "PAYMUX__ACCOUNTS__ONE__CALLS_AT_ONCE",
            "9",
            "environment variable PAYMUX__ACCOUNTS__ONE__CALLS_AT_ONCE: accounts.one.calls_at_once is called max_concurrent_calls now",
        ),
        (
            "PAYMUX__SERVER__MAX_CONNECTIONS",
            "many",
            "environment variable PAYMUX__SERVER__MAX_CONNECTIONS: server.max_connections must be a whole",
        ),
    ] {
        let complaint = serve(GOOD, &[(name, value)]).unwrap_err().to_string();
        assert!(complaint.starts_with(expected), "{name}={value}\n  said {complaint}");
    }
}

#[test]
fn the_environment_wins_over_the_file() {
    let config = serve(
        GOOD,
        &[
            ("PAYMUX__SERVER__LISTEN", "0.0.0.0:9000"),
            ("PAYMUX__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
            ("PAYMUX__SERVER__MAX_CONNECTIONS", "7"),
            ("PAYMUX__MERCHANTS__SHOP__DEFAULT_ACCOUNT", "two"),
            ("PAYMUX__ACCOUNTS__ONE__BASE_URL", "http://localhost:9"),
            ("UNRELATED", "x"),
            ("PAYMUX_CONFIG", "x"),
        ],
    )
    .unwrap();
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert_eq!(config.server.limits.connections, 7);
    assert_eq!(config.merchants[&merchant("shop")].default_account, account("two"));
    let mut settings = config.accounts[&account("one")].settings.clone();
    assert_eq!(settings.required_str("base_url").unwrap(), "http://localhost:9");
}

#[test]
fn merchant_with_one_account_in_use_needs_no_default() {
    let retired = GOOD
        .replace("default_account = \"one\"\n", "")
        .replace("card = \"two\"\n", "")
        .replace("methods = [\"card\"]", "retired = true");
    let config = serve(&retired, &[]).unwrap();
    assert!(config.accounts[&account("two")].retired);
    assert_eq!(config.merchants[&merchant("shop")].default_account, account("one"));
    let named = ("PAYMUX__MERCHANTS__SHOP__DEFAULT_ACCOUNT", "two");
    let error = serve(&retired, &[named]).unwrap_err().to_string();
    assert!(error.ends_with("default_account names a retired account, which takes no payment"), "{error}");
    let all = ("PAYMUX__ACCOUNTS__ONE__RETIRED", "true");
    assert_eq!(
        serve(&retired, &[named, all]).unwrap().merchants[&merchant("shop")].default_account,
        account("two")
    );
}

/// A folder with a secret in a file, and that file's path.
fn secret_file(content: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, content).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn secret_key(config: &Config) -> Result<String, ConfigError> {
    let secret = config.accounts[&account("one")].settings.clone().required_secret("secret_key")?;
    Ok(secret.expose_secret().to_owned())
}

#[test]
fn a_secret_may_be_kept_in_a_file() {
    let (_folder, path) = secret_file("from the file\r\n");
    let by_key = GOOD.replace("secret_key = \"hunter2hunter2\"", &format!("secret_key_file = '{path}'"));
    assert_eq!(secret_key(&serve(&by_key, &[]).unwrap()).unwrap(), "from the file");
    // The environment replaces the value however the file below it wrote it, both ways round.
    let variable = ("PAYMUX__ACCOUNTS__ONE__SECRET_KEY_FILE", path.as_str());
    assert_eq!(secret_key(&serve(GOOD, &[variable]).unwrap()).unwrap(), "from the file");
    let plain = ("PAYMUX__ACCOUNTS__ONE__SECRET_KEY", "plain");
    assert_eq!(secret_key(&serve(&by_key, &[plain]).unwrap()).unwrap(), "plain");
    let error = secret_key(&serve(GOOD, &[variable, plain]).unwrap()).unwrap_err().to_string();
    assert!(error.contains("SECRET_KEY_FILE") && error.contains("are both set"), "{error}");
}

#[test]
fn a_secret_file_that_cannot_be_used_is_named_without_its_path() {
    let (_folder, empty) = secret_file("\n");
    for path in [empty.as_str(), "/nowhere/hunter2"] {
        let config = serve(GOOD, &[("PAYMUX__ACCOUNTS__ONE__SECRET_KEY_FILE", path)]).unwrap();
        let error = secret_key(&config).unwrap_err().to_string();
        assert!(error.starts_with("environment variable PAYMUX__ACCOUNTS__ONE__SECRET_KEY_FILE: accounts.one.secret_key_file names a"), "{error}");
        assert!(!error.contains(path), "{error}");
    }
}

#[test]
fn a_missing_secret_names_its_variable() {
    let config = serve(GOOD, &[]).unwrap();
    let error = config.accounts[&account("two")].settings.clone().required_secret("secret_key").unwrap_err();
    assert_eq!(
        error.to_string(),
        "paymux.toml:17: accounts.two.secret_key is missing; \
         set it there or as PAYMUX__ACCOUNTS__TWO__SECRET_KEY",
    );
}

#[test]
fn no_complaint_repeats_a_value() {
    const SECRET: &str = "hunter2hunter2";
    let mut tried = 0;
    for line in GOOD.lines().filter(|line| line.contains(" = ")) {
        let key = line.split(" = ").next().unwrap();
        for broken in [
            format!("{key} = \"{SECRET}\""),
            format!("{key} = [\"{SECRET}\"]"),
            format!("{key} = {SECRET}"),
            format!("{key} = \"{SECRET}"),
            format!("{key} = {{ a = \"{SECRET}\" }}"),
        ] {
            let Err(error) = serve(&GOOD.replacen(line, &broken, 1), &[]) else {
                continue;
            };
            tried += 1;
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(SECRET), "{broken}: {shown}");
        }
    }
    assert!(tried > 40, "{tried}");
}

#[test]
fn a_configuration_does_not_show_its_secrets() {
    let shown = format!("{:?}", serve(GOOD, &[]).unwrap());
    for secret in ["hunter2", "0123456789abcdef", "BwcH", "ba7816"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn a_demo_stays_on_this_machine_and_moves_no_money() {
    let demo = load(RunMode::Demo, "", &[]).unwrap();
    let mode = variable_of(&format!("{}.mode", demo.accounts.values().next().unwrap().settings.path()));
    for (name, value, expected) in [
        ("PAYMUX__SERVER__LISTEN", "0.0.0.0:8080", "must be a loopback address in a demo"),
        ("PAYMUX__SERVER__ADMIN_LISTEN", "192.0.2.1:8081", "must be a loopback address in a demo"),
        ("PAYMUX__SERVER__PUBLIC_URL", "https://pay.example", "must be on this machine in a demo"),
        (&mode, "live", "must be \"test\" in a demo"),
    ] {
        let error = load(RunMode::Demo, "", &[(name, value)]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("environment variable {name}: ")), "{error}");
        assert!(error.ends_with(expected), "{error}");
    }
    let moved = load(RunMode::Demo, "", &[("PAYMUX__SERVER__LISTEN", "[::1]:9000")]).unwrap();
    assert_eq!(moved.server.public_url.as_str(), "http://localhost:9000/");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(RunMode::Serve, Some(Path::new("nowhere.toml")), []).unwrap_err();
    assert!(error.to_string().starts_with("nowhere.toml: cannot be read"), "{error}");
}

#[test]
fn a_default_gives_way_to_what_is_written() {
    let mut settings = serve(GOOD, &[]).unwrap().accounts[&account("one")].settings.clone();
    settings.set_default("secret_key", "default");
    settings.set_default("base_url", "http://localhost:9");
    assert_eq!(settings.required_secret("secret_key").unwrap().expose_secret(), "hunter2hunter2");
    assert_eq!(settings.optional_str("base_url").unwrap().unwrap(), "http://localhost:9");
}

#[test]
fn variables_of_others_are_left_alone() {
    for (name, value) in [
        ("PAYMUX_SERVICE_HOST", "10.0.0.1"),
        ("PAYMUX_ADMIN_SERVICE_PORT_HTTP", "8081"),
        ("PAYMUX_PORT", "tcp://10.0.0.1:8080"),
        ("PAYMUX_SANDBOX_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("PAYMUX_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("PAYMUX_LOG", "info"),
        ("PAYMUXER", "x"),
        ("MY_PAYMUX_KEY", "x"),
    ] {
        assert!(Config::load(RunMode::Demo, None, variables(&[(name, value)])).is_ok(), "{name}");
    }
}

#[test]
fn nothing_at_all_says_how_to_begin() {
    let said = Config::load(RunMode::Serve, None, []).unwrap_err().to_string();
    assert!(said.starts_with("there is no paymux.toml here"), "{said}");
    assert!(said.contains("`paymux config`") && said.contains("`paymux demo`"), "{said}");
}

#[test]
fn key_file_that_is_not_there_says_how_to_make_one() {
    let line = "encryption_key = \"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\"";
    let said = complaint(line, "encryption_key_file = \"/no/such/hunter2\"");
    assert!(said.contains("database.encryption_key_file names a file that is not there"), "{said}");
    assert!(said.contains("openssl rand -base64 32") && !said.contains("hunter2"), "{said}");
}

#[test]
fn address_of_the_database_has_no_query() {
    let said = complaint("[database]", "[database]\nurl = \"sqlite:a.db?mode=memory\"");
    assert!(said.ends_with("database.url must be \"sqlite:PATH\", without a query"), "{said}");
}
