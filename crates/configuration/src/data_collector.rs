//! `ApigeeDataCollector`: a custom variable in analytics that DataCapture policies fill (`organizations.datacollectors`).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::collection::{Collection, Compare, NamedBy, Update};
use super::listing::{Listing, Paging, Returns, View};
use super::{Configuration, ConfigurationSpec, Crud, Scope};
use apigee_flux_model::diag::{Diagnostic, FieldPath, Report};
use apigee_flux_model::limits::texts;

/// A data collector: a custom variable in analytics that DataCapture policies fill.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DataCollector {
    /// The type of the values. Cannot be changed later.
    pub r#type: DataType,
    /// A description.
    pub description: Option<String>,
}

/// The type of the values of a data collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DataType {
    /// An integer.
    Integer,
    /// A floating-point number.
    Float,
    /// A string.
    String,
    /// True or false.
    Boolean,
    /// A date and time.
    Datetime,
}

impl ConfigurationSpec for DataCollector {
    const CRUD: &'static dyn Crud = &Collection {
        path: "datacollectors",
        named_by: NamedBy::Query("dataCollectorId"),
        update: Update::PatchMask,
        permission: "apigee.datacollectors",
        prerequisites: Collection::NOTHING,
        compare: Compare {
            server_set: &["name", "createdAt", "lastModifiedAt"],
            immutable: &["type"],
            ..Compare::PLAIN
        },
    };
}

/// The maximum size of a page is not documented: a token leads to the rest.
pub(super) const LISTING: Listing = Listing {
    path: &["datacollectors"],
    query: &[],
    items: "dataCollectors",
    paging: Paging::Tokens { size: 1000 },
    needs: "apigee.datacollectors.list",
    owner: None,
    is_whole: |collector| collector.get("type").is_some(),
    views: &[View { path: &["datacollectors", "*"], names: &["name"], returns: Returns::One }],
};

impl Configuration for DataCollector {
    fn scope(&self) -> Scope {
        Scope::Organization
    }

    fn body(&self, _: &str) -> Value {
        let kind = match self.r#type {
            DataType::Integer => "INTEGER",
            DataType::Float => "FLOAT",
            DataType::String => "STRING",
            DataType::Boolean => "BOOLEAN",
            DataType::Datetime => "DATETIME",
        };
        let mut body = json!({"type": kind});
        if let Some(description) = &self.description {
            body["description"] = json!(description);
        }
        body
    }

    fn check(&self, name: &str, report: &mut Report<'_>) {
        if let Err(broken) = texts::DATA_COLLECTOR.check(name) {
            let proposed: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            let proposed = format!("dc_{}", proposed.trim_start_matches("dc_"));
            let mut found = Diagnostic::error(broken.code(), broken.message()).at(FieldPath::of(&["spec", "name"]));
            if texts::DATA_COLLECTOR.check(&proposed).is_ok() {
                found = found.help(format!("write `name: {proposed}`"));
            }
            report.push(found);
        }
    }
}
