//! Runs the program as an orchestrator does: text in, text out.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// Runs the program without a command, with `input` on its standard input.
pub(crate) fn function(input: impl AsRef<[u8]>) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_apigee-flux"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = input.as_ref().to_owned();
    // A program that stops reading must not block the test, so that writing and reading run at the same time.
    let writer = std::thread::spawn(move || stdin.write_all(&text));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output
}
