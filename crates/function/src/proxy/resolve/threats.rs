//! `security.threats`.

use super::context::Context;
use super::endpoint::{Draft, Given};
use super::names;
use crate::spec::threats::{JsonLimits, PatternSet, Threats, XmlLimits};
use apigee_flux_analysis::policy::json_threat_protection::{self, JsonThreatProtection};
use apigee_flux_analysis::policy::regular_expression_protection::{self as regex, RegularExpressionProtection};
use apigee_flux_analysis::policy::xml_threat_protection::{self, XmlThreatProtection};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::yaml::word_or::WordOr;

/// The condition that there is a body. Both policies ignore bodies with another `Content-Type` than theirs.
const HAS_BODY: &str = "(request.content != null) and (request.content != \"\")";

/// The expressions, based on those of Google's page on the policy. They match anywhere in the path and in the raw query
/// string, where a space is `+` or `%20`, and `<` is `%3c`; unlike Google's, they match whole words only, so that
/// `/executives` and `orders` are not SQL. Groups are plain, as apigeelint's rule PO018 requires.
const fn pattern(set: PatternSet) -> &'static str {
    match set {
        // ?q=1%20or%201=1, ?q=1;DROP+TABLE+users, ?q=1'+union+all+select+name; not: ?sort=order, /dropbox
        PatternSet::Sql => {
            r"(?i)(\b|%[0-9a-f][0-9a-f])((delete)|(exec)|(drop([\s+]|%[0-9a-f][0-9a-f])*table)|(insert)|(shutdown)|(update)|(union([\s+]|%[0-9a-f][0-9a-f])+(all([\s+]|%[0-9a-f][0-9a-f])+)?select)|(or))\b"
        }
        // ?q=<script>, ?q=%3CScript%20src=x; not: ?q=script
        PatternSet::Script => r"(?i)(<|%3c)([\s+]|%[0-9a-f][0-9a-f])*script\b",
        // ?q=<!--#exec cmd="ls", ?q=%3C!--%23include+virtual
        PatternSet::Ssi => r"(?i)(<|%3c)(!|%21)--(#|%23)(include|exec|echo|config|printenv)\b",
        // ?q=ancestor::node(), ?q=following-sibling%3A%3Aa; not: ?q=ancestor
        PatternSet::Xpath => {
            r"(?i)(ancestor(-or-self)?|descendant(-or-self)?|following(-sibling)?|preceding(-sibling)?)(::|%3a%3a)"
        }
        // ?q=Exception+in+thread+"main"
        PatternSet::JavaException => r"(?i)exception([\s+]|%20)+in([\s+]|%20)+thread",
    }
}

/// Adds the checks: first the one of the path and the query, then those that parse a body.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>) {
    let Some(Given { value: WordOr::Value(threats), at, own }) = draft.intent.threats.clone() else {
        return;
    };
    check(threats, &at, context.report);
    if !threats.patterns.is_empty() {
        let policy = RegularExpressionProtection {
            patterns: threats.patterns.iter().map(|set| pattern(*set)).collect(),
            query: threats.query.clone(),
        };
        let name = draft.intent.policy_name(regex::TYPE.prefix, "Threats", own);
        draft.endpoint.pre_flow.request.push(context.add(&name, &policy, &at));
    }
    if let Some(limits) = &threats.json {
        let name = draft.intent.policy_name(json_threat_protection::TYPE.prefix, "Default", own);
        let step = context.add(&name, &json(limits), &at).and(Some(HAS_BODY));
        draft.endpoint.pre_flow.request.push(step);
    }
    if let Some(limits) = &threats.xml {
        let name = draft.intent.policy_name(xml_threat_protection::TYPE.prefix, "Default", own);
        let step = context.add(&name, &xml(limits), &at).and(Some(HAS_BODY));
        draft.endpoint.pre_flow.request.push(step);
    }
}

/// The limits; the defaults are documented in `spec::threats`.
fn json(limits: &JsonLimits) -> JsonThreatProtection {
    JsonThreatProtection {
        array: limits.max_array.unwrap_or(1000),
        depth: limits.max_depth.unwrap_or(10),
        entries: limits.max_entries.unwrap_or(100),
        name: limits.max_name.unwrap_or(128),
        string: limits.max_string.unwrap_or(10_000),
    }
}

fn xml(limits: &XmlLimits) -> XmlThreatProtection {
    XmlThreatProtection {
        depth: limits.max_depth.unwrap_or(10),
        children: limits.max_children.unwrap_or(1000),
        attributes: limits.max_attributes.unwrap_or(50),
        namespaces: limits.max_namespaces.unwrap_or(20),
        text: limits.max_text.unwrap_or(10_000),
        name: limits.max_name.unwrap_or(128),
    }
}

fn check(threats: &Threats, at: &FieldPath, report: &mut Report<'_>) {
    if *threats == Threats::default() {
        report.push(
            Diagnostic::error(Code::MissingField, "`threats` has no checks")
                .at(at)
                .help("write `json: {}`, `xml: {}` or `patterns: [sql, script]`, or `threats: none`"),
        );
    }
    if threats.patterns.is_empty() && !threats.query.is_empty() {
        report.push(
            Diagnostic::error(Code::ConflictingFields, "`query` needs `patterns`")
                .at(at.key("query"))
                .help("write which patterns to look for in the parameters, for example `patterns: [sql, script]`"),
        );
    }
    for (index, name) in threats.query.iter().enumerate() {
        names::check_variable("query parameter", name, &at.key("query").index(index), report);
    }
    for (index, set) in threats.patterns.iter().enumerate() {
        if threats.patterns[..index].contains(set) {
            report.push(
                Diagnostic::error(Code::InvalidValue, "the pattern set is in the list more than once")
                    .at(at.key("patterns").index(index))
                    .help("remove one of them"),
            );
        }
    }
    let json = threats.json.as_ref().map(|limits| {
        let JsonLimits { max_depth, max_entries, max_array, max_string, max_name } = limits;
        [("maxDepth", max_depth), ("maxEntries", max_entries), ("maxArray", max_array), ("maxString", max_string)]
            .into_iter()
            .chain([("maxName", max_name)])
            .map(|(field, limit)| ("json", field, *limit))
    });
    let xml = threats.xml.as_ref().map(|limits| {
        let XmlLimits { max_depth, max_children, max_attributes, max_namespaces, max_text, max_name } = limits;
        [("maxDepth", max_depth), ("maxChildren", max_children), ("maxAttributes", max_attributes)]
            .into_iter()
            .chain([("maxNamespaces", max_namespaces), ("maxText", max_text), ("maxName", max_name)])
            .map(|(field, limit)| ("xml", field, *limit))
    });
    for (sort, field, limit) in json.into_iter().flatten().chain(xml.into_iter().flatten()) {
        if limit == Some(0) {
            report.push(
                Diagnostic::error(Code::InvalidValue, format!("`{field}` is 0"))
                    .at(at.key(sort).key(field))
                    .help("write a whole number, 1 or greater"),
            );
        }
    }
}
