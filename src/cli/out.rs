//! The only module that writes to standard output and standard error. Text for people and JSON is a [`PlainText`], in which control characters of
//! untrusted text are escaped; a document that must be written byte for byte goes through [`document`].

use std::io::{self, IsTerminal as _, StdoutLock, Write as _};

use apigee_flux_model::diag::plain::PlainText;

/// Writes to standard output.
pub(super) fn stdout(text: &PlainText) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_str().as_bytes())?;
    out.flush()
}

/// Writes to standard error.
pub(super) fn stderr(text: &PlainText) -> io::Result<()> {
    io::stderr().lock().write_all(text.as_str().as_bytes())
}

/// Writes one line to standard error. There is no place to report a failure of that.
pub(super) fn say(line: impl std::fmt::Display) {
    let mut text = PlainText::new();
    text.line(line);
    let _ = stderr(&text);
}

/// Standard output for a document that is written byte for byte, as the input of another program.
pub(super) fn document() -> StdoutLock<'static> {
    io::stdout().lock()
}

/// Whether standard output is a terminal.
pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether standard error is a terminal.
pub(super) fn is_error_terminal() -> bool {
    io::stderr().is_terminal()
}
