//! Rates: `SpikeArrest` and `PromptTokenLimit`.

use super::node::{at, child, is_template, text};
use super::{Finding, Findings, Verdict};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::RuntimeBundle;

/// The maximum number of requests per second and per minute, from Google's page "Limits".
const MOST: [(&str, u64); 2] = [("ps", 4_000), ("pm", 240_000)];

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    for policy in bundle.policies.values().filter(|p| matches!(p.element, "SpikeArrest" | "PromptTokenLimit")) {
        let Some(node) = child(policy.node, "Rate") else { continue };
        let rate = text(node);
        // A template, or only a `ref`: the rate depends on the request.
        if is_template(rate) || rate.is_empty() && node.attribute("ref").is_some() {
            continue;
        }
        let finding = |verdict, message: String| Finding::new(Code::InvalidRate, verdict, at(policy, node), message);
        let Some((number, unit)) = parse(rate) else {
            findings.add(
                finding(Verdict::Refused, format!("`{rate}` is not a valid rate (Apigee's error InvalidAllowedRate)"))
                    .help("write a whole number per second or minute, such as `100ps` or `30pm`; Apigee refuses to deploy anything else"),
            );
            continue;
        };
        let most = MOST.iter().find(|(name, _)| *name == unit).map_or(u64::MAX, |(_, most)| *most);
        if number == 0 {
            findings.add(
                finding(Verdict::Broken, format!("the rate `{rate}` allows no requests"))
                    .help("write a number of at least 1"),
            );
        } else if policy.element == "SpikeArrest" && number > most {
            findings.add(
                finding(Verdict::Doubtful, format!("the rate `{rate}` is above Apigee's limit of {most}{unit}"))
                    .help("see \"SpikeArrest\" on Apigee's page \"Limits\""),
            );
        }
    }
}

fn parse(rate: &str) -> Option<(u64, &'static str)> {
    let (unit, number) = ["ps", "pm"].into_iter().find_map(|unit| Some((unit, rate.strip_suffix(unit)?)))?;
    let digits = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    digits.then(|| (number.parse().unwrap_or(u64::MAX), unit))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn rates() {
        assert_eq!(["100ps", "30pm", "0ps"].map(parse), [Some((100, "ps")), Some((30, "pm")), Some((0, "ps"))]);
        for rate in ["banana", "", "ps", "10", "1.5ps", "-1ps", "10 ps", "10ph"] {
            assert_eq!(parse(rate), None, "{rate}");
        }
    }
}
