//! No text of a user can control a terminal or a CI system that shows the program's output.
//!
//! Hostile characters are inserted into every string and key of specs, one at a time and all together, into names of files, arguments, and
//! the responses of a management API. Each command runs with them in each format, and no output contains one.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use apigee_flux_model::diag::plain::is_active;
use serde_json::{Value, json};

/// The inserted text: a workflow command on a line of its own, an older one, escape sequences of a terminal, and bidirectional marks.
const HOSTILE: &str =
    "\n::stop-commands::tok\n##[add-mask]x\r\u{1b}[2J\u{9b}1m\u{7f}\u{85}\u{202e}\u{2028}\u{2066}\u{8}";

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_apigee-flux"));
    command.args(args).env_remove("GITHUB_ACTIONS").stdin(Stdio::null());
    command
}

/// Fails if an output contains control characters or commands. Commands for GitHub are allowed only with that format.
#[track_caller]
fn check(what: &str, output: &Output) {
    let github = what.contains("github");
    for (stream, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let text = String::from_utf8(bytes.clone()).unwrap_or_else(|_| panic!("{what}: {stream} is not UTF-8"));
        for line in text.split('\n') {
            // A CSV record ends as RFC 4180 requires.
            let line = if what.contains("csv") { line.strip_suffix('\r').unwrap_or(line) } else { line };
            // Lines of files may contain tabs.
            let active = line.chars().find(|c| *c != '\t' && is_active(*c));
            assert_eq!(active, None, "{what}: {stream}: {line:?}");
            // The function prints a document, whose lines may be those of files.
            if stream == "stdout" && what.contains("document") {
                continue;
            }
            let command = line.trim_start();
            let is_ours = github
                && ["::error file=", "::warning file=", "::notice file="].iter().any(|own| line.starts_with(own));
            assert!(!command.starts_with("::") || is_ours, "{what}: {stream}: {line:?}");
            assert!(!line.contains("##["), "{what}: {stream}: {line:?}");
        }
    }
    assert!(!String::from_utf8_lossy(&output.stderr).contains("internal error of apigee-flux"), "{what}");
}

/// The place of every string and every key in a document.
fn places(value: &Value, at: &str, found: &mut Vec<(String, bool)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                found.push((at.clone(), true));
                places(value, &at, found);
            }
        }
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(index, value)| places(value, &format!("{at}/{index}"), found));
        }
        _ => found.push((at.to_owned(), false)),
    }
}

/// The document with hostile characters after a string or a key.
fn poisoned(document: &Value, place: &(String, bool)) -> Value {
    let (at, is_key) = place;
    let mut document = document.clone();
    if *is_key {
        let (parent, key) = at.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/").replace("~0", "~");
        let fields = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        let value = fields.remove(&key).unwrap();
        fields.insert(format!("{key}{HOSTILE}"), value);
    } else {
        let value = document.pointer_mut(at).unwrap();
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        *value = json!(format!("{text}{HOSTILE}"));
    }
    document
}

/// Specs with every type of text: names, paths, conditions, policies, raw files, values, settings.
fn specs() -> Vec<Value> {
    let of = |kind: &str, name: &str, spec: Value| {
        json!({"apiVersion": "apigeeflux.dev/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": "team", "labels": {"a": "b"}, "annotations": {"c": "d"}}, "spec": spec})
    };
    vec![
        of(
            "ApigeeEnvironment",
            "prod",
            json!({
                "organization": "acme", "environment": "prod", "region": "eu", "gateway": "https://api.example.com",
                "values": {"host": "backend.example.com"}, "owner": "team",
                "identity": {"serviceAccountName": "deployer"},
                "reconcile": {"schedule": "@hourly"},
                "deployer": {
                    "image": "ghcr.io/acme/a:v1", "timeout": "5m", "secretFolders": ["/mnt/a"], "secretProviderClass": "a",
                    "tokenVolume": "vault", "podAnnotations": {"a.io/b": "c"}, "env": [{"name": "A", "value": "b"}],
                    "resources": {"requests": {"cpu": "20m"}},
                },
            }),
        ),
        of(
            "ApigeeProxy",
            "hello",
            json!({
                "displayName": "Hello", "description": "text", "basePath": "/hello", "target": "https://$(values.host)",
                "operations": {"get": {"match": {"methods": ["GET"], "path": "/a/{id}"}}},
                "security": {"apiKey": {"in": "header", "name": "x-api-key"}},
                "traffic": {"spikeArrest": "10ps"},
                "deploy": {"serviceAccount": "a@b.iam.gserviceaccount.com", "smokeTest": {"path": "/a"}},
            }),
        ),
        of(
            "ApigeeProxy",
            "raw",
            json!({"bundle": {"files": {
                "raw.xml": "<APIProxy name=\"raw\"/>",
                "policies/A.xml": "<RaiseFault name=\"A\"><DisplayName>a</DisplayName></RaiseFault>",
                "proxies/default.xml": "<ProxyEndpoint name=\"default\"><PreFlow><Request><Step><Name>A</Name><Condition>request.verb = \"GET\"</Condition></Step></Request></PreFlow><HTTPProxyConnection><BasePath>/raw</BasePath></HTTPProxyConnection><RouteRule name=\"none\"/></ProxyEndpoint>",
            }}}),
        ),
        of(
            "ApigeeKeyValueMap",
            "map",
            json!({"entries": {
                "plain": "text", "file": {"valueFrom": {"file": "/vault/secrets/a"}},
                "secret": {"valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}},
            }}),
        ),
        of("ApigeeTargetServer", "server", json!({"host": "a.example.com", "port": 443, "description": "text"})),
        of(
            "ApigeeProduct",
            "product",
            json!({"displayName": "Product", "proxies": ["hello"], "availableIn": ["prod"], "attributes": {"a": "b"}}),
        ),
        of(
            "ExpandApigee",
            "config",
            json!({"provenance": {"source": "https://git.example.com/a", "commit": "abc", "author": "Jo <a@b>", "tag": "v1"}}),
        ),
    ]
}

/// JSON is YAML, so this is a stream of YAML documents.
fn stream(specs: &[Value]) -> String {
    specs.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n") + "\n"
}

fn function(input: &str) -> Output {
    let mut child = command(&[]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// The function and `render` print the input itself and the objects that are rendered from it: the input is escaped because it is JSON, except
/// for the characters that JSON does not escape.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| if c != '\n' && is_active(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() })
        .collect::<String>()
        .replace("##[", "\\u0023#[")
}

fn each_command(folder: &Path, what: &str) {
    let path = folder.to_str().unwrap();
    let out = tempfile::tempdir().unwrap();
    let out = out.path().to_str().unwrap();
    for args in [
        vec!["render", path],
        vec!["check", path],
        vec!["check", path, "--format", "json"],
        vec!["check", path, "--format", "github"],
        vec!["check", path, "--format", "sarif"],
        vec!["explain", path, "GET", "/hello/a/1"],
        vec!["explain", path, "GET", "/raw", "--format", "json"],
        vec!["bundle", path, "--name", "hello", "-o", out],
    ] {
        let form = if args[0] == "render" { "a document" } else { "" };
        check(&format!("{what}: {args:?} {form}"), &command(&args).output().unwrap());
    }
}

#[test]
fn every_string_of_a_spec_is_escaped() {
    let specs = specs();
    let (place, good) = (tempfile::tempdir().unwrap(), function(&stream(&specs)));
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    let file = place.path().join("specs.yaml");
    let mut all = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let mut found = Vec::new();
        places(spec, "", &mut found);
        all.extend(found.into_iter().map(|at| (index, at)));
    }
    assert!(all.len() > 100, "{}", all.len());
    for (number, (index, at)) in all.iter().enumerate() {
        let mut poisoned_specs = specs.clone();
        poisoned_specs[*index] = poisoned(&specs[*index], at);
        let text = escaped(&stream(&poisoned_specs));
        let what = format!("{index}{}", at.0);
        check(&format!("{what} as a document"), &function(&text));
        let items: Vec<String> = poisoned_specs.iter().map(Value::to_string).collect();
        let list = format!(
            "{{\"apiVersion\": \"config.kubernetes.io/v1\", \"kind\": \"ResourceList\", \"items\": [{}]}}",
            items.join(", ")
        );
        check(&format!("{what} in a list, a document"), &function(&escaped(&list)));
        // The other commands share the code of the function: some of the places are enough to test their own output.
        if number % 7 == 0 {
            fs::write(&file, &text).unwrap();
            each_command(place.path(), &what);
        }
    }
}

#[test]
fn names_of_files_and_arguments_are_escaped() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join(format!("folder{}", HOSTILE.replace('/', "")));
    fs::create_dir_all(folder.join("b/apiproxy")).unwrap();
    fs::write(folder.join(format!("s{HOSTILE}.yaml")), stream(&specs()[1..])).unwrap();
    fs::write(folder.join("b/apiproxy").join(format!("p{HOSTILE}.xml")), "<A>").unwrap();
    each_command(&folder, "a file's name");
    let text = format!("a{HOSTILE}");
    let bundle = folder.join("b");
    for args in [
        vec!["check", bundle.to_str().unwrap()],
        vec!["render", &text],
        vec!["check", &text, "--format", &text],
        vec![&text],
        vec!["check", "--explain", &text],
        vec!["schema", &text],
        vec!["deploy", "--org", &text],
        vec!["diff", &text, "--endpoint", &text],
        vec!["bundle", folder.to_str().unwrap(), "--name", &text, "-o", "/dev/null/out"],
        vec!["explain", folder.to_str().unwrap(), &text, &text],
        vec!["openapi", &text],
        vec!["sandbox", "--listen", &text],
        vec!["deploy", "--manifest", &text, "--org", "a", "--env", "b", "--log", "json"],
        vec!["apply", "--configuration", &text, "--owner", "a", "--org", "a", "--log", "human"],
        vec!["reconcile", "--inventory", &text, "--owner", "a", "--org", "a", "--env", "b", "--log", "human"],
    ] {
        check(&format!("{args:?}"), &command(&args).output().unwrap());
    }
}

#[test]
fn documents_are_escaped() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("api.json");
    let document = json!({
        "openapi": "3.0.0", "info": {"title": format!("a{HOSTILE}"), "version": "1", "description": format!("b{HOSTILE}")},
        "servers": [{"url": format!("https://a.example.com/v1{HOSTILE}")}],
        "paths": {format!("/a{HOSTILE}"): {"get": {"operationId": format!("c{HOSTILE}"), "responses": {}}}},
        "components": {"securitySchemes": {
            format!("d{HOSTILE}"): {"type": "apiKey", "in": "header", "name": format!("e{HOSTILE}")},
            format!("f{HOSTILE}"): {"type": "http", "scheme": format!("g{HOSTILE}")},
            "h": {"type": "openIdConnect", "openIdConnectUrl": format!("https://i{HOSTILE}/.well-known/openid-configuration")},
            "j": {"type": format!("k{HOSTILE}")},
        }},
    });
    fs::write(&file, document.to_string()).unwrap();
    check("openapi", &command(&["openapi", file.to_str().unwrap()]).output().unwrap());
}

/// A management API that responds to every request with the same text.
fn answering(status: &'static str, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        }
    });
    format!("http://{address}")
}

#[test]
fn answers_of_a_server_are_escaped() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("specs.yaml"), stream(&specs()[..3])).unwrap();
    let specs = place.path().to_str().unwrap();
    let text = format!("a{HOSTILE}");
    let error = json!({"error": {"code": 403, "status": text, "message": text, "details": [{"violations": [{"description": text}]}]}});
    let good = json!({
        "environments": [text], "proxies": [{"name": text, "revision": [text]}],
        "deployments": [{"apiProxy": text, "revision": text, "environment": text, "deployStartTime": text, "state": text}],
        "name": text, "description": text, "revision": [text], "keyValueEntries": [{"name": text, "value": text}],
    });
    let servers = [
        ("403 Forbidden", error.to_string()),
        ("404 Not Found", error.to_string()),
        ("400 Bad Request", text.clone()),
        ("200 OK", text.clone()),
        ("200 OK", good.to_string()),
        ("200 OK", json!([text]).to_string()),
    ];
    let commands = [
        vec!["status", "--org", "acme"],
        vec!["status", "--org", "acme", "--env", "prod", "--format", "json"],
        vec!["audit", "--org", "acme", "--env", "prod"],
        vec!["audit", "--org", "acme", "--format", "csv"],
        vec!["audit", "--org", "acme", "--format", "json"],
        vec!["diff", specs],
        vec!["diff", specs, "--format", "json"],
        vec!["diff", specs, "--format", "markdown", "--deep"],
        vec!["remove", "--proxy", "hello", "--org", "acme", "--env", "prod", "--log", "human"],
        vec!["remove", "--proxy", "hello", "--org", "acme", "--env", "prod", "--log", "json"],
    ];
    // A request with an unexpected response is retried until the timeout, so all commands run at the same time.
    thread::scope(|scope| {
        for (status, body) in servers {
            let url = answering(status, body);
            for args in &commands {
                let url = url.clone();
                scope.spawn(move || {
                    let output = command(args).args(["--timeout", "2s"]).env("APIGEE_ENDPOINT", url).output().unwrap();
                    check(&format!("{status}: {args:?}"), &output);
                });
            }
        }
    });
}
