//! The differences of proxies and shared flows.

use super::claims::Recorded;
use super::difference::{Detail, Difference, PlannedChange};
use super::{mask, unified};
use apigee_flux_configuration::Id;
use apigee_flux_deployer::drift::{Depth, DesiredDeployment, DesiredState, Download};
use apigee_flux_deployer::file_difference::{FileContent, FileDifference};
use apigee_flux_deployer::survey::{OtherProxy, Survey, survey};
use apigee_flux_deployer::{Client, Drift, Error, Target};
use apigee_flux_function::expand::DesiredBundle;
use apigee_flux_model::bundle::batch::DEFAULT_WORKERS;
use apigee_flux_model::lifecycle::Adopt;

/// The compared bundles of an environment.
pub(super) struct ComparedBundles {
    /// One for each bundle, in order.
    pub differences: Vec<Difference>,
    /// The deployed proxies that are not among them.
    pub others: Vec<OtherProxy>,
}

/// Compares all bundles of an environment, including the state of the runtime, which a deployment would repair.
pub(super) async fn differences(
    client: &Client,
    target: &Target,
    bundles: &[DesiredBundle],
    recorded: &Recorded,
    deep: bool,
) -> Result<ComparedBundles, Error> {
    let depth = Depth { download: if deep { Download::Always } else { Download::IfOther }, state: true };
    let desired: Vec<DesiredDeployment> = bundles.iter().map(desired).collect::<Result<_, _>>()?;
    let Survey { drifts, others } = survey(client, target, desired, &recorded.records, depth, DEFAULT_WORKERS).await?;
    let compared = bundles.iter().zip(&drifts);
    let differences = compared.map(|(bundle, drift)| difference(target, bundle, drift, recorded)).collect();
    Ok(ComparedBundles { differences, others })
}

/// The resource of a bundle.
pub(super) fn id(bundle: &DesiredBundle) -> Id {
    Id { kind: bundle.kind.resource_kind().to_owned(), parent: None, name: bundle.name.clone() }
}

fn desired(bundle: &DesiredBundle) -> Result<DesiredDeployment, Error> {
    let state = match bundle.removal {
        Some(removal) => DesiredState::Removed(removal),
        None => DesiredState::Deployed {
            files: bundle.files.clone(),
            digest: bundle.digest,
            service_account: bundle.settings.service_account.clone(),
        },
    };
    Ok(DesiredDeployment { kind: bundle.kind, name: bundle.name.parse().map_err(Error::Usage)?, state })
}

fn difference(target: &Target, bundle: &DesiredBundle, drift: &Drift, recorded: &Recorded) -> Difference {
    let id = id(bundle);
    let mut difference = Difference {
        organization: target.organization.to_string(),
        environment: Some(target.environment.to_string()),
        kind: id.kind.clone(),
        name: id.name.clone(),
        change: match drift {
            Drift::Same { .. } | Drift::Gone { .. } => PlannedChange::Unchanged,
            Drift::NotDeployed { .. } => PlannedChange::Create,
            Drift::NotRemoved { .. } => PlannedChange::Remove,
            Drift::OtherRevision { .. }
            | Drift::Edited { .. }
            | Drift::MaybeEdited { .. }
            | Drift::OtherAccount { .. }
            | Drift::Failing { .. } => PlannedChange::Update,
        },
        reason: drift.to_string(),
        details: drift.files().iter().map(detail).collect(),
    };
    if !recorded.records.contains_key(&id)
        && let Some(why) = unmanaged(drift, bundle.settings.adopt)
    {
        difference.change = PlannedChange::Refused;
        difference.reason = format!("{}: {why}", difference.reason);
    }
    // What is gone already is left alone, whoever owned it.
    if !matches!(drift, Drift::Gone { .. }) {
        recorded.settle(&mut difference, &id, bundle.namespace.as_deref(), bundle.settings.adopt);
    }
    difference
}

/// Why a deployed revision without any record is not replaced or removed.
fn unmanaged(drift: &Drift, adopt: Adopt) -> Option<&'static str> {
    match (drift, adopt) {
        (Drift::OtherRevision { record: None, .. }, Adopt::Never) => {
            Some("set `deploy.adopt: match` to adopt it if it is equal, or `deploy.adopt: override` to replace it")
        }
        (Drift::OtherRevision { record: None, files: Some(files), .. }, Adopt::Match) if !files.is_empty() => {
            Some("make the spec equal to it, or set `deploy.adopt: override` to replace it")
        }
        // The reason of the drift says what to do.
        (Drift::NotRemoved { revision: Some(_), ours: false }, _) => Some("no Job removes it"),
        _ => None,
    }
}

fn detail(difference: &FileDifference) -> Detail {
    let (deployed, desired) = (difference.deployed.as_ref(), difference.desired.as_ref());
    Detail {
        part: difference.path.to_string(),
        change: match (deployed, desired) {
            (None, _) => PlannedChange::Create,
            (Some(_), None) => PlannedChange::Remove,
            (Some(_), Some(_)) => PlannedChange::Update,
        },
        diff: diff(deployed, desired),
    }
}

fn diff(deployed: Option<&FileContent>, desired: Option<&FileContent>) -> String {
    if [deployed, desired].iter().any(|content| matches!(content, Some(FileContent::Binary { .. }))) {
        let size = |content: Option<&FileContent>| match content {
            Some(FileContent::Binary { size, .. }) => format!("{size} bytes"),
            Some(FileContent::Xml(_) | FileContent::Text(_)) => "text".to_owned(),
            None => "nothing".to_owned(),
        };
        return format!("(not text; actual: {}, desired: {})\n", size(deployed), size(desired));
    }
    let [deployed, desired] = [deployed, desired].map(|content| content.map(shown).unwrap_or_default());
    if deployed == desired {
        return "(only a credential differs, which is not shown)\n".to_owned();
    }
    unified::diff(&deployed, &desired)
}

/// A file as text, without credentials.
fn shown(content: &FileContent) -> String {
    match content {
        // XML that could be read can be written.
        FileContent::Xml(element) => mask::element(element).to_document().unwrap_or_default(),
        FileContent::Text(text) => mask::text(text),
        FileContent::Binary { .. } => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_deployer::canonical_xml::canonical;
    use apigee_flux_model::bundle::Digest;

    #[test]
    fn no_credential_is_shown_and_its_change_is() {
        let auth = |password: &str, user: &str| {
            let xml = format!(
                "<BasicAuthentication><User>{user}</User><Password>{password}</Password></BasicAuthentication>"
            );
            FileContent::Xml(canonical(xml.as_bytes()).unwrap())
        };
        let both = diff(Some(&auth("hunter2", "a")), Some(&auth("hunter3", "b")));
        assert!(both.contains("-  <User>a</User>\n+  <User>b</User>\n") && !both.contains("hunter"), "{both}");
        let only = diff(Some(&auth("hunter2", "a")), Some(&auth("hunter3", "a")));
        assert_eq!(only, "(only a credential differs, which is not shown)\n");
    }

    #[test]
    fn what_is_no_text_has_its_size_told() {
        let binary = FileContent::Binary { size: 3, digest: Digest::of_bytes(b"abc") };
        assert_eq!(diff(Some(&binary), None), "(not text; actual: 3 bytes, desired: nothing)\n");
    }
}
