//! The errors of ExtractVariables and RegularExpressionProtection.

use std::collections::BTreeSet;

use super::rule::{DeploymentRule, hit, rule};
use crate::check::node::{child, text};
use apigee_flux_model::xml::Node;

/// The elements of which ExtractVariables needs one.
const EXTRACTS: &[&str] = &["URIPath", "QueryParam", "Header", "FormParam", "Variable", "XMLPayload", "JSONPayload"];

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["ExtractVariables"], "NothingToExtract", |node| {
        if EXTRACTS.iter().any(|name| child(node, name).is_some()) {
            return None;
        }
        hit(
            node,
            "it extracts nothing",
            format!("add one of {}", EXTRACTS.iter().map(|name| format!("<{name}>")).collect::<Vec<_>>().join(", ")),
        )
    }),
    rule(&["ExtractVariables", "RegularExpressionProtection"], "NoJSONPathsToEvaluate", |node| {
        let payload = child(node, "JSONPayload")?;
        if left_empty(node, payload) {
            return None;
        }
        if payload.descendants().any(|found| found.has_tag_name("JSONPath")) {
            return None;
        }
        hit(payload, "<JSONPayload> has no <JSONPath>", "add one, or remove the element")
    }),
    rule(&["ExtractVariables"], "EmptyJSONPathExpression", |node| {
        let found = first_empty(child(node, "JSONPayload")?, "JSONPath")?;
        hit(found, "a <JSONPath> is empty", "write an expression, for example `$.id`")
    }),
    rule(&["ExtractVariables", "RegularExpressionProtection"], "NoXPathsToEvaluate", |node| {
        let payload = child(node, "XMLPayload")?;
        if left_empty(node, payload) {
            return None;
        }
        if payload.descendants().any(|found| found.has_tag_name("XPath")) {
            return None;
        }
        hit(payload, "<XMLPayload> has no <XPath>", "add one, or remove the element")
    }),
    rule(&["ExtractVariables"], "EmptyXPathExpression", |node| {
        let found = first_empty(child(node, "XMLPayload")?, "XPath")?;
        hit(found, "an <XPath> is empty", "write an expression, for example `/order/id`")
    }),
    rule(&["RegularExpressionProtection"], "EmptyJSONPathExpression", |node| {
        let found = first_empty(child(node, "JSONPayload")?, "Expression")?;
        hit(found, "the <Expression> of a <JSONPath> is empty", "write an expression, for example `$.id`")
    }),
    rule(&["RegularExpressionProtection"], "EmptyXPathExpression", |node| {
        let found = first_empty(child(node, "XMLPayload")?, "Expression")?;
        hit(found, "the <Expression> of an <XPath> is empty", "write an expression, for example `/order/id`")
    }),
    rule(&["ExtractVariables", "RegularExpressionProtection"], "DuplicatePrefix", |node| {
        let mut seen = BTreeSet::new();
        let found = node.descendants().find(|found| {
            found.has_tag_name("Namespace") && found.attribute("prefix").is_some_and(|prefix| !seen.insert(prefix))
        })?;
        let prefix = found.attribute("prefix").unwrap_or_default();
        hit(found, format!("the prefix `{prefix}` is defined more than once"), "give each namespace its own prefix")
    }),
    rule(&["ExtractVariables", "RegularExpressionProtection"], "NonEmptyPrefixMappedToEmptyURI", |node| {
        let found = node.descendants().find(|found| {
            let prefixed = found.attribute("prefix").is_some_and(|prefix| !prefix.is_empty());
            found.has_tag_name("Namespace") && prefixed && text(*found).is_empty()
        })?;
        let prefix = found.attribute("prefix").unwrap_or_default();
        hit(found, format!("the prefix `{prefix}` has no namespace"), "write the namespace's URI into <Namespace>")
    }),
    rule(&["ExtractVariables", "RegularExpressionProtection"], "MissingName", |node| {
        let found = node.children().find(|found| {
            let named = matches!(found.tag_name().name(), "QueryParam" | "Header" | "FormParam" | "Variable");
            named && found.attribute("name").is_none_or(|name| name.trim().is_empty())
        })?;
        hit(found, format!("<{}> has no name", found.tag_name().name()), "write the attribute `name`")
    }),
    rule(&["ExtractVariables"], "PatternWithoutVariable", |node| {
        let found = node.descendants().find(|found| found.has_tag_name("Pattern") && !text(*found).contains('{'))?;
        hit(
            found,
            format!("the pattern `{}` has no variable", text(found)),
            "put the variable's name in braces, for example `/orders/{id}`",
        )
    }),
    rule(&["RegularExpressionProtection"], "NothingToEnforce", |node| {
        if EXTRACTS.iter().any(|name| child(node, name).is_some()) {
            return None;
        }
        hit(
            node,
            "it checks nothing",
            "add <URIPath>, <QueryParam>, <Header>, <FormParam>, <XMLPayload> or <JSONPayload>",
        )
    }),
    rule(&["RegularExpressionProtection"], "NoPatternsToEnforce", |node| {
        let found = node.children().find(|found| {
            let part = found.is_element() && !left_empty(node, *found) && EXTRACTS.contains(&found.tag_name().name());
            part && !found.descendants().any(|inner| inner.has_tag_name("Pattern"))
        })?;
        hit(found, format!("<{}> has no <Pattern>", found.tag_name().name()), "add one, or remove the element")
    }),
];

/// The first descendant with this name whose text is empty.
fn first_empty<'d>(node: Node<'d, 'd>, name: &str) -> Option<Node<'d, 'd>> {
    node.descendants().find(|found| found.has_tag_name(name) && text(*found).is_empty())
}

/// True for an empty payload next to other parts: Apigee's own editor leaves it there.
fn left_empty(node: Node<'_, '_>, payload: Node<'_, '_>) -> bool {
    let others = EXTRACTS.iter().any(|name| *name != payload.tag_name().name() && child(node, name).is_some());
    others && !payload.children().any(|inner| inner.is_element())
}

#[cfg(test)]
mod tests {
    use super::RULES;
    use crate::check::deployment_errors::testing::assert_examples;

    #[test]
    fn every_error_is_found_by_its_name() {
        assert_examples(
            RULES,
            &[
                ("<ExtractVariables><Source>request</Source></ExtractVariables>", "NothingToExtract"),
                ("<ExtractVariables><JSONPayload/></ExtractVariables>", "NoJSONPathsToEvaluate"),
                (
                    "<ExtractVariables><JSONPayload><Variable name='a'><JSONPath/></Variable></JSONPayload></ExtractVariables>",
                    "EmptyJSONPathExpression",
                ),
                ("<ExtractVariables><XMLPayload/></ExtractVariables>", "NoXPathsToEvaluate"),
                (
                    "<ExtractVariables><XMLPayload><Variable name='a'><XPath/></Variable></XMLPayload></ExtractVariables>",
                    "EmptyXPathExpression",
                ),
                (
                    "<ExtractVariables><XMLPayload><Namespaces><Namespace prefix='a'>x</Namespace><Namespace prefix='a'>y</Namespace></Namespaces><Variable name='a'><XPath>/a</XPath></Variable></XMLPayload></ExtractVariables>",
                    "DuplicatePrefix",
                ),
                (
                    "<ExtractVariables><XMLPayload><Namespaces><Namespace prefix='a'/></Namespaces><Variable name='a'><XPath>/a</XPath></Variable></XMLPayload></ExtractVariables>",
                    "NonEmptyPrefixMappedToEmptyURI",
                ),
                ("<ExtractVariables><Header><Pattern>{a}</Pattern></Header></ExtractVariables>", "MissingName"),
                (
                    "<ExtractVariables><URIPath><Pattern>/a</Pattern></URIPath></ExtractVariables>",
                    "PatternWithoutVariable",
                ),
                (
                    "<RegularExpressionProtection><Source>request</Source></RegularExpressionProtection>",
                    "NothingToEnforce",
                ),
                ("<RegularExpressionProtection><URIPath/></RegularExpressionProtection>", "NoPatternsToEnforce"),
                (
                    "<RegularExpressionProtection><JSONPayload><JSONPath><Expression/><Pattern>a</Pattern></JSONPath></JSONPayload></RegularExpressionProtection>",
                    "EmptyJSONPathExpression",
                ),
                (
                    "<RegularExpressionProtection><XMLPayload><XPath><Expression/><Pattern>a</Pattern></XPath></XMLPayload></RegularExpressionProtection>",
                    "EmptyXPathExpression",
                ),
            ],
        );
    }
}
