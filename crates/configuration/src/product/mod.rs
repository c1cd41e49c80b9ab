//! `ApigeeProduct`: which APIs an app may call, how often, and at what price (`apiproducts`, with their rate plans).

mod crud;
mod operation;
mod quota;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::app::check_scopes;
use super::rate_plan::{self, RatePlan};
use super::{Configuration, ConfigurationSpec, Crud, ResourceReference, Scope, attributes, number, product_path};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::limits::{counts, texts};
pub(crate) use crud::LISTING;
use crud::Products;
use operation::ProductOperation;

pub use operation::{GraphQlOperation, GraphQlType, GrpcOperation, LlmOperation, PayloadOperation, ProxyOperation};
pub use quota::{Quota, QuotaCounterScope, QuotaUnit};

/// An API product: which APIs an app with a key for it may call. The spec must list the proxies and environments or allow all of them
/// explicitly, because Apigee treats an empty list as all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Product {
    /// The display name. Default: the name.
    pub display_name: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// Whether keys are approved for the product automatically or manually. Default: `auto`.
    #[serde(default)]
    pub approval: Approval,
    /// Who sees the product in a developer portal (Apigee's attribute `access`). Default: not set, and no portal shows the product.
    pub access: Option<Access>,
    /// The Apigee environments in which the product can be used. Required unless `allEnvironments` is `true`.
    #[serde(default)]
    pub available_in: Vec<String>,
    /// Whether the product can be used in every environment, including environments that are created later. Default: `false`.
    #[serde(default)]
    pub all_environments: bool,
    /// The proxies that may be called, by their names in Apigee. Alternatives: operations, or `allProxies`.
    #[serde(default)]
    pub proxies: Vec<String>,
    /// Whether every proxy of the organization may be called, including proxies that are deployed later. Default: `false`.
    #[serde(default)]
    pub all_proxies: bool,
    /// The paths after the base path of `proxies` that may be called: `/` matches all paths, `/*` one segment, `/**` any number of segments.
    /// Default: all paths. Cannot be combined with `operations`.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Paths and methods of proxies that may be called, each with its own quota.
    #[serde(default)]
    pub operations: Vec<ProxyOperation>,
    /// GraphQL operations that may be called.
    #[serde(default)]
    pub graphql: Vec<GraphQlOperation>,
    /// gRPC services that may be called.
    #[serde(default)]
    pub grpc: Vec<GrpcOperation>,
    /// Large language models that may be called.
    #[serde(default)]
    pub llm: Vec<LlmOperation>,
    /// Operations in the body of a request that may be called, for example those of MCP.
    #[serde(default)]
    pub payload: Vec<PayloadOperation>,
    /// The number of requests that an app may send.
    pub quota: Option<Quota>,
    /// Which requests are counted together against `quota` if an operation does not have its own quota. Default: the value in Apigee is not changed.
    pub quota_counter_scope: Option<QuotaCounterScope>,
    /// The number of tokens of language models that an app may use.
    pub token_quota: Option<Quota>,
    /// The OAuth scopes that an access token may have.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Other attributes, at most 18 including `access`. Attributes that are not listed are removed.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The rate plans: what developers pay, by the display name of each plan. Unmanaged plans are kept.
    #[serde(default)]
    pub rate_plans: BTreeMap<String, RatePlan>,
    /// The space that the product belongs to. Cannot be changed later. Default: the space in Apigee is kept; a new product has none.
    pub space: Option<String>,
}

/// How keys are approved for a product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Approval {
    /// A key is approved immediately.
    #[default]
    Auto,
    /// A key must be approved manually.
    Manual,
}

/// Who sees a product in a developer portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Access {
    /// All developers see it.
    Public,
    /// No developer sees it, but external developers may use it.
    Private,
    /// No developer sees it; it is for internal use.
    Internal,
}

impl ConfigurationSpec for Product {
    const CRUD: &'static dyn Crud = &Products;
}

impl Configuration for Product {
    fn scope(&self) -> Scope {
        Scope::Organization
    }

    fn body(&self, name: &str) -> Value {
        let mut body = Map::new();
        let mut set = |field: &str, value: Value| body.insert(field.to_owned(), value);
        set("displayName", json!(self.display_name.as_deref().unwrap_or(name)));
        set("approvalType", json!(self.approval.as_str()));
        set("environments", json!(self.available_in));
        set("proxies", json!(self.proxies));
        set("apiResources", json!(self.paths));
        set("scopes", json!(self.scopes));
        set("attributes", attributes::list(&self.all_attributes()));
        let groups = [
            ("operationGroup", operation::bodies(&self.operations), Some("proxy")),
            ("graphqlOperationGroup", operation::bodies(&self.graphql), Some("proxy")),
            ("grpcOperationGroup", operation::bodies(&self.grpc), None),
            ("llmOperationGroup", operation::bodies(&self.llm), None),
            ("payloadOperationGroup", operation::bodies(&self.payload), None),
        ];
        for (field, configs, kind) in groups.into_iter().filter(|(_, configs, _)| !configs.is_empty()) {
            let mut group = json!({"operationConfigs": configs});
            if let Some(kind) = kind {
                group["operationConfigType"] = json!(kind);
            }
            set(field, group);
        }
        for (field, quota) in [("quota", &self.quota), ("llmQuota", &self.token_quota)] {
            if let Some(quota) = quota {
                set(field, json!(quota.limit.to_string()));
                set(&format!("{field}Interval"), json!(quota.interval.unwrap_or(1).to_string()));
                set(&format!("{field}TimeUnit"), json!(quota.per.as_str()));
            }
        }
        if let Some(scope) = self.quota_counter_scope {
            set("quotaCounterScope", json!(scope.as_str()));
        }
        for (field, value) in [("description", &self.description), ("space", &self.space)] {
            if let Some(value) = value {
                set(field, json!(value));
            }
        }
        if let Some(plans) = rate_plan::bodies(&self.rate_plans) {
            set("ratePlans", plans);
        }
        Value::Object(body)
    }

    fn check(&self, name: &str, report: &mut Report<'_>) {
        let at = |field: &str| FieldPath::of(&["spec", field]);
        texts::PRODUCT.report(name, at("name"), report);
        self.check_extent(report);
        let operations = self.all_operations().count();
        for (field, most, count) in [
            ("availableIn", &counts::PRODUCT_ENVIRONMENTS, self.available_in.len()),
            ("proxies", &counts::PRODUCT_PROXIES, self.proxies.len()),
            ("paths", &counts::PRODUCT_PATHS, self.paths.len()),
            ("operations", &counts::PRODUCT_OPERATIONS, operations),
        ] {
            attributes::check_count(most, count, &at(field), report);
        }
        for (index, environment) in self.available_in.iter().enumerate() {
            texts::ENVIRONMENT.report(environment, at("availableIn").index(index), report);
        }
        for (at, proxy) in self.named_proxies() {
            texts::BUNDLE.report(proxy, at, report);
        }
        check_scopes(&self.scopes, &at("scopes"), report);
        attributes::check(
            &self.attributes,
            usize::from(self.access.is_some()),
            &counts::ATTRIBUTES,
            &at("attributes"),
            report,
        );
        attributes::check_own(&self.attributes, "access", "access", &at("attributes"), report);
        for (index, path) in self.paths.iter().enumerate() {
            product_path::check(path, &at("paths").index(index), report);
        }
        for (at, operation) in self.all_operations() {
            operation.check(&at, report);
        }
        self.check_twice(report);
        for (field, quota) in [("quota", &self.quota), ("tokenQuota", &self.token_quota)] {
            if let Some(quota) = quota {
                number::check(quota.limit, &at(field).key("limit"), report);
            }
        }
        for (name, plan) in &self.rate_plans {
            plan.check(&at("ratePlans").key(name), report);
        }
    }

    fn check_in(&self, organization: &str, name: &str, report: &mut Report<'_>) {
        let display = self.display_name.as_deref().unwrap_or(name);
        let at = FieldPath::of(&["spec", "displayName"]);
        texts::PRODUCT_DISPLAY.report(&format!("{organization}@@@{display}"), at, report);
    }

    fn references(&self) -> Vec<ResourceReference> {
        let reference =
            |(at, name): (FieldPath, &String)| ResourceReference { kind: "ApigeeProxy", name: name.clone(), at };
        self.named_proxies().map(reference).collect()
    }
}

impl Product {
    /// All operations, each with its field.
    fn all_operations(&self) -> impl Iterator<Item = (FieldPath, &dyn ProductOperation)> {
        operation::fields("operations", &self.operations)
            .chain(operation::fields("graphql", &self.graphql))
            .chain(operation::fields("grpc", &self.grpc))
            .chain(operation::fields("llm", &self.llm))
            .chain(operation::fields("payload", &self.payload))
    }

    /// Every proxy that the product refers to, with its field.
    fn named_proxies(&self) -> impl Iterator<Item = (FieldPath, &String)> {
        let at = |index: usize| FieldPath::of(&["spec", "proxies"]).index(index);
        let plain = self.proxies.iter().enumerate().map(move |(index, proxy)| (at(index), proxy));
        plain.chain(self.all_operations().map(|(at, operation)| (at.key("proxy"), operation.proxy())))
    }

    /// Reports an operation that is defined more than once, and a proxy that is listed both as a whole and with operations: it is not
    /// documented which of them applies.
    fn check_twice(&self, report: &mut Report<'_>) {
        let at = |index: usize| FieldPath::of(&["spec", "operations"]).index(index);
        for (index, one) in self.operations.iter().enumerate() {
            let path = |one: &ProxyOperation| one.path.clone().unwrap_or_else(|| "/".to_owned());
            let meet = |other: &&ProxyOperation| {
                one.proxy == other.proxy
                    && path(one) == path(other)
                    && (one.methods.is_empty()
                        || other.methods.is_empty()
                        || one.methods.iter().any(|method| other.methods.contains(method)))
            };
            if self.operations.iter().take(index).any(|other| meet(&other)) {
                let message = format!(
                    "the path `{}` of `{}` is defined more than once for the same method: keep one of the operations",
                    path(one),
                    one.proxy
                );
                report.error(Code::ConflictingFields, at(index), message);
            }
            if self.proxies.contains(&one.proxy) {
                let message = format!(
                    "`proxies` allows all of `{0}`, but this operation only a part: remove `{0}` from `proxies`, or remove its operations",
                    one.proxy
                );
                report.error(Code::ConflictingFields, at(index).key("proxy"), message);
            }
        }
    }

    fn all_attributes(&self) -> BTreeMap<String, String> {
        attributes::with(&self.attributes, "access", self.access.map(Access::as_str))
    }

    /// Reports missing lists: an empty list allows everything in Apigee, which must be requested explicitly.
    fn check_extent(&self, report: &mut Report<'_>) {
        let at = |field: &str| FieldPath::of(&["spec", field]);
        let named = self.named_proxies().next().is_some();
        let extents = [
            (named, self.all_proxies, "proxies", "allProxies", "list `proxies` or `operations`"),
            (
                !self.available_in.is_empty(),
                self.all_environments,
                "availableIn",
                "allEnvironments",
                "list the environments in `availableIn`",
            ),
        ];
        for (some, all, field, all_field, way_out) in extents {
            if !some && !all {
                let what = if field == "proxies" { "proxies" } else { "environments" };
                report.push(
                    Diagnostic::error(
                        Code::MissingField,
                        format!(
                            "a product that lists no {what} gives its keys access to all of them in the organization"
                        ),
                    )
                    .at(at(field))
                    .help(format!("{way_out}, or set `{all_field}: true` to allow all of them")),
                );
            }
            if some && all {
                let message = format!("`{all_field}: true` cannot be combined with the list: remove one of them");
                report.error(Code::ConflictingFields, at(all_field), message);
            }
        }
        if !self.paths.is_empty() && !self.operations.is_empty() {
            let message = "`paths` applies to `proxies` and cannot be combined with `operations`: each operation has its own `path`";
            report.error(Code::ConflictingFields, at("paths"), message);
        }
    }
}

impl Approval {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
        }
    }
}

impl Access {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Internal => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_model::diag::Subject;

    fn found(yaml: &str) -> Vec<String> {
        let spec: Product = serde_yaml::from_str(yaml).unwrap();
        let subject = Subject::default();
        let mut report = Report::new(&subject);
        spec.check("p", &mut report);
        report.into_diagnostics().iter().map(|found| format!("{} {}", found.code, found.field)).collect()
    }

    #[test]
    fn everything_is_said_in_words() {
        assert_eq!(found("{}"), ["AF012 spec.proxies", "AF012 spec.availableIn"]);
        assert_eq!(found("{allProxies: true, allEnvironments: true}"), [""; 0]);
        let both = "{allProxies: true, allEnvironments: true, proxies: [a], availableIn: [dev]}";
        assert_eq!(found(both), ["AF014 spec.allProxies", "AF014 spec.allEnvironments"]);
    }

    #[test]
    fn limits() {
        let operation = "{proxy: a, attributes: {a: 1, b: 2, c: 3, d: 4}}";
        let many = (0..49).map(|index| format!("{{proxy: a, path: /{index}}}")).collect::<Vec<_>>().join(", ");
        let yaml =
            format!("{{allEnvironments: true, operations: [{operation}, {many}], grpc: [{{proxy: a, service: s}}]}}");
        assert_eq!(found(&yaml), ["AF085 spec.operations", "AF085 spec.operations[0].attributes"]);
    }
}
