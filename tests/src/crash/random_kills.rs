//! Many flows at once, and `kill -9` at any moment.

use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use tokio::time::sleep;

use super::{
    flows::{Flow, Placed},
    shop::Shop,
};

/// How many flows run at once.
const FLOWS: u64 = 24;

/// How often the server is killed, and after how many milliseconds of a life.
const KILLS: u32 = 8;
const LIFE_MS: std::ops::Range<u64> = 20..600;

/// Runs the flows and kills the server meanwhile.
///
/// # Errors
///
/// A flow could not go on.
pub(super) async fn run(shop: &Shop, seed: u64) -> anyhow::Result<Vec<Placed>> {
    shop.set_crowded(true);
    let placed = flows_and_kills(shop, seed).await;
    shop.set_crowded(false);
    placed
}

async fn flows_and_kills(shop: &Shop, seed: u64) -> anyhow::Result<Vec<Placed>> {
    let mut random = Random(seed);
    let kinds: Vec<Flow> = Flow::ALL.into_iter().filter(|flow| !flow.is_alone(shop)).collect();
    let placed = (0..FLOWS).map(|order| {
        let index = usize::try_from(random.below(kinds.len() as u64)).unwrap_or(0);
        let (flow, order) = (kinds[index], format!("order-{order}"));
        let start = Duration::from_millis(random.below(1_500));
        async move {
            sleep(start).await;
            flow.run(shop, &order).await.map_err(|error| error.context(format!("{} {order}", flow.name())))
        }
    });
    let placed: Vec<_> = placed.collect();
    let kills = Box::pin(kill(shop, random));
    // The flows end by themselves; the kills are for as long as they last.
    match select(Box::pin(join_all(placed)), kills).await {
        Either::Left((placed, _)) => placed.into_iter().collect(),
        Either::Right((killed, flows)) => {
            killed?;
            flows.await.into_iter().collect()
        }
    }
}

async fn kill(shop: &Shop, mut random: Random) -> anyhow::Result<()> {
    for _ in 0..KILLS {
        let life = random.below(LIFE_MS.end - LIFE_MS.start) + LIFE_MS.start;
        sleep(Duration::from_millis(life)).await;
        shop.server.kill().await?;
    }
    Ok(())
}

/// Numbers that are the same for the same seed (splitmix64).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}
