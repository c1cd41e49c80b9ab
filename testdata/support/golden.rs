//! Expected outputs in files. `UPDATE=1` writes the actual output there instead; read the diff before you commit it.

use std::fs;
use std::path::Path;

/// Compares an output with a file. An empty output has no file.
pub(crate) fn expect(path: &Path, found: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE").is_some() {
        let written = match path.parent() {
            _ if found.is_empty() => fs::remove_file(path).or(Ok(())),
            Some(folder) => fs::create_dir_all(folder).and_then(|()| fs::write(path, found)),
            None => fs::write(path, found),
        };
        return written.map_err(|why| format!("{}: {why}", path.display()));
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    same(&path.display().to_string(), found, &expected)
}

/// Compares two texts; the error shows the first line that differs.
pub(crate) fn same(what: &str, found: &str, expected: &str) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let line = found.lines().zip(expected.lines()).position(|(a, b)| a != b);
    let line = line.unwrap_or_else(|| found.lines().count().min(expected.lines().count()));
    let at = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_owned();
    Err(format!(
        "{what} differs at line {}; UPDATE=1 writes it again\nfound:    {}\nexpected: {}",
        line + 1,
        at(found),
        at(expected)
    ))
}
