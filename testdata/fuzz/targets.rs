//! The fuzz targets: each input format with its seeds, the tokens of its language, and the properties that must hold.

use apigee_flux_analysis::check;
use apigee_flux_configuration as configuration;
use apigee_flux_configuration::inventory::Inventory;
use apigee_flux_function::expand::{ExpandOptions, expand};
use apigee_flux_function::openapi;
use apigee_flux_model::bundle::{Batch, BundleKind, BundlePath, Files, Manifest, zip};
use apigee_flux_model::diag::has_errors;
use apigee_flux_model::krm::Input;
use apigee_flux_model::path_pattern::{Dialect, OperationPattern, like, matches_path};
use apigee_flux_model::runtime::{Documents, RuntimeBundle};
use apigee_flux_model::yaml::YamlNode;
use apigee_flux_model::{condition, xml, yaml};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::corpus;

/// One input format.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
    pub(crate) words: &'static [&'static str],
    /// Fails when a property does not hold. A rejected input is no failure.
    pub(crate) run: fn(&[u8]) -> Result<(), String>,
}

const YAML: &[&str] = &[
    "---\n",
    "...\n",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!x ",
    "|\n  ",
    ">-\n  ",
    "? ",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "# ",
    "%YAML 1.1\n",
    "null",
    "~",
    "true",
    "017",
    "1e400",
    ".inf",
    "\n",
    "  ",
    "@",
    "`",
    "\\x41",
    "\\u0000",
];

const RESOURCES: &[&str] = &[
    "apiVersion: apigeeflux.dev/v1alpha1\n",
    "kind: ApigeeProxy\n",
    "kind: List\n",
    "kind: ResourceList\n",
    "items:\n",
    "functionConfig:\n",
    "metadata: {name: a}\n",
    "spec:\n",
    "  basePath: /a\n",
    "bundle: {files: {}}\n",
    "$(values.a)",
    "{from: {kind: ConfigMap, name: a, jsonPath: $.data.a}}",
    "---\n",
    "&a ",
    "*a",
    "- ",
    "  ",
    "annotations: {internal.config.kubernetes.io/index: '0'}\n",
    "null",
    "[]",
    "{}",
    "\u{feff}",
];

const XML: &[&str] = &[
    "<!DOCTYPE a [<!ENTITY x \"y\">]>",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
    "&amp;",
    "&#0;",
    "&#x10FFFF;",
    "<a>",
    "</a>",
    "<a/>",
    " xmlns:x=\"y\"",
    " name=\"a\"",
    "\"",
    "'",
    "<",
    ">",
    "&",
    "<Step><Name>a</Name></Step>",
    "<Condition>",
    "</Condition>",
];

const CONDITIONS: &[&str] = &[
    "and",
    "or",
    "not",
    "!",
    "&&",
    "||",
    "=",
    "==",
    "!=",
    ":=",
    "~",
    "~~",
    "~/",
    "=|",
    "MatchesPath",
    "JavaRegex",
    "Matches",
    "LikePath",
    "StartsWith",
    "EqualsCaseInsensitive",
    "IsNot",
    "GreaterThan",
    ">=",
    "(",
    ")",
    "\"",
    "'",
    "null",
    "true",
    "request.verb",
    "proxy.pathsuffix",
    "\"/a/*/**\"",
    "1.5",
    "{",
    "}",
];

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "true",
    "-1",
    "1e999",
    "18446744073709551616",
    "\"../a\"",
    "\"\\u0000\"",
    "\"sha256:\"",
    "\"schemaVersion\":2",
    "\"a/b\"",
];

const OPENAPI: &[&str] = &[
    "openapi: 3.0.3\n",
    "swagger: '2.0'\n",
    "servers: [{url: 'https://{a}.example.com/{b}/'}]\n",
    "paths:\n",
    "  /a/{b}:\n",
    "    get: {}\n",
    "$ref: '#/paths/~1a'",
    "parameters:\n",
    "security: [{a: []}]\n",
    "{",
    "}",
    "{id}",
    ":cancel",
    "%2F",
    "//",
    "/../",
    "&a ",
    "*a",
    "- ",
    "\n",
    "  ",
];

const PATHS: &[&str] = &[
    "/", "//", "*", "**", "{id}", "{", "}", ":cancel", ".json", "-", "%20", "%2F", "%", "/..", "/.", "é", " ", "\n",
    "?x=1", "#",
];

/// All targets.
pub(crate) const TARGETS: &[Target] = &[
    Target { name: "yaml", seeds: || corpus::files("testdata/function", "input.yaml"), words: YAML, run: run_yaml },
    Target {
        name: "resources",
        seeds: || corpus::files("testdata/function", "input.yaml"),
        words: RESOURCES,
        run: run_resources,
    },
    Target { name: "xml", seeds: || corpus::files("testdata/bundles", ".xml"), words: XML, run: run_xml },
    Target { name: "bundle", seeds: || corpus::files("testdata/bundles", "default.xml"), words: XML, run: run_bundle },
    Target {
        name: "zip",
        seeds: zips,
        words: &["PK\u{3}\u{4}", "PK\u{1}\u{2}", "PK\u{5}\u{6}", "apiproxy/", "../", "\u{0}\u{0}"],
        run: run_zip,
    },
    Target { name: "condition", seeds: conditions, words: CONDITIONS, run: run_condition },
    Target { name: "path-pattern", seeds: path_patterns, words: PATHS, run: run_path_pattern },
    Target { name: "openapi", seeds: open_api, words: OPENAPI, run: run_openapi },
    Target { name: "manifest", seeds: || documents("manifest.json"), words: JSON, run: run_json::<Manifest> },
    Target { name: "batch", seeds: || documents("batch.json"), words: JSON, run: run_json::<Batch> },
    Target { name: "inventory", seeds: || documents("inventory.json"), words: JSON, run: run_json::<Inventory> },
    Target {
        name: "configuration",
        seeds: || documents("configuration.json"),
        words: JSON,
        run: run_json::<configuration::Document>,
    },
];

fn run_yaml(bytes: &[u8]) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(()) };
    let Ok(node) = YamlNode::parse(text, 0..text.len()) else { return Ok(()) };
    if node.span.end > text.len() {
        return Err(format!("the node ends at {}, the text at {}", node.span.end, text.len()));
    }
    let json = node.to_json();
    let written = yaml::encode(&json).map_err(|error| error.clone())?;
    let again = YamlNode::parse(&written, 0..written.len()).map_err(|error| format!("{error}\n{written}"))?.to_json();
    if again == json { Ok(()) } else { Err(format!("{json}\nwas written as\n{written}\nand read as\n{again}")) }
}

fn render(text: &str) -> Option<(String, bool)> {
    let input = Input::read(text).ok()?;
    let expansion = expand(&input, &ExpandOptions::default());
    let failed = has_errors(&expansion.diagnostics);
    let texts: Vec<String> = expansion.objects.iter().map(|object| object.to_yaml().unwrap()).collect();
    let mut out = Vec::new();
    // Without results: a second run reports other findings.
    input.write(&mut out, &expansion.changes, &texts, &[]).unwrap();
    Some((String::from_utf8(out).unwrap(), failed))
}

fn run_resources(bytes: &[u8]) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(()) };
    let Some((once, failed)) = render(text) else { return Ok(()) };
    if failed {
        return Ok(());
    }
    match render(&once) {
        // In a pipe a second run has no specs to render; a ResourceList is a fixed point.
        Some((_, true)) | None if matches!(Input::read(text), Ok(Input::Stream(_))) => Ok(()),
        Some((twice, false)) if twice == once => Ok(()),
        Some((twice, _)) => Err(format!("a second run changes the output:\n{once}\nbecame\n{twice}")),
        None => Err(format!("the output cannot be read:\n{once}")),
    }
}

fn run_xml(bytes: &[u8]) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return if xml::parse_bytes(bytes).is_err() {
            Ok(())
        } else {
            Err("bytes that are not text were read".to_owned())
        };
    };
    let parsed = xml::parse_bytes(bytes).is_ok();
    if let Ok(written) = xml::read(text) {
        if !parsed {
            return Err("one reader accepts an input that the other rejects".to_owned());
        }
        if let Ok(document) = written.element.to_document() {
            let again = xml::read(&document).map_err(|error| format!("{error}\n{document}"))?;
            let twice = again.element.to_document().map_err(|error| error.to_string())?;
            if twice != document {
                return Err(format!("{document}\nbecame\n{twice}"));
            }
        }
    }
    Ok(())
}

/// One file of a bundle, read and checked as Apigee reads it.
fn run_bundle(bytes: &[u8]) -> Result<(), String> {
    let files: Files = [
        ("a.xml", b"<APIProxy name=\"a\"/>".as_slice()),
        ("proxies/default.xml", bytes),
        ("policies/A.xml", b"<Quota name=\"A\"/>"),
    ]
    .map(|(path, bytes)| (BundlePath::parse(path).unwrap(), bytes.to_vec()))
    .into_iter()
    .collect();
    let (documents, _) = Documents::parse(&files);
    let bundle = RuntimeBundle::read(BundleKind::Proxy, "a", &files, &documents);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    let findings = check::check(&bundle);
    let outside = findings.iter().map(|finding| finding.at.in_bundle()).find(|place| {
        place.line == 0 || place.column == 0 || place.path == "proxies/default.xml" && place.line > lines
    });
    outside.map_or(Ok(()), |place| Err(format!("a finding is at {place:?} of {lines} lines")))
}

fn zips() -> Vec<Vec<u8>> {
    let files = corpus::files("testdata/bundles", ".xml");
    let some = |count: usize| -> Files {
        let named = files.iter().take(count).enumerate();
        named
            .map(|(number, bytes)| (BundlePath::parse(&format!("policies/{number}.xml")).unwrap(), bytes.clone()))
            .collect()
    };
    [(BundleKind::Proxy, 1), (BundleKind::SharedFlow, 3), (BundleKind::Proxy, 20)]
        .map(|(kind, count)| zip::pack(kind, &some(count)).unwrap())
        .to_vec()
}

fn run_zip(bytes: &[u8]) -> Result<(), String> {
    let Ok((kind, files)) = zip::unpack(bytes) else { return Ok(()) };
    let packed = zip::pack(kind, &files)?;
    if files.is_empty() {
        return Ok(());
    }
    let (again, same) = zip::unpack(&packed).map_err(|error| error.to_string())?;
    if again == kind && same.iter().eq(files.iter()) {
        Ok(())
    } else {
        Err("packing and unpacking changes the files".to_owned())
    }
}

fn conditions() -> Vec<Vec<u8>> {
    corpus::between(&corpus::files("testdata/bundles", ".xml"), "<Condition>", "</Condition>")
}

fn run_condition(bytes: &[u8]) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(()) };
    match condition::parse(text) {
        Ok(expr) => {
            let printed = expr.to_string();
            let again = condition::parse(&printed).map_err(|fault| format!("{printed}: {fault:?}"))?;
            if again == expr { Ok(()) } else { Err(format!("{text}\nwas printed as\n{printed}")) }
        }
        Err(fault) if fault.offset <= text.len() => Ok(()),
        Err(fault) => Err(format!("the fault is at {}, the text ends at {}", fault.offset, text.len())),
    }
}

/// Two patterns and a path, one line each.
fn path_patterns() -> Vec<Vec<u8>> {
    let quoted = corpus::between(&corpus::files("testdata/bundles", ".xml"), "MatchesPath \"", "\"");
    let mut found: Vec<Vec<u8>> = quoted.windows(3).map(|three| three.join(&b'\n')).collect();
    found.push(b"/jobs/{id}:cancel\n/jobs/*\n/jobs/7:cancel".to_vec());
    found.push(b"/a/**\n/{x}-{y}.json\n/a/b/c".to_vec());
    found
}

fn run_path_pattern(bytes: &[u8]) -> Result<(), String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(()) };
    let mut lines = text.split('\n');
    let [first, second, path] = [(); 3].map(|()| lines.next().unwrap_or_default());
    matches_path(first, path);
    like(second, path);
    for dialect in [Dialect::OpenApi, Dialect::Spec] {
        let (Ok(a), Ok(b)) = (OperationPattern::parse(first, dialect), OperationPattern::parse(second, dialect)) else {
            continue;
        };
        let condition = a.condition();
        condition::parse(&condition).map_err(|fault| format!("{condition}: {fault:?}"))?;
        let (a, b) = (a.pattern(), b.pattern());
        let (in_a, in_b) = (a.matches(path), b.matches(path));
        if in_a && in_b && !a.overlaps(b) {
            return Err(format!("`{path}` is in `{first}` and `{second}`, which are said to share nothing"));
        }
        if in_b && !in_a && a.covers(b) {
            return Err(format!("`{path}` is in `{second}` and not in `{first}`, which is said to cover it"));
        }
        if a.overlaps(b) != b.overlaps(a) {
            return Err(format!("whether `{first}` and `{second}` overlap depends on their order"));
        }
    }
    Ok(())
}

fn open_api() -> Vec<Vec<u8>> {
    let mut found = corpus::files("testdata", ".oas.yaml");
    found.extend(corpus::files("testdata/openapi", ".yaml"));
    found
}

fn run_openapi(bytes: &[u8]) -> Result<(), String> {
    match openapi::read(bytes) {
        Err(faults) if faults.is_empty() => Err("rejected without a reason".to_owned()),
        _ => Ok(()),
    }
}

/// The documents with a name in the rendered output of the repository's cases.
fn documents(name: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for folder in ["testdata/function", "testdata/configuration"] {
        for source in corpus::files(folder, ".yaml") {
            let Ok(source) = String::from_utf8(source) else { continue };
            let Ok(input) = Input::read(&source) else { continue };
            for object in expand(&input, &ExpandOptions::default()).objects {
                let text = object.to_yaml().unwrap();
                let node = YamlNode::parse(&text, 0..text.len()).unwrap();
                found.extend(node.get("data").and_then(|data| Some(data.get(name)?.as_str()?.as_bytes().to_vec())));
            }
        }
    }
    found.retain(|document| document.len() <= corpus::LONGEST);
    found.sort();
    found.dedup();
    found
}

fn run_json<T: Serialize + DeserializeOwned + PartialEq>(bytes: &[u8]) -> Result<(), String> {
    let Ok(value) = serde_json::from_slice::<T>(bytes) else { return Ok(()) };
    let written = serde_json::to_vec(&value).map_err(|error| error.to_string())?;
    let again: T = serde_json::from_slice(&written).map_err(|error| error.to_string())?;
    if again == value { Ok(()) } else { Err(format!("{} reads otherwise", String::from_utf8_lossy(&written))) }
}
