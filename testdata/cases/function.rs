//! The cases of `testdata/function` through the real program; what else is asked of them is asked of the library, by the tests of the function's own
//! crate. `UPDATE=1` writes what came instead.

use std::fs;
use std::path::Path;

use libtest_mimic::{Failed, Trial};

use super::golden::expect;
use super::process;

pub(crate) fn trials() -> Vec<Trial> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/function");
    let mut cases: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let name = |case: &Path| format!("function::{}", case.file_name().unwrap().display());
    cases.into_iter().map(|case| Trial::test(name(&case), move || run(&case))).collect()
}

fn run(case: &Path) -> Result<(), Failed> {
    let output = process::function(fs::read(case.join("input.yaml"))?);
    let stderr = String::from_utf8(output.stderr)?;
    let failed = case.file_name().unwrap().to_string_lossy().starts_with("error-");
    if output.status.code() != Some(i32::from(failed)) {
        return Err(format!("{}\n{stderr}", output.status).into());
    }
    expect(&case.join("expected/output.yaml"), &String::from_utf8(output.stdout)?)?;
    Ok(expect(&case.join("expected/stderr.txt"), &stderr)?)
}
