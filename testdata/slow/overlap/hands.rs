//! Manual changes in Apigee.

use apigee_flux_model::bundle::BundleKind;
use reqwest::Method;
use serde_json::{Value, json};

use super::eye::Eye;
use super::git::{ENTRIES, ENVIRONMENT, Key, PRODUCT, SERVER, bundle_kind};
use super::pick;
use crate::random::Random;

/// Changes a resource. `None` if there is none, or if Apigee rejects it.
pub(crate) async fn act(eye: &Eye, random: &mut Random) -> Option<String> {
    let _turn = eye.turn.lock().await;
    let keys: Vec<Key> = eye.seen().values.keys().cloned().collect();
    if keys.is_empty() {
        return None;
    }
    let (kind, name) = pick(&keys, random);
    let base = format!("environments/{ENVIRONMENT}");
    let what = match *kind {
        SERVER => {
            let path = format!("{base}/targetservers/{name}");
            let mut server = eye.request(Method::GET, &path, None).await?;
            server["host"] = json!("manual.example.com");
            eye.request(Method::PUT, &path, Some(&server)).await?;
            format!("edit {name}")
        }
        ENTRIES => {
            let entry = json!({"name": "v", "value": "manual"});
            eye.request(Method::PUT, &format!("{base}/keyvaluemaps/{name}/entries/v"), Some(&entry)).await?;
            format!("edit an entry of {name}")
        }
        PRODUCT => {
            let path = format!("apiproducts/{name}");
            let mut product = eye.request(Method::GET, &path, None).await?;
            product["displayName"] = json!("manual");
            eye.request(Method::PUT, &path, Some(&product)).await?;
            format!("edit {name}")
        }
        _ => bundle(eye, bundle_kind(kind)?, name, random).await?,
    };
    eye.look().await;
    Some(what)
}

/// Undeploys a bundle, or deploys another revision of it.
async fn bundle(eye: &Eye, kind: BundleKind, name: &str, random: &mut Random) -> Option<String> {
    let deployed = eye.deployed(kind).await;
    let revision = deployed.get(name)?;
    let path = |revision: &str| {
        format!("environments/{ENVIRONMENT}/{}/{name}/revisions/{revision}/deployments", kind.collection())
    };
    if random.below(2) == 0 {
        eye.request(Method::DELETE, &path(revision), None).await?;
        return Some(format!("undeploy {name}"));
    }
    let revisions = eye.get(&format!("{}/{name}/revisions", kind.collection())).await;
    let revisions: Vec<&str> = revisions.as_array()?.iter().filter_map(Value::as_str).collect();
    let other = pick(&revisions, random);
    eye.request(Method::POST, &format!("{}?override=true", path(other)), None).await?;
    Some(format!("deploy revision {other} of {name}"))
}

/// The entries of a map.
pub(crate) async fn entries(eye: &Eye, map: &str) -> Value {
    let page = eye.get(&format!("environments/{ENVIRONMENT}/keyvaluemaps/{map}/entries?pageSize=100")).await;
    let entries = page["keyValueEntries"].as_array().cloned().unwrap_or_default();
    entries
        .iter()
        .map(|entry| (entry["name"].as_str().unwrap_or_default().to_owned(), entry["value"].clone()))
        .collect()
}
