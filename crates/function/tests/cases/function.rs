//! One test for each directory of `testdata/function`: for `input.yaml` the function must print `expected/output.yaml` and, if it exists,
//! `expected/stderr.txt`. `UPDATE=1` writes the actual output there; read the diff before you commit it.
//!
//! In addition, every case has four properties: the same input gives the same bytes; the output as input changes nothing; items that are not
//! specs or outputs are copied byte for byte; the order of items changes no digest.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use apigee_flux_model::diag::Code;
use apigee_flux_model::krm::Input;
use libtest_mimic::{Failed, Trial};

use super::golden::{expect, same};
use super::{repository, run::function};

pub(crate) fn trials() -> Vec<Trial> {
    let mut cases: Vec<_> =
        fs::read_dir(repository("testdata/function")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut trials: Vec<Trial> = cases
        .iter()
        .cloned()
        .map(|case| Trial::test(format!("function::{}", case.file_name().unwrap().display()), move || check(&case)))
        .collect();
    trials.push(Trial::test("function::every-code-has-a-case", move || every_code_has_a_case(&cases)));
    trials
}

fn check(case: &Path) -> Result<(), Failed> {
    if !case.join("README.md").is_file() {
        return Err("the case has no README.md that says what it shows".into());
    }
    let Ok(input) = String::from_utf8(fs::read(case.join("input.yaml"))?) else { return Ok(()) };
    let input = input.as_str();
    let ran = function(input);
    let failed = case.file_name().unwrap().to_string_lossy().starts_with("error-");
    if ran.failed != failed {
        return Err(format!("failed: {}\n{}", ran.failed, ran.stderr).into());
    }
    expect(&case.join("expected/output.yaml"), &ran.stdout)?;
    expect(&case.join("expected/stderr.txt"), &ran.stderr)?;

    let again = function(input);
    same("the same input", &again.stdout, &ran.stdout)?;
    if ran.stderr.lines().any(|line| line.trim().is_empty()) {
        return Err("a message is not on one line".into());
    }
    let Ok(read) = Input::read(input) else {
        return Ok(same("the output of unreadable input", &ran.stdout, "")?);
    };
    if !failed {
        let second = function(&ran.stdout);
        // Warnings are of the input at hand, not of the one before.
        let items = |text: &str| text.split("\nresults:").next().unwrap_or_default().to_owned();
        same("the output of the output", &items(&second.stdout), &items(&ran.stdout))?;
    }
    let list = matches!(read, Input::List(_));
    if list || !failed {
        untouched(&read, &ran.stdout)?;
    }
    // A list in flow style has no chunks that could be reordered.
    if list && !failed && !input.starts_with('{') {
        let shuffled = function(&reversed(&read));
        if names(&shuffled.stdout) != names(&ran.stdout) {
            return Err("the order of the items changes the output".into());
        }
    }
    Ok(())
}

/// Every item that is neither a spec nor an output is in the output with the same bytes.
fn untouched(input: &Input<'_>, output: &str) -> Result<(), Failed> {
    for item in input.items() {
        let bytes = &input.source()[item.span.clone()];
        // An alias whose anchor is removed with a spec is replaced by the value of the anchor.
        if !matches!(input, Input::List(_)) && bytes.contains(": *") {
            continue;
        }
        if !item.header.is_managed() && !item.header.is_output() && !output.contains(bytes.trim_end()) {
            return Err(format!("the item {} was changed", item.header.name).into());
        }
    }
    Ok(())
}

fn reversed(input: &Input<'_>) -> String {
    let items = input.items();
    let source = input.source();
    let (Some(first), Some(last)) = (items.first(), items.last()) else { return source.to_owned() };
    let chunks: String = items
        .iter()
        .rev()
        .map(|item| {
            let chunk = &source[item.chunk.clone()];
            if chunk.ends_with('\n') { chunk.to_owned() } else { format!("{chunk}\n") }
        })
        .collect();
    format!("{}{chunks}{}", &source[..first.chunk.start], &source[last.chunk.end..])
}

/// Kind and name of every item: a ConfigMap's name contains the digest.
fn names(list: &str) -> BTreeSet<String> {
    let input = Input::read(list).unwrap();
    input.items().iter().map(|item| format!("{} {}", item.header.kind, item.header.name)).collect()
}

/// The codes that no case of this directory can show, and where they are tested.
const ELSEWHERE: [(Code, &str); 4] = [
    (Code::Internal, "a defect, which no input causes"),
    (Code::BundleTooLarge, "testdata/slow/large.rs, which generates the bundle"),
    (Code::TooManyFindings, "testdata/slow/large.rs, which generates the findings"),
    (Code::ObjectTooLarge, "testdata/slow/large.rs, which generates the Secrets"),
];

fn every_code_has_a_case(cases: &[std::path::PathBuf]) -> Result<(), Failed> {
    let mut shown: String =
        cases.iter().filter_map(|case| fs::read_to_string(case.join("expected/stderr.txt")).ok()).collect();
    // Findings inside a bundle have their cases in other directories.
    for case in fs::read_dir(repository("testdata/check"))? {
        shown.push_str(&fs::read_to_string(case?.path().join("expected/stdout.txt")).unwrap_or_default());
    }
    let missing: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| !ELSEWHERE.iter().any(|(known, _)| known == *code))
        .map(|code| code.as_str())
        .filter(|code| !shown.contains(&format!("[{code}]")))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("no case shows {}", missing.join(", ")).into()) }
}
