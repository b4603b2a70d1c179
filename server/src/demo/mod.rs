//! Demo mode: simulated PGs in the same process, one control API for all of them, one clock.

mod banner;
mod clock;
mod control;
mod simulators;

pub(crate) use banner::banner;
pub(crate) use clock::DemoClock;
pub(crate) use control::mount;
pub(crate) use simulators::{SimulatorError, start};
pub use simulators::{Simulators, start_alone};
