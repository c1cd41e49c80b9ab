//! A quota of requests that is used up: all requests of a process wait, and no run fails.

use std::time::Duration;

use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::event::Event;
use apigee_flux_deployer::outcome::BundleResult;
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::{Bundle, Client, DeployOptions, DeployReport, Polling, Target, TokenSource, deploy};
use apigee_flux_model::bundle::{BundleKind, BundlePath, Files};
use apigee_flux_sandbox::{Sandbox, SandboxOptions};
use futures_util::future::join_all;

const WINDOW: Duration = Duration::from_secs(1);

async fn sandbox(quota: Option<&str>) -> Sandbox {
    let quota = quota.map(|quota| quota.parse().unwrap());
    let options = SandboxOptions { quota, progressing: Duration::ZERO, ..SandboxOptions::default() };
    Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap()
}

/// The client of one process.
fn process(sandbox: &Sandbox, quota_wait: Duration) -> Client {
    let backoff = Backoff { quota_window: WINDOW, quota_wait, attempts: 2, ..Backoff::default() };
    let settings = Settings { rate: 1000.try_into().unwrap(), backoff, ..Settings::default() };
    Client::new(sandbox.url().parse().unwrap(), TokenSource::None, &settings).unwrap()
}

fn bundle(name: &str) -> Bundle {
    let root = format!("<APIProxy name='{name}'/>");
    let endpoint = format!(
        "<ProxyEndpoint name='default'><HTTPProxyConnection><BasePath>/{name}</BasePath></HTTPProxyConnection>\
         <RouteRule name='none'/></ProxyEndpoint>"
    );
    let files: Files = [(format!("{name}.xml"), root), ("proxies/default.xml".to_owned(), endpoint)]
        .map(|(path, text)| (BundlePath::parse(&path).unwrap(), text.into_bytes()))
        .into_iter()
        .collect();
    Bundle::new(BundleKind::Proxy, name.parse().unwrap(), files)
}

async fn run(client: &Client, name: &str, timeout: Duration) -> DeployReport {
    let target = Target { organization: "acme".parse().unwrap(), environment: "prod".parse().unwrap() };
    let polling =
        Polling { first: Duration::from_millis(10), longest: Duration::from_millis(50), ..Polling::default() };
    let options = DeployOptions { timeout, polling, ..DeployOptions::default() };
    deploy(client, &bundle(name), &target, &options, &|_: &Event| ()).await
}

#[tokio::test]
async fn many_processes_share_a_quota_and_none_fails() {
    let sandbox = sandbox(Some("60/s")).await;
    let runs = (0..20).map(|index| {
        let client = process(&sandbox, Duration::from_mins(1));
        async move { run(&client, &format!("p{index}"), Duration::from_secs(2)).await }
    });
    for report in join_all(runs).await {
        assert_eq!(report.outcome.result, BundleResult::Deployed, "{}", report.outcome.reason);
    }
    let refused = sandbox.requests().iter().filter(|request| request.status == 429).count();
    assert!(refused > 0, "the quota was used up");
}

#[tokio::test]
async fn a_pause_is_for_every_run_of_a_process() {
    let sandbox = sandbox(None).await;
    sandbox.inject("GET * status:429 retry-after:2 @4".parse().unwrap());
    let client = process(&sandbox, Duration::from_mins(1));
    let runs = (0..6).map(|index| {
        let client = &client;
        async move { run(client, &format!("p{index}"), Duration::from_secs(1)).await }
    });
    for report in join_all(runs).await {
        assert_eq!(report.outcome.result, BundleResult::Deployed, "{}", report.outcome.reason);
    }
    let requests = sandbox.requests();
    let refused = requests.iter().find(|request| request.status == 429).unwrap().time;
    // What was on its way may still arrive.
    let paused = requests.iter().filter(|request| request.time > refused + 200 && request.time < refused + 1900);
    assert_eq!(paused.count(), 0, "{requests:#?}");
}

#[tokio::test]
async fn after_a_pause_the_state_is_checked_again_before_the_decisive_write() {
    let sandbox = sandbox(None).await;
    sandbox.inject("POST */deployments?* status:429 retry-after:1".parse().unwrap());
    let report = run(&process(&sandbox, Duration::from_mins(1)), "orders", Duration::from_secs(1)).await;
    assert_eq!(report.outcome.result, BundleResult::Deployed, "{}", report.outcome.reason);
    let requests = sandbox.requests();
    let refused = requests.iter().position(|request| request.status == 429).unwrap();
    let next = &requests[refused + 1];
    assert!(next.method == "GET" && next.path.ends_with("/deployments"), "{next:?}");
    assert!(
        requests[refused + 2..]
            .iter()
            .any(|request| request.method == "POST" && request.path.contains("/deployments?"))
    );
}

#[tokio::test]
async fn a_run_waits_for_the_quota_for_a_limited_time() {
    let sandbox = sandbox(None).await;
    sandbox.inject("* * status:429 every".parse().unwrap());
    let report = run(&process(&sandbox, Duration::from_millis(1500)), "orders", Duration::from_secs(1)).await;
    assert_eq!(report.exit.code(), 75, "{}", report.outcome.reason);
    assert!(report.outcome.reason.contains("--quota-wait"), "{}", report.outcome.reason);
    assert!(sandbox.requests().len() <= 4, "one request after each pause");
}

#[tokio::test]
async fn a_stop_ends_a_pause() {
    let sandbox = sandbox(None).await;
    sandbox.inject("* * status:429 retry-after:60 every".parse().unwrap());
    let client = process(&sandbox, Duration::from_mins(10));
    let stop = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        client.stop().request();
    };
    let start = std::time::Instant::now();
    let (report, ()) = tokio::join!(run(&client, "orders", Duration::from_secs(5)), stop);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(report.exit.code(), 143, "{}", report.outcome.reason);
}
