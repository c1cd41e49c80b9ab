//! An explanation as text, for people.

use std::fmt::Write as _;

use super::{Candidate, Event, Explanation, Segment, StepRun};

/// The explanation as text, a line for each thing that happens.
pub fn text(explanation: &Explanation) -> String {
    let Explanation { method, path, proxy, endpoint, base_path, path_suffix, events } = explanation;
    // Writing to a String cannot fail.
    let mut out = String::new();
    let _ = writeln!(out, "{method} {path}");
    let _ = writeln!(out, "proxy {proxy}, endpoint {endpoint}: base path {base_path}, path suffix \"{path_suffix}\"");
    let mut last = None;
    for event in events {
        let segment = match event {
            Event::Flow { segment, .. } | Event::NoFlow { segment, .. } => Some(*segment),
            Event::Route { .. } | Event::Fault { .. } | Event::Ends { .. } => None,
        };
        if let Some(segment) = segment.filter(|segment| last != Some(*segment)) {
            let _ = writeln!(out, "\n{}", title(segment));
        }
        last = segment;
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

fn show(event: &Event, out: &mut String) {
    match event {
        Event::Flow { segment, flow, tried, steps: runs } => {
            let _ = writeln!(out, "  {flow}");
            // On the way back the same conditions are asked again, mostly with the same answers.
            if matches!(segment, Segment::ProxyRequest | Segment::TargetRequest) {
                candidates(tried, out);
            }
            if runs.is_empty() {
                out.push_str("    no steps\n");
            }
            steps(runs, out);
        }
        Event::NoFlow { tried, .. } => {
            out.push_str("  no flow matches\n");
            candidates(tried, out);
        }
        Event::Route { tried, destination } => {
            let _ = writeln!(out, "\nroute to {}", destination.as_deref().unwrap_or("nowhere: no rule matches"));
            candidates(tried, out);
        }
        Event::Fault { fault, endpoint, tried, steps: runs, default } => {
            let _ = writeln!(out, "\nfault {fault}, handled by {endpoint}");
            candidates(tried, out);
            steps(runs, out);
            if !default.is_empty() {
                out.push_str("  default fault rule\n");
                steps(default, out);
            }
        }
        Event::Ends { why } => {
            let _ = writeln!(out, "\nthe request ends here: it {why}", why = why.trim_start_matches("it "));
        }
    }
}

fn candidates(tried: &[Candidate], out: &mut String) {
    for Candidate { name, condition, holds } in tried {
        let word = match holds {
            Some(true) => "yes",
            Some(false) => "no ",
            None => "may",
        };
        let _ = writeln!(out, "    {word} {name}: {}", condition.as_deref().unwrap_or("always"));
    }
}

fn steps(runs: &[StepRun], out: &mut String) {
    let width = runs.iter().map(|run| run.policy.chars().count()).max().unwrap_or_default();
    for StepRun { policy, element, condition, runs, note } in runs {
        let mark = match runs {
            Some(true) => "->",
            Some(false) => "  ",
            None => " ?",
        };
        let element = element.as_deref().unwrap_or("-");
        let _ = write!(out, "    {mark} {policy:width$}  {element}");
        if let Some(condition) = condition {
            let word = match runs {
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
