//! Flows that never run: only the first flow in `<Flows>` that matches runs.

use super::implication::{Conditions, covers, possible};
use super::{At, Finding, Findings, Verdict};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{Flow, RuntimeBundle};

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    let proxies = bundle.proxy_endpoints.iter().map(|endpoint| &endpoint.flows);
    let targets = bundle.target_endpoints.iter().map(|endpoint| &endpoint.flows);
    for flows in proxies.chain(targets) {
        endpoint(flows, findings);
    }
}

fn endpoint<'d>(flows: &[Flow<'d>], findings: &mut Findings<'d>) {
    let mut earlier: Vec<&Flow<'d>> = Vec::new();
    let mut conditions = Conditions::new(flows.len());
    for (index, flow) in flows.iter().enumerate() {
        let Some(condition) = &flow.condition else {
            if let Some(next) = flows.get(index + 1) {
                findings.add(
                    Finding::new(
                        Code::UnreachableFlow,
                        Verdict::Broken,
                        At::Place(flow.place),
                        format!("the flow `{}` has no condition and runs for every request: `{}` after it never runs", flow.name, next.name),
                    )
                    .help("move it to the end, or give it a condition; steps for every request belong in PreFlow or PostFlow"),
                );
            }
            return;
        };
        let Some(alternatives) = condition.parsed.as_ref().ok().and_then(possible) else { continue };
        let Ok(found) = conditions.covering(&alternatives) else {
            let message = format!(
                "the flows from `{}` on are not compared with all flows before them: too many of the {} flows have overlapping wildcards",
                flow.name,
                flows.len()
            );
            findings.add(
                Finding::new(Code::LimitExceeded, Verdict::Doubtful, At::Place(flow.place), message)
                    .help("split the proxy; until then, check manually that no flow hides a later one"),
            );
            return;
        };
        if let Some(found) = found {
            let first = earlier[found];
            let equal = covers(&alternatives, conditions.get(found));
            let message = if equal {
                format!("the flow `{}` never runs: `{}` before it has the same condition", flow.name, first.name)
            } else {
                format!("the flow `{}` never runs: `{}` before it matches all of its requests", flow.name, first.name)
            };
            let help = if equal {
                "put the steps of both into one flow, or correct one of the conditions".to_owned()
            } else {
                format!("move it before `{}`: only the first flow that matches runs", first.name)
            };
            findings
                .add(Finding::on_condition(Code::UnreachableFlow, Verdict::Broken, condition, 0, message).help(help));
        }
        earlier.push(flow);
        conditions.add(alternatives);
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use apigee_flux_model::bundle::{BundleKind, BundlePath, Files};
    use apigee_flux_model::runtime::Documents;

    fn found(conditions: impl Iterator<Item = String>) -> Vec<String> {
        let mut xml = "<ProxyEndpoint name='default'><Flows>".to_owned();
        for (number, condition) in conditions.enumerate() {
            write!(xml, "<Flow name='f{number}'><Condition>{condition}</Condition></Flow>").unwrap();
        }
        xml.push_str("</Flows></ProxyEndpoint>");
        let mut files = Files::new();
        files.insert(BundlePath::parse("proxies/default.xml").unwrap(), xml.into_bytes());
        let (documents, _) = Documents::parse(&files);
        let mut findings = Findings { found: Vec::new() };
        run(&RuntimeBundle::read(BundleKind::Proxy, "x", &files, &documents), &mut findings);
        findings.found.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn fifty_thousand_flows_are_compared() {
        let last = 50_000;
        let messages = found((0..=last).map(|number| {
            let path = if number == last { "/r7/1/x".to_owned() } else { format!("/r{number}/*/x") };
            format!("(proxy.pathsuffix MatchesPath \"{path}\") and (request.verb = \"GET\")")
        }));
        assert_eq!(messages, ["the flow `f50000` never runs: `f7` before it matches all of its requests"]);
    }

    #[test]
    fn flows_that_are_too_many_to_compare_are_reported() {
        let messages = found((0..5_000).map(|number| format!("proxy.pathsuffix MatchesPath \"/*x{number:05}*\"")));
        assert!(
            messages.len() == 1 && messages[0].contains("are not compared with all flows before them"),
            "{messages:?}"
        );
    }

    #[test]
    fn patterns_with_many_placeholders_are_compared() {
        for count in [12, 30, 200] {
            let of = |one: &str| format!("proxy.pathsuffix MatchesPath \"/{}\"", one.repeat(count));
            assert_eq!(
                found(["{a}/x/", "*/x/"].map(|one| of(one).replace("/\"", "\"")).into_iter()),
                ["the flow `f1` never runs: `f0` before it has the same condition"]
            );
            assert_eq!(found(["*-", "-*", "**a", "*a*"].map(of).into_iter()), Vec::<String>::new());
        }
    }
}
