//! Manual changes in Apigee.

use std::collections::BTreeSet;

use apigee_flux_model::bundle::BundleKind;
use reqwest::Method;
use serde_json::json;

use super::git::Git;
use super::kinds::{self, ENVIRONMENTS, State};
use super::pick;
use crate::closed_loop::{Apigee, files, without_root};
use crate::random::Random;

/// The manual changes that are kept.
#[derive(Default)]
pub(crate) struct Hands {
    /// The unmanaged objects, which must not change.
    pub(crate) foreign: State,
    /// The revisions that were imported manually: collection, name and number.
    revisions: BTreeSet<(BundleKind, String, String)>,
    count: u64,
}

impl Hands {
    /// True for a revision that was imported manually.
    pub(crate) fn made(&self, kind: BundleKind, name: &str, revision: &str) -> bool {
        self.revisions.contains(&(kind, name.to_owned(), revision.to_owned()))
    }

    /// Makes one change. `None` if Apigee rejects it.
    pub(crate) async fn act(&mut self, apigee: &Apigee, git: &Git, random: &mut Random) -> Option<String> {
        match random.below(6) {
            0 => Some(self.add(apigee, random).await),
            1 | 2 => self.bundle(apigee, random).await,
            _ => {
                let all: Vec<_> = git.iter().flat_map(|(key, item)| kinds::by_hand(key, item)).collect();
                if all.is_empty() {
                    return None;
                }
                let (method, path, body) = pick(&all, random);
                apigee.try_by_hand(method.clone(), path, body.as_ref()).await?;
                Some(format!("{method} {path}"))
            }
        }
    }

    /// Creates an unmanaged object.
    async fn add(&mut self, apigee: &Apigee, random: &mut Random) -> String {
        self.count += 1;
        let name = format!("foreign-{}", self.count);
        let environment = *pick(&ENVIRONMENTS, random);
        let base = format!("environments/{environment}");
        match random.below(4) {
            0 => {
                let body = json!({"name": name, "host": "foreign.example.com", "port": 80, "isEnabled": true});
                apigee.by_hand(Method::POST, &format!("{base}/targetservers"), Some(&body)).await;
                self.foreign.insert(format!("{base}/targetservers/{name}"), body);
            }
            1 => {
                let base = if random.below(2) == 0 { String::new() } else { format!("{base}/") };
                let path = format!("{base}keyvaluemaps");
                apigee.by_hand(Method::POST, &path, Some(&json!({"name": name, "encrypted": true}))).await;
                let path = format!("{path}/{name}");
                let entry = json!({"name": "k", "value": "theirs"});
                apigee.by_hand(Method::POST, &format!("{path}/entries"), Some(&entry)).await;
                self.foreign.insert(path, json!({"k": "theirs"}));
            }
            more => {
                let kind = if more == 2 { BundleKind::Proxy } else { BundleKind::SharedFlow };
                let files = files(kind, &name, "theirs", None, None);
                apigee.import(kind, &name, &files, "theirs", Some(environment)).await;
                self.foreign.insert(format!("{}/{name}", kind.collection()), json!("exists"));
                self.foreign.insert(format!("{base}/{}/{name}", kind.collection()), without_root(files));
            }
        }
        format!("add {name}")
    }

    /// Undeploys a managed bundle, deploys an older revision of it, or edits it and keeps its description.
    async fn bundle(&mut self, apigee: &Apigee, random: &mut Random) -> Option<String> {
        let kind = *pick(&BundleKind::ALL, random);
        let environment = *pick(&ENVIRONMENTS, random);
        let deployed = apigee.deployed(kind, environment).await;
        let ours: Vec<_> = deployed.into_iter().filter(|(name, _)| !name.starts_with("foreign-")).collect();
        if ours.is_empty() {
            return None;
        }
        let (name, revision) = pick(&ours, random);
        let collection = kind.collection();
        let deployments =
            |revision: &str| format!("environments/{environment}/{collection}/{name}/revisions/{revision}/deployments");
        match random.below(3) {
            0 => {
                apigee.try_by_hand(Method::DELETE, &deployments(revision), None).await?;
                Some(format!("take {name} out of {environment}"))
            }
            1 => {
                let revisions = apigee.names(&format!("{collection}/{name}/revisions"), "").await;
                let other = pick(&revisions, random);
                let path = format!("{}?override=true", deployments(other));
                apigee.try_by_hand(Method::POST, &path, None).await?;
                Some(format!("deploy revision {other} of {name} to {environment}"))
            }
            _ => {
                let old = apigee.get(&format!("{collection}/{name}/revisions/{revision}")).await;
                let description = old["description"].as_str()?;
                let files = files(kind, name, "edited", None, None);
                let edited = apigee.import(kind, name, &files, description, Some(environment)).await;
                self.revisions.insert((kind, name.clone(), edited.clone()));
                Some(format!("edit revision {revision} of {name} in {environment}: {edited}"))
            }
        }
    }
}
