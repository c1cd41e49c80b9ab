//! Base paths that new proxies need and that proxies outside of the input serve: Apigee would reject the deployment.

use std::collections::BTreeMap;

use super::claims::Recorded;
use super::difference::{Difference, PlannedChange};
use apigee_flux_configuration::Id;
use apigee_flux_deployer::survey::{OtherProxy, base_paths};
use apigee_flux_deployer::{Client, Error, Target};
use apigee_flux_function::expand::DesiredBundle;
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::bundle::batch::DEFAULT_WORKERS;
use apigee_flux_model::names::served_path;

/// The number of proxies whose base paths are read, one request for each: at the default rate about 13 seconds. Those that leave the
/// input come first, since a renamed proxy is among them.
const MAX_READ: usize = 256;

/// A proxy outside of the input.
struct Other<'o> {
    proxy: &'o OtherProxy,
    /// Its place among the resources that left the input.
    leaving: Option<usize>,
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
    leaving: &mut [Difference],
    recorded: &Recorded,
) -> Result<Option<String>, Error> {
    let mut wanted: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, (bundle, difference)) in bundles.iter().zip(&*differences).enumerate() {
        if matches!(difference.change, PlannedChange::Create | PlannedChange::Update) {
            // Two proxies of one input cannot have one base path.
            wanted.extend(bundle.base_paths.iter().map(|path| (served_path(path), index)));
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
        for path in paths.iter().map(|path| served_path(path)) {
            if let Some(difference) = wanted.get(path).and_then(|&index| differences.get_mut(index)) {
                taken(difference, path, other, leaving);
            }
        }
    }
    Ok((unread > 0).then(|| {
        format!(
            "{}: the base paths of {} that are not in the input were not read; one of them may serve the path of a new proxy",
            recorded.place.as_place(),
            if unread == 1 { "1 proxy".to_owned() } else { format!("{unread} proxies") }
        )
    }))
}

fn other<'o>(proxy: &'o OtherProxy, leaving: &[Difference], recorded: &'o Recorded) -> Other<'o> {
    let id = Id { kind: BundleKind::Proxy.resource_kind().to_owned(), parent: None, name: proxy.name.to_string() };
    let is_it = |left: &Difference| {
        left.kind == id.kind && left.name == id.name && left.environment == recorded.place.environment
    };
    Other {
        proxy,
        leaving: leaving.iter().position(is_it),
        owner: recorded.records.get(&id).map(|record| record.owner.as_str()),
    }
}

fn taken(difference: &mut Difference, path: &str, other: &Other<'_>, leaving: &mut [Difference]) {
    let name = &other.proxy.name;
    if let Some(left) = other.leaving.and_then(|index| leaving.get_mut(index)) {
        difference.add_reason(&format!(
            "its Job first undeploys the proxy `{name}`, which left the specs, so renaming interrupts `{path}`: set `spec.name: {name}` to \
             keep the name in Apigee"
        ));
        if left.change == PlannedChange::Kept {
            left.change = PlannedChange::Delete;
            left.reason = format!(
                "it is not in the specs, and the proxy `{}` gets its base path `{path}`: the Job of that proxy undeploys it",
                difference.name
            );
        }
        return;
    }
    let owner =
        other.owner.map_or_else(|| "which has no owner".to_owned(), |owner| format!("whose owner is `{owner}`"));
    difference.change = PlannedChange::Refused;
    difference.reason = format!(
        "the base path `{path}` is taken by the proxy `{name}`, {owner} and which is not in the input: choose another path, or undeploy that \
         proxy first"
    );
}
