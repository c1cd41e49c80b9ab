//! The bytes that the client sends: every method of the client is called through a plain TCP proxy, and each request is checked against the
//! rules of Google's front end and against the discovery document.

use std::collections::BTreeSet;
use std::time::Duration;

use apigee_flux_configuration::{Answer, Body, Form, Read, Request, Shape, Verb};
use apigee_flux_deployer::client::{DeployParameters, Settings};
use apigee_flux_deployer::{Client, ResourceName, TokenSource};
use apigee_flux_model::bundle::{BundleKind, BundlePath, Files, zip};
use apigee_flux_model::names::Name;
use apigee_flux_sandbox::{Sandbox, SandboxOptions};
use bytes::Bytes;
use serde_json::json;

use super::wiretap::{self, Wiretap, summary};

fn packed(kind: BundleKind, list: &[(&str, &str)]) -> Bytes {
    let files: Files =
        list.iter().map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_bytes().to_vec())).collect();
    Bytes::from(zip::pack(kind, &files).unwrap().as_slice().to_vec())
}

fn proxy() -> Bytes {
    let endpoint = "<ProxyEndpoint name='default'><HTTPProxyConnection><BasePath>/a</BasePath></HTTPProxyConnection>\
                    <RouteRule name='none'/></ProxyEndpoint>";
    packed(BundleKind::Proxy, &[("a.xml", "<APIProxy name='a'/>"), ("proxies/default.xml", endpoint)])
}

fn flow() -> Bytes {
    let files =
        [("f.xml", "<SharedFlowBundle name='f'/>"), ("sharedflows/default.xml", "<SharedFlow name='default'/>")];
    packed(BundleKind::SharedFlow, &files)
}

/// A client with a token, whose requests go through a wiretap to the sandbox.
struct World {
    client: Client,
    tap: Wiretap,
    sandbox: Sandbox,
    /// The methods of the client that were called.
    called: BTreeSet<&'static str>,
}

impl World {
    async fn start() -> Self {
        let options = SandboxOptions {
            progressing: Duration::ZERO,
            token: Some("planted".to_owned()),
            ..SandboxOptions::default()
        };
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let tap = Wiretap::start(sandbox.address()).await;
        let token = TokenSource::Fixed("planted".to_owned());
        let settings = Settings { rate: 10_000.try_into().unwrap(), ..Settings::default() };
        let client = Client::new(tap.url().parse().unwrap(), token, &settings).unwrap();
        Self { client, tap, sandbox, called: BTreeSet::new() }
    }

    /// The client, for a call of the method with this name.
    fn call(&mut self, method: &'static str) -> &Client {
        self.called.insert(method);
        &self.client
    }

    async fn bundles(&mut self, organization: &Name, environment: &Name, kind: BundleKind) {
        let (name, zip): (Name, Bytes) = match kind {
            BundleKind::Proxy => ("a".parse().unwrap(), proxy()),
            BundleKind::SharedFlow => ("f".parse().unwrap(), flow()),
        };
        let it = ResourceName { organization, kind, name: &name };
        assert!(self.call("resource").resource(it).await.unwrap().is_none());
        let (first, _) = self.call("import").import(it, &zip).await.unwrap();
        let (second, _) = self.call("import").import(it, &zip).await.unwrap();
        self.call("revision").revision(it, first).await.unwrap();
        self.call("revision_zip").revision_zip(it, first).await.unwrap();
        if kind == BundleKind::Proxy {
            let report = self.call("deploy_change_report").deploy_change_report(it, environment, first).await;
            report.unwrap();
        }
        let account =
            DeployParameters { service_account: Some("runner@p.iam.gserviceaccount.com"), sequenced_rollout: true };
        self.call("deploy").deploy(it, environment, first, account).await.unwrap();
        self.call("deploy").deploy(it, environment, second, DeployParameters::default()).await.unwrap();
        self.call("deployment").deployment(it, environment, second).await.unwrap();
        self.call("deployments").deployments(it, environment).await.unwrap();
        self.call("deployments_anywhere").deployments_anywhere(it).await.unwrap();
        self.call("revision_deployments").revision_deployments(it, second).await.unwrap();
        self.call("environment_deployments").environment_deployments(organization, environment, kind).await.unwrap();
        if kind == BundleKind::Proxy {
            let report = self.call("undeploy_change_report").undeploy_change_report(it, environment, second).await;
            report.unwrap();
        }
        self.call("undeploy").undeploy(it, environment, second).await.unwrap();
        self.call("delete_revision").delete_revision(it, first).await.unwrap();
        self.call("delete_resource").delete_resource(it).await.unwrap();
    }

    async fn change(&mut self, verb: Verb, path: &[&str], body: Body, query: &[(&'static str, &str)]) {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        let mut request = Request::new(verb, path, body, "none");
        for (name, value) in query {
            request = request.with(name, *value);
        }
        self.call("change").change(&request).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Every HTTP method with every type of body, and names that need encoding.
    async fn configuration(&mut self) {
        const ORG: [&str; 2] = ["organizations", "acme"];
        const ENV: [&str; 4] = ["organizations", "acme", "environments", "prod"];
        let below = |parts: &[&'static str]| [&ENV[..], parts].concat();
        let at_org = |parts: &[&'static str]| [&ORG[..], parts].concat();
        let server = json!({"name": "my server", "host": "h.example", "port": 443});
        self.change(Verb::Post, &below(&["targetservers"]), Body::Json(server.clone()), &[]).await;
        self.change(Verb::Put, &below(&["targetservers", "my server"]), Body::Json(server), &[]).await;
        let map = json!({"name": "m", "encrypted": true});
        self.change(Verb::Post, &below(&["keyvaluemaps"]), Body::Json(map), &[]).await;
        // More than one page of 100 entries.
        for number in 0..101 {
            let entry = json!({"name": format!("k{number}"), "value": "v"});
            self.change(Verb::Post, &below(&["keyvaluemaps", "m", "entries"]), Body::Json(entry), &[]).await;
        }
        for key in ["a/b", "a:b", "a b", "a?b#c", "a%2Fb", "a+b&c=d", "ä€", "...", "[a|b]", "a\\b", "a;b"] {
            let entries = below(&["keyvaluemaps", "m", "entries"]);
            let entry = || Body::Json(json!({"name": key, "value": "v"}));
            let one = [entries.as_slice(), &[key]].concat();
            self.change(Verb::Post, &entries, entry(), &[]).await;
            self.change(Verb::Put, &one, entry(), &[]).await;
            self.change(Verb::Delete, &one, Body::Empty, &[]).await;
        }
        let to = |text: &str| text.as_bytes().to_vec();
        let named = [("name", "a.properties"), ("type", "properties")];
        self.change(Verb::Post, &below(&["resourcefiles"]), Body::Bytes(to("k=v")), &named).await;
        let file = below(&["resourcefiles", "properties", "a.properties"]);
        self.change(Verb::Put, &file, Body::Bytes(to("k=w")), &[]).await;
        self.change(Verb::Post, &below(&["keystores"]), Body::Json(json!({"name": "k"})), &[]).await;
        let form = Body::Form(vec![("certFile", "cert.pem", to(include_str!("../../../../testdata/certificate.pem")))]);
        let query = [("alias", "a"), ("format", "keycertfile")];
        self.change(Verb::Post, &below(&["keystores", "k", "aliases"]), form, &query).await;
        let mask = Body::Json(json!({"variables": ["x"]}));
        let query = [("replaceRepeatedFields", "true"), ("updateMask", "variables")];
        self.change(Verb::Patch, &below(&["debugmask"]), mask, &query).await;
        let developer = json!({"email": "bob@example.com", "firstName": "B", "lastName": "B", "userName": "bob"});
        self.change(Verb::Post, &at_org(&["developers"]), Body::Json(developer), &[]).await;
        let bob = at_org(&["developers", "bob@example.com"]);
        self.change(Verb::Post, &bob, Body::Empty, &[("action", "inactive")]).await;
        self.change(Verb::Post, &bob, Body::Empty, &[("action", "active")]).await;
        self.read(&below(&["resourcefiles", "properties", "a.properties"]), Form::Bytes, &[]).await;
        self.read(&below(&["targetservers"]), Form::Bytes, &[]).await;
        self.read(&at_org(&["developers"]), Form::Json(Shape::ANY), &[("expand", "true")]).await;
        let Answer::Json(entries) =
            self.read(&below(&["keyvaluemaps", "m", "entries"]), Form::Pages("keyValueEntries"), &[]).await
        else {
            panic!("no entries")
        };
        assert!(entries.to_string().contains("k100"), "the second page was not read");
    }

    async fn read(&mut self, path: &[&str], form: Form, query: &[(&'static str, &str)]) -> Answer {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        let query = query.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let read = Read { path, query, form, needs: "none".to_owned() };
        self.call("read").read(&read).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_of_the_client_is_one_that_google_takes() {
    let mut world = World::start().await;
    let (organization, environment): (Name, Name) = ("acme".parse().unwrap(), "prod".parse().unwrap());
    world.bundles(&organization, &environment, BundleKind::SharedFlow).await;
    world.bundles(&organization, &environment, BundleKind::Proxy).await;
    world.configuration().await;
    world.call("environments").environments(&organization).await.unwrap();
    let has = world.call("environment_has");
    assert!(has.environment_has(&organization, &environment, "targetservers", "my server", "none").await.unwrap());

    let problems = world.tap.problems();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let requests = world.tap.requests();
    for request in &requests {
        assert_eq!(request.header("authorization"), ["Bearer planted"], "{request:?}");
    }
    let without_body = |request: &&wiretap::Sent| request.method != "GET" && request.body.is_empty();
    let empty = requests.iter().filter(without_body).filter(|request| request.header("content-length") == ["0"]);
    assert_eq!(empty.count(), 8, "deployments, reports and actions have an empty body");
    expect("tests/sandbox/wire.txt", &summary(&requests));

    // A smoke test sends its request to another server, which must not get the token.
    let elsewhere = Wiretap::start(world.sandbox.address()).await;
    let url = format!("{}/v1/organizations", elsewhere.url());
    assert_eq!(world.call("probe").probe(&url).await.unwrap(), 401);
    let [probe] = elsewhere.requests().try_into().unwrap();
    assert!(probe.header("authorization").is_empty() && probe.header("content-length").is_empty(), "{probe:?}");

    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api/client");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let source: String = files.collect();
    let declared: BTreeSet<&str> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub async fn "))
        .filter_map(|rest| rest.split('(').next())
        .collect();
    let called: BTreeSet<&str> = world.called.iter().copied().collect();
    assert_eq!(declared, called, "a method of the client is not looked at here");
}

#[tokio::test]
async fn a_name_that_no_address_can_hold_is_refused_before_anything_is_sent() {
    let world = World::start().await;
    for key in [".", "..", ""] {
        let path = ["organizations", "acme", "keyvaluemaps", "m", "entries", key];
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        let error = world.client.change(&Request::new(Verb::Delete, path, Body::Empty, "none")).await.unwrap_err();
        assert!(error.to_string().contains("cannot be a segment of an API path"), "{error}");
    }
    assert!(world.tap.requests().is_empty());
}

fn expect(file: &str, found: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&path).unwrap_or_default(), "{file} differs; UPDATE=1 writes it again");
}
