//! An explanation as text.

use super::{CallEvent, CallSegment, Candidate, Certainty, EndpointKind, Explanation, RouteTarget, StepRun};
use apigee_flux_model::diag::plain::PlainText;

/// The explanation as text, a line for each event.
pub fn text(explanation: &Explanation) -> PlainText {
    let Explanation { method, path, proxy, endpoint, base_path, path_suffix, events } = explanation;
    let mut out = PlainText::new();
    out.line(format_args!("{method} {path}"));
    out.line(format_args!("proxy {proxy}, endpoint {endpoint}: base path {base_path}, path suffix \"{path_suffix}\""));
    let mut last = None;
    for event in events {
        let part = match event {
            CallEvent::Flow { segment, target, .. } | CallEvent::Flows { segment, target, .. } => {
                Some((*segment, target.as_ref()))
            }
            CallEvent::Route { .. } | CallEvent::Fault { .. } | CallEvent::Ends { .. } => None,
        };
        if let Some((segment, target)) = part.filter(|part| last != Some(*part)) {
            out.end();
            out.line(format_args!("{}{}", title(segment), of_target(target)));
        }
        last = part;
        show(event, &mut out);
    }
    out
}

fn title(segment: CallSegment) -> &'static str {
    match segment {
        CallSegment::ProxyRequest => "proxy request",
        CallSegment::TargetRequest => "target request",
        CallSegment::TargetResponse => "target response",
        CallSegment::ProxyResponse => "proxy response",
        CallSegment::PostClient => "after the response",
    }
}

/// Names the target if several are possible.
fn of_target(target: Option<&RouteTarget>) -> String {
    let only_possible = target.filter(|target| target.certainty != Certainty::Runs);
    only_possible.map(|target| format!(", if the call goes to {}", target.name)).unwrap_or_default()
}

fn show(event: &CallEvent, out: &mut PlainText) {
    match event {
        CallEvent::Flow { flow, steps: runs, .. } => {
            out.line(format_args!("  {flow}"));
            steps(runs, "    ", out);
        }
        CallEvent::Flows { segment, candidates, .. } => {
            let possible = || candidates.iter().filter(|candidate| candidate.certainty != Certainty::CannotRun);
            out.line(if possible().next().is_some() { "  Flows" } else { "  Flows: none matches" });
            // On the response the same conditions are evaluated again, mostly with the same results.
            if matches!(segment, CallSegment::ProxyRequest | CallSegment::TargetRequest) {
                show_candidates(candidates.iter(), true, out);
            } else {
                show_candidates(possible(), true, out);
            }
        }
        CallEvent::Route { candidates } => {
            let possible = candidates.iter().any(|candidate| candidate.certainty != Certainty::CannotRun);
            out.end();
            out.line(format_args!("RouteRules{}", if possible { "" } else { ": none matches" }));
            show_candidates(candidates.iter(), false, out);
        }
        CallEvent::Fault { fault, endpoint, kind, target, candidates, default, proxy_default } => {
            let kind = match kind {
                EndpointKind::Proxy => "ProxyEndpoint",
                EndpointKind::Target => "TargetEndpoint",
                EndpointKind::Integration => "IntegrationEndpoint",
            };
            out.end();
            out.line(format_args!("fault {fault}, handled by {kind} {endpoint}{}", of_target(target.as_ref())));
            if candidates.is_empty() && default.is_none() {
                out.line("  no fault rules");
            }
            if !candidates.is_empty() {
                out.line("  FaultRules");
                show_candidates(candidates.iter(), true, out);
            }
            for (title, rule) in
                [("DefaultFaultRule", default), ("DefaultFaultRule of the ProxyEndpoint", proxy_default)]
            {
                if let Some(rule) = rule {
                    out.line(format_args!("  {title}"));
                    show_candidates(std::iter::once(rule), true, out);
                }
            }
        }
        CallEvent::Ends { why } => {
            out.end();
            out.line(format_args!("the call ends here: the proxy {why}", why = why.trim_start_matches("it ")));
        }
    }
}

fn word(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Runs => "runs      ",
        Certainty::MayRun => "may run   ",
        Certainty::CannotRun => "cannot run",
    }
}

fn show_candidates<'c>(candidates: impl Iterator<Item = &'c Candidate>, has_steps: bool, out: &mut PlainText) {
    for Candidate { name, condition, certainty, note, destination, steps: runs, .. } in candidates {
        out.span(format_args!("    {} {name}", word(*certainty)));
        if let Some(destination) = destination {
            out.span(format_args!(" to {destination}"));
        }
        out.span(format_args!(": {}", condition.as_deref().map_or_else(|| "always".to_owned(), in_one_line)));
        if let Some(note) = note {
            out.span(format_args!(" ({note})"));
        }
        out.end();
        if has_steps && *certainty != Certainty::CannotRun {
            if runs.is_empty() {
                out.line("      no steps");
            }
            steps(runs, "      ", out);
        }
    }
}

/// Joins the lines of a condition.
fn in_one_line(condition: &str) -> String {
    condition.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn steps(runs: &[StepRun], indent: &str, out: &mut PlainText) {
    let width = runs.iter().map(|run| run.policy.chars().count()).max().unwrap_or_default();
    for StepRun { policy, element, condition, holds, certainty, note } in runs {
        let mark = match certainty {
            Certainty::Runs => "->",
            Certainty::CannotRun => "  ",
            Certainty::MayRun => " ?",
        };
        let element = element.as_deref().unwrap_or("-");
        out.span(format_args!("{indent}{mark} {policy:width$}  {element}"));
        if let Some(condition) = condition {
            let word = match holds {
                Some(true) => "since",
                Some(false) => "not:",
                None => "if",
            };
            out.span(format_args!(", {word} {}", in_one_line(condition)));
        }
        if let Some(note) = note {
            out.span(format_args!(" ({note})"));
        }
        out.end();
    }
}
