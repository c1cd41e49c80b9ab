//! A sandbox that is observed, and clients that do not wait between requests.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use apigee_flux_deployer::Polling;
use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::deployment::RuntimeState;
use apigee_flux_deployer::event::Event;
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::{Bundle, Client, DeployOptions, DeployReport, ResourceName, Target, TokenSource, deploy};
use apigee_flux_model::bundle::RevisionRecord;
use apigee_flux_model::bundle::{BundleKind, BundlePath, Digest, Files};
use apigee_flux_model::names::Name;
use apigee_flux_model::names::RevisionId;
use apigee_flux_sandbox::{self as sandbox, Moment, RequestAt, Sandbox};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub(crate) const NAME: &str = "orders";

/// How long a client waits for one response in these matrices.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_millis(300);

/// A bundle; the bundles differ only in `body`.
pub(crate) fn bundle(kind: BundleKind, body: &str) -> Bundle {
    let list: Vec<(&str, String)> = match kind {
        BundleKind::Proxy => vec![
            ("orders.xml", "<APIProxy name=\"orders\"><Description>Orders</Description></APIProxy>".to_owned()),
            (
                "policies/AM-Body.xml",
                format!("<AssignMessage name=\"AM-Body\"><Set><Payload>{body}</Payload></Set></AssignMessage>"),
            ),
            (
                "proxies/default.xml",
                "<ProxyEndpoint name=\"default\"><PreFlow><Request><Step><Name>AM-Body</Name></Step></Request></PreFlow>\
                 <HTTPProxyConnection><BasePath>/orders</BasePath></HTTPProxyConnection><RouteRule name=\"none\"/>\
                 </ProxyEndpoint>"
                    .to_owned(),
            ),
        ],
        BundleKind::SharedFlow => vec![
            (
                "orders.xml",
                format!("<SharedFlowBundle name=\"orders\"><Description>{body}</Description></SharedFlowBundle>"),
            ),
            ("sharedflows/default.xml", "<SharedFlow name=\"default\"/>".to_owned()),
        ],
    };
    let files: Files =
        list.into_iter().map(|(path, text)| (BundlePath::parse(path).unwrap(), text.into_bytes())).collect();
    Bundle::new(kind, NAME.parse().unwrap(), files)
}

pub(crate) fn target() -> Target {
    Target { organization: name("acme"), environment: name("prod") }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn options() -> DeployOptions {
    DeployOptions {
        timeout: Duration::from_secs(10),
        polling: Polling { first: Duration::from_millis(5), longest: Duration::from_millis(40), ..Polling::default() },
        ..DeployOptions::default()
    }
}

/// Runs in the middle of each request; see [`World::start`].
pub(crate) type Hook = Arc<dyn Fn(RequestAt) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

pub(crate) struct World {
    pub(crate) sandbox: Arc<Sandbox>,
    kind: BundleKind,
    /// Requests after which nothing was deployed although something had been.
    gaps: Arc<Mutex<Vec<String>>>,
    /// Is called for each request, in addition to the search for gaps.
    hook: Arc<Mutex<Option<Hook>>>,
}

impl World {
    pub(crate) async fn start(kind: BundleKind, progressing: Duration) -> Self {
        let options = sandbox::SandboxOptions { progressing, ..sandbox::SandboxOptions::default() };
        let sandbox = Arc::new(Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap());
        let (gaps, hook) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<Option<Hook>>>::default());
        let eye = Eye { sandbox: Arc::downgrade(&sandbox), kind, gaps: Arc::clone(&gaps), was: Arc::default() };
        let heard = Arc::clone(&hook);
        sandbox.watch(Arc::new(move |request| {
            eye.look(&request);
            let hook = heard.lock().unwrap().clone();
            Box::pin(async move {
                if let Some(hook) = hook {
                    hook(request).await;
                }
            })
        }));
        Self { sandbox, kind, gaps, hook }
    }

    pub(crate) fn on_request(&self, hook: Hook) {
        *self.hook.lock().unwrap() = Some(hook);
    }

    /// A client with its own connections.
    pub(crate) fn client(&self) -> Client {
        let backoff = Backoff { first: Duration::from_millis(5), attempts: 6, ..Backoff::default() };
        let settings =
            Settings { rate: 10_000.try_into().unwrap(), backoff, request_timeout: REQUEST_TIMEOUT, authorities: None };
        Client::new(self.sandbox.url().parse().unwrap(), TokenSource::None, &settings).unwrap()
    }

    pub(crate) async fn deploy(&self, bundle: &Bundle) -> DeployReport {
        deploy(&self.client(), bundle, &target(), &options(), &|_: &Event| ()).await
    }

    /// The revision that serves now.
    pub(crate) fn served(&self) -> Option<RevisionId> {
        served(&self.sandbox, self.kind)
    }

    /// The broken promises, if one of `wanted` should be deployed.
    pub(crate) async fn faults(&self, wanted: &[Digest]) -> Vec<String> {
        self.sandbox.clear_faults();
        let mut found: Vec<String> = self.gaps.lock().unwrap().iter().map(|gap| format!("a gap: {gap}")).collect();
        *self.hook.lock().unwrap() = None;
        let client = self.client();
        let Target { organization, environment } = target();
        let name = name(NAME);
        let resource = ResourceName { organization: &organization, kind: self.kind, name: &name };
        let mut digests: BTreeMap<String, Vec<RevisionId>> = BTreeMap::new();
        let revisions = client.resource(resource).await.unwrap().map(|resource| resource.revision).unwrap_or_default();
        for id in revisions {
            let revision = client.revision(resource, id).await.unwrap();
            let digest = RevisionRecord::parse(&revision.description).map(|record| record.digest.to_string());
            digests.entry(digest.unwrap_or_default()).or_default().push(id);
        }
        for (digest, revisions) in &digests {
            if revisions.len() > 1 {
                found.push(format!("duplicates: the revisions {revisions:?} have the bundle {digest}"));
            }
        }
        let deployed = served(&self.sandbox, self.kind);
        match deployed {
            None => found.push("nothing is deployed".to_owned()),
            Some(id) => {
                if !wanted.iter().any(|digest| digests.get(&digest.to_string()).is_some_and(|ids| ids.contains(&id))) {
                    found.push(format!("revision {id} is deployed, which is another bundle"));
                }
                let status = client.deployment(resource, &environment, id).await.unwrap();
                if status.state != RuntimeState::Ready || !status.route_conflicts.is_empty() {
                    found.push(format!("revision {id} is deployed and {}", status.state));
                }
            }
        }
        found
    }
}

/// The revision that serves now: the previous one until the new one is ready.
fn served(sandbox: &Sandbox, kind: BundleKind) -> Option<RevisionId> {
    sandbox.with_state(|state, now| state.served("acme", "prod", kind, NAME, now))
}

/// Searches for moments with nothing deployed after the first deployment.
struct Eye {
    sandbox: Weak<Sandbox>,
    kind: BundleKind,
    gaps: Arc<Mutex<Vec<String>>>,
    was: Arc<Mutex<Option<RevisionId>>>,
}

impl Eye {
    fn look(&self, request: &RequestAt) {
        let Some(sandbox) = self.sandbox.upgrade().filter(|_| request.moment == Moment::Acted) else { return };
        let mut was = self.was.lock().unwrap();
        match (*was, served(&sandbox, self.kind)) {
            (Some(id), None) => {
                self.gaps
                    .lock()
                    .unwrap()
                    .push(format!("revision {id} was deployed before {} {}", request.method, request.path));
                *was = None;
            }
            (_, now) => *was = now,
        }
    }
}

/// Runs all cases, at most `at_once` at the same time, and returns their results in the order in which they end.
pub(crate) async fn all<T, F>(cases: impl IntoIterator<Item = F>, at_once: usize) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let gate = Arc::new(Semaphore::new(at_once));
    let mut running = JoinSet::new();
    for case in cases {
        let gate = Arc::clone(&gate);
        running.spawn(async move {
            let _turn = gate.acquire().await.unwrap();
            case.await
        });
    }
    let mut ended = Vec::new();
    while let Some(result) = running.join_next().await {
        ended.push(result.unwrap());
    }
    ended
}
