//! dsbench: a TPC-DS benchmark harness and the query engine that it measures.
//!
//! The modules in the order that data goes through them:
//!
//! ```text
//! datagen ──▶ parquet + manifest.json ──▶ tables ──▶ engine ──▶ runner ──▶ results ──▶ compare ──▶ report
//!                       queries/ ──▶ suite ────────────▲           ▲
//!                       queries/answers/ ──▶ answers ──────────────┘
//! ```

pub mod answers;
pub mod cli;
pub mod compare;
pub mod engine;
pub mod report;
pub mod results;
pub mod runner;
pub mod suite;
pub mod tables;

pub mod clock;
pub mod paths;
pub mod q_error;
pub mod text;
