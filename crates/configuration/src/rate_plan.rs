//! Rate plans of API products: what developers pay (`apiproducts.rateplans`).
//!
//! Apigee assigns the names, so a plan is identified by its display name until Apigee's name is in the record.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::{Body, Change, Read, Request, Shape, Verb};
use super::collection::{Compare, differences, field_names};
use super::instant;
use super::listing::{Listing, Paging, Returns, View};
use super::record::Part;
use super::{Answer, Wanted, number, secret};
use apigee_flux_model::diag::{Code, FieldPath, Report};
use apigee_flux_model::limits::texts;

/// What developers pay for an API product.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RatePlan {
    /// A description.
    pub description: Option<String>,
    /// Whether the plan is published. A product has one active plan at a time. Default: `DRAFT`.
    #[serde(default)]
    pub state: State,
    /// How often the developer is billed.
    pub billing_period: Option<BillingPeriod>,
    /// The currency of all amounts, as an ISO 4217 code, for example `EUR`.
    pub currency: String,
    /// The one-time fee when the product is purchased, for example `10` or `9.99`.
    pub setup_fee: Option<String>,
    /// The recurring fee, which is paid in advance.
    pub recurring_fee: Option<String>,
    /// The number of billing periods after which `recurringFee` is paid again. Default: 1.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub recurring_fee_frequency: Option<u32>,
    /// How requests are charged.
    pub pricing: Option<Pricing>,
    /// The fees for requests, by ranges of the number of requests, in ascending order.
    #[serde(default)]
    pub rates: Vec<Rate>,
    /// The developer's share of the revenue, by ranges of the number of requests: one range without bounds for a fixed share.
    #[serde(default)]
    pub revenue_shares: Vec<RevenueShare>,
    /// When the plan becomes active, in UTC, as `2027-01-31` or `2027-01-31T12:00:00Z`. Default: the time in Apigee is not changed.
    pub start_time: Option<String>,
    /// When the plan expires, in the same format. Default: never.
    pub end_time: Option<String>,
}

/// The state of a rate plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum State {
    /// Developers cannot purchase it.
    #[default]
    #[serde(rename = "DRAFT")]
    Draft,
    /// Developers can purchase it from `startTime` on.
    #[serde(rename = "PUBLISHED")]
    Published,
}

/// How often a developer is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum BillingPeriod {
    /// Every week.
    #[serde(rename = "WEEKLY")]
    Weekly,
    /// Every month.
    #[serde(rename = "MONTHLY")]
    Monthly,
}

/// How requests are charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Pricing {
    /// Every request has the same fee: one range.
    #[serde(rename = "FIXED_PER_UNIT")]
    FixedPerUnit,
    /// Each request has the fee of the range into which it falls.
    #[serde(rename = "BANDED")]
    Banded,
    /// All requests have the fee of the range into which the total number of requests falls.
    #[serde(rename = "TIERED")]
    Tiered,
    /// All requests together have the fee of the range into which the total number of requests falls.
    #[serde(rename = "STAIRSTEP")]
    Stairstep,
}

/// The fee within a range of the number of requests.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rate {
    /// The first request of the range. Omitted in the first range.
    pub start: Option<u64>,
    /// The last request of the range. Omitted in the last range.
    pub end: Option<u64>,
    /// The fee, for example `0.002`.
    pub fee: String,
}

/// The developer's share within a range of the number of requests.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevenueShare {
    /// The first request of the range. Omitted in the first range.
    pub start: Option<u64>,
    /// The last request of the range. Omitted in the last range.
    pub end: Option<u64>,
    /// The share in percent, with at most two decimal places, for example `21.5`.
    pub percent: String,
}

/// The field of Apigee's response that holds the plans.
const PLANS: &str = "ratePlans";

/// The number of decimal places of Google's `Money`: billionths.
const NANO_DIGITS: usize = 9;

const COMPARE: Compare = Compare {
    server_set: &["name", "apiproduct", "createdAt", "lastModifiedAt"],
    defaults: &[("state", "\"DRAFT\"")],
    ..Compare::PLAIN
};

impl RatePlan {
    /// The desired state, in the form of Apigee's API. Invalid values are reported by [`check`](Self::check).
    pub(super) fn body(&self, name: &str) -> Value {
        let money = |amount: &str| {
            let (units, nanos) = money(amount).unwrap_or_default();
            let mut money = json!({"currencyCode": self.currency});
            if units > 0 {
                money["units"] = json!(units.to_string());
            }
            if nanos > 0 {
                money["nanos"] = json!(nanos);
            }
            money
        };
        let range = |start: Option<u64>, end: Option<u64>| {
            let bounds = [("start", start), ("end", end)];
            let bounds =
                bounds.into_iter().filter_map(|(field, bound)| Some((field.to_owned(), json!(bound?.to_string()))));
            bounds.collect::<Map<String, Value>>()
        };
        let with = |mut fields: Map<String, Value>, field: &str, value: Value| {
            fields.insert(field.to_owned(), value);
            Value::Object(fields)
        };
        let mut body = json!({
            "displayName": name,
            "state": match self.state {
                State::Draft => "DRAFT",
                State::Published => "PUBLISHED",
            },
            "currencyCode": self.currency,
        });
        let mut set = |field: &str, value: Option<Value>| {
            if let Some(value) = value {
                body[field] = value;
            }
        };
        set("description", self.description.as_ref().map(|text| json!(text)));
        let period = |period| match period {
            BillingPeriod::Weekly => json!("WEEKLY"),
            BillingPeriod::Monthly => json!("MONTHLY"),
        };
        set("billingPeriod", self.billing_period.map(period));
        set("setupFee", self.setup_fee.as_deref().map(money));
        set("fixedRecurringFee", self.recurring_fee.as_deref().map(money));
        let frequency = self.recurring_fee.as_ref().map(|_| json!(self.recurring_fee_frequency.unwrap_or(1)));
        set("fixedFeeFrequency", frequency);
        let pricing = |pricing| match pricing {
            Pricing::FixedPerUnit => json!("FIXED_PER_UNIT"),
            Pricing::Banded => json!("BANDED"),
            Pricing::Tiered => json!("TIERED"),
            Pricing::Stairstep => json!("STAIRSTEP"),
        };
        set("consumptionPricingType", self.pricing.map(pricing));
        let rates = self.rates.iter().map(|rate| with(range(rate.start, rate.end), "fee", money(&rate.fee)));
        set("consumptionPricingRates", Some(rates.collect()).filter(|_| !self.rates.is_empty()));
        let share = |share: &RevenueShare| {
            // A whole number is written without a fraction: 21 and 21.0 are different in JSON.
            let whole = share.percent.parse::<u64>().map(Value::from);
            let percent = whole.or_else(|_| share.percent.parse::<f64>().map(Value::from)).unwrap_or_default();
            with(range(share.start, share.end), "sharePercentage", percent)
        };
        if let [first, rest @ ..] = self.revenue_shares.as_slice() {
            let fixed = rest.is_empty() && first.start.is_none() && first.end.is_none();
            set("revenueShareType", Some(json!(if fixed { "FIXED" } else { "VOLUME_BANDED" })));
            set("revenueShareRates", Some(self.revenue_shares.iter().map(share).collect()));
        }
        for (field, moment) in [("startTime", &self.start_time), ("endTime", &self.end_time)] {
            let moment = moment.as_deref().and_then(|moment| instant::millis(moment).ok());
            set(field, moment.map(|moment| json!(moment.to_string())));
        }
        body
    }

    /// Reports invalid amounts and times, and fields that cannot be combined.
    pub(super) fn check(&self, at: &FieldPath, report: &mut Report<'_>) {
        texts::CURRENCY.report(&self.currency, at.key("currency"), report);
        let fees =
            self.rates.iter().enumerate().map(|(index, rate)| (at.key("rates").index(index).key("fee"), &rate.fee));
        let fees = fees.chain(self.setup_fee.iter().map(|fee| (at.key("setupFee"), fee)));
        for (at, fee) in fees.chain(self.recurring_fee.iter().map(|fee| (at.key("recurringFee"), fee))) {
            if money(fee).is_none() {
                let message = format!("`{fee}` is not an amount; write it in the form `10` or `0.002`");
                report.error(Code::InvalidValue, at, message);
            }
        }
        let ranges = self.rates.iter().map(|rate| (rate.start, rate.end)).enumerate().map(|range| ("rates", range));
        let shares = self.revenue_shares.iter().map(|share| (share.start, share.end)).enumerate();
        for (list, (index, (start, end))) in ranges.chain(shares.map(|range| ("revenueShares", range))) {
            for (field, bound) in [("start", start), ("end", end)] {
                if let Some(bound) = bound {
                    number::check(bound, &at.key(list).index(index).key(field), report);
                }
            }
        }
        for (index, RevenueShare { percent, .. }) in self.revenue_shares.iter().enumerate() {
            if !is_percent(percent) {
                let message = format!(
                    "`{percent}` is not a percentage; write a number from 0 to 100 with at most two decimal places"
                );
                report.error(Code::InvalidValue, at.key("revenueShares").index(index).key("percent"), message);
            }
        }
        for (field, moment) in [("startTime", &self.start_time), ("endTime", &self.end_time)] {
            if let Some(Err(why)) = moment.as_deref().map(instant::millis) {
                report.error(Code::InvalidValue, at.key(field), why);
            }
        }
        if self.pricing.is_some() == self.rates.is_empty() {
            let message = "`pricing` and `rates` must be set together: `pricing` says how calls are charged, `rates` what they cost";
            report.error(Code::ConflictingFields, at, message);
        }
        if self.recurring_fee_frequency.is_some() && self.recurring_fee.is_none() {
            let message = "`recurringFeeFrequency` requires `recurringFee`: set it too";
            report.error(Code::ConflictingFields, at.key("recurringFeeFrequency"), message);
        }
    }
}

/// A number from 0 to 100 with at most two decimal places (`RevenueShareRange.sharePercentage`).
fn is_percent(text: &str) -> bool {
    let (units, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(units)
        && is_digits(fraction)
        && fraction.len() <= 2
        && text.parse::<f64>().is_ok_and(|number| number <= 100.0)
}

/// The units and billionths of an amount.
fn money(text: &str) -> Option<(u64, u32)> {
    let (units, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(units) || !digits(fraction) || fraction.len() > NANO_DIGITS {
        return None;
    }
    // Apigee stores the units as a signed 64-bit integer.
    let units = units.parse().ok().filter(|units| i64::try_from(*units).is_ok())?;
    Some((units, format!("{fraction:0<NANO_DIGITS$}").parse().ok()?))
}

/// "Use `organizations/{org}/apiproducts/-` to return rate plans for all API products within the organization"; "the maximum limit is 1000"
/// (discovery document, `organizations.apiproducts.rateplans.list`).
pub(super) const LISTING: Listing = Listing {
    path: &["apiproducts", "-", "rateplans"],
    query: &[("expand", "true")],
    items: PLANS,
    paging: Paging::Keys { count: 1000, key: "name" },
    needs: "apigee.rateplans.list",
    owner: None,
    is_whole: |plan| plan.get("displayName").is_some(),
    views: &[View { path: &["apiproducts", "*", "rateplans"], names: &["apiproduct"], returns: Returns::All(PLANS) }],
};

/// Reads the plans of the product, if there are managed or desired plans or the product is to be deleted.
pub(super) fn reads(wanted: &Wanted<'_>) -> Vec<Read> {
    let ours = wanted.last.is_some_and(|record| !record.parts.is_empty());
    if !ours && wanted.body.get(PLANS).is_none() && !wanted.body.is_null() {
        return Vec::new();
    }
    let shape = Shape::empty_or(&[PLANS, "nextStartKey"]);
    let mut read = Read::json(path(wanted, None), "apigee.rateplans.list").of(shape);
    // The most that one response can hold; no product has more plans.
    read.query = vec![("expand", "true".to_owned()), ("count", "1000".to_owned())];
    vec![read]
}

fn path(wanted: &Wanted<'_>, plan: Option<&str>) -> Vec<String> {
    let product = ["apiproducts", &wanted.id.name, "rateplans"];
    wanted.place.path(&[&product[..], plan.as_slice()].concat())
}

fn text<'v>(plan: &'v Value, field: &str) -> &'v str {
    plan.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn listed(answer: Option<&Answer>) -> Vec<&Value> {
    let list = answer.map(Answer::json).and_then(|answer| answer.get(PLANS)).and_then(Value::as_array);
    list.into_iter().flatten().collect()
}

/// The changes of the plans, and the managed parts after them.
pub(super) fn plan(wanted: &Wanted<'_>, answer: Option<&Answer>) -> (Vec<Change>, Vec<Part>) {
    let (mut changes, mut parts) = (Vec::new(), Vec::new());
    let live = listed(answer);
    let empty = Map::new();
    let plans = wanted.body.get(PLANS).and_then(Value::as_object).unwrap_or(&empty);
    for (name, body) in plans {
        let known = wanted.last.and_then(|record| record.part(name)?.server_name.as_deref());
        let by_name = live.iter().find(|plan| known.is_some_and(|known| text(plan, "name") == known));
        let found = by_name.or_else(|| live.iter().find(|plan| text(plan, "displayName") == name));
        let server_name = found.map(|plan| text(plan, "name"));
        match found {
            Some(live) => changes.extend(update(wanted, name, body, live)),
            None => changes.push(create(wanted, name, body)),
        }
        parts.push(Part { server_name: server_name.map(str::to_owned), ..Part::named(name) });
    }
    changes.extend(gone(wanted, &live, |name| plans.contains_key(name)));
    (changes, parts)
}

/// Deletes the plans. Returns an error if one of them is not managed.
pub(super) fn remove(wanted: &Wanted<'_>, answer: Option<&Answer>) -> Result<Vec<Change>, String> {
    let live = listed(answer);
    let ours = |plan: &Value| {
        let mut parts = wanted.last.into_iter().flat_map(|record| &record.parts);
        parts.any(|part| is_part(plan, part))
    };
    let foreign: Vec<&str> =
        live.iter().filter(|plan| !ours(plan)).map(|plan| text(plan, "displayName")).take(5).collect();
    if !foreign.is_empty() {
        return Err(format!(
            "the product has rate plans that are not managed by apigee-flux ({}): delete them manually, then the product is deleted",
            foreign.join(", ")
        ));
    }
    Ok(gone(wanted, &live, |_| false))
}

/// True if a plan is the one in the record. If the run that created it was killed, the record does not have Apigee's name yet.
fn is_part(plan: &Value, part: &Part) -> bool {
    match &part.server_name {
        Some(known) => text(plan, "name") == known,
        None => text(plan, "displayName") == part.name,
    }
}

fn gone(wanted: &Wanted<'_>, live: &[&Value], kept: impl Fn(&str) -> bool) -> Vec<Change> {
    let parts = wanted.last.into_iter().flat_map(|record| &record.parts).filter(|part| !kept(&part.name));
    let delete = |part: &Part| {
        let path = path(wanted, Some(text(live.iter().find(|plan| is_part(plan, part))?, "name")));
        let request = Request::new(Verb::Delete, path, Body::Empty, "apigee.rateplans.delete");
        Some(Change { what: format!("delete rate plan `{}`", part.name), request, fields: Vec::new() })
    };
    parts.filter_map(delete).collect()
}

/// The field of a plan as a JSON pointer.
fn at(name: &str) -> String {
    format!("/{PLANS}/{}", secret::escape(name))
}

fn create(wanted: &Wanted<'_>, name: &str, body: &Value) -> Change {
    let mut request = Request::new(Verb::Post, path(wanted, None), Body::Json(body.clone()), "apigee.rateplans.create");
    request.makes_new = true;
    let mut fields = Vec::new();
    differences(body, &Value::Null, &at(name), &|_| false, &mut fields);
    Change { what: format!("add rate plan `{name}`"), request, fields }
}

fn update(wanted: &Wanted<'_>, name: &str, body: &Value, live: &Value) -> Option<Change> {
    let mut body = body.clone();
    if body.get("startTime").is_none()
        && let Some(start) = live.get("startTime")
    {
        body["startTime"] = start.clone();
    }
    let mut fields = Vec::new();
    differences(&COMPARE.canonical(&body), &COMPARE.canonical(live), "", &|_| false, &mut fields);
    if fields.is_empty() {
        return None;
    }
    let what = format!("update rate plan `{name}`: {}", field_names(&fields));
    for field in &mut fields {
        field.at = format!("{}{}", at(name), field.at);
    }
    let path = path(wanted, Some(text(live, "name")));
    let request = Request::new(Verb::Put, path, Body::Json(body), "apigee.rateplans.update");
    Some(Change { what, request, fields })
}

/// The plans of a product in the form of its body; `None` if there are none.
pub(super) fn bodies(plans: &BTreeMap<String, RatePlan>) -> Option<Value> {
    let bodies: Map<String, Value> = plans.iter().map(|(name, plan)| (name.clone(), plan.body(name))).collect();
    (!bodies.is_empty()).then_some(Value::Object(bodies))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        assert_eq!(money("10"), Some((10, 0)));
        assert_eq!(money("0.002"), Some((0, 2_000_000)));
        for text in ["", ".", "1.", ".5", "-1", "1,5", "1.0000000001", "1e3"] {
            assert_eq!(money(text), None, "{text}");
        }
        assert_eq!(money("9223372036854775807"), Some((9_223_372_036_854_775_807, 0)));
        assert_eq!(money("9223372036854775808"), None);
    }

    #[test]
    fn shares() {
        for text in ["0", "100", "21.5", "21.55", "100.0"] {
            assert!(is_percent(text), "{text}");
        }
        for text in ["", "-1", "101", "21.555", "1e1", "inf", "1.", "+5"] {
            assert!(!is_percent(text), "{text}");
        }
    }
}
