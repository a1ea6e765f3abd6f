//! Tests of the whole: the real binary, the real PostgreSQL, the real DuckDB.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod beside;
mod clients;
mod corpus;
mod crash;
mod damage;
mod definitions;
mod demo;
mod duckdb;
mod durability;
mod files;
mod fill;
mod foreign;
mod formats;
mod forms;
mod harness;
mod held;
mod hold;
mod inspect;
mod lookup;
mod nycflights;
mod replace;
mod roles;
mod statements;
mod transactions;
mod types;
mod upkeep;
mod zones;
