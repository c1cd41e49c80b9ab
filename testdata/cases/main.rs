//! Cases of the program: each is a directory with the arguments or the input, and the expected output.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod check;
mod explain;
mod function;
#[path = "../support/golden.rs"]
mod golden;
#[path = "../support/process.rs"]
mod process;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let trials = [check::trials(), explain::trials(), function::trials()].into_iter().flatten().collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
