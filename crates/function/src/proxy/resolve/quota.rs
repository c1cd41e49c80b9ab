//! `traffic.quota`.

use super::super::condition;
use super::context::Context;
use super::endpoint::{DEFAULT, Draft, Verified};
use super::names;
use crate::spec::traffic::QuotaWord;
use apigee_flux_analysis::policy::quota::{self as policy, Quota, QuotaLimit};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath};
use apigee_flux_model::yaml::word_or::WordOr;

/// The quota of a product that does not define one; documented in `spec::traffic`.
const FALLBACK: QuotaLimit = QuotaLimit { allow: 1000, interval: 1, unit: "hour" };

/// Adds the quota after the step that authenticates the caller.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>) {
    let given = draft.intent.quota.clone();
    let (at, own) = match &given {
        Some(given) => (given.at.clone(), given.own),
        None => (draft.intent.at.key("traffic").key("quota"), false),
    };
    let verified = draft.verified.as_ref();
    let own = own || draft.intent.own_credentials;
    // A public operation has no consumer whose requests could be counted.
    let unless = condition::unless(&draft.public);
    let (quota, word, unless) = match given.map(|given| given.value) {
        Some(WordOr::Word(QuotaWord::None)) => return,
        // A key is for a product, and the product's quota has no effect until a policy enforces it.
        None if verified.is_none_or(|verified| !verified.product) || !draft.intent.default_quota => return,
        None | Some(WordOr::Word(QuotaWord::Product)) => {
            let Some(verified) = verified.filter(|verified| verified.product) else {
                no_consumer(draft, &at, context);
                return;
            };
            (by_product(verified), "Product", unless)
        }
        Some(WordOr::Value(fixed)) => {
            check(fixed.limit, fixed.interval, fixed.key.as_deref(), &at, context);
            let limit =
                QuotaLimit { allow: fixed.limit, interval: fixed.interval.unwrap_or(1), unit: fixed.per.as_str() };
            let consumer = || verified.map(|verified| verified.consumer.clone());
            let by_consumer = fixed.key.is_none() && verified.is_some();
            let key = fixed.key.clone().or_else(consumer);
            (Quota::Fixed { limit, key }, "Default", unless.filter(|_| by_consumer))
        }
    };
    let name = draft.intent.policy_name(policy::TYPE.prefix, word, own);
    draft.endpoint.pre_flow.request.push(context.add(&name, &quota, &at).and(unless.as_deref()));
}

fn by_product(verified: &Verified) -> Quota {
    Quota::Product { step: verified.policy.clone(), fallback: FALLBACK }
}

/// Reports that the endpoint applies the quota of a product but checks no credential of a product.
fn no_consumer(draft: &Draft<'_>, at: &FieldPath, context: &mut Context<'_, '_>) {
    let intent = &draft.intent;
    let message = format!(
        "the endpoint `{}` checks no credential of an API product, so there is no product whose quota can be applied",
        intent.name
    );
    let taken_over = intent.name != DEFAULT && intent.quota.as_ref().is_none_or(|quota| !quota.own);
    context.report.push(if taken_over {
        // The quota may be meant for the other endpoints only: a warning says that this one runs without a quota.
        Diagnostic::warning(Code::ConflictingFields, message).at(intent.at.key("traffic")).help(
            "it runs without a quota: if this is intended, write `traffic: {quota: none}`, otherwise define another \
             quota",
        )
    } else {
        Diagnostic::error(Code::ConflictingFields, message).at(at).help(
            "add `security.apiKey` or `oauth2`, or define a quota for the proxy, for example `{limit: 1000, per: \
             hour}`, or write `none`",
        )
    });
}

/// Checks a limit that the spec defines.
pub(super) fn check(
    limit: u64,
    interval: Option<u32>,
    key: Option<&str>,
    at: &FieldPath,
    context: &mut Context<'_, '_>,
) {
    for (name, zero) in [("limit", limit == 0), ("interval", interval == Some(0))] {
        if zero {
            context.report.push(
                Diagnostic::error(Code::InvalidValue, format!("`{name}` is 0"))
                    .at(at.key(name))
                    .help("write a whole number, 1 or greater"),
            );
        }
    }
    if let Some(key) = key {
        names::check_variable("variable", key, &at.key("key"), context.report);
    }
}
