//! Every fault on every call of every PG.

use tests::faults::{
    plan::{Breadth, cases},
    run::run,
};

/// Money is taken once, refunded once, and shown as it is, whatever goes wrong on the way.
///
/// `PAYMUX_FAULTS=all` tries every status with every code; any other value, the cases in whose names it stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_of_any_call_loses_or_doubles_money() {
    let wanted = std::env::var("PAYMUX_FAULTS").unwrap_or_default();
    let (breadth, wanted) =
        if wanted == "all" { (Breadth::All, "") } else { (Breadth::Some, wanted.as_str()) };
    let chosen = cases(breadth).into_iter().filter(|case| case.name().contains(wanted)).collect();
    let table = run(chosen, |outcome| println!("{outcome}")).await;
    println!("{table}");
    assert!(table.is_clean(), "the books do not agree: see above");
    assert!(table.unmet().is_empty(), "some faults never happened: {:#?}", table.unmet());
}
