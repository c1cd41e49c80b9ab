//! The errors of BasicAuthentication.

use super::rule::{DeploymentRule, hit, missing, missing_value, rule, word};

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["BasicAuthentication"], "UserNameRequired", |node| {
        if word(node, "Operation").is_none_or(|o| o.eq_ignore_ascii_case("Encode")) {
            missing_value(node, "User")
        } else {
            None
        }
    }),
    rule(&["BasicAuthentication"], "PasswordRequired", |node| {
        if word(node, "Operation").is_none_or(|o| o.eq_ignore_ascii_case("Encode")) {
            missing_value(node, "Password")
        } else {
            None
        }
    }),
    rule(&["BasicAuthentication"], "AssignToRequired", |node| {
        let encodes = word(node, "Operation").is_some_and(|operation| operation.eq_ignore_ascii_case("Encode"));
        if encodes && word(node, "AssignTo").is_none() {
            return hit(
                node,
                "<AssignTo> is missing",
                "name the variable that receives the header, for example `<AssignTo>request.header.Authorization</AssignTo>`",
            );
        }
        None
    }),
    rule(&["BasicAuthentication"], "SourceRequired", |node| {
        let decodes = word(node, "Operation").is_some_and(|operation| operation.eq_ignore_ascii_case("Decode"));
        if decodes { missing(node, "Source", "write `<Source>request.header.Authorization</Source>`") } else { None }
    }),
];

#[cfg(test)]
mod tests {
    use super::RULES;
    use crate::check::deployment_errors::testing::assert_examples;

    #[test]
    fn every_error_is_found_by_its_name() {
        assert_examples(
            RULES,
            &[
                (
                    "<BasicAuthentication><Operation>Encode</Operation><Password ref='p'/><AssignTo>a</AssignTo></BasicAuthentication>",
                    "UserNameRequired",
                ),
                (
                    "<BasicAuthentication><Operation>Encode</Operation><User ref='u'/><AssignTo>a</AssignTo></BasicAuthentication>",
                    "PasswordRequired",
                ),
                (
                    "<BasicAuthentication><Operation>Encode</Operation><User ref='u'/><Password ref='p'/></BasicAuthentication>",
                    "AssignToRequired",
                ),
                (
                    "<BasicAuthentication><Operation>Decode</Operation><User ref='u'/><Password ref='p'/></BasicAuthentication>",
                    "SourceRequired",
                ),
            ],
        );
    }
}
