//! An explanation as text, for people.

use std::fmt::Write as _;

use super::{Candidate, Certainty, EndpointKind, Event, Explanation, Segment, StepRun, Target};

/// The explanation as text, a line for each thing that happens.
pub fn text(explanation: &Explanation) -> String {
    let Explanation { method, path, proxy, endpoint, base_path, path_suffix, events } = explanation;
    // Writing to a String cannot fail.
    let mut out = String::new();
    let _ = writeln!(out, "{method} {path}");
    let _ = writeln!(out, "proxy {proxy}, endpoint {endpoint}: base path {base_path}, path suffix \"{path_suffix}\"");
    let mut last = None;
    for event in events {
        let part = match event {
            Event::Flow { segment, target, .. } | Event::Flows { segment, target, .. } => {
                Some((*segment, target.as_ref()))
            }
            Event::Route { .. } | Event::Fault { .. } | Event::Ends { .. } => None,
        };
        if let Some((segment, target)) = part.filter(|part| last != Some(*part)) {
            let _ = writeln!(out, "\n{}{}", title(segment), of_target(target));
        }
        last = part;
        show(event, &mut out);
    }
    out
}

fn title(segment: Segment) -> &'static str {
    match segment {
        Segment::ProxyRequest => "proxy request",
        Segment::TargetRequest => "target request",
        Segment::TargetResponse => "target response",
        Segment::ProxyResponse => "proxy response",
        Segment::PostClient => "after the response",
    }
}

/// Which target, where several are possible.
fn of_target(target: Option<&Target>) -> String {
    let only_possible = target.filter(|target| target.certainty != Certainty::Runs);
    only_possible.map(|target| format!(", if the call goes to {}", target.name)).unwrap_or_default()
}

fn show(event: &Event, out: &mut String) {
    match event {
        Event::Flow { flow, steps: runs, .. } => {
            let _ = writeln!(out, "  {flow}");
            steps(runs, "    ", out);
        }
        Event::Flows { segment, candidates, .. } => {
            let possible = || candidates.iter().filter(|candidate| candidate.certainty != Certainty::CannotRun);
            let _ = match possible().next() {
                Some(_) => writeln!(out, "  Flows"),
                None => writeln!(out, "  Flows: none matches"),
            };
            // On the way back the same conditions are asked again, mostly with the same answers.
            if matches!(segment, Segment::ProxyRequest | Segment::TargetRequest) {
                show_candidates(candidates.iter(), true, out);
            } else {
                show_candidates(possible(), true, out);
            }
        }
        Event::Route { candidates } => {
            let possible = candidates.iter().any(|candidate| candidate.certainty != Certainty::CannotRun);
            let _ = writeln!(out, "\nRouteRules{}", if possible { "" } else { ": none matches" });
            show_candidates(candidates.iter(), false, out);
        }
        Event::Fault { fault, endpoint, kind, target, candidates, default, proxy_default } => {
            let kind = match kind {
                EndpointKind::Proxy => "ProxyEndpoint",
                EndpointKind::Target => "TargetEndpoint",
                EndpointKind::Integration => "IntegrationEndpoint",
            };
            let _ = writeln!(out, "\nfault {fault}, handled by {kind} {endpoint}{}", of_target(target.as_ref()));
            if candidates.is_empty() && default.is_none() {
                out.push_str("  it has no fault rules\n");
            }
            if !candidates.is_empty() {
                out.push_str("  FaultRules\n");
                show_candidates(candidates.iter(), true, out);
            }
            for (title, rule) in
                [("DefaultFaultRule", default), ("DefaultFaultRule of the ProxyEndpoint", proxy_default)]
            {
                if let Some(rule) = rule {
                    let _ = writeln!(out, "  {title}");
                    show_candidates(std::iter::once(rule), true, out);
                }
            }
        }
        Event::Ends { why } => {
            let _ = writeln!(out, "\nthe request ends here: it {why}", why = why.trim_start_matches("it "));
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

fn show_candidates<'c>(candidates: impl Iterator<Item = &'c Candidate>, has_steps: bool, out: &mut String) {
    for Candidate { name, condition, certainty, note, destination, steps: runs, .. } in candidates {
        let _ = write!(out, "    {} {name}", word(*certainty));
        if let Some(destination) = destination {
            let _ = write!(out, " to {destination}");
        }
        let _ = write!(out, ": {}", condition.as_deref().unwrap_or("always"));
        if let Some(note) = note {
            let _ = write!(out, " ({note})");
        }
        out.push('\n');
        if has_steps && *certainty != Certainty::CannotRun {
            if runs.is_empty() {
                out.push_str("      no steps\n");
            }
            steps(runs, "      ", out);
        }
    }
}

fn steps(runs: &[StepRun], indent: &str, out: &mut String) {
    let width = runs.iter().map(|run| run.policy.chars().count()).max().unwrap_or_default();
    for StepRun { policy, element, condition, holds, certainty, note } in runs {
        let mark = match certainty {
            Certainty::Runs => "->",
            Certainty::CannotRun => "  ",
            Certainty::MayRun => " ?",
        };
        let element = element.as_deref().unwrap_or("-");
        let _ = write!(out, "{indent}{mark} {policy:width$}  {element}");
        if let Some(condition) = condition {
            let word = match holds {
                Some(true) => "since",
                Some(false) => "not:",
                None => "if",
            };
            let _ = write!(out, ", {word} {condition}");
        }
        if let Some(note) = note {
            let _ = write!(out, " ({note})");
        }
        out.push('\n');
    }
}
