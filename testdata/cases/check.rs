//! One test for each directory of `testdata/check`: `apigee-flux check` runs in the directory with the arguments in `args`; `expected/` holds its expected
//! output and its exit code. `UPDATE=1` writes the actual output there.
//!
//! In addition, bundles of `testdata/bundles` are broken on purpose, one mistake at a time, and each mistake must be found.

use std::fs;
use std::path::Path;
use std::process::Command;

use apigee_flux_analysis::check::check;
use apigee_flux_model::bundle::{BundleKind, BundlePath, Files};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{Documents, RuntimeBundle};
use libtest_mimic::{Failed, Trial};

use super::golden::expect;

pub(crate) fn trials() -> Vec<Trial> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut cases: Vec<_> = fs::read_dir(root.join("check")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut trials: Vec<Trial> = cases
        .into_iter()
        .map(|case| {
            let name = case.file_name().unwrap().display();
            Trial::test(format!("check::{name}"), move || run(&case))
        })
        .collect();
    trials.push(Trial::test("check::bundles-that-we-make-are-sound", all_are_sound));
    for mutation in MUTATIONS {
        trials.push(Trial::test(format!("check::mutation: {}", mutation.what), || caught(mutation)));
    }
    trials
}

fn run(case: &Path) -> Result<(), Failed> {
    if !case.join("README.md").is_file() {
        return Err("the case has no README.md that says what it shows".into());
    }
    let args = fs::read_to_string(case.join("args"))?;
    let output = Command::new(env!("CARGO_BIN_EXE_apigee-flux"))
        .arg("check")
        .args(args.split_whitespace())
        .current_dir(case)
        .output()?;
    let stdout = String::from_utf8(output.stdout)?.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    expect(&case.join("expected/stdout.txt"), &stdout)?;
    expect(&case.join("expected/stderr.txt"), &String::from_utf8(output.stderr)?)?;
    Ok(expect(&case.join("expected/exit.txt"), &format!("{}\n", output.status.code().unwrap()))?)
}

/// Adds the files of a bundle in a folder.
pub(super) fn read(folder: &Path, below: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            read(&path, &format!("{name}/"), files);
        } else {
            files.insert(BundlePath::parse(&name).unwrap(), fs::read(&path).unwrap());
        }
    }
}

fn generated(case: &str) -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bundles");
    let mut files = Files::new();
    read(&root.join(case).join("expected/apiproxy"), "", &mut files);
    files
}

fn codes(files: &Files) -> Vec<Code> {
    let (documents, unreadable) = Documents::parse(files);
    assert!(unreadable.is_empty());
    check(&RuntimeBundle::read(BundleKind::Proxy, "x", files, &documents)).iter().map(|finding| finding.code).collect()
}

/// Findings that need more than a spec alone.
const FROM_ELSEWHERE: [Code; 1] = [Code::MissingResource];

fn all_are_sound() -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bundles");
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let found: Vec<Code> =
            codes(&generated(&name)).into_iter().filter(|code| !FROM_ELSEWHERE.contains(code)).collect();
        if !found.is_empty() && !KNOWN.contains(&name.as_str()) {
            return Err(format!("{name}: {found:?}").into());
        }
    }
    Ok(())
}

/// Cases that show a warning on purpose.
const KNOWN: [&str; 2] = ["every-policy", "raw-policies"];

/// A mistake in one file of the bundle of a case: pairs of a text and its replacement.
struct Mutation {
    what: &'static str,
    file: &'static str,
    edits: &'static [(&'static str, &'static str)],
    code: Code,
}

const fn mutation(
    what: &'static str,
    file: &'static str,
    edits: &'static [(&'static str, &'static str)],
    code: Code,
) -> Mutation {
    Mutation { what, file, edits, code }
}

const PROXY: &str = "proxies/default.xml";

/// Mistakes in the bundle of the case `orders`. apigeelint 2.85.1 passes most of them.
const MUTATIONS: &[Mutation] = &[
    mutation("an invalid rate", "policies/SA-Default.xml", &[("100ps", "banana")], Code::InvalidRate),
    mutation(
        "the quota before the API key and CORS",
        PROXY,
        &[
            ("<Step><Name>Q-Product</Name></Step>", ""),
            (
                "<PreFlow name=\"PreFlow\"><Request>",
                "<PreFlow name=\"PreFlow\"><Request><Step><Name>Q-Product</Name></Step>",
            ),
        ],
        Code::QuotaWithoutConsumer,
    ),
    mutation(
        "the quota of another step",
        "policies/Q-Product.xml",
        &[("VA-Default", "VA-Other")],
        Code::QuotaWithoutConsumer,
    ),
    mutation(
        "CORS after the API key",
        PROXY,
        &[
            ("<Step><Name>CORS-Default</Name></Step>", ""),
            (
                "<Step><Name>VA-Default</Name></Step>",
                "<Step><Name>VA-Default</Name></Step><Step><Name>CORS-Default</Name></Step>",
            ),
        ],
        Code::LateCors,
    ),
    mutation(
        "a name in braces of MatchesPath",
        PROXY,
        &[("MatchesPath \"/*\"", "MatchesPath \"/{orderId}\"")],
        Code::DeadPattern,
    ),
    mutation("a name in braces", PROXY, &[("MatchesPath \"/*\"", "= \"/{orderId}\"")], Code::DeadPattern),
    mutation(
        "a flow after one that matches everything",
        PROXY,
        &[("MatchesPath \"/*\"", "MatchesPath \"/**\"")],
        Code::UnreachableFlow,
    ),
    mutation(
        "two equal flows",
        PROXY,
        &[("MatchesPath \"/*\"", "MatchesPath \"/legacy/*/xml\"")],
        Code::UnreachableFlow,
    ),
    mutation(
        "an open parenthesis",
        PROXY,
        &[("(proxy.pathsuffix MatchesPath \"/*\") and", "(proxy.pathsuffix MatchesPath \"/*\" and")],
        Code::InvalidCondition,
    ),
    mutation(
        "a condition with two methods",
        PROXY,
        &[("MatchesPath \"/*\") and", "MatchesPath \"/*\") and (request.verb = \"PUT\") and")],
        Code::ContradictoryCondition,
    ),
    mutation(
        "a route without a condition before others",
        PROXY,
        &[("<Condition>request.header.x-sandbox = \"true\"</Condition>", "")],
        Code::UnreachableRoute,
    ),
    mutation(
        "a route to a missing target",
        PROXY,
        &[("<TargetEndpoint>sandbox<", "<TargetEndpoint>sandbx<")],
        Code::MissingTarget,
    ),
    mutation("a step without a policy", PROXY, &[("<Name>DC-Orders<", "<Name>DC-Order<")], Code::MissingPolicy),
    mutation("TLS that is not enforced", "targets/sandbox.xml", &[("<Enforce>true</Enforce>", "")], Code::WeakTls),
    mutation("a trailing slash in the base path", PROXY, &[("/v1/orders<", "/v1/orders/<")], Code::InvalidBasePath),
    mutation(
        "a policy with an unknown type",
        "policies/VA-Default.xml",
        &[("VerifyAPIKey", "VerifyApiKey")],
        Code::UnknownPolicy,
    ),
    mutation(
        "a rate for each consumer before the consumer is known",
        "policies/SA-Default.xml",
        &[("<Rate>", "<Identifier ref=\"verifyapikey.VA-Default.client_id\"/><Rate>")],
        Code::UnavailableVariable,
    ),
    mutation(
        "a response variable on the request",
        PROXY,
        &[("<Name>Q-Product</Name>", "<Name>Q-Product</Name><Condition>response.status.code = 200</Condition>")],
        Code::UnavailableVariable,
    ),
    mutation(
        "a misspelt variable",
        PROXY,
        &[("proxy.pathsuffix MatchesPath \"/*\"", "proxy.pathsufix MatchesPath \"/*\"")],
        Code::UnknownVariable,
    ),
    mutation("a method without quotes", PROXY, &[("request.verb = \"GET\"", "request.verb = GET")], Code::UnquotedText),
    mutation(
        "an element that the policy does not have",
        "policies/SA-Default.xml",
        &[("<Rate>", "<Rates>1ps</Rates><Rate>")],
        Code::PolicySchema,
    ),
    mutation(
        "an API key without a source",
        "policies/VA-Default.xml",
        &[("<APIKey ref=\"request.header.x-api-key\"/>", "<APIKey/>")],
        Code::DeploymentError,
    ),
    mutation(
        "a regular expression with an unclosed character class",
        PROXY,
        &[("MatchesPath \"/*\"", "JavaRegex \"/[^/+\"")],
        Code::InvalidRegex,
    ),
    mutation(
        "a wildcard in an origin",
        "policies/CORS-Default.xml",
        &[("https://app.example.com", "https://*.example.com")],
        Code::CorsMismatch,
    ),
    mutation(
        "a second status code of a health check",
        "targets/default.xml",
        &[("<ResponseCode>200</ResponseCode>", "<ResponseCode>200</ResponseCode><ResponseCode>204</ResponseCode>")],
        Code::SeveralResponseCodes,
    ),
    mutation(
        "streaming at one endpoint",
        "targets/default.xml",
        &[("<Properties>", "<Properties><Property name=\"request.streaming.enabled\">true</Property>")],
        Code::Streaming,
    ),
    mutation(
        "a policy with another name",
        "policies/SA-Default.xml",
        &[("name=\"SA-Default\"", "name=\"SA-Other\"")],
        Code::WrongFileName,
    ),
];

fn caught(mutation: &Mutation) -> Result<(), Failed> {
    let files = generated("orders");
    if codes(&files).contains(&mutation.code) {
        return Err("the bundle without the mutation already has the finding".into());
    }
    let text = String::from_utf8(files.get(mutation.file).unwrap().to_vec())?;
    // Between elements there are line breaks and indentation.
    let mut text: String = text.lines().map(str::trim).collect();
    for (from, to) in mutation.edits {
        if !text.contains(from) {
            return Err(format!("{} does not contain {from}", mutation.file).into());
        }
        text = text.replacen(from, to, if from.starts_with("Verify") { 2 } else { 1 });
    }
    let mut mutated = files;
    mutated.insert(BundlePath::parse(mutation.file).unwrap(), text.into_bytes());
    let found = codes(&mutated);
    if found.contains(&mutation.code) { Ok(()) } else { Err(format!("found only {found:?}").into()) }
}
