//! The settings of `spec.deploy` for one environment.

use std::num::NonZeroU32;

use super::environment::Environment;
use crate::spec::deploy::{self, BundleDeletionPolicy, Deploy};
use crate::spec::environment::Wait;
use apigee_flux_model::bundle::{BundleKind, DeploySettings, SmokeTest};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::lifecycle::WhenGone;

/// The default expected status of a smoke test.
const OK: u16 = 200;

/// The settings of a bundle in an environment. Invalid settings, which [`check`] reports, are left out.
pub(super) fn settings(deploy: &Deploy, base_paths: &[String], environment: &Environment<'_>) -> DeploySettings {
    DeploySettings {
        service_account: deploy.service_account.clone(),
        keep_revisions: deploy.keep_revisions.and_then(NonZeroU32::new),
        allow_extensible: deploy.allow_extensible,
        smoke_test: deploy.smoke_test.as_ref().and_then(|test| {
            let url = url(test, base_paths, environment.spec.gateway.as_deref())?;
            Some(SmokeTest { url, expect_status: test.expect_status.unwrap_or(OK) })
        }),
        when_gone: match deploy.deletion_policy {
            BundleDeletionPolicy::Orphan => WhenGone::Orphan,
            BundleDeletionPolicy::Undeploy => WhenGone::Undeploy,
            BundleDeletionPolicy::Delete => WhenGone::Delete,
        },
        adopt: deploy.adopt,
    }
}

fn url(test: &deploy::SmokeTest, base_paths: &[String], gateway: Option<&str>) -> Option<String> {
    if let Some(url) = &test.url {
        return Some(url.clone());
    }
    let path = test.path.as_deref().unwrap_or_default().trim_start_matches('/');
    let base = base_paths.first()?.trim_end_matches('/');
    let below = if path.is_empty() { base.to_owned() } else { format!("{base}/{path}") };
    Some(format!("{}{below}", gateway?.trim_end_matches('/')))
}

/// Checks `spec.deploy`.
pub(super) fn check(
    deploy: &Deploy,
    kind: BundleKind,
    base_paths: &[String],
    environments: &[&Environment<'_>],
    report: &mut Report<'_>,
) {
    if let Some(test) = &deploy.smoke_test {
        check_smoke_test(test, kind, base_paths, environments, report);
    }
}

fn is_url(text: &str) -> bool {
    let is_http = text.starts_with("https://") || text.starts_with("http://");
    is_http && !text.contains(|c: char| c.is_control() || c.is_whitespace())
}

fn check_smoke_test(
    test: &deploy::SmokeTest,
    kind: BundleKind,
    base_paths: &[String],
    environments: &[&Environment<'_>],
    report: &mut Report<'_>,
) {
    let at = |key: &str| FieldPath::of(&["spec", "deploy", "smokeTest", key]);
    match (&test.path, &test.url) {
        (Some(_), Some(_)) => report.push(
            Diagnostic::error(Code::ConflictingFields, "`path` cannot be combined with `url`")
                .at(at("url"))
                .help("keep one of them"),
        ),
        (_, Some(url)) if !is_url(url) => {
            report.error(Code::InvalidValue, at("url"), format!("`{url}` is not an http or https URL"));
        }
        (_, Some(_)) => {}
        (_, None) if kind == BundleKind::SharedFlow || base_paths.is_empty() => report.push(
            Diagnostic::error(Code::MissingField, format!("a {} without a base path has no path to test", kind.noun()))
                .at(at("url"))
                .help("set `url` to the URL of a proxy that calls it"),
        ),
        (_, None) => {
            for environment in environments.iter().filter(|environment| environment.spec.gateway.is_none()) {
                let name = environment.name();
                report.push(
                    Diagnostic::error(
                        Code::MissingField,
                        format!("the environment `{name}` does not set the URL of its gateway"),
                    )
                    .at(at("path"))
                    .help(format!(
                        "set `spec.gateway: https://…` in the ApigeeEnvironment of `{name}`, or `smokeTest.url` here"
                    )),
                );
            }
        }
    }
    for environment in environments.iter().filter(|environment| environment.spec.deployer.wait == Wait::Accepted) {
        report.push(
            Diagnostic::error(
                Code::ConflictingFields,
                format!(
                    "the deployer of environment `{}` does not wait until the gateway has the revision, so there is nothing to test",
                    environment.name()
                ),
            )
            .at(FieldPath::of(&["spec", "deploy", "smokeTest"]))
            .help("set `spec.deployer.wait: ready` in the ApigeeEnvironment, or remove the smoke test"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_the_gateways_and_the_base_paths() {
        let test =
            |path: Option<&str>| deploy::SmokeTest { path: path.map(str::to_owned), url: None, expect_status: None };
        let check = |path, base: &str, gateway, expected: Option<&str>| {
            assert_eq!(url(&test(path), &[base.to_owned()], gateway).as_deref(), expected);
        };
        check(
            Some("/ping"),
            "/orders/v1",
            Some("https://api.example.com/"),
            Some("https://api.example.com/orders/v1/ping"),
        );
        check(Some("ping?a=b"), "/", Some("https://api.example.com"), Some("https://api.example.com/ping?a=b"));
        check(None, "/orders", Some("https://api.example.com"), Some("https://api.example.com/orders"));
        check(None, "/orders", None, None);
    }
}
