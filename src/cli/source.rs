//! Reads input up to a limit: a pipe or a folder may be endless.

use std::io::{self, Read};

use apigee_flux_model::diag::{Code, Diagnostic};
use apigee_flux_model::encoding;

/// The maximum size of the resources, from standard input or from all files together: more than 15 bundles of the size that Apigee accepts.
const MAX_BYTES: usize = 256 << 20;

/// The bytes that were read.
#[derive(Debug, Default)]
pub(super) struct Source {
    bytes: Vec<u8>,
}

impl Source {
    /// Reads everything. The inner error reports that the input is too large.
    pub(super) fn read(&mut self, from: impl Read) -> io::Result<Result<(), Diagnostic>> {
        read_bounded(from, &mut self.bytes, MAX_BYTES)
    }

    /// The text.
    pub(super) fn text(&self) -> Result<&str, Diagnostic> {
        encoding::utf8(&self.bytes).map_err(not_utf8)
    }
}

/// Reads the text of one of several files, which share one limit: `before` bytes of other files were read already.
pub(super) fn read_text(from: impl Read, before: usize) -> io::Result<Result<String, Diagnostic>> {
    let mut bytes = Vec::new();
    if let Err(diagnostic) = read_bounded(from, &mut bytes, MAX_BYTES.saturating_sub(before))? {
        return Ok(Err(diagnostic));
    }
    Ok(encoding::text(&bytes).map(str::to_owned).map_err(not_utf8))
}

fn read_bounded(from: impl Read, bytes: &mut Vec<u8>, most: usize) -> io::Result<Result<(), Diagnostic>> {
    // One byte more than the limit shows that the input is too large.
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    from.take(bound).read_to_end(bytes)?;
    if bytes.len() <= most {
        return Ok(Ok(()));
    }
    let message = format!("the input has more than {MAX_BYTES} bytes");
    Ok(Err(Diagnostic::error(Code::InputTooLarge, message).help("render fewer folders at a time")))
}

fn not_utf8(error: encoding::NotUtf8) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code::NotUtf8, error.message).help(error.help);
    match error.position {
        Some((line, column)) => diagnostic.position(line, column),
        None => diagnostic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_without_an_end_is_left() {
        let mut bytes = Vec::new();
        let refused = read_bounded(io::repeat(b' '), &mut bytes, 1000).unwrap().unwrap_err();
        assert_eq!((refused.code, bytes.len()), (Code::InputTooLarge, 1001));
        assert!(read_bounded(&b"abc"[..], &mut Vec::new(), 3).unwrap().is_ok());
    }
}
