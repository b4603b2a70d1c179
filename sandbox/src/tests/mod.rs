//! Of the core, with the simulated Toss Payments as the example.

mod control_routes;
mod readme;
mod serving;
