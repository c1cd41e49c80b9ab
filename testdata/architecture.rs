//! The invariant of ARCHITECTURE.md that the compiler does not check: the function's modules do no input or output.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

/// The modules that are pure: they do no input or output.
const PURE: &[&str] = &[
    "bundle",
    "check",
    "condition",
    "configuration",
    "diag",
    "expand",
    "explain",
    "k8s",
    "krm",
    "limits",
    "openapi",
    "path_pattern",
    "policy",
    "proxy",
    "reference",
    "runtime",
    "spec",
    "xml",
    "yaml",
];

/// Modules that do input or output. `std::io` itself contains only the traits of readers and writers.
const OUTSIDE: [&str; 9] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::time::SystemTime",
    "Instant::now",
    "tokio",
    "reqwest",
    "io::std",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.file_name().is_none_or(|name| name != "tests.rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_function_does_no_input_or_output() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for module in PURE {
        sources(&root.join(module), &mut files);
    }
    assert!(files.len() > 80, "only {} files were found", files.len());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for outside in OUTSIDE {
                assert!(!line.contains(outside), "{}: `{}` does input or output", file.display(), line.trim());
            }
        }
    }
}

#[test]
fn every_module_stands_in_the_map() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    for entry in fs::read_dir(root.join("src")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            assert!(map.contains(&format!("`{name}`")), "ARCHITECTURE.md does not name `{name}`");
        }
    }
}

/// Text for a terminal, a log or a CI system is written through the type that escapes control characters and commands.
#[test]
fn output_leaves_in_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    for file in files.iter().filter(|file| !file.ends_with("cli/out.rs")) {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for stream in ["io::stdout", "io::stderr", "io::{stdout", "io::{stderr", "print_long_help", ".print()"] {
            assert!(!code.contains(stream), "{}: `{stream}` does not go through `cli::out`", file.display());
        }
    }
}
