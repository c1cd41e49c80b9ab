//! The differences of proxies and shared flows.

use super::difference::{Detail, Difference, PlannedChange};
use super::{mask, unified};
use apigee_flux_deployer::drift::{Depth, Download, Wanted, Wish};
use apigee_flux_deployer::file_difference::{FileDifference, Form};
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
    let wanted: Vec<Wanted> = bundles.into_iter().map(wanted).collect::<Result<_, _>>()?;
    let drifts = survey(client, target, wanted.clone(), depth, DEFAULT_WORKERS).await?;
    Ok(wanted.iter().zip(&drifts).map(|(wanted, drift)| difference(target, wanted, drift)).collect())
}

fn wanted(bundle: DesiredBundle) -> Result<Wanted, Error> {
    let wish = match bundle.removal {
        Some(removal) => Wish::Removed(removal),
        None => Wish::Deployed {
            files: bundle.files,
            digest: bundle.digest,
            service_account: bundle.settings.service_account,
        },
    };
    Ok(Wanted { kind: bundle.kind, name: bundle.name.parse().map_err(Error::Usage)?, wish })
}

fn difference(target: &Target, wanted: &Wanted, drift: &Drift) -> Difference {
    Difference {
        organization: target.organization.to_string(),
        environment: Some(target.environment.to_string()),
        kind: wanted.kind.resource_kind().to_owned(),
        name: wanted.name.to_string(),
        change: match drift {
            Drift::Same { .. } | Drift::Gone { .. } => PlannedChange::Unchanged,
            Drift::NotDeployed { .. } => PlannedChange::Create,
            Drift::Unwanted { .. } => PlannedChange::Remove,
            Drift::OtherRevision { .. } | Drift::Edited { .. } | Drift::OtherAccount { .. } | Drift::Failing { .. } => {
                PlannedChange::Update
            }
        },
        reason: drift.to_string(),
        details: drift.files().iter().map(detail).collect(),
    }
}

fn detail(difference: &FileDifference) -> Detail {
    let (deployed, wanted) = (difference.deployed.as_ref(), difference.wanted.as_ref());
    Detail {
        part: difference.path.to_string(),
        change: match (deployed, wanted) {
            (None, _) => PlannedChange::Create,
            (Some(_), None) => PlannedChange::Remove,
            (Some(_), Some(_)) => PlannedChange::Update,
        },
        diff: diff(deployed, wanted),
    }
}

fn diff(deployed: Option<&Form>, wanted: Option<&Form>) -> String {
    if [deployed, wanted].iter().any(|form| matches!(form, Some(Form::Binary { .. }))) {
        let size = |form: Option<&Form>| match form {
            Some(Form::Binary { size, .. }) => format!("{size} bytes"),
            Some(Form::Xml(_) | Form::Text(_)) => "text".to_owned(),
            None => "nothing".to_owned(),
        };
        return format!("(not text; actual: {}, desired: {})\n", size(deployed), size(wanted));
    }
    let [deployed, wanted] = [deployed, wanted].map(|form| form.map(shown).unwrap_or_default());
    if deployed == wanted {
        return "(only a credential differs, which is not shown)\n".to_owned();
    }
    unified::diff(&deployed, &wanted)
}

/// A file as text, without credentials.
fn shown(form: &Form) -> String {
    match form {
        // XML that could be read can be written.
        Form::Xml(element) => mask::element(element).to_document().unwrap_or_default(),
        Form::Text(text) => mask::text(text),
        Form::Binary { .. } => String::new(),
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
            Form::Xml(canonical(xml.as_bytes()).unwrap())
        };
        let both = diff(Some(&auth("hunter2", "a")), Some(&auth("hunter3", "b")));
        assert!(both.contains("-  <User>a</User>\n+  <User>b</User>\n") && !both.contains("hunter"), "{both}");
        let only = diff(Some(&auth("hunter2", "a")), Some(&auth("hunter3", "a")));
        assert_eq!(only, "(only a credential differs, which is not shown)\n");
    }

    #[test]
    fn what_is_no_text_has_its_size_told() {
        let binary = Form::Binary { size: 3, digest: Digest::of_bytes(b"abc") };
        assert_eq!(diff(Some(&binary), None), "(not text; actual: 3 bytes, desired: nothing)\n");
    }
}
