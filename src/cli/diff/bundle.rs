//! The differences of proxies and shared flows.

use super::difference::{Detail, Difference, PlannedChange};
use super::{mask, unified};
use apigee_flux_deployer::drift::{Depth, DesiredDeployment, DesiredState, Download};
use apigee_flux_deployer::file_difference::{FileContent, FileDifference};
use apigee_flux_deployer::survey::survey;
use apigee_flux_deployer::{Client, Drift, Error, Target};
use apigee_flux_function::expand::DesiredBundle;
use apigee_flux_model::bundle::batch::DEFAULT_WORKERS;

/// Compares all bundles of an environment, including the state of the runtime, which a deployment would repair.
pub(super) async fn differences(
    client: &Client,
    target: &Target,
    bundles: Vec<DesiredBundle>,
    deep: bool,
) -> Result<Vec<Difference>, Error> {
    let depth = Depth { download: if deep { Download::Always } else { Download::IfOther }, state: true };
    let desired: Vec<DesiredDeployment> = bundles.into_iter().map(desired).collect::<Result<_, _>>()?;
    let drifts = survey(client, target, desired.clone(), depth, DEFAULT_WORKERS).await?;
    Ok(desired.iter().zip(&drifts).map(|(desired, drift)| difference(target, desired, drift)).collect())
}

fn desired(bundle: DesiredBundle) -> Result<DesiredDeployment, Error> {
    let state = match bundle.removal {
        Some(removal) => DesiredState::Removed(removal),
        None => DesiredState::Deployed {
            files: bundle.files,
            digest: bundle.digest,
            service_account: bundle.settings.service_account,
        },
    };
    Ok(DesiredDeployment { kind: bundle.kind, name: bundle.name.parse().map_err(Error::Usage)?, state })
}

fn difference(target: &Target, desired: &DesiredDeployment, drift: &Drift) -> Difference {
    Difference {
        organization: target.organization.to_string(),
        environment: Some(target.environment.to_string()),
        kind: desired.kind.resource_kind().to_owned(),
        name: desired.name.to_string(),
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
