//! Apigee's policies: one file for each that we generate, and the list of them.
//!
//! A policy is a typed value that becomes the children of its root element; the attributes that all policies share, and
//! `DisplayName`, are added here. Nothing here knows where a policy is attached.
//!
//! To add one: a file with a struct, its [`PolicyType`] and its [`Policy`], and one line in [`POLICIES`].

pub mod assign_message;
pub mod cors;
pub mod http_modifier;
pub mod oas_validation;
pub mod quota;
pub mod raise_fault;
pub mod raw;
pub mod spike_arrest;
pub mod verify_api_key;

use crate::xml::Element;

/// What Apigee charges for: one extensible policy makes the whole proxy extensible, which base environments refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Runs in every environment.
    Standard,
    /// Needs an intermediate or comprehensive environment.
    Extensible,
}

/// A type of policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyType {
    /// The root element of its file.
    pub element: &'static str,
    /// The prefix of its policies' names that apigeelint's rule PO007 knows.
    pub prefix: &'static str,
    /// What it does to the proxy's class.
    pub class: Class,
    /// What it does: one line.
    pub doc: &'static str,
}

/// Every type that we generate, by its element.
pub const POLICIES: &[PolicyType] = &[
    assign_message::TYPE,
    cors::TYPE,
    http_modifier::TYPE,
    oas_validation::TYPE,
    quota::TYPE,
    raise_fault::TYPE,
    spike_arrest::TYPE,
    verify_api_key::TYPE,
];

/// A policy that we generate.
pub trait Policy {
    /// Its type.
    fn policy_type(&self) -> &'static PolicyType;

    /// Adds what the policy says to its root element.
    fn fill(&self, root: Element) -> Element;

    /// The policy's file under a name.
    fn element(&self, name: &str) -> Element {
        self.fill(root(self.policy_type().element, name))
    }
}

/// A policy's root element: enabled, and a fault of it ends the request.
fn root(element: &str, name: &str) -> Element {
    Element::new(element)
        .attribute("continueOnError", "false")
        .attribute("enabled", "true")
        .attribute("name", name)
        .child(Element::leaf("DisplayName", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_prefixes_have_the_form_that_the_lint_knows() {
        assert!(POLICIES.is_sorted_by_key(|policy| policy.element.to_lowercase()));
        for policy in POLICIES {
            assert!(policy.prefix.chars().all(|c| c.is_ascii_alphanumeric()), "{}", policy.element);
            assert!(policy.doc.ends_with('.'), "{}", policy.element);
        }
    }
}
