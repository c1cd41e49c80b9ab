//! The invariants of ARCHITECTURE.md that the compiler does not check.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates that do no input or output.
const PURE: [&str; 4] = ["model", "analysis", "configuration", "function"];

/// What reaches outside. `std::io` itself is only the traits of readers and writers.
const OUTSIDE: [&str; 8] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::SystemTime",
    "Instant::now",
    "io::std",
];

/// Dependencies that reach outside, or that only programs that reach outside need.
const NETWORK: [&str; 9] =
    ["tokio", "reqwest", "hyper", "hyper-util", "rustls", "aws-lc-rs", "google-cloud-auth", "axum", "rustix"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && path.file_name().is_none_or(|name| name != "tests.rs")
        {
            found.push(path);
        }
    }
}

/// The packages below `package`, without those of tests and build scripts, as cargo resolves them.
fn dependencies(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--package", package])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_pure_crates_depend_on_nothing_that_reaches_outside() {
    for name in PURE {
        let found = dependencies(&format!("apigee-flux-{name}"));
        assert!(found.contains("serde"), "cargo tree printed {found:?}");
        for network in NETWORK {
            assert!(!found.contains(network), "apigee-flux-{name} depends on {network}");
        }
    }
}

#[test]
fn the_pure_crates_do_no_input_or_output() {
    let mut files = Vec::new();
    for name in PURE {
        sources(&root().join("crates").join(name).join("src"), &mut files);
    }
    assert!(files.len() > 200, "only {} files were found", files.len());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for outside in OUTSIDE {
                assert!(!line.contains(outside), "{}: `{}` reaches outside", file.display(), line.trim());
            }
        }
    }
}

/// The lines of the picture of the crates in ARCHITECTURE.md, `NAME ──► NAME, NAME`, are the dependencies in the manifests.
#[test]
fn the_crates_depend_on_each_other_as_the_map_says() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let drawn: BTreeSet<(String, BTreeSet<String>)> = map
        .lines()
        .filter_map(|line| line.split_once(" ──► "))
        .filter(|(name, _)| name.trim() == "apigee-flux" || root().join("crates").join(name.trim()).is_dir())
        .map(|(name, below)| {
            let below = below.split(',').map(|below| below.trim().to_owned()).filter(|below| below != "(none)");
            (name.trim().to_owned(), below.collect())
        })
        .collect();
    let manifests = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let built: BTreeSet<(String, BTreeSet<String>)> = manifests
        .chain([root()])
        .map(|folder| {
            let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
            let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
            let below =
                section.lines().filter_map(|line| line.strip_prefix("apigee-flux-")?.strip_suffix(".workspace = true"));
            let name =
                if folder == root() { "apigee-flux".into() } else { folder.file_name().unwrap().to_string_lossy() };
            (name.into_owned(), below.map(str::to_owned).collect())
        })
        .collect();
    assert_eq!(drawn, built, "the picture in ARCHITECTURE.md, then the manifests");
}

#[test]
fn every_module_is_in_the_map() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut folders = vec![root().join("src")];
    folders.extend(fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path().join("src")));
    for entry in folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            assert!(map.contains(&format!("`{name}`")), "ARCHITECTURE.md does not name `{name}`");
        }
    }
}

/// What goes to a terminal, a log or a CI system goes through the type that escapes what would act there.
#[test]
fn output_leaves_in_one_place() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    sources(&root().join("crates"), &mut files);
    for file in files.iter().filter(|file| !file.ends_with("cli/out.rs")) {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for stream in ["io::stdout", "io::stderr", "io::{stdout", "io::{stderr", "print_long_help", ".print()"] {
            assert!(!code.contains(stream), "{}: `{stream}` does not go through `cli::out`", file.display());
        }
    }
}

/// Binaries without the standard harness list their trials themselves: the compiler leaves out what is marked as a test, and says nothing.
#[test]
fn no_test_is_left_out() {
    let mut files = Vec::new();
    for folder in ["testdata/cases", "testdata/fuzz", "testdata/slow", "crates/function/tests/cases"] {
        sources(&root().join(folder), &mut files);
    }
    assert!(files.len() > 20, "only {} files were found", files.len());
    files.push(root().join("crates/deployer/tests/configuration.rs"));
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let marked = text.lines().find(|line| ["#[test]", "#[tokio::test"].iter().any(|mark| line.starts_with(mark)));
        assert_eq!(marked, None, "{}: such a test never runs; add a trial", file.display());
    }
}
