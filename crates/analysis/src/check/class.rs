//! Standard or extensible: the class decides what Apigee charges and in which environments a bundle can be deployed.

use crate::policy::{Class as PolicyClass, policy_type};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::runtime::RuntimeBundle;

/// The policies that decide the class of a bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BundleClass {
    /// The policies that make it extensible: name and root element.
    pub extensible: Vec<(String, String)>,
    /// Policies that are unknown or whose class Google's pages do not state.
    pub unknown: Vec<(String, String)>,
}

/// How many policies a message names: the first ones show what to fix.
const NAMED: usize = 5;

/// Returns the field that a policy comes from.
pub type OriginOf<'a> = &'a dyn Fn(&str) -> Option<String>;

impl BundleClass {
    /// Reports the class, for information.
    pub fn tell(&self, origin: OriginOf<'_>, report: &mut Report<'_>) {
        let message = if !self.extensible.is_empty() {
            format!("extensible because of {}", named(&self.extensible, origin))
        } else if !self.unknown.is_empty() {
            format!("standard, unless Apigee counts {} as extensible", named(&self.unknown, origin))
        } else {
            "standard: it can be deployed to every environment".to_owned()
        };
        report.push(Diagnostic::info(Code::ExtensibleProxy, message));
    }

    /// Reports extensible policies. Called when `allowExtensible` is `false`.
    pub fn forbid_extensible(&self, origin: OriginOf<'_>, report: &mut Report<'_>) {
        let at = FieldPath::of(&["spec", "deploy", "allowExtensible"]);
        if !self.extensible.is_empty() {
            let message = format!("the proxy is extensible because of {}", named(&self.extensible, origin));
            report.push(
                Diagnostic::error(Code::ExtensibleProxy, message)
                    .at(at)
                    .help("remove the fields that add these policies, or allow an extensible proxy with `true`"),
            );
        } else if !self.unknown.is_empty() {
            let message = format!("the proxy may be extensible because of {}", named(&self.unknown, origin));
            report.push(
                Diagnostic::warning(Code::ExtensibleProxy, message)
                    .at(at)
                    .help("look up the policy's class on Apigee's page \"Policy reference overview\""),
            );
        }
    }
}

fn named(policies: &[(String, String)], origin: OriginOf<'_>) -> String {
    let mut names: Vec<String> = policies
        .iter()
        .take(NAMED)
        .map(|(name, element)| match origin(name) {
            Some(field) => format!("`{name}` ({element}, from `{field}`)"),
            None => format!("`{name}` ({element})"),
        })
        .collect();
    if policies.len() > NAMED {
        names.push(format!("{} more", policies.len() - NAMED));
    }
    names.join(", ")
}

/// The class of a bundle. A policy counts whether or not a step runs it.
pub fn class(bundle: &RuntimeBundle<'_>) -> BundleClass {
    let mut class = BundleClass::default();
    for policy in bundle.policies.values() {
        let list = match policy_type(policy.element).map(|known| known.class) {
            Some(PolicyClass::Standard) => continue,
            Some(PolicyClass::Extensible) => &mut class.extensible,
            Some(PolicyClass::Unstated) | None => &mut class.unknown,
        };
        list.push((policy.name.to_owned(), policy.element.to_owned()));
    }
    class
}
