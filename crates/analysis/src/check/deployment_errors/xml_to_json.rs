//! The errors of XMLToJSON.

use super::rule::{DeploymentRule, hit, rule, word};
use crate::check::node::child;

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["XMLToJSON"], "EitherOptionOrFormat", |node| {
        if child(node, "Options").is_some() || child(node, "Format").is_some() {
            return None;
        }
        hit(node, "it has neither <Options> nor <Format>", "write `<Format>yahoo</Format>`")
    }),
    rule(&["XMLToJSON"], "UnknownFormat", |node| {
        let formats = ["xml.com", "yahoo", "google", "badgerFish"];
        let format = word(node, "Format").filter(|format| !formats.contains(format))?;
        hit(
            child(node, "Format")?,
            format!("`{format}` is not a supported format"),
            format!("write one of {}", formats.join(", ")),
        )
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
                ("<XMLToJSON/>", "EitherOptionOrFormat"),
                ("<XMLToJSON><Format>json</Format></XMLToJSON>", "UnknownFormat"),
            ],
        );
    }
}
