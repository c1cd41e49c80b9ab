//! Names of variables that Apigee does not have, and templates in the syntax of another template language.

use std::collections::BTreeSet;

use super::node::at;
use super::variables::{all_written, is_part, reads, values};
use super::walk::conditions;
use super::{Finding, Findings, Verdict};
use crate::policy::schema::Meaning;
use crate::policy::variables::{BUILT_IN, MESSAGE_PARTS, MESSAGES, SETS};
use apigee_flux_model::condition::{ConditionValue, Expr};
use apigee_flux_model::diag::{Code, nearest};
use apigee_flux_model::runtime::RuntimeBundle;
use apigee_flux_model::template;

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    let written = all_written(bundle);
    let known = |variable: &str| written.iter().any(|name| name == variable || is_part(variable, name));
    for policy in bundle.policies.values() {
        let mut reported = BTreeSet::new();
        for read in reads(policy) {
            if known(&read.variable) || !reported.insert((read.node.range().start, read.variable.clone())) {
                continue;
            }
            if let Some(slip) = slip(&read.variable).or_else(|| misnamed(bundle, &read.variable)) {
                let message = format!("the policy `{}` reads `{}`: {}", policy.name, read.variable, slip.why);
                let finding = Finding::new(Code::UnknownVariable, Verdict::Doubtful, at(policy, read.node), message);
                findings.add(slip.complete(finding));
            }
        }
        for (node, meaning, text) in values(policy) {
            if !matches!(meaning, Meaning::Template | Meaning::NamedTemplate)
                || node.attribute("variablePrefix").is_some()
            {
                continue;
            }
            for variable in template::variables(text) {
                let ours = known(variable) || is_built_in(variable);
                let Some(found) = foreign(text, variable).filter(|_| ours) else { continue };
                let message = format!(
                    "`{found}` in the policy `{}` is not the syntax for a variable in Apigee's message templates",
                    policy.name
                );
                findings.add(
                    Finding::new(Code::TemplateSyntax, Verdict::Doubtful, at(policy, node), message)
                        .help(format!("write `{{{variable}}}`: the other characters would remain in the text")),
                );
            }
        }
    }
    for condition in conditions(bundle) {
        for (name, start) in condition.parsed.iter().flat_map(operands) {
            if known(&name) {
                continue;
            }
            if let Some(slip) = slip(&name) {
                let message = format!("the condition reads `{name}`: {}", slip.why);
                let finding =
                    Finding::on_condition(Code::UnknownVariable, Verdict::Doubtful, condition, start, message);
                findings.add(slip.complete(finding));
            }
        }
    }
}

fn operands(expr: &Expr) -> Vec<(String, usize)> {
    let sides = expr.comparisons().into_iter().flat_map(|comparison| [&comparison.left, &comparison.right]);
    sides
        .filter_map(|operand| match &operand.value {
            ConditionValue::Variable(name) => Some((name.clone(), operand.span.start)),
            _ => None,
        })
        .collect()
}

/// True for a variable that Apigee sets itself.
fn is_built_in(variable: &str) -> bool {
    let root = variable.split('.').next().unwrap_or_default();
    BUILT_IN.iter().any(|(known, _)| *known == root)
        || SETS.iter().any(|sets| !sets.prefix.is_empty() && sets.prefix == root)
}

/// `${x}` or `{{x}}` around a variable of a template, as written.
fn foreign(text: &str, variable: &str) -> Option<String> {
    [format!("${{{variable}}}"), format!("{{{{{variable}}}}}")].into_iter().find(|form| text.contains(form.as_str()))
}

/// Why a variable does not exist, and which one is probably meant.
#[derive(Debug, PartialEq, Eq)]
struct Slip {
    why: String,
    meant: Option<String>,
}

impl Slip {
    fn complete(self, finding: Finding<'_>) -> Finding<'_> {
        match self.meant {
            Some(meant) => finding.propose(meant),
            None => finding.help("see Apigee's page \"Flow variables reference\""),
        }
    }
}

/// The names that may follow a plural such as `headers`.
const OF_LISTS: [&str; 3] = ["count", "names", "names.string"];

/// What is wrong with a name that looks like a variable of Apigee, if anything.
fn slip(variable: &str) -> Option<Slip> {
    let (root, rest) = variable.split_once('.')?;
    let Some((_, parts)) = BUILT_IN.iter().find(|(known, _)| *known == root) else {
        return misspelt_root(variable, root, rest);
    };
    let part = rest.split('.').next().unwrap_or_default();
    let behind = rest.split_once('.').map(|(_, behind)| behind);
    let wrong = |why: &str, meant: Option<String>| Some(Slip { why: why.to_owned(), meant });
    let message = MESSAGES.contains(&root);
    match (part, behind) {
        ("headers" | "queryparams" | "formparams", Some(name)) if message && !OF_LISTS.contains(&name) => {
            let single = part.trim_end_matches('s');
            wrong("the variable of a single value has the singular name", Some(format!("{root}.{single}.{name}")))
        }
        ("header" | "queryparam" | "formparam", None) if message => {
            wrong("the name of a header or a parameter is missing", Some(format!("{root}.{part}.NAME")))
        }
        ("status", None) if message => wrong("there is no such variable", Some(format!("{root}.status.code"))),
        ("body" | "payload", None) if message => wrong("there is no such variable", Some(format!("{root}.content"))),
        ("method", None) if message => wrong("there is no such variable", Some(format!("{root}.verb"))),
        ("query" | "params" | "param" | "queryString", Some(name)) if message => {
            wrong("there is no such variable", Some(format!("{root}.queryparam.{name}")))
        }
        _ if parts.iter().any(|known| known.eq_ignore_ascii_case(part)) => None,
        _ => {
            // A script may set a variable whose name is similar to no known one.
            let meant = nearest(part, parts.iter().copied())?;
            let behind = behind.map(|behind| format!(".{behind}")).unwrap_or_default();
            wrong("there is no such variable", Some(format!("{root}.{meant}{behind}")))
        }
    }
}

/// The minimum length: shorter names are similar to too many others.
const SHORTEST: usize = 5;

/// Recognizes a name such as `reqeust.header.host`.
fn misspelt_root(variable: &str, root: &str, rest: &str) -> Option<Slip> {
    let part = rest.split('.').next().unwrap_or_default();
    let meant = nearest(root, BUILT_IN.iter().map(|(known, _)| *known)).filter(|_| root.len() >= SHORTEST)?;
    // A message variable may have any name, but a similar name is a mistake if the part after it fits.
    let (_, parts) = BUILT_IN.iter().find(|(known, _)| *known == meant)?;
    let fits = parts.contains(&part) && !(MESSAGE_PARTS.contains(&part) && root.len() > meant.len() + 1);
    let plural = root.strip_suffix('s').is_some_and(|single| single == meant);
    (fits && (plural || root.len().abs_diff(meant.len()) <= 1)).then(|| Slip {
        why: "there is no such variable".to_owned(),
        meant: Some(format!("{meant}.{}", variable.split_once('.').map_or(rest, |(_, rest)| rest))),
    })
}

/// Recognizes a name such as `verifyapikey.VA-Defualt.client_id`, if the bundle has a policy with a similar name.
fn misnamed(bundle: &RuntimeBundle<'_>, variable: &str) -> Option<Slip> {
    let (prefix, rest) = variable.split_once('.')?;
    let sets = SETS.iter().find(|sets| sets.prefix == prefix)?;
    if bundle.policies.keys().any(|name| rest == *name || is_part(rest, name)) {
        return None;
    }
    let name = rest.split('.').next().unwrap_or_default();
    let candidates = bundle.policies.values().filter(|policy| sets.policies.contains(&policy.element));
    let meant = nearest(name, candidates.map(|policy| policy.name))?;
    Some(Slip {
        why: format!("the bundle has no policy `{name}`"),
        meant: Some(format!("{prefix}.{meant}{}", rest.strip_prefix(name).unwrap_or_default())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_told_from_names_that_apigee_has() {
        for (variable, meant) in [
            ("request.headers.x-tenant", "request.header.x-tenant"),
            ("request.queryparams.page", "request.queryparam.page"),
            ("request.header", "request.header.NAME"),
            ("proxy.pathsufix", "proxy.pathsuffix"),
            ("proxy.path-suffix", "proxy.pathsuffix"),
            ("reqeust.header.host", "request.header.host"),
            ("requests.header.host", "request.header.host"),
            ("respone.status.code", "response.status.code"),
            ("response.status", "response.status.code"),
            ("request.body", "request.content"),
            ("request.method", "request.verb"),
            ("request.query.page", "request.queryparam.page"),
            ("systm.timestamp", "system.timestamp"),
            ("fault.nme", "fault.name"),
        ] {
            assert_eq!(slip(variable).and_then(|slip| slip.meant).as_deref(), Some(meant), "{variable}");
        }
        for variable in [
            "request.headers.count",
            "request.headers.names.string",
            "request.header.x.values.count",
            "message.content",
            "message.header.x",
            "proxy.client.ip",
            "target.received.end.timestamp",
            "system.time.year",
            "flow.headers.x",
            "calloutResponse.header.x",
            "tokenrequest.content",
            "client_id",
            "client.received.start.timestamp",
            "response.event.current.content",
            "request.somethingOfAScript",
        ] {
            assert_eq!(slip(variable), None, "{variable}");
        }
    }
}
