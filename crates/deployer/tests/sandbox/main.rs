//! The library against the sandbox, in one process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod drift;
mod records;
mod wire;
#[path = "../../../../testdata/support/wiretap.rs"]
mod wiretap;
