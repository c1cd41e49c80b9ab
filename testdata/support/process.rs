//! Runs the program as an orchestrator does: text in, text out.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// The program without a command, with `input` on its standard input.
pub(crate) fn function(input: impl AsRef<[u8]>) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_apigee-flux"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = input.as_ref().to_owned();
    // A program that stops reading must not stop the test, so that both ends run at once.
    let writer = std::thread::spawn(move || stdin.write_all(&text));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output
}
