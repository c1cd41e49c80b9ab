//! `traffic.spikeArrest`.

use super::context::Context;
use super::endpoint::{Draft, Given};
use super::{names, units};
use apigee_flux_analysis::policy::spike_arrest::{self as policy, SpikeArrest};
use apigee_flux_model::diag::{Code, Diagnostic};
use apigee_flux_model::yaml::word_or::WordOr;

/// Adds the spike arrest, before any step that looks something up.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>) {
    let Some(Given { value, at, own }) = draft.intent.spike_arrest.clone() else {
        return;
    };
    let (rate, key, rate_at) = match value {
        WordOr::Word(word) if word == "none" => return,
        WordOr::Word(rate) => (rate, None, at.clone()),
        WordOr::Value(long) => (&long.rate, long.key.clone(), at.key("rate")),
    };
    if !units::is_rate(rate) {
        context.report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{rate}` is not a valid rate")).at(rate_at).help(
                "write requests per second or minute, for example `100ps` or `30pm`, or a variable, for example \
                 `{propertyset.limits.rate}`",
            ),
        );
    }
    if let Some(key) = &key {
        names::check_variable("variable", key, &at.key("key"), context.report);
    }
    let policy = SpikeArrest { rate: rate.clone(), key };
    let name = draft.intent.policy_name(policy::TYPE.prefix, "Default", own);
    draft.endpoint.pre_flow.request.push(context.add(&name, &policy, &at));
}
