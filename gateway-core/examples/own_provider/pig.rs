//! The PG: a piggy bank on the counter. The buyer lays coins beside it and gets a slip; they fall in when the slip is
//! confirmed. It knows nothing of Paymux, and a real one would be reached over HTTP.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

/// Coins, and what became of them.
#[derive(Clone, Debug)]
pub(crate) struct Slip {
    pub(crate) number: String,
    pub(crate) order: String,
    pub(crate) coins: u64,
    /// When they fell in.
    pub(crate) fell_in_at: Option<Timestamp>,
    pub(crate) refunds: Vec<Refund>,
}

#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) coins: u64,
    /// What was written on the bag.
    pub(crate) note: String,
    pub(crate) at: Timestamp,
}

impl Slip {
    pub(crate) fn left(&self) -> u64 {
        self.coins - self.refunds.iter().map(|refund| refund.coins).sum::<u64>()
    }
}

/// What it says where it does nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum No {
    /// It never wrote such a slip.
    UnknownSlip,
    /// The coins of this slip are in it already.
    SlipWasUsed,
    /// It was told another sum than the one it counts.
    OtherSum,
}

impl No {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::UnknownSlip => "UNKNOWN_SLIP",
            Self::SlipWasUsed => "SLIP_WAS_USED",
            Self::OtherSum => "OTHER_SUM",
        }
    }
}

/// The piggy bank.
#[derive(Debug, Default)]
pub(crate) struct Pig(Mutex<Books>);

#[derive(Debug, Default)]
struct Books {
    slips: BTreeMap<String, Slip>,
    /// What was answered to each key: the same request again is answered the same, and moves no coin.
    done: HashMap<String, Slip>,
}

impl Pig {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The buyer's part. Returns the number of the slip.
    pub(crate) fn lay_coins(&self, order: &str, coins: u64) -> String {
        let slips = &mut self.books().slips;
        let number = format!("slip-{}", slips.len());
        let (order, refunds) = (order.to_owned(), Vec::new());
        slips
            .insert(number.clone(), Slip { number: number.clone(), order, coins, fell_in_at: None, refunds });
        number
    }

    /// Takes the coins of a slip.
    pub(crate) fn take(&self, key: &str, number: &str, order: &str, coins: u64) -> Result<Slip, No> {
        self.once(key, number, |slip| match slip {
            slip if slip.order != order => Err(No::UnknownSlip),
            slip if slip.fell_in_at.is_some() => Err(No::SlipWasUsed),
            slip if slip.coins != coins => Err(No::OtherSum),
            slip => {
                slip.fell_in_at = Some(Timestamp::now());
                Ok(())
            }
        })
    }

    /// Refunds coins, if `left` is what it counts before.
    pub(crate) fn refund(
        &self,
        key: &str,
        number: &str,
        left: u64,
        coins: u64,
        note: &str,
    ) -> Result<Slip, No> {
        self.once(key, number, |slip| {
            if slip.fell_in_at.is_none() || slip.left() != left || coins > left {
                return Err(No::OtherSum);
            }
            slip.refunds.push(Refund { coins, note: note.to_owned(), at: Timestamp::now() });
            Ok(())
        })
    }

    /// The slips that were written for an order.
    pub(crate) fn slips_of(&self, order: &str) -> Vec<Slip> {
        self.books().slips.values().filter(|slip| slip.order == order).cloned().collect()
    }

    fn once(
        &self,
        key: &str,
        number: &str,
        work: impl FnOnce(&mut Slip) -> Result<(), No>,
    ) -> Result<Slip, No> {
        let Books { slips, done } = &mut *self.books();
        if let Some(first) = done.get(key) {
            return Ok(first.clone());
        }
        let slip = slips.get_mut(number).ok_or(No::UnknownSlip)?;
        work(slip)?;
        done.insert(key.to_owned(), slip.clone());
        Ok(slip.clone())
    }
}
