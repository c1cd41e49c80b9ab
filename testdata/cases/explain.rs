//! `explain`. One test for each directory of `testdata/explain`: the program runs in it with `args`, and must print `expected.txt`; `UPDATE=1` writes it again. And
//! for each bundle of `testdata/bundles`: a request that is made from each flow's own condition must run that flow.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use apigee_flux_analysis::explain::{CallEvent, CallSegment, Certainty, ExplainedCall, explain};
use apigee_flux_model::bundle::{BundleKind, Files};
use apigee_flux_model::condition::{ConditionValue, Operator};
use apigee_flux_model::runtime::{Documents, Flow, RuntimeBundle};
use libtest_mimic::{Failed, Trial};

use super::check::read;

pub(crate) fn trials() -> Vec<Trial> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut trials = Vec::new();
    for case in directories(&root.join("explain")) {
        trials.push(Trial::test(format!("explain::{}", name(&case)), move || printed(&case)));
    }
    for case in directories(&root.join("bundles")) {
        trials.push(Trial::test(format!("explain::bundles/{}", name(&case)), move || every_flow_wins(&case)));
    }
    trials
}

fn directories(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn name(case: &Path) -> String {
    case.file_name().unwrap().to_string_lossy().into_owned()
}

fn printed(case: &Path) -> Result<(), Failed> {
    let args = fs::read_to_string(case.join("args"))?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_apigee-flux"));
    let done = command.arg("explain").args(args.lines()).current_dir(case).output()?;
    let found = format!("{}{}", String::from_utf8(done.stdout)?, String::from_utf8(done.stderr)?);
    let path = case.join("expected.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &found)?;
    }
    let expected = fs::read_to_string(&path)?;
    if found == expected { Ok(()) } else { Err(format!("--- expected\n{expected}\n--- found\n{found}").into()) }
}

fn every_flow_wins(case: &Path) -> Result<(), Failed> {
    let mut found = Files::new();
    read(&case.join("expected/apiproxy"), "", &mut found);
    let (documents, unreadable) = Documents::parse(&found);
    assert!(unreadable.is_empty());
    let bundles = [RuntimeBundle::read(BundleKind::Proxy, "x", &found, &documents)];
    for endpoint in &bundles[0].proxy_endpoints {
        let base = endpoint.base_paths[0].value;
        for flow in &endpoint.flows {
            for call in samples(base, flow) {
                let explanation = explain(&bundles, &call).unwrap();
                assert_eq!(explanation.endpoint, endpoint.name, "{} {}", call.method, call.path);
                let winner = explanation.events.iter().find_map(|event| match event {
                    CallEvent::Flows { segment: CallSegment::ProxyRequest, candidates, .. } => {
                        candidates.iter().find(|candidate| candidate.certainty == Certainty::Runs)
                    }
                    _ => None,
                });
                let winner = winner.map(|candidate| &candidate.name);
                if winner.map(String::as_str) != Some(flow.name) {
                    let message = format!("{} {} runs {winner:?}, not {}", call.method, call.path, flow.name);
                    return Err(message.into());
                }
            }
        }
    }
    Ok(())
}

/// A request for each path and method in the flow's condition. A segment that matches any text gets a text that no other flow has.
fn samples(base: &str, flow: &Flow<'_>) -> Vec<ExplainedCall> {
    let Some(condition) = &flow.condition else { return Vec::new() };
    let expr = condition.parsed.as_ref().unwrap_or_else(|fault| panic!("{}: {fault}", condition.text));
    let mut paths = Vec::new();
    let mut methods = Vec::new();
    for comparison in expr.comparisons() {
        let (ConditionValue::Variable(variable), ConditionValue::Text(text)) =
            (&comparison.left.value, &comparison.right.value)
        else {
            continue;
        };
        match (variable.as_str(), comparison.operator) {
            ("proxy.pathsuffix", Operator::MatchesPath) => {
                paths.push(text.replace("**", "sample/of/many").replace('*', "sample"));
            }
            // The patterns that we render: a segment of any text followed by fixed text.
            ("proxy.pathsuffix", Operator::JavaRegex) => {
                let plain = text.trim_start_matches('^').trim_end_matches('$');
                paths.push(first_spellings(&plain.replace("[^/]+", "sample").replace("[.]", ".")));
            }
            ("request.verb", Operator::Equals) => methods.push(text.clone()),
            _ => {}
        }
    }
    if methods.is_empty() {
        methods.push("PATCH".to_owned());
    }
    let base = base.replace('*', "any");
    let base = base.trim_end_matches('/');
    let calls = paths.iter().flat_map(|path| {
        let path = format!("{base}{path}");
        methods.iter().map(move |method| ExplainedCall {
            method: method.clone(),
            path: path.clone(),
            ..ExplainedCall::default()
        })
    });
    calls.collect()
}

/// The first of several spellings of a character, as in `(:|%3[Aa])`.
fn first_spellings(regex: &str) -> String {
    let mut out = String::new();
    let mut rest = regex;
    while let Some((before, group)) = rest.split_once('(') {
        let (first, others) = group.split_once('|').unwrap();
        out.extend([before, first]);
        rest = others.split_once(')').unwrap().1;
    }
    out + rest
}
