//! From an `ApigeeProxy` to the files of its bundle, and from any bundle to what it needs.
//!
//! `spec` says what was written; [`resolve`] turns it into a model that says what it means (the files named after
//! Apigee's own words), and the model is laid out as files. The order of what runs is decided in one place:
//! `resolve::FEATURES`. There is no input or output here, and no Kubernetes.

mod api_proxy;
mod condition;
mod credential;
mod flow;
mod inspect;
mod path;
mod proxy_endpoint;
mod resolve;
mod target_endpoint;

pub use inspect::{Inspected, inspect};

use crate::bundle::manifest::Requirements;
use crate::bundle::{BundleKind, Files};
use crate::diag::{Code, Diagnostic, FieldPath, Report};
use crate::spec::ApigeeProxySpec;

/// A bundle that was made from a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The files below `apiproxy`.
    pub files: Files,
    /// What must exist in Apigee before it can run.
    pub requires: Requirements,
    /// The paths that it serves.
    pub base_paths: Vec<String>,
    /// Whether it shows a Google credential to a target, so that its deployment must name a service account.
    pub google_auth: bool,
}

/// Makes the bundle of a proxy; none if an error was reported, or if the spec has a `bundle` of its own: then only the
/// conflicts between that and the other fields are reported, and the bundle's files are for [`inspect`].
pub fn generate(name: &str, spec: &ApigeeProxySpec, report: &mut Report<'_>) -> Option<Generated> {
    let mut own = Report::new(report.subject());
    let generated = if spec.bundle.is_some() {
        resolve::check_bundle_source(spec, &mut own);
        None
    } else {
        let proxy = resolve::resolve(name, spec, &mut own);
        // A model with errors is not laid out: what it lacks would only be reported a second time.
        if own.has_errors() { None } else { lay_out(name, &proxy, &mut own) }
    };
    let failed = own.has_errors();
    for diagnostic in own.into_diagnostics() {
        report.push(diagnostic);
    }
    generated.filter(|_| !failed)
}

fn lay_out(name: &str, proxy: &api_proxy::ApiProxy, report: &mut Report<'_>) -> Option<Generated> {
    let files = match proxy.files() {
        Ok(files) => files,
        Err(why) => {
            report.push(
                Diagnostic::error(Code::InvalidValue, format!("the bundle cannot be written: {why}"))
                    .at(FieldPath::of(&["spec"]))
                    .help("remove the character from the field that gives this text"),
            );
            return None;
        }
    };
    // What we made is read as a stranger's bundle is: a fault found here is ours.
    let (inspected, findings) = inspect::read(BundleKind::Proxy, name, &files);
    for finding in findings {
        report
            .push(Diagnostic::error(Code::Internal, format!("the generated bundle is not sound: {}", finding.message)));
    }
    Some(Generated {
        files,
        requires: inspected.requires,
        base_paths: inspected.base_paths,
        google_auth: inspected.google_auth,
    })
}
