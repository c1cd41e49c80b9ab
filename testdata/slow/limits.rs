//! The table of Apigee's limits, tested with the function, the deployer and the sandbox.
//!
//! For each rule the longest text, or the highest number, passes the check of the specs, and the sandbox accepts it from the deployer; one
//! more fails the check with a line that names the limit, and the sandbox responds to a request that has it with 400. The same applies to
//! every text in a wrong format. A rule without a row here fails.

use std::sync::Arc;
use std::time::Duration;

use apigee_flux_configuration::secret::ValueFrom;
use apigee_flux_deployer::Polling;
use apigee_flux_deployer::apply::{self, ResourceResult, apply};
use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::{Client, TokenSource};
use apigee_flux_model::bundle::{BundleKind, BundlePath, Files};
use apigee_flux_model::limits::{COUNTS, CountLimit, TEXTS, TextLimit};
use apigee_flux_sandbox::{self as sandbox, Sandbox};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::{Failed, Trial};
use serde_json::{Map, Value, json};

use super::documents::{Applying, documents};
use super::run::function;

pub(crate) fn trials() -> Vec<Trial> {
    let run = |name: String, of: &'static str, subject: Subject| {
        Trial::test(name, move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(walk(of, &subject))
        })
    };
    let mut trials: Vec<Trial> =
        TEXTS.iter().map(|rule| run(format!("limits::text {}", rule.of), rule.of, Subject::Text(rule))).collect();
    trials.extend(COUNTS.iter().map(|rule| run(format!("limits::count {}", rule.of), rule.of, Subject::Count(rule))));
    trials
}

/// The rule that is tested.
enum Subject {
    Text(&'static TextLimit),
    Count(&'static CountLimit),
}

/// A value of the rule: a text, or a number of items.
enum Tried {
    Text(String),
    Count(usize),
}

impl Tried {
    fn text(&self) -> &str {
        let Self::Text(text) = self else { panic!("a count") };
        text
    }

    fn count(&self) -> usize {
        let Self::Count(count) = self else { panic!("a text") };
        *count
    }
}

/// How a rule is tested.
#[derive(Default)]
struct Row {
    /// The resources of Git.
    git: Vec<Value>,
    /// The value of the key `value` of the Secret `it`.
    secret: Option<String>,
    /// The specs are larger than a ConfigMap can be, or need more proxies than the test has: they are only checked.
    unapplied: bool,
    /// The request with the value: method, path after the organization, and body.
    raw: Option<(&'static str, String, Sent)>,
}

enum Sent {
    Json(Value),
    Bytes(Vec<u8>),
    Form(&'static str, Vec<u8>),
}

fn resource(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "apigeeflux.dev/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": "apigee"}, "spec": spec})
}

fn of(kind: &str, spec: &Value) -> Vec<Value> {
    vec![resource(kind, "it", spec)]
}

fn product(name: &str) -> Value {
    resource("ApigeeProduct", name, &json!({"allProxies": true, "allEnvironments": true}))
}

fn ann() -> Value {
    resource("ApigeeDeveloper", "ann", &json!({"email": "ann@example.com", "firstName": "Ann", "lastName": "Lee"}))
}

fn app(more: &Value) -> Vec<Value> {
    let mut spec = json!({"developer": "ann@example.com", "products": ["orders"]});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    vec![product("orders"), ann(), resource("ApigeeApp", "it", &spec)]
}

fn key(name: &str, products: &[String]) -> Value {
    let secret = |key: &str| json!({"valueFrom": {"secretKeyRef": {"name": "it", "key": format!("{name}-{key}")}}});
    json!({"consumerKey": secret("key"), "consumerSecret": secret("secret"), "products": products})
}

fn certificate() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/certificate.pem")).unwrap()
}

fn names(count: usize, start: &str) -> Vec<String> {
    (0..count).map(|index| format!("{start}{index}")).collect()
}

fn map(count: usize) -> Map<String, Value> {
    names(count, "a").into_iter().map(|name| (name, json!("b"))).collect()
}

fn attributes(count: usize) -> Vec<Value> {
    names(count, "a").iter().map(|name| json!({"name": name, "value": "b"})).collect()
}

fn query(text: &str) -> String {
    text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02X}"))
}

fn developer(more: &Value) -> Value {
    let mut body = json!({"email": "raw@example.com", "firstName": "a", "lastName": "b", "userName": "c"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The row of a rule.
#[allow(clippy::too_many_lines, reason = "a table")]
fn row(rule: &str, tried: &Tried) -> Option<Row> {
    let environment = |path: &str| format!("environments/dev/{path}");
    let post = |path: &str, body: Value| Some(("POST", path.to_owned(), Sent::Json(body)));
    let raw_product = |more: Value| {
        let mut body = json!({"name": "raw", "displayName": "raw"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post("apiproducts", body)
    };
    let with = |git: Vec<Value>, raw| Some(Row { git, raw, ..Row::default() });
    let only_raw = |raw| Some(Row { raw, ..Row::default() });
    let own = |more: Value| {
        let mut spec = json!({"allEnvironments": true, "external": ["orders"]});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        of("ApigeeProduct", &spec)
    };
    match rule {
        "organization" => Some(Row {
            git: vec![resource("ApigeeEnvironment", "other", &json!({"organization": tried.text()}))],
            ..Row::default()
        }),
        "environment" => with(
            vec![resource("ApigeeEnvironment", "other", &json!({"organization": "acme", "environment": tried.text()}))],
            post("environments", json!({"name": tried.text()})),
        ),
        "ApigeeProxy and ApigeeSharedFlow name" => {
            let spec = json!({"name": tried.text(), "basePath": "/a", "target": "https://a.example.com"});
            let path = format!("apis?action=import&name={}", query(tried.text()));
            Some(Row {
                git: of("ApigeeProxy", &spec),
                unapplied: true,
                raw: Some(("POST", path, Sent::Bytes(zip(tried.text())))),
                ..Row::default()
            })
        }
        "environment group name" => {
            only_raw(post("envgroups", json!({"name": tried.text(), "hostnames": ["raw.example.com"]})))
        }
        "environment group hostnames[]" => {
            only_raw(post("envgroups", json!({"name": "raw", "hostnames": [tried.text()]})))
        }
        "environment group hostnames" => {
            let hosts: Vec<String> =
                names(tried.count(), "h").iter().map(|host| format!("{host}.example.com")).collect();
            only_raw(post("envgroups", json!({"name": "raw", "hostnames": hosts})))
        }
        "ApigeeTargetServer name" => with(
            of("ApigeeTargetServer", &json!({"name": tried.text(), "host": "a"})),
            post(&environment("targetservers"), json!({"name": tried.text(), "host": "a", "port": 80})),
        ),
        "ApigeeTargetServer host" => with(
            of("ApigeeTargetServer", &json!({"host": tried.text()})),
            post(&environment("targetservers"), json!({"name": "raw", "host": tried.text(), "port": 80})),
        ),
        "ApigeeTargetServer tls.protocols[]" => with(
            of("ApigeeTargetServer", &json!({"host": "a", "tls": {"protocols": [tried.text()]}})),
            post(
                &environment("targetservers"),
                json!({"name": "raw", "host": "a", "port": 80, "sSLInfo": {"enabled": true, "protocols": [tried.text()]}}),
            ),
        ),
        "ApigeeKeyValueMap name" => with(
            of("ApigeeKeyValueMap", &json!({"name": tried.text()})),
            post(&environment("keyvaluemaps"), json!({"name": tried.text(), "encrypted": true})),
        ),
        "ApigeeKeyValueMap entries key" => with(
            of("ApigeeKeyValueMap", &json!({"entries": {tried.text(): "b"}})),
            post(&environment("keyvaluemaps/it/entries"), json!({"name": tried.text(), "value": "b"})),
        ),
        "ApigeeKeyValueMap entries value" => with(
            of("ApigeeKeyValueMap", &json!({"entries": {"a": tried.text()}})),
            post(&environment("keyvaluemaps/it/entries"), json!({"name": "raw", "value": tried.text()})),
        ),
        "ApigeeKeystore name" => with(
            of("ApigeeKeystore", &json!({"name": tried.text()})),
            post(&environment("keystores"), json!({"name": tried.text()})),
        ),
        "ApigeeKeystore aliases key" => {
            let path = format!("keystores/it/aliases?format=keycertfile&alias={}", query(tried.text()));
            with(
                of("ApigeeKeystore", &json!({"aliases": {tried.text(): {"certificate": certificate()}}})),
                Some(("POST", environment(&path), Sent::Form("certFile", certificate().into_bytes()))),
            )
        }
        "ApigeeKeystore aliases" => {
            let alias = json!({"certificate": certificate()});
            let aliases: Map<String, Value> =
                names(tried.count(), "a").into_iter().map(|name| (name, alias.clone())).collect();
            let path = environment("keystores/it/aliases?format=keycertfile&alias=raw");
            with(
                of("ApigeeKeystore", &json!({ "aliases": aliases })),
                Some(("POST", path, Sent::Form("certFile", certificate().into_bytes()))),
            )
        }
        "ApigeeKeystore" => with(
            names(tried.count(), "k").iter().map(|name| resource("ApigeeKeystore", name, &json!({}))).collect(),
            post(&environment("keystores"), json!({"name": "raw"})),
        ),
        "ApigeeReference name" => with(
            vec![
                resource("ApigeeKeystore", "k", &json!({})),
                resource("ApigeeReference", "it", &json!({"name": tried.text(), "refers": "k"})),
            ],
            post(&environment("references"), json!({"name": tried.text(), "refers": "k", "resourceType": "KeyStore"})),
        ),
        "ApigeeResourceFile name" => {
            let path = format!("resourcefiles?type=jsc&name={}", query(tried.text()));
            with(
                of("ApigeeResourceFile", &json!({"name": tried.text(), "type": "jsc", "content": "a"})),
                Some(("POST", environment(&path), Sent::Bytes(b"a".to_vec()))),
            )
        }
        "ApigeeResourceFile" => with(
            names(tried.count(), "f")
                .iter()
                .map(|name| resource("ApigeeResourceFile", name, &json!({"type": "jsc", "content": "a"})))
                .collect(),
            Some(("POST", environment("resourcefiles?type=jsc&name=raw"), Sent::Bytes(b"a".to_vec()))),
        ),
        "ApigeeResourceFile content" => {
            let content = "a".repeat(tried.count());
            let sent = Sent::Bytes(content.clone().into_bytes());
            Some(Row {
                git: of("ApigeeResourceFile", &json!({"type": "jsc", "content": content})),
                unapplied: true,
                raw: Some(("POST", environment(&format!("resourcefiles?type=jsc&name=raw{}", tried.count())), sent)),
                ..Row::default()
            })
        }
        "ApigeeDataCollector name" => with(
            of("ApigeeDataCollector", &json!({"name": tried.text(), "type": "STRING"})),
            Some((
                "POST",
                format!("datacollectors?dataCollectorId={}", query(tried.text())),
                Sent::Json(json!({"type": "STRING"})),
            )),
        ),
        "ApigeeProduct name" => with(
            of(
                "ApigeeProduct",
                &json!({"name": tried.text(), "displayName": "d", "allProxies": true, "allEnvironments": true}),
            ),
            post("apiproducts", json!({"name": tried.text(), "displayName": "d"})),
        ),
        "ApigeeProduct displayName with the organization" => {
            let display = tried.text().rsplit("@@@").next().unwrap();
            // The name of the test's organization is three characters longer than that of the sample.
            let display: String = match display.char_indices().nth_back(2) {
                Some((end, _)) if !display.contains('\n') && tried.text().starts_with("o@") => {
                    display[..end].to_owned()
                }
                _ => display.to_owned(),
            };
            with(
                own(json!({"displayName": display, "allProxies": true})),
                raw_product(json!({ "displayName": display })),
            )
        }
        "ApigeeProduct operations[].methods[]" => with(
            own(json!({"operations": [{"proxy": "orders", "methods": [tried.text()]}]})),
            raw_product(json!({"operationGroup": {"operationConfigs": [
                {"apiSource": "orders", "operations": [{"resource": "/", "methods": [tried.text()]}]}
            ]}})),
        ),
        "scopes[]" => with(
            own(json!({"allProxies": true, "scopes": [tried.text()]})),
            raw_product(json!({"scopes": [tried.text()]})),
        ),
        "ApigeeProduct paths" => with(
            own(json!({"proxies": ["orders"], "paths": names(tried.count(), "/p")})),
            raw_product(json!({"proxies": ["orders"], "apiResources": names(tried.count(), "/p")})),
        ),
        "ApigeeProduct proxies" => {
            let list = names(tried.count(), "p");
            Some(Row {
                git: own(json!({"proxies": list, "external": list})),
                unapplied: true,
                raw: raw_product(json!({ "proxies": list })),
                ..Row::default()
            })
        }
        "ApigeeProduct availableIn" => {
            let list = names(tried.count(), "e");
            with(
                own(json!({"allProxies": true, "allEnvironments": false, "availableIn": list})),
                raw_product(json!({ "environments": list })),
            )
        }
        "ApigeeProduct operations" => {
            let paths = names(tried.count(), "/p");
            let ours: Vec<Value> = paths.iter().map(|path| json!({"proxy": "orders", "path": path})).collect();
            let theirs: Vec<Value> =
                paths.iter().map(|path| json!({"apiSource": "orders", "operations": [{"resource": path}]})).collect();
            with(
                own(json!({ "operations": ours })),
                raw_product(json!({"operationGroup": {"operationConfigs": theirs}})),
            )
        }
        "ApigeeProduct operations[].attributes" => with(
            own(json!({"operations": [{"proxy": "orders", "attributes": map(tried.count())}]})),
            raw_product(json!({"operationGroup": {"operationConfigs": [
                {"apiSource": "orders", "operations": [{"resource": "/"}], "attributes": attributes(tried.count())}
            ]}})),
        ),
        "ApigeeProduct ratePlans.currency" => with(
            own(json!({"allProxies": true, "ratePlans": {"basic": {"currency": tried.text()}}})),
            post("apiproducts/it/rateplans", json!({"displayName": "raw", "currencyCode": tried.text()})),
        ),
        "attributes" => with(
            of(
                "ApigeeDeveloper",
                &json!({"email": "it@example.com", "firstName": "a", "lastName": "b", "attributes": map(tried.count())}),
            ),
            post("developers", developer(&json!({"attributes": attributes(tried.count())}))),
        ),
        "attributes key" => with(
            app(&json!({"attributes": {tried.text(): "b"}})),
            post("developers", developer(&json!({"attributes": [{"name": tried.text(), "value": "b"}]}))),
        ),
        "attributes value" => with(
            app(&json!({"attributes": {"a": tried.text()}})),
            post("developers", developer(&json!({"attributes": [{"name": "a", "value": tried.text()}]}))),
        ),
        "ApigeeDeveloper email" => with(
            of("ApigeeDeveloper", &json!({"email": tried.text(), "firstName": "a", "lastName": "b", "userName": "c"})),
            post("developers", developer(&json!({"email": tried.text()}))),
        ),
        "ApigeeDeveloper firstName, lastName and userName" => with(
            of(
                "ApigeeDeveloper",
                &json!({"email": "it@example.com", "firstName": tried.text(), "lastName": tried.text(), "userName": tried.text()}),
            ),
            post("developers", developer(&json!({"lastName": tried.text()}))),
        ),
        "ApigeeApp name and ApigeeAppGroup apps key" => with(
            app(&json!({"name": tried.text()})),
            post("developers/ann@example.com/apps", json!({"name": tried.text()})),
        ),
        "ApigeeAppGroup name" => with(
            of("ApigeeAppGroup", &json!({"name": tried.text(), "displayName": "d"})),
            post("appgroups", json!({"name": tried.text()})),
        ),
        "ApigeeApp keys.consumerKey" | "ApigeeApp keys.consumerSecret" => {
            let is_key = rule.ends_with("consumerKey");
            let raw = |text: &str| {
                if is_key {
                    json!({"consumerKey": text, "consumerSecret": "s"})
                } else {
                    json!({"consumerKey": "raw", "consumerSecret": text})
                }
            };
            let (consumer_key, secret) = if is_key { ("value", "other") } else { ("other", "value") };
            let place = |key: &str| json!({"valueFrom": {"secretKeyRef": {"name": "it", "key": key}}});
            Some(Row {
                git: app(
                    &json!({"keys": {"main": {"consumerKey": place(consumer_key), "consumerSecret": place(secret)}}}),
                ),
                secret: Some(tried.text().to_owned()),
                unapplied: false,
                raw: post("developers/ann@example.com/apps/it/keys", raw(tried.text())),
            })
        }
        "ApigeeApp keys" => with(
            app(&json!({"keys": names(tried.count(), "k").into_iter()
                .map(|name| { let key = key(&name, &[]); (name, key) }).collect::<Map<_, _>>()})),
            None,
        ),
        "ApigeeApp keys.products" => {
            let products = names(tried.count(), "p");
            let mut git: Vec<Value> = products.iter().map(|name| product(name)).collect();
            git.extend(app(&json!({"keys": {"main": key("main", &products)}})));
            with(git, None)
        }
        "ApigeeApiDoc site" => with(
            vec![
                product("orders"),
                resource("ApigeeApiDoc", "it", &json!({"site": tried.text(), "product": "orders"})),
            ],
            // Clients resolve dot segments, so that no request can contain them.
            Some(tried.text()).filter(|text| !text.chars().all(|c| c == '.')).and_then(|text| {
                post(&format!("sites/{}/apidocs", query(text)), json!({"title": "t", "apiProductName": "orders"}))
            }),
        ),
        "ApigeeApiDoc title" | "ApigeeApiDoc description" | "ApigeeApiDoc imageUrl" => {
            let field = rule.rsplit(' ').next().unwrap();
            let mut spec = json!({"site": "acme-portal", "product": "orders", "title": "t"});
            spec[field] = json!(tried.text());
            let mut body = json!({"title": "t", "apiProductName": "orders"});
            body[field] = json!(tried.text());
            with(vec![product("orders"), resource("ApigeeApiDoc", "it", &spec)], post("sites/acme-raw/apidocs", body))
        }
        "ApigeeApiDoc openapi" => Some(Row {
            git: vec![
                product("orders"),
                resource(
                    "ApigeeApiDoc",
                    "it",
                    &json!({"site": "acme-portal", "product": "orders", "openapi": tried.text()}),
                ),
            ],
            unapplied: true,
            raw: Some((
                "PATCH",
                "sites/acme-raw/apidocs/1/documentation".to_owned(),
                Sent::Json(
                    json!({"oasDocumentation": {"spec": {"displayName": "o", "contents": STANDARD.encode(tried.text())}}}),
                ),
            )),
            ..Row::default()
        }),
        _ => None,
    }
}

async fn walk(of: &str, subject: &Subject) -> Result<(), Failed> {
    let (most, over, wrong, limit) = match subject {
        Subject::Text(rule) => (
            Tried::Text((rule.sample)(rule.max)),
            Tried::Text((rule.sample)(rule.max + 1)),
            rule.refused.iter().map(|text| Tried::Text((*text).to_owned())).collect(),
            rule.max,
        ),
        Subject::Count(rule) => (Tried::Count(rule.max), Tried::Count(rule.max + 1), Vec::new(), rule.max),
    };
    let row_of = |tried: &Tried| row(of, tried).ok_or_else(|| Failed::from(format!("`{of}` has no row in this test")));
    let right = row_of(&most)?;
    let world = World::start().await?;
    let is_secret = right.secret.is_some();
    if !right.git.is_empty() {
        let documents =
            render(&right.git, right.unapplied).map_err(|why| format!("the longest value is rejected: {why}"))?;
        if !right.unapplied {
            world
                .apply(&documents, right.secret.as_deref())
                .await
                .map_err(|why| format!("the longest value: {why}"))?;
        }
    }
    if right.git.is_empty() || right.unapplied {
        world.prepare(of).await?;
        let (status, text) = world.send(right.raw.as_ref().unwrap()).await?;
        if !(200..300).contains(&status) {
            return Err(format!("the sandbox responds to the longest value with {status}: {text}").into());
        }
    }
    for (tried, is_over) in [(over, true)].into_iter().chain(wrong.into_iter().map(|tried| (tried, false))) {
        let row = row_of(&tried)?;
        let shown = match &tried {
            Tried::Text(text) if text.len() < 40 => format!("`{}`", text.escape_debug()),
            Tried::Text(text) => format!("{} bytes", text.len()),
            Tried::Count(count) => count.to_string(),
        };
        if is_secret {
            let documents = render(&row.git, false)?;
            let why = World::start().await?.apply(&documents, row.secret.as_deref()).await;
            let why = why.err().ok_or_else(|| format!("the deployer accepts {shown}"))?;
            if tried.text().len() > 5 && why.contains(tried.text()) {
                return Err(format!("the secret is repeated: {why}").into());
            }
        } else if !row.git.is_empty() {
            let why = render(&row.git, true).err().ok_or_else(|| format!("the check accepts {shown}"))?;
            if is_over && !why.contains(&limit.to_string()) {
                return Err(format!("the message does not name the limit {limit}: {why}").into());
            }
        }
        let Some(raw) = &row.raw else { continue };
        let (status, text) = world.send(raw).await?;
        let is_enforced = match subject {
            Subject::Text(_) => true,
            Subject::Count(rule) => rule.is_enforced,
        };
        if status != 400 && (is_enforced || !(200..300).contains(&status)) {
            return Err(format!("the sandbox responds to {shown} with {status}: {text}").into());
        }
    }
    Ok(())
}

/// The documents of a state of Git, or the errors of the check. With `only_checked` the documents are not returned.
fn render(git: &[Value], only_checked: bool) -> Result<Vec<Applying>, String> {
    let mut input = vec![resource("ApigeeEnvironment", "dev", &json!({"organization": "acme"}))];
    input.extend(git.iter().cloned());
    let input: Vec<String> = input.iter().map(with_long_keys).collect();
    let ran = function(&input.join("\n---\n"));
    // What is more than a ConfigMap takes is none of this test's business.
    let errors: Vec<&str> =
        ran.stderr.lines().filter(|line| line.starts_with("error") && !line.contains("AF038")).collect();
    if ran.failed && !errors.is_empty() {
        return Err(errors.join("\n"));
    }
    if only_checked {
        return Ok(Vec::new());
    }
    let mut found = documents(&ran.stdout);
    found.sort_by_key(|applying| applying.place.environment.is_none());
    Ok(found)
}

/// A resource as YAML: a key of more than 1024 characters is written as `? KEY` (YAML 1.2, section 7.4.3).
fn with_long_keys(resource: &Value) -> String {
    let text = resource.to_string();
    let long = text.split('"').find(|part| part.len() > 1000 && text.contains(&format!("\"{part}\":")));
    match long {
        Some(key) => text.replace(&format!("\"{key}\":"), &format!("? \"{key}\" : ")),
        None => text,
    }
}

fn zip(name: &str) -> Vec<u8> {
    let main = "<ProxyEndpoint name=\"default\"><HTTPProxyConnection><BasePath>/a</BasePath></HTTPProxyConnection>\
                <RouteRule name=\"none\"/></ProxyEndpoint>";
    let files: Files = [("a.xml", format!("<APIProxy name=\"{name}\"/>")), ("proxies/default.xml", main.to_owned())]
        .into_iter()
        .map(|(path, text)| (BundlePath::parse(path).unwrap(), text.into_bytes()))
        .collect();
    apigee_flux_model::bundle::zip::pack(BundleKind::Proxy, &files).unwrap().as_slice().to_vec()
}

struct World {
    sandbox: Sandbox,
    client: Client,
    http: reqwest::Client,
}

impl World {
    /// A sandbox that has the proxy `orders`.
    async fn start() -> Result<Self, Failed> {
        let options = sandbox::SandboxOptions { progressing: Duration::ZERO, ..sandbox::SandboxOptions::default() };
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await?;
        let backoff = Backoff { first: Duration::from_millis(10), attempts: 3, ..Backoff::default() };
        let settings = Settings { rate: 10_000.try_into().unwrap(), backoff, ..Settings::default() };
        let client = Client::new(sandbox.url().parse().unwrap(), TokenSource::None, &settings).unwrap();
        let world = Self { sandbox, client, http: reqwest::Client::new() };
        let (status, text) =
            world.send(&("POST", "apis?action=import&name=orders".to_owned(), Sent::Bytes(zip("orders")))).await?;
        if status == 200 { Ok(world) } else { Err(text.into()) }
    }

    /// Creates the objects that a request for a rule needs which is not applied.
    async fn prepare(&self, of: &str) -> Result<(), Failed> {
        if of == "ApigeeApiDoc openapi" {
            let product = json!({"name": "orders", "displayName": "d"});
            self.send(&("POST", "apiproducts".to_owned(), Sent::Json(product))).await?;
            let doc = json!({"title": "t", "apiProductName": "orders"});
            self.send(&("POST", "sites/acme-raw/apidocs".to_owned(), Sent::Json(doc))).await?;
        }
        Ok(())
    }

    async fn send(&self, (method, path, sent): &(&str, String, Sent)) -> Result<(u16, String), Failed> {
        let url = format!("{}/v1/organizations/acme/{path}", self.sandbox.url());
        let request = self.http.request(method.parse()?, url);
        let request = match sent {
            Sent::Json(body) => request.json(body),
            Sent::Bytes(bytes) => request.header("content-type", "application/octet-stream").body(bytes.clone()),
            Sent::Form(name, bytes) => {
                let part = reqwest::multipart::Part::bytes(bytes.clone()).file_name("file");
                request.multipart(reqwest::multipart::Form::new().part(*name, part))
            }
        };
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    async fn apply(&self, documents: &[Applying], secret: Option<&str>) -> Result<(), String> {
        for Applying { place, owner, document } in documents {
            let options = apply::ApplyOptions {
                timeout: Duration::from_millis(300),
                polling: Polling { first: Duration::from_millis(10), ..Polling::default() },
                ..apply::ApplyOptions::new(owner)
            };
            let secret = secret.map(str::to_owned);
            let look_up = Arc::new(move |place: &ValueFrom| match (place, &secret) {
                (ValueFrom::SecretKeyRef(one), Some(secret)) if one.key == "value" => Ok(secret.clone().into_bytes()),
                (ValueFrom::SecretKeyRef(one), _) => Ok(one.key.clone().into_bytes()),
                (ValueFrom::File(path), _) => Err(format!("no file `{path}` in a test")),
            });
            let report = apply(&self.client, place, document, look_up, &options, Arc::new(|_| {})).await;
            let report = report.map_err(|error| error.to_string())?;
            if let Some(one) = report.resources.iter().find(|one| one.result == ResourceResult::Failed) {
                return Err(format!("{}: {}", one.id, one.reason));
            }
        }
        Ok(())
    }
}
