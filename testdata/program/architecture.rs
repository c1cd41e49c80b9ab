//! The invariants of ARCHITECTURE.md that the compiler does not check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates that do no input or output.
const PURE: [&str; 4] = ["model", "analysis", "configuration", "function"];

/// The only folder of `crates/sandbox/src` with input and output, so that what the simulated Apigee does is pure.
const SANDBOX_OUTSIDE: &str = "server";

/// The only file of the pure crates that starts threads.
const THREADS: &str = "crates/function/src/parallel.rs";

/// What reaches outside. `std::io` itself is only the traits of readers and writers.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
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

/// The sources of the program and of all libraries.
fn all_sources(found: &mut Vec<PathBuf>) {
    sources(&root().join("src"), found);
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        sources(&entry.unwrap().path().join("src"), found);
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

/// The first line of each file that contains one of the words, without comments and tests.
fn lines_with(files: &[PathBuf], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let mut lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        if let Some(line) = lines.find(|line| words.iter().any(|word| line.contains(word))) {
            found.push(format!("{}: `{}` reaches outside", file.display(), line.trim()));
        }
    }
    found
}

#[test]
fn the_pure_crates_do_no_input_or_output() {
    let mut files = Vec::new();
    for name in PURE {
        sources(&root().join("crates").join(name).join("src"), &mut files);
    }
    assert!(files.len() > 200, "only {} files were found", files.len());
    // Threads are neither input nor output, but their order is not known: one module makes sure that it does not show.
    let threads = ["std::thread", "thread::"];
    let (parallel, files): (Vec<PathBuf>, Vec<PathBuf>) =
        files.into_iter().partition(|file| *file == root().join(THREADS));
    let outside: Vec<&str> = OUTSIDE.iter().copied().filter(|word| !threads.contains(word)).collect();
    assert_eq!(lines_with(&parallel, &outside), [""; 0]);
    assert_eq!(lines_with(&parallel, &threads).len(), 1, "{THREADS} starts no thread");
    assert_eq!(lines_with(&files, OUTSIDE), [""; 0]);
}

#[test]
fn only_the_server_of_the_sandbox_does_input_or_output() {
    let folder = root().join("crates/sandbox/src");
    let mut files = Vec::new();
    sources(&folder, &mut files);
    let (server, pure): (Vec<PathBuf>, Vec<PathBuf>) =
        files.into_iter().partition(|file| file.starts_with(folder.join(SANDBOX_OUTSIDE)));
    assert!(pure.len() > 40, "only {} files were found", pure.len());
    let outside: Vec<&str> =
        OUTSIDE.iter().copied().chain(["tokio::", "axum::", "hyper", "std::sync", "std::time::Instant"]).collect();
    assert_eq!(lines_with(&pure, &outside), [""; 0]);
    assert!(lines_with(&server, &outside).len() > 10, "the words do not find what reaches outside");
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

/// The module at the top of a crate that a file belongs to.
fn module(source: &Path, file: &Path) -> String {
    let first = file.strip_prefix(source).unwrap().iter().next().unwrap();
    Path::new(first).file_stem().unwrap().to_string_lossy().into_owned()
}

/// The modules at the top of the deployer refer to each other in one direction only. Within the crate, `crate::MODULE::` is the only
/// way to refer to another one.
#[test]
fn the_modules_of_the_deployer_have_an_order() {
    let source = root().join("crates/deployer/src");
    let mut files = Vec::new();
    sources(&source, &mut files);
    files.retain(|file| !file.ends_with("lib.rs"));
    let mut below: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        assert!(!code.contains("super::super"), "{}: name the module from `crate`", file.display());
        let named = code.match_indices("crate::").map(|(at, start)| {
            let rest = &code[at + start.len()..];
            rest[..rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len())].to_owned()
        });
        let own = module(&source, file);
        let named: BTreeSet<String> = named.filter(|name| *name != own).collect();
        for name in &named {
            let exists = files.iter().any(|file| module(&source, file) == *name);
            assert!(exists, "{}: `crate::{name}` is not the path of a module", file.display());
        }
        below.entry(own).or_default().extend(named);
    }
    assert!(below.values().map(BTreeSet::len).sum::<usize>() > 20, "only {below:?} were found");
    while !below.is_empty() {
        let known: BTreeSet<String> = below.keys().cloned().collect();
        below.retain(|_, named| !named.is_disjoint(&known));
        assert!(below.len() < known.len(), "these modules refer to each other in a circle: {below:?}");
    }
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

/// The files outside of tests that contain one of `words`, as paths below the repository.
fn users_of(words: &[&str]) -> Vec<String> {
    let mut files = Vec::new();
    all_sources(&mut files);
    let uses = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        code.lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .any(|line| words.iter().any(|word| line.contains(word)))
    };
    let shown = |file: &PathBuf| file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
    files.iter().filter(|file| uses(file)).map(shown).collect()
}

/// All files of `users` are below one of `folders`, and each folder has one.
fn are_below(users: &[String], folders: &[&str]) {
    for user in users {
        assert!(folders.iter().any(|folder| user.starts_with(folder)), "{user} is not below {folders:?}");
    }
    for folder in folders {
        assert!(users.iter().any(|user| user.starts_with(folder)), "nothing below {folder} is among {users:?}");
    }
}

#[test]
fn the_parsers_have_few_users() {
    are_below(&users_of(&["granit_parser::"]), &["crates/model/src/yaml/", "crates/model/src/krm/"]);
    are_below(&users_of(&["serde_yaml::"]), &["crates/model/src/yaml/"]);
    are_below(&users_of(&["quick_xml::"]), &["crates/model/src/xml/"]);
    are_below(
        &users_of(&["roxmltree::"]),
        &["crates/model/src/xml/", "crates/model/src/bundle/root_xml.rs", "crates/sandbox/src/"],
    );
}

#[test]
fn the_clock_is_read_at_the_rim() {
    let clock = users_of(&["Instant::now", "SystemTime::now", "Timestamp::now"]);
    are_below(&clock, &["crates/deployer/src/", "crates/sandbox/src/", "src/cli/"]);
}

/// Text for a terminal, a log or a CI system is written through the type that escapes control characters and commands.
#[test]
fn output_leaves_in_one_place() {
    let mut files = Vec::new();
    all_sources(&mut files);
    for file in files.iter().filter(|file| !file.ends_with("cli/out.rs")) {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for stream in ["io::stdout", "io::stderr", "io::{stdout", "io::{stderr", "print_long_help", ".print()"] {
            assert!(!code.contains(stream), "{}: `{stream}` does not go through `cli::out`", file.display());
        }
    }
}

/// Modules of the function, and those that they must not use: they would use each other.
const ABOVE: [(&str, &[&str]); 6] = [
    ("spec", &["openapi", "proxy", "k8s", "expand", "reference"]),
    ("openapi", &["spec", "proxy", "k8s", "expand", "reference"]),
    ("proxy/model", &["spec", "openapi", "proxy::resolve", "k8s", "expand", "reference"]),
    ("proxy", &["k8s", "expand", "reference"]),
    ("k8s", &["openapi", "proxy", "expand", "reference"]),
    ("expand", &["reference"]),
];

#[test]
fn the_modules_of_the_function_use_only_those_below_them() {
    let function = root().join("crates/function/src");
    for (module, above) in ABOVE {
        let mut files = Vec::new();
        sources(&function.join(module), &mut files);
        assert!(!files.is_empty(), "no files in `{module}`");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            assert!(!text.contains("use crate::{"), "{}: name each module in a line of its own", file.display());
            for name in above {
                let used = [format!("crate::{name}::"), format!("crate::{name};")];
                assert!(!used.iter().any(|used| text.contains(used)), "{} uses `{name}`", file.display());
            }
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

/// Guides for developers name files that exist. A name in capital letters, `NAME` or `KIND`, is a placeholder.
#[test]
fn the_paths_in_the_guides_exist() {
    let tops = ["src/", "crates/", "testdata/", "functions/", "examples/", "benches/"];
    let mut count = 0;
    for guide in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"] {
        let text = fs::read_to_string(root().join(guide)).unwrap();
        for path in text.split('`').skip(1).step_by(2).filter(|path| tops.iter().any(|top| path.starts_with(top))) {
            let fixed: PathBuf = path
                .split('/')
                .take_while(|part| !["NAME", "KIND", "TARGET", "{"].iter().any(|hole| part.contains(hole)))
                .collect();
            assert!(root().join(&fixed).exists(), "{guide} names `{path}`, which does not exist");
            count += 1;
        }
    }
    assert!(count > 30, "only {count} paths were found");
}
