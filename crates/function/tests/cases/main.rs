//! Cases: each is a directory with an input and the expected output.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bundles;
mod function;
#[path = "../../../../testdata/support/golden.rs"]
mod golden;
mod reference;
#[path = "../../../../testdata/support/function.rs"]
mod run;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let trials = [function::trials(), bundles::trials(), reference::trials()].into_iter().flatten().collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A file or folder of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
