//! A part of the crash matrix small enough for every test run: one flow on every PG, killed
//! around every commit and every confirm.

use std::path::PathBuf;

use tests::crash::{
    flows::Flow,
    matrix::run_plan,
    plan::{PGS, Plan},
};

#[tokio::test]
async fn a_server_killed_while_a_card_is_paid_keeps_its_promise() {
    let plan = Plan {
        program: PathBuf::from(env!("CARGO_BIN_EXE_crash-server")),
        flows: PGS.map(|pg| (pg, Flow::CardPaid)).to_vec(),
        points: vec!["commit.before", "commit.after", "confirm.before", "confirm.after"],
        random: 0,
        seed: 1,
        lanes: 3,
        twice: false,
    };
    let table = run_plan(&plan, |line| println!("{line}")).await.unwrap();
    assert!(table.is_clean(), "\n{table}");
}
