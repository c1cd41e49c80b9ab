//! Every HTTPS client reads all authorities of the system when it starts, which are files by the hundred. Where a test makes clients by the
//! thousand and none of them speaks TLS, that is a third of the processor's time.

use std::io::Error;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Starts this process again, with one authority, if it has more. What is returned is why it could not.
pub(crate) fn ensure() -> Option<Error> {
    let (file, folder) =
        (concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/certificate.pem"), env!("CARGO_TARGET_TMPDIR"));
    if std::env::var_os("SSL_CERT_FILE").is_some_and(|now| now == file) {
        return None;
    }
    let mut again = Command::new(std::env::current_exe().ok()?);
    Some(again.args(std::env::args_os().skip(1)).env("SSL_CERT_FILE", file).env("SSL_CERT_DIR", folder).exec())
}
