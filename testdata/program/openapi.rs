//! OpenAPI documents: the specs that `openapi` writes pass `check`, and every operation matches its path in each form in which clients send it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use apigee_flux_analysis::explain::{CallEvent, CallSegment, Certainty, ExplainedCall, explain};
use apigee_flux_function::proxy::generate;
use apigee_flux_function::spec::ApigeeProxySpec;
use apigee_flux_function::spec::openapi::{OpenApi, Validate};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::condition::{Variables, evaluate};
use apigee_flux_model::diag::{Report, Subject};
use apigee_flux_model::runtime::{Documents, Flow, RuntimeBundle};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// A method and a path of a document.
type Operation = (&'static str, String);

/// A document with some operations, each named by its position.
fn document(operations: &[Operation]) -> Json {
    let mut paths = serde_json::Map::new();
    for (number, (method, path)) in operations.iter().enumerate() {
        let item = paths.entry(path.clone()).or_insert_with(|| json!({}));
        item[*method] = json!({"operationId": format!("op{number}"), "responses": {"200": {"description": "ok"}}});
    }
    json!({"openapi": "3.0.3", "info": {"title": "Paths", "version": "1"}, "paths": paths})
}

/// Calls a function with the bundle of a document.
fn with_bundle(document: &Json, look: impl FnOnce(&[RuntimeBundle<'_>])) -> Result<(), Vec<String>> {
    let spec = ApigeeProxySpec {
        base_path: Some("/base".to_owned()),
        target: Some("https://backend.example.com".to_owned()),
        openapi: Some(OpenApi {
            file: Some("o.json".to_owned()),
            validate: Some(Validate::None),
            ..OpenApi::default()
        }),
        ..ApigeeProxySpec::default()
    };
    let subject = Subject::default();
    let mut report = Report::new(&subject);
    let generated = generate("x", &spec, &|_| Ok(document.to_string().into_bytes()), &mut report);
    let Some(generated) = generated else {
        return Err(report
            .into_diagnostics()
            .iter()
            .map(|found| format!("{}; {}", found.message, found.help.as_deref().unwrap_or_default()))
            .collect());
    };
    let (documents, unreadable) = Documents::parse(&generated.files);
    assert!(unreadable.is_empty());
    look(&[RuntimeBundle::read(BundleKind::Proxy, "x", &generated.files, &documents)]);
    Ok(())
}

/// A path as a client sends it. With `all`, every character that has a meaning in some URLs is encoded.
fn sent(text: &str, all: bool) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let code = rest.get(1..3).filter(|code| character == '%' && code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if let Some(code) = code {
            out.extend(["%", code]);
            rest = &rest[3..];
            continue;
        }
        rest = &rest[character.len_utf8()..];
        let kept = character.is_ascii_alphanumeric() || "-._~/".contains(character);
        if kept || !all && "!$&'()*+,;=:@".contains(character) {
            out.push(character);
        } else {
            for byte in character.to_string().bytes() {
                let code = if all { format!("%{byte:02x}") } else { format!("%{byte:02X}") };
                out.push_str(&code);
            }
        }
    }
    out
}

/// The path as a server decodes it.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path;
    while let Some(character) = rest.chars().next() {
        if character == '%' {
            bytes.push(u8::from_str_radix(&rest[1..3], 16).unwrap());
            rest = &rest[3..];
        } else {
            bytes.extend(character.to_string().into_bytes());
            rest = &rest[character.len_utf8()..];
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The path with values for its placeholders.
fn filled(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        // A letter that is in no text.
        out.push('Z');
        rest = after.split_once('}').unwrap().1;
    }
    out + rest
}

struct Request<'r> {
    method: &'r str,
    suffix: &'r str,
}

impl Variables for Request<'_> {
    fn get(&self, name: &str) -> Option<Option<Cow<'_, str>>> {
        match name {
            "request.verb" => Some(Some(self.method.into())),
            "proxy.pathsuffix" => Some(Some(self.suffix.into())),
            _ => None,
        }
    }
}

/// The flow that runs: the first whose condition may be true.
fn winner<'f>(flows: &'f [Flow<'_>], method: &str, suffix: &str) -> &'f str {
    let holds = |flow: &&Flow<'_>| match &flow.condition {
        None => true,
        Some(condition) => {
            let expr = condition.parsed.as_ref().unwrap_or_else(|fault| panic!("{}: {fault:?}", condition.text));
            evaluate(expr, &Request { method, suffix }) != Some(false)
        }
    };
    flows.iter().find(holds).map_or("none", |flow| flow.name)
}

fn every_operation_is_reached(operations: &[Operation]) -> Result<(), Vec<String>> {
    with_bundle(&document(operations), |bundles| {
        let flows = bundles[0].proxy_endpoints[0].flows.as_slice();
        for (number, (method, path)) in operations.iter().enumerate() {
            let method = method.to_uppercase();
            let own = format!("op{number}");
            for all in [false, true] {
                let suffix = sent(&filled(path), all);
                // It is not documented whether Apigee decodes the variable.
                for suffix in [&suffix, &decoded(&suffix)] {
                    assert_eq!(winner(flows, &method, suffix), own, "{method} {suffix:?} of {operations:?}");
                }
                let call = ExplainedCall {
                    method: method.clone(),
                    path: format!("/base{suffix}"),
                    ..ExplainedCall::default()
                };
                let explanation = explain(bundles, &call).unwrap();
                let runs = explanation.events.iter().find_map(|event| match event {
                    CallEvent::Flows { segment: CallSegment::ProxyRequest, candidates, .. } => {
                        candidates.iter().find(|candidate| !matches!(candidate.certainty, Certainty::CannotRun))
                    }
                    _ => None,
                });
                let runs = runs.map(|candidate| &candidate.name);
                assert_eq!(runs, Some(&own), "{method} {suffix:?} of {operations:?}");
            }
        }
    })
}

/// The requests that a path matches, independent of its spelling and the names of its placeholders. Four characters are not
/// distinguished, and neither are adjacent placeholders.
fn key(path: &str) -> String {
    let mut key = decoded(&sent(&filled(path), false)).replace(['\\', ']', '^'], "[");
    while key.contains("ZZ") {
        key = key.replace("ZZ", "Z");
    }
    key
}

/// Different operations.
fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let text = prop_oneof![
        4 => proptest::sample::select(vec!["a", "b", "ab", "1", ".json", "."]),
        4 => proptest::sample::select(vec![
            ":", ",", ";", "=", "@", "~", "'", "\"", "&", "+", "(", ")", "*", "!", "$", "-", "_", " ", "[", "]", "\\", "^", "|", "`",
            "<", ">", "%x", "é", "日", "😀",
        ]),
        2 => proptest::sample::select(vec!["%20", "%3A", "%C3%A9", "%c3%a9", "%25", "%7B", "%7d", "%22", "%5B", "%2A", "%3f"]),
        6 => Just("{x}"),
    ];
    let segment = proptest::collection::vec(text, 1..5).prop_map(|texts| texts.concat());
    let path = (proptest::collection::vec(segment, 0..4), any::<bool>()).prop_map(|(segments, slash)| {
        format!("/{}{}", segments.join("/"), if slash && !segments.is_empty() { "/" } else { "" })
    });
    let method = proptest::sample::select(vec!["get", "post", "delete"]);
    proptest::collection::vec((method, path), 1..14).prop_map(|mut operations| {
        let mut seen = BTreeSet::new();
        // Not tested here: literal wildcards, segments that clients resolve, and one path in two spellings.
        operations.retain(|(method, path)| {
            let plain = |segment: &str| !matches!(decoded(&sent(segment, false)).as_str(), "*" | "**" | "." | "..");
            path.split('/').all(plain) && seen.insert((*method, key(path)))
        });
        let mut spelled = std::collections::BTreeMap::new();
        operations.retain(|(_, path)| spelled.entry(key(path)).or_insert_with(|| path.clone()) == path);
        operations
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_operation_is_reached(operations in operations().prop_filter("nothing is left", |operations| !operations.is_empty())) {
        if let Err(faults) = every_operation_is_reached(&operations) {
            panic!("{operations:?}: {faults:#?}");
        }
    }
}

#[test]
fn operations_of_users_are_reached() {
    let paths = [
        "/",
        "/jobs",
        "/jobs/",
        "/jobs/{id}",
        "/jobs/{id}/",
        "/jobs/{id}:cancel",
        "/jobs/{id}:retry:now",
        "/jobs:purge",
        "/{tenant}/jobs/{id}:cancel",
        "/files/{file}.{format}",
        "/files/{file}",
        "/files/{name}.json",
        "/files/data.{x}",
        "/jobs/{from}-{to}",
        "/{a}-{b}",
        "/v{major}.{minor}.{patch}",
        "/odata/Jobs({key})",
        "/odata/Jobs(key='{key}')/Name",
        "/a%20b/{x}",
        "/c d/{x}",
        "/q\"uote/{x}",
        "/straße",
        "/stra%C3%9Fe/{nr}",
        "/a+b",
        "/a&b=c;d,e@f~g",
        "/{x}/b",
        "/a/{x}",
        "/a/b",
        "/:id",
        "/%7Braw%7D",
        "/100%/x",
    ];
    let operations: Vec<Operation> =
        paths.iter().flat_map(|path| ["get", "post"].map(|method| (method, (*path).to_owned()))).collect();
    every_operation_is_reached(&operations).unwrap();
}

#[test]
fn concrete_paths_are_before_templated_ones() {
    let operations: Vec<Operation> =
        ["/{x}/{y}", "/{x}/b", "/a/{y}", "/a/{y}.json", "/a/x{y}", "/a/b"].map(|path| ("get", path.to_owned())).into();
    with_bundle(&document(&operations), |bundles| {
        let flows = bundles[0].proxy_endpoints[0].flows.as_slice();
        for (suffix, expected) in [
            ("/1/2", "/{x}/{y}"),
            ("/1/b", "/{x}/b"),
            ("/a/1", "/a/{y}"),
            ("/a/1.json", "/a/{y}.json"),
            ("/a/x1", "/a/x{y}"),
            ("/a/b", "/a/b"),
        ] {
            let own = operations.iter().position(|(_, path)| path == expected).unwrap();
            assert_eq!(winner(flows, "GET", suffix), format!("op{own}"), "{suffix}");
        }
    })
    .unwrap();
}

#[test]
fn a_path_that_cannot_be_matched_is_an_error_with_its_fix() {
    for (path, message) in [
        ("/a//b", "has an empty segment; write one `/`"),
        ("//", "has an empty segment"),
        ("a", "does not start with `/`; write the path below the base path"),
        ("/a/../b", "never reaches Apigee"),
        ("/./b", "never reaches Apigee"),
        ("/%2e%2e/b", "never reaches Apigee"),
        ("/a%2Fb", "has an encoded slash"),
        ("/%FF", "are not UTF-8; write the characters"),
        ("/a?b=c", "ends the path of a URL; remove the query"),
        ("/a#b", "ends the path of a URL"),
        ("/a/{b", "has a brace that is not part of a placeholder; write `{name}`"),
        ("/a/b}", "has a brace that is not part of a placeholder"),
        ("/a/{}", "has a brace that is not part of a placeholder"),
        ("/a%0Ab", "which a condition cannot contain"),
    ] {
        let faults = every_operation_is_reached(&[("get", path.to_owned())]).unwrap_err();
        assert!(faults.len() == 1 && faults[0].contains(message), "{path}: {faults:?}");
    }
    let same = [("get", "/x/{a}".to_owned()), ("get", "/x/{b}".to_owned())];
    assert!(every_operation_is_reached(&same).unwrap_err()[0].contains("match the same requests"));
    let brackets = [("get", "/x[".to_owned()), ("get", "/x]".to_owned())];
    assert!(every_operation_is_reached(&brackets).unwrap_err()[0].contains("match the same requests"));
    let spelled = [("get", "/x y".to_owned()), ("get", "/x%20y".to_owned())];
    assert!(every_operation_is_reached(&spelled).unwrap_err()[0].contains("match the same requests"));
}

#[test]
fn thousands_of_faults_are_a_few_lines() {
    let bad: Vec<Operation> = (0..5000).map(|number| ("get", format!("/a{number}//"))).collect();
    let faults = every_operation_is_reached(&bad).unwrap_err();
    assert_eq!(faults.len(), 21);
    assert_eq!(faults[20], "4980 more operations have errors like those reported; fix those first");
    let same: Vec<Operation> = (0..5000).map(|number| ("get", format!("/a/{{x{number}}}"))).collect();
    assert_eq!(every_operation_is_reached(&same).unwrap_err().len(), 21);
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_apigee-flux")).args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The spec that `openapi` writes and `check` passes, or the error of `openapi`.
fn written(document: &Json) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("o.json"), document.to_string()).unwrap();
    let done = run(folder.path(), &["openapi", "o.json", "-o", "p.yaml"]);
    let said = text(&done.stderr);
    if !done.status.success() {
        assert!(!folder.path().join("p.yaml").exists(), "{said}");
        assert!(said.starts_with("error[AF") && said.contains("; "), "{document} {said}");
        return Err(said);
    }
    let spec = fs::read_to_string(folder.path().join("p.yaml")).unwrap();
    let checked = run(folder.path(), &["check", "p.yaml"]);
    assert!(checked.status.success(), "{document}\n{spec}\n{}", text(&checked.stdout));
    Ok(spec + &said)
}

fn served(server: &Json) -> Json {
    let mut found = document(&[("get", "/a".to_owned())]);
    found["info"]["title"] = "My API".into();
    found["servers"] = server.clone();
    found
}

#[test]
fn servers_become_base_paths_and_targets() {
    let none = "/my-api";
    let backend = "https://backend.example.com";
    for (servers, base_path, target) in [
        (json!([{"url": "https://x.example.com/v1"}]), "/v1", "https://x.example.com/v1"),
        (
            json!([{"url": "https://x.example.com/{version}", "variables": {"version": {"default": "v1"}}}]),
            "/v1",
            "https://x.example.com/v1",
        ),
        (
            json!([{"url": "https://x.example.com/{version}/", "variables": {"version": {"default": "v1"}}}]),
            "/v1",
            "https://x.example.com/v1",
        ),
        (json!([{"url": "{s}://{h}", "variables": {"s": {"default": "https"}, "h": {"default": ""}}}]), none, backend),
        (json!([{"url": "{s}://{h}", "variables": {"s": {"default": "https"}}}]), none, backend),
        (json!([{"url": "https://x.example.com/{version}"}]), none, backend),
        (json!([{"url": "/subpath"}]), "/subpath", backend),
        (json!([{"url": "./subpath/"}]), none, backend),
        (json!([{"url": "../up"}]), none, backend),
        (json!([{"url": ""}]), none, backend),
        (json!([{"url": "/"}]), none, backend),
        (json!([]), none, backend),
        (json!([{"description": "no url"}]), none, backend),
        (json!({"url": "https://x.example.com/v2"}), none, backend),
        (json!([{"url": "https://x.example.com/"}]), none, "https://x.example.com"),
        (json!([{"url": "//x.example.com/v2/"}]), "/v2", backend),
        (json!([{"url": "https://x.example.com:8443/v2//a/?q=1#f"}]), none, backend),
        (json!([{"url": "HTTPS://X.example.com/V2"}]), "/V2", "https://X.example.com/V2"),
        (json!([{"url": "http://localhost:8080/api"}]), "/api", "http://localhost:8080/api"),
        (json!([{"url": "https://x.example.com/v 2"}]), none, backend),
        (json!([{"url": "wss://x.example.com/v2"}]), "/v2", backend),
        (json!([{"url": "https://@APIGEE_HOST@/parcels"}]), "/parcels", backend),
        (json!([{"url": "https://$API_HOST/parcels"}]), "/parcels", backend),
        (json!([{"url": "https://<host>/parcels"}]), "/parcels", backend),
        (json!([{"url": "https://h.example.com:99999/v1"}]), "/v1", backend),
        (json!([{"url": "https://me:secret@h.example.com/v1"}]), "/v1", backend),
        (
            json!([{"url": "http://h.example.com/a"}, {"url": "https://h.example.com/a"}]),
            "/a",
            "https://h.example.com/a",
        ),
        (json!([{"url": "https://h.example.com/a/../b"}]), none, "https://h.example.com/a/../b"),
    ] {
        let spec = written(&served(&servers)).unwrap();
        let field = |name: &str| {
            let line = spec.lines().find_map(|line| line.strip_prefix(&format!("  {name}: "))).unwrap();
            line.split("  #").next().unwrap().to_owned()
        };
        assert_eq!((field("basePath").as_str(), field("target").as_str()), (base_path, target), "{servers}\n{spec}");
    }
}

#[test]
fn a_document_that_no_proxy_can_serve_is_refused() {
    let mut empty = document(&[]);
    assert!(written(&empty).unwrap_err().contains("has no operations"));
    empty["openapi"] = "4.0".into();
    assert!(written(&empty).unwrap_err().contains("unsupported version `4.0`"));
    assert!(written(&document(&[("get", "/a//b".to_owned())])).unwrap_err().contains("has an empty segment"));
}

#[test]
fn a_document_that_asks_for_credentials_does_not_become_an_open_proxy_in_silence() {
    let asked = |scheme: Json, security: Json| {
        let mut found = document(&[("get", "/a".to_owned()), ("get", "/b".to_owned())]);
        found["components"] = json!({"securitySchemes": {"s": scheme}});
        found["security"] = security;
        written(&found).unwrap()
    };
    let bearer = || json!({"type": "http", "scheme": "bearer"});
    let open = asked(bearer(), json!([{"s": []}]));
    assert!(
        open.contains("AF056")
            && open.contains("for 2 operations, for example `GET /a`")
            && open.contains("jwt: {issuer"),
        "{open}"
    );
    assert!(asked(bearer(), json!([{"s": []}, {"other": []}])).contains("AF056"));
    for (scheme, security) in [
        (bearer(), json!([])),
        (bearer(), json!([{"s": []}, {}])),
        (json!({"type": "apiKey", "in": "header", "name": "x-key"}), json!([{"s": []}])),
    ] {
        let spec = asked(scheme, security);
        assert!(!spec.contains("AF056"), "{spec}");
    }
    let swagger = json!({
        "swagger": "2.0", "info": {"title": "S", "version": "1"}, "host": "s.example.com", "basePath": "/v1", "schemes": ["https"],
        "securityDefinitions": {"basic": {"type": "basic"}},
        "paths": {"/a": {"get": {"responses": {"200": {"description": "ok"}}, "security": [{"basic": []}]}}},
    });
    let open = written(&swagger).unwrap();
    assert!(open.contains("AF056") && open.contains("for `GET /a`") && open.contains("security: {basic: …}"), "{open}");
}

fn documents() -> impl Strategy<Value = Json> {
    let host = proptest::sample::select(vec![
        "x.example.com",
        "",
        "{host}",
        "@HOST@",
        "$HOST",
        "<host>",
        "h:99999",
        "h:80",
        "a b",
        "[::1]",
        "user:pw@h",
        "é.example.com",
    ]);
    let scheme =
        proptest::sample::select(vec!["https://", "http://", "HTTPS://", "//", "{scheme}://", "wss://", "", "ftp://"]);
    let path = proptest::sample::select(vec![
        "",
        "/",
        "/v1",
        "/v1/",
        "/v1//a",
        "/{version}",
        "/a b",
        "/a%20b",
        "/*",
        "/a*",
        "/../x",
        "/x?y=1",
        "/x#y",
        "/$(values.x)",
        "/é",
        "/\"q\"",
    ]);
    let word = proptest::sample::select(vec![
        "",
        "My API",
        "a: b",
        "\"x\" #1",
        "- x",
        "日本",
        "$(values.x)",
        "${X}",
        "line\nbreak",
        "x\u{1}y",
        "yes",
        "1.0",
        "Größe & Co",
        "{{x}}",
        "'",
        "https://user:pw@example.com",
        "*",
        "&a",
        "!tag",
        "\u{feff}",
        "\u{2028}",
    ]);
    let scheme_of = proptest::sample::select(vec![
        json!({"type": "apiKey", "in": "header", "name": "x-key"}),
        json!({"type": "apiKey", "in": "query", "name": "a b"}),
        json!({"type": "apiKey", "in": "header", "name": "{x}"}),
        json!({"type": "apiKey", "in": "header", "name": "authorization"}),
        json!({"type": "apiKey", "in": "cookie", "name": "c"}),
        json!({"type": "http", "scheme": "bearer"}),
        json!({"type": "http", "scheme": "basic"}),
        json!({"type": "oauth2", "flows": {}}),
        json!({"type": "openIdConnect", "openIdConnectUrl": "https://i.example.com/\"/.well-known/openid-configuration"}),
        json!({"type": "mutualTLS"}),
        json!(1),
    ]);
    let version = proptest::sample::select(vec!["3.0.3", "3.1.0"]);
    let security = proptest::sample::select(vec![
        json!([]),
        json!([{"s": []}]),
        json!([{}]),
        json!([{"s": []}, {"t": ["x"]}]),
        json!(1),
    ]);
    (operations(), scheme, host, path, (word.clone(), word), scheme_of, (version, security)).prop_map(
        |(operations, scheme, host, path, (title, description), scheme_of, (version, security))| {
            let mut found = document(&operations);
            found["openapi"] = version.into();
            found["info"]["title"] = title.into();
            found["info"]["description"] = description.into();
            found["servers"] = json!([{"url": format!("{scheme}{host}{path}")}]);
            found["components"] = json!({"securitySchemes": {"s": scheme_of, "t\n": {"type": "oauth2"}}});
            found["security"] = security;
            found
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_openapi_writes_passes_the_check(document in documents()) {
        // Only a document without operations is rejected here.
        if let Err(said) = written(&document) {
            prop_assert!(said.contains("has no operations"), "{}\n{}", document, said);
        }
    }
}
