//! Base paths that new proxies need and that proxies outside of the input serve: Apigee would reject the deployment.

use std::collections::{BTreeMap, BTreeSet};

use super::claims::Recorded;
use super::difference::{Difference, PlannedChange};
use apigee_flux_configuration::Id;
use apigee_flux_deployer::survey::{OtherProxy, base_paths};
use apigee_flux_deployer::{Client, Error, Target};
use apigee_flux_function::expand::DesiredBundle;
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::bundle::batch::DEFAULT_WORKERS;
use apigee_flux_model::diag::human::plural;
use apigee_flux_model::names::served_path;

/// The number of proxies whose base paths are read, one request for each: at the default rate about 13 seconds. Those that leave the
/// input come first, since a renamed proxy is among them.
const MAX_READ: usize = 256;

/// A proxy outside of the input.
struct Other<'o> {
    proxy: &'o OtherProxy,
    /// What happens to it, if it left the input.
    leaving: Option<PlannedChange>,
    owner: Option<&'o str>,
}

/// Adds to the differences of bundles which base paths are taken, and by whom. Nothing is read if no proxy is new or changed. The result is
/// a note if not all proxies could be read.
pub(super) async fn check(
    client: &Client,
    target: &Target,
    bundles: &[DesiredBundle],
    differences: &mut [Difference],
    others: &[OtherProxy],
    leaving: &[Difference],
    recorded: &Recorded,
) -> Result<Option<String>, Error> {
    let mut wanted: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, (bundle, difference)) in bundles.iter().zip(&*differences).enumerate() {
        if matches!(difference.change, PlannedChange::Create | PlannedChange::Update) {
            for path in &bundle.base_paths {
                wanted.entry(served_path(path)).or_default().push(index);
            }
        }
    }
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut others: Vec<Other<'_>> = others.iter().map(|proxy| other(proxy, leaving, recorded)).collect();
    others.sort_by_key(|other| other.leaving.is_none());
    let unread = others.len().saturating_sub(MAX_READ);
    others.truncate(MAX_READ);
    let read: Vec<OtherProxy> = others.iter().map(|other| other.proxy.clone()).collect();
    let paths = base_paths(client, target, &read, DEFAULT_WORKERS).await?;
    for (other, paths) in others.iter().zip(&paths) {
        let served: BTreeSet<&str> = paths.iter().map(|path| served_path(path)).collect();
        for (path, &index) in served
            .iter()
            .filter_map(|path| Some((path, wanted.get(path)?)))
            .flat_map(|(path, all)| all.iter().map(move |index| (path, index)))
        {
            if let Some(difference) = differences.get_mut(index) {
                taken(difference, path, other);
            }
        }
    }
    Ok((unread > 0).then(|| {
        format!(
            "environment `{}` of `{}`: the base paths of {} outside of the input were not read, so one of them may have the base path of a \
             new proxy",
            target.environment,
            target.organization,
            plural(unread, "proxy").replace("proxys", "proxies")
        )
    }))
}

fn other<'o>(proxy: &'o OtherProxy, leaving: &[Difference], recorded: &'o Recorded) -> Other<'o> {
    let id = Id { kind: BundleKind::Proxy.resource_kind().to_owned(), parent: None, name: proxy.name.to_string() };
    let left = leaving
        .iter()
        .find(|left| left.kind == id.kind && left.name == id.name && left.environment == recorded.place.environment);
    Other {
        proxy,
        leaving: left.map(|left| left.change),
        owner: recorded.records.get(&id).map(|record| record.owner.as_str()),
    }
}

fn taken(difference: &mut Difference, path: &str, other: &Other<'_>) {
    let name = &other.proxy.name;
    let keep = format!("set `spec.name: {name}` to keep the name in Apigee");
    match (other.leaving, other.owner) {
        (Some(PlannedChange::Delete), _) => {
            difference.reason += &format!(
                "; renaming interrupts `{path}`, which the proxy `{name}` serves until the reconciler removes it: {keep}"
            );
        }
        (Some(_), _) => {
            difference.change = PlannedChange::Refused;
            difference.reason = format!(
                "the base path `{path}` is taken by the proxy `{name}`, which left the specs and is kept: {keep}, or undeploy it first"
            );
        }
        (None, owner) => {
            difference.change = PlannedChange::Refused;
            let owner = owner.map_or_else(|| "no recorded owner".to_owned(), |owner| format!("the owner `{owner}`"));
            difference.reason = format!(
                "the base path `{path}` is taken by the proxy `{name}` with {owner}, which is not in the input: choose another path, or \
                 undeploy that proxy first"
            );
        }
    }
}
