//! The library against the sandbox, in one process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod calls;
mod drift;
mod lists;
mod organization;
mod overlaps;
mod owned;
mod ownership;
mod records;
mod renames;
#[path = "../../../../testdata/support/small_bundle.rs"]
mod small_bundle;
mod waiting;
mod wire;
#[path = "../../../../testdata/support/wiretap.rs"]
mod wiretap;
