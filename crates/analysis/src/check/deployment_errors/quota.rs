//! The errors of Quota, LLMTokenQuota and ResetQuota.

use super::rule::{DeploymentRule, broken, hit, missing, rule, word};
use crate::check::node::{child, is_template, text};
use apigee_flux_model::xml::Node;

const START_TIME: &str = "write it as `2026-01-31 12:00:00`";

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["Quota"], "InvalidQuotaInterval", |node| {
        if child(node, "UseQuotaConfigInAPIProduct").is_some() {
            return None;
        }
        missing(node, "Interval", "write `<Interval>1</Interval>`; the unit is in <TimeUnit>")
    }),
    rule(&["Quota"], "InvalidQuotaTimeUnit", |node| {
        if child(node, "UseQuotaConfigInAPIProduct").is_some() {
            return None;
        }
        missing(node, "TimeUnit", "write `<TimeUnit>minute</TimeUnit>`")
    }),
    rule(&["Quota"], "InvalidQuotaType", |node| {
        let kind = node.attribute("type").map(str::trim).filter(|kind| !kind.is_empty() && !is_template(kind))?;
        if ["calendar", "rollingwindow", "flexi"].contains(&kind) {
            return None;
        }
        hit(
            node,
            format!("`{kind}` is not a supported quota type"),
            "write `calendar`, `rollingwindow` or `flexi`, or remove the attribute",
        )
    }),
    broken(&["Quota"], "InvalidStartTime", |node| {
        let calendar = node.attribute("type").is_some_and(|kind| kind.trim() == "calendar");
        if calendar { missing(node, "StartTime", START_TIME) } else { None }
    }),
    rule(&["Quota"], "InvalidStartTime", |node| {
        let found =
            child(node, "StartTime").filter(|found| !is_template(text(*found)) && !is_start_time(text(*found)))?;
        hit(found, format!("`{}` is not a valid start time", text(found)), START_TIME)
    }),
    rule(&["Quota"], "StartTimeNotSupported", |node| {
        let found = child(node, "StartTime")?;
        let kind = node.attribute("type").map(str::trim).filter(|kind| *kind == "rollingwindow")?;
        hit(
            found,
            format!("a quota of type `{kind}` does not allow <StartTime>"),
            "remove it, or write `type=\"calendar\"`",
        )
    }),
    rule(&["Quota"], "InvalidSynchronizeIntervalForAsyncConfiguration", |node| {
        let found = child(child(node, "AsynchronousConfiguration")?, "SyncIntervalInSeconds")?;
        let seconds = text(found);
        if seconds.is_empty() || is_template(seconds) || seconds.parse::<u64>().is_ok() {
            return None;
        }
        hit(found, format!("`{seconds}` is not a number of seconds"), "write a whole number of at least 10")
    }),
    rule(&["Quota"], "InvalidAsynchronizeConfigurationForSynchronousQuota", |node| {
        let found = child(node, "AsynchronousConfiguration").filter(|_| is_true(node, "Synchronous"))?;
        hit(
            found,
            "a synchronous quota does not allow <AsynchronousConfiguration>",
            "remove it, or write `<Synchronous>false</Synchronous>`",
        )
    }),
    rule(&["LLMTokenQuota", "Quota"], "stepName missing in useQuotaConfigInAPIProduct", |node| {
        let found = child(node, "UseQuotaConfigInAPIProduct")?;
        if found.attribute("stepName").is_some_and(|name| !name.trim().is_empty()) {
            return None;
        }
        hit(
            found,
            "<UseQuotaConfigInAPIProduct> has no `stepName`",
            "name the VerifyAPIKey or OAuthV2 policy that runs before it",
        )
    }),
    rule(&["ResetQuota"], "InvalidCount", |node| {
        let found = node.descendants().find(|found| {
            let count = text(*found);
            found.has_tag_name("Allow") && !count.is_empty() && !is_template(count) && count.parse::<u64>().is_err()
        })?;
        hit(found, format!("`{}` is not a valid number of requests", text(found)), "write a whole number")
    }),
];

fn is_true(node: Node<'_, '_>, name: &str) -> bool {
    word(node, name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// `yyyy-MM-dd HH:mm:ss`; the parts may be written without leading zeros.
fn is_start_time(text: &str) -> bool {
    let number = |part: &str, most: u32| part.parse::<u32>().is_ok_and(|number| number <= most);
    let Some((date, time)) = text.split_once(' ') else { return false };
    let date: Vec<&str> = date.split('-').collect();
    let time: Vec<&str> = time.trim().split(':').collect();
    let [year, month, day] = date.as_slice() else { return false };
    let [hour, minute, second] = time.as_slice() else { return false };
    year.len() == 4
        && number(year, 9999)
        && number(month, 12)
        && number(day, 31)
        && number(hour, 24)
        && number(minute, 59)
        && number(second, 59)
}

#[cfg(test)]
mod tests {
    use super::RULES;
    use crate::check::deployment_errors::testing::assert_examples;

    #[test]
    fn every_error_is_found_by_its_name() {
        assert_examples(
            RULES,
            &[
                ("<Quota><Allow count='1'/><TimeUnit>minute</TimeUnit></Quota>", "InvalidQuotaInterval"),
                ("<Quota><Allow count='1'/><Interval>1</Interval></Quota>", "InvalidQuotaTimeUnit"),
                ("<Quota type='foo'><Interval>1</Interval><TimeUnit>minute</TimeUnit></Quota>", "InvalidQuotaType"),
                (
                    "<Quota type='calendar'><Interval>1</Interval><TimeUnit>minute</TimeUnit></Quota>",
                    "InvalidStartTime",
                ),
                (
                    "<Quota type='calendar'><Interval>1</Interval><TimeUnit>minute</TimeUnit><StartTime>soon</StartTime></Quota>",
                    "InvalidStartTime",
                ),
                (
                    "<Quota type='rollingwindow'><Interval>1</Interval><TimeUnit>minute</TimeUnit><StartTime>2026-1-1 00:00:00</StartTime></Quota>",
                    "StartTimeNotSupported",
                ),
                (
                    "<Quota><Interval>1</Interval><TimeUnit>minute</TimeUnit><AsynchronousConfiguration><SyncIntervalInSeconds>-1</SyncIntervalInSeconds></AsynchronousConfiguration></Quota>",
                    "InvalidSynchronizeIntervalForAsyncConfiguration",
                ),
                (
                    "<Quota><Interval>1</Interval><TimeUnit>minute</TimeUnit><Synchronous>true</Synchronous><AsynchronousConfiguration/></Quota>",
                    "InvalidAsynchronizeConfigurationForSynchronousQuota",
                ),
                ("<Quota><UseQuotaConfigInAPIProduct/></Quota>", "stepName missing in useQuotaConfigInAPIProduct"),
                (
                    "<ResetQuota><Quota name='q'><Identifier name='i'><Allow>10.0</Allow></Identifier></Quota></ResetQuota>",
                    "InvalidCount",
                ),
            ],
        );
    }
}
