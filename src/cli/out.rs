//! Standard output and standard error: the only place that writes to them. What is for people, or is JSON, is a [`Text`], in which nothing
//! acts on whoever shows it; a document of which every byte counts goes through [`document`].

use std::io::{self, IsTerminal as _, StdoutLock, Write as _};

use apigee_flux_model::diag::plain::Text;

/// Writes to standard output.
pub(super) fn stdout(text: &Text) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_str().as_bytes())?;
    out.flush()
}

/// Writes to standard error.
pub(super) fn stderr(text: &Text) -> io::Result<()> {
    io::stderr().lock().write_all(text.as_str().as_bytes())
}

/// One line on standard error. What cannot be said there can be said nowhere.
pub(super) fn say(line: impl std::fmt::Display) {
    let mut text = Text::new();
    text.line(line);
    let _ = stderr(&text);
}

/// Standard output for a document that leaves as the bytes it is: the input of the next program.
pub(super) fn document() -> StdoutLock<'static> {
    io::stdout().lock()
}

/// Whether a person reads standard output.
pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether a person reads standard error.
pub(super) fn is_error_terminal() -> bool {
    io::stderr().is_terminal()
}
