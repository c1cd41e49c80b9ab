//! The library against the sandbox, in one process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod calls;
mod drift;
mod overlaps;
mod owned;
mod ownership;
mod records;
mod renames;
mod wire;
#[path = "../../../../testdata/support/wiretap.rs"]
mod wiretap;
