//! The `apigee-flux` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    apigee_flux::cli::run()
}
