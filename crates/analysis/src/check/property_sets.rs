//! References to property sets: `{propertyset.NAME.KEY}` and `ref="propertyset.NAME.KEY"`.

use std::collections::{BTreeMap, BTreeSet};

use super::walk::conditions;
use super::{At, Finding, FindingCause, Findings, Verdict};
use apigee_flux_model::condition::{ConditionValue, Expr, Operand};
use apigee_flux_model::diag::{Code, nearest};
use apigee_flux_model::runtime::{BundlePlace, RuntimeBundle};

const PREFIX: &str = "propertyset.";

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    let mut checker = Checker { sets: sets(bundle), told: BTreeSet::new(), findings };
    let policies = bundle.policies.values().map(|policy| (policy.node, policy.place.path));
    let targets = bundle.target_endpoints.iter().map(|target| (target.node, target.place.path));
    for (root, path) in policies.chain(targets) {
        for node in root.descendants() {
            // The place of a text or an attribute is its element.
            if node.is_text() {
                for reference in references(node.text().unwrap_or_default()) {
                    let element = node.parent().unwrap_or(node);
                    checker.check(reference, At::Place(BundlePlace::of(path, element)), FindingCause::File);
                }
            }
            for attribute in node.attributes() {
                for reference in references(attribute.value()) {
                    checker.check(reference, At::Place(BundlePlace::of(path, node)), FindingCause::File);
                }
            }
        }
    }
    for condition in conditions(bundle) {
        let Ok(expr) = &condition.parsed else { continue };
        let mut variables = Vec::new();
        operands(expr, &mut variables);
        for operand in variables {
            if let ConditionValue::Variable(name) = &operand.value
                && let Some(reference) = name.strip_prefix(PREFIX)
            {
                let at: BundlePlace<'d> = condition.place_of(operand.span.start);
                checker.check(reference, At::Place(at), FindingCause::Condition(condition.text, operand.span.start));
            }
        }
    }
}

fn operands<'e>(expr: &'e Expr, found: &mut Vec<&'e Operand>) {
    match expr {
        Expr::And(a, b) | Expr::Or(a, b) => {
            operands(a, found);
            operands(b, found);
        }
        Expr::Not(inner) => operands(inner, found),
        Expr::Compare(comparison) => found.extend([&comparison.left, &comparison.right]),
        Expr::Truth(operand) => found.push(operand),
    }
}

/// The keys of each property set of the bundle.
fn sets<'d>(bundle: &RuntimeBundle<'d>) -> BTreeMap<&'d str, BTreeSet<String>> {
    let files = bundle.files.iter().filter(|(path, _)| path.folder() == "resources/properties");
    files
        .filter_map(|(path, bytes)| {
            let name = path.file_name().strip_suffix(".properties")?;
            let text = String::from_utf8_lossy(bytes);
            let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with(['#', '!']));
            let keys = lines.filter_map(|line| line.split(['=', ':', ' ', '\t']).next()).map(str::to_owned).collect();
            Some((name, keys))
        })
        .collect()
}

/// The text after `propertyset.` in each reference: in text that is the name of a variable, or in the braces of a template.
fn references(text: &str) -> impl Iterator<Item = &str> {
    let whole = text.trim().starts_with(PREFIX) && !text.trim().contains(char::is_whitespace);
    text.match_indices(PREFIX).filter_map(move |(start, _)| {
        let before = &text[..start];
        let open = before.rfind('{').is_some_and(|open| !before[open..].contains(['}', '\n']));
        let rest = &text[start + PREFIX.len()..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c))).unwrap_or(rest.len());
        // `{propertyset.{name}.key}` is computed for each request.
        let fixed = !rest[end..].starts_with('{');
        ((whole || open) && fixed && end > 0).then(|| rest[..end].trim_end_matches('.'))
    })
}

struct Checker<'f, 'd> {
    sets: BTreeMap<&'d str, BTreeSet<String>>,
    told: BTreeSet<String>,
    findings: &'f mut Findings<'d>,
}

impl<'d> Checker<'_, 'd> {
    fn check(&mut self, reference: &str, at: At<'d>, cause: FindingCause<'d>) {
        let Some((first, _)) = reference.split_once('.') else { return };
        let set = self.sets.iter().find_map(|(name, keys)| {
            let key = reference.strip_prefix(name)?.strip_prefix('.')?;
            Some((*name, key, keys))
        });
        let finding = match set {
            Some((_, key, keys)) if keys.contains(key) => return,
            Some((name, key, keys)) => {
                let message = format!("the property set `{name}` has no key `{key}`");
                let finding = Finding::new(Code::MissingResource, Verdict::Broken, at, message);
                match nearest(key, keys.iter().map(String::as_str)) {
                    Some(meant) => finding.propose(meant),
                    None => finding.help(format!("add it to `resources/properties/{name}.properties`")),
                }
            }
            None => {
                // The environment may have it, but a name that is similar to one of the bundle's is a mistake.
                let Some(meant) = nearest(first, self.sets.keys().copied()) else { return };
                if !self.told.insert(first.to_owned()) {
                    return;
                }
                let message = format!("the bundle has no property set `{first}`");
                Finding::new(Code::MissingResource, Verdict::Doubtful, at, message).propose(meant)
            }
        };
        self.findings.add(finding.cause(cause));
    }
}

#[cfg(test)]
mod tests {
    use super::references;

    #[test]
    fn where_a_property_is_read() {
        for (text, expected) in [
            ("propertyset.a.b", vec!["a.b"]),
            ("{propertyset.a.b}/{propertyset.c.d-e}", vec!["a.b", "c.d-e"]),
            ("{createUuid(propertyset.a.b)}", vec!["a.b"]),
            ("see propertyset.a.b for it", vec![]),
            ("{propertyset.{flow.set}.b}", vec![]),
        ] {
            assert_eq!(references(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
