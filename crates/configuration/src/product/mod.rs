//! `ApigeeProduct`: which APIs an app may call, how often, and at what price (`apiproducts`, with their rate plans).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::app::check_scopes;
use super::call::{Answer, Body, Change, Read, Request, Verb};
use super::collection::{Collection, Compare, NamedBy, Update};
use super::rate_plan::{self, RatePlan};
use super::{Configuration, ConfigurationSpec, Crud, Plan, Reference, Scope, Wanted, attributes, number, product_path};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::limits::{counts, texts};

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
    pub operations: Vec<Operation>,
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

/// A limit per interval of time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// The number of requests or tokens that is allowed.
    pub limit: u64,
    /// The unit of time.
    pub per: QuotaUnit,
    /// The number of units of time to which the limit applies. Default: 1.
    #[schemars(range(min = 1))]
    pub interval: Option<u32>,
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum QuotaUnit {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// A day from midnight to midnight, UTC.
    Day,
    /// A calendar month.
    Month,
}

/// Which requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum QuotaCounterScope {
    /// All requests to a proxy.
    #[serde(rename = "PROXY")]
    Proxy,
    /// All requests to an operation.
    #[serde(rename = "OPERATION")]
    Operation,
    /// All requests for the product.
    #[serde(rename = "PRODUCT")]
    Product,
}

/// A path of a proxy, with methods and a quota.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// The name of the proxy in Apigee.
    pub proxy: String,
    /// The path after the base path of the proxy, for example `/orders/*` or `/**`. Default: `/`, which matches all paths.
    pub path: Option<String>,
    /// The HTTP methods, in upper case. Default: all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The number of requests that an app may send.
    pub quota: Option<Quota>,
    /// Attributes, at most 3.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// GraphQL operations.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphQlOperation {
    /// The name of the proxy in Apigee.
    pub proxy: String,
    /// The name of the operation. Default: all operations of the `types`.
    pub operation: Option<String>,
    /// The types of the operations.
    pub types: Vec<GraphQlType>,
    /// The number of requests that an app may send.
    pub quota: Option<Quota>,
    /// Attributes, at most 3.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// A type of GraphQL operation. Apigee does not support subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GraphQlType {
    /// Reads data.
    Query,
    /// Changes data.
    Mutation,
}

/// Methods of a gRPC service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrpcOperation {
    /// The name of the proxy in Apigee.
    pub proxy: String,
    /// The name of the service with its package, for example `com.petstore.PetService`.
    pub service: String,
    /// The names of the methods without the service, for example `ListPets`. Default: all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The number of requests that an app may send.
    pub quota: Option<Quota>,
    /// Attributes, at most 3.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// A large language model at a path of a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LlmOperation {
    /// The name of the proxy in Apigee.
    pub proxy: String,
    /// The path after the base path of the proxy. Default: `/`, which matches all paths.
    pub path: Option<String>,
    /// The HTTP methods, in upper case. Default: all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The name of the model.
    pub model: String,
    /// The number of tokens that an app may use.
    pub token_quota: Quota,
    /// Attributes, at most 3.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// Operations in the body of a request, which a ParsePayload policy extracts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PayloadOperation {
    /// The name of the proxy in Apigee.
    pub proxy: String,
    /// The operations, for example `tools/list` and `tools/call/get_weather`.
    pub operations: Vec<String>,
    /// The number of requests that an app may send.
    pub quota: Option<Quota>,
    /// Attributes, at most 3.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
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
            ("operationGroup", self.operations.iter().map(Operation::body).collect::<Vec<_>>(), Some("proxy")),
            ("graphqlOperationGroup", self.graphql.iter().map(GraphQlOperation::body).collect(), Some("proxy")),
            ("grpcOperationGroup", self.grpc.iter().map(GrpcOperation::body).collect(), None),
            ("llmOperationGroup", self.llm.iter().map(LlmOperation::body).collect(), None),
            ("payloadOperationGroup", self.payload.iter().map(PayloadOperation::body).collect(), None),
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
        let operations = self.named_proxies().count() - self.proxies.len();
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
        for (at, attributes) in self.operation_attributes() {
            attributes::check(attributes, 0, &counts::OPERATION_ATTRIBUTES, &at, report);
        }
        let paths = (self.paths.iter().enumerate().map(|(index, path)| (at("paths").index(index), Some(path))))
            .chain(path_fields(at("operations"), self.operations.iter().map(|one| &one.path)))
            .chain(path_fields(at("llm"), self.llm.iter().map(|one| &one.path)));
        for (at, path) in paths.filter_map(|(at, path)| Some((at, path?))) {
            product_path::check(path, &at, report);
        }
        let methods = (self.operations.iter().map(|one| &one.methods).enumerate().map(|one| ("operations", one)))
            .chain(self.llm.iter().map(|one| &one.methods).enumerate().map(|one| ("llm", one)));
        for (field, (index, methods)) in methods {
            for (place, method) in methods.iter().enumerate() {
                texts::METHOD.report(method, at(field).index(index).key("methods").index(place), report);
            }
        }
        self.check_twice(report);
        for (at, quota) in self.quotas() {
            number::check(quota.limit, &at.key("limit"), report);
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

    fn references(&self) -> Vec<Reference> {
        let reference = |(at, name): (FieldPath, &String)| Reference { kind: "ApigeeProxy", name: name.clone(), at };
        self.named_proxies().map(reference).collect()
    }
}

/// The `path` fields of operations.
fn path_fields<'p>(
    at: FieldPath,
    paths: impl Iterator<Item = &'p Option<String>>,
) -> impl Iterator<Item = (FieldPath, Option<&'p String>)> {
    paths.enumerate().map(move |(index, path)| (at.index(index).key("path"), path.as_ref()))
}

impl Product {
    /// The attributes of each operation.
    fn operation_attributes(&self) -> impl Iterator<Item = (FieldPath, &BTreeMap<String, String>)> {
        let at = |(field, index): (&str, usize)| FieldPath::of(&["spec", field]).index(index).key("attributes");
        (self.operations.iter().enumerate().map(move |(index, one)| (at(("operations", index)), &one.attributes)))
            .chain(self.graphql.iter().enumerate().map(move |(index, one)| (at(("graphql", index)), &one.attributes)))
            .chain(self.grpc.iter().enumerate().map(move |(index, one)| (at(("grpc", index)), &one.attributes)))
            .chain(self.llm.iter().enumerate().map(move |(index, one)| (at(("llm", index)), &one.attributes)))
            .chain(self.payload.iter().enumerate().map(move |(index, one)| (at(("payload", index)), &one.attributes)))
    }

    /// All quotas with their fields.
    fn quotas(&self) -> impl Iterator<Item = (FieldPath, &Quota)> {
        fn of<'q>(field: &'static str) -> impl Fn((usize, Option<&'q Quota>)) -> (FieldPath, Option<&'q Quota>) {
            move |(index, quota)| (FieldPath::of(&["spec", field]).index(index).key("quota"), quota)
        }
        let own = [("quota", &self.quota), ("tokenQuota", &self.token_quota)];
        let own = own.into_iter().map(|(field, quota)| (FieldPath::of(&["spec", field]), quota.as_ref()));
        let llm = self.llm.iter().enumerate().map(|(index, one)| {
            (FieldPath::of(&["spec", "llm"]).index(index).key("tokenQuota"), Some(&one.token_quota))
        });
        own.chain(self.operations.iter().map(|one| one.quota.as_ref()).enumerate().map(of("operations")))
            .chain(self.graphql.iter().map(|one| one.quota.as_ref()).enumerate().map(of("graphql")))
            .chain(self.grpc.iter().map(|one| one.quota.as_ref()).enumerate().map(of("grpc")))
            .chain(self.payload.iter().map(|one| one.quota.as_ref()).enumerate().map(of("payload")))
            .chain(llm)
            .filter_map(|(at, quota)| Some((at, quota?)))
    }

    /// Reports an operation that is defined more than once, and a proxy that is listed both as a whole and with operations: it is not
    /// documented which of them applies.
    fn check_twice(&self, report: &mut Report<'_>) {
        let at = |index: usize| FieldPath::of(&["spec", "operations"]).index(index);
        for (index, one) in self.operations.iter().enumerate() {
            let path = |one: &Operation| one.path.clone().unwrap_or_else(|| "/".to_owned());
            let meet = |other: &&Operation| {
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

    /// Every proxy that the product refers to, with its field.
    fn named_proxies(&self) -> impl Iterator<Item = (FieldPath, &String)> {
        let at = |field: &str, index: usize| FieldPath::of(&["spec", field]).index(index);
        let of = move |field: &'static str| move |(index, proxy)| (at(field, index).key("proxy"), proxy);
        let plain = self.proxies.iter().enumerate().map(move |(index, proxy)| (at("proxies", index), proxy));
        plain
            .chain(self.operations.iter().map(|one| &one.proxy).enumerate().map(of("operations")))
            .chain(self.graphql.iter().map(|one| &one.proxy).enumerate().map(of("graphql")))
            .chain(self.grpc.iter().map(|one| &one.proxy).enumerate().map(of("grpc")))
            .chain(self.llm.iter().map(|one| &one.proxy).enumerate().map(of("llm")))
            .chain(self.payload.iter().map(|one| &one.proxy).enumerate().map(of("payload")))
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

impl QuotaUnit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

impl QuotaCounterScope {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Proxy => "PROXY",
            Self::Operation => "OPERATION",
            Self::Product => "PRODUCT",
        }
    }
}

impl Quota {
    fn body(&self) -> Value {
        json!({
            "limit": self.limit.to_string(),
            "interval": self.interval.unwrap_or(1).to_string(),
            "timeUnit": self.per.as_str(),
        })
    }
}

/// Adds the fields that all types of operations share to the fields in `own`.
fn operation(proxy: &str, own: Value, quota: Option<&Quota>, list: &BTreeMap<String, String>) -> Value {
    let mut body = own;
    body["apiSource"] = json!(proxy);
    if let Some(quota) = quota {
        body["quota"] = quota.body();
    }
    if !list.is_empty() {
        body["attributes"] = attributes::list(list);
    }
    body
}

impl Operation {
    /// Apigee accepts one path in each operation.
    fn body(&self) -> Value {
        let resource = self.path.as_deref().unwrap_or("/");
        let own = json!({"operations": [{"resource": resource, "methods": self.methods}]});
        operation(&self.proxy, own, self.quota.as_ref(), &self.attributes)
    }
}

impl GraphQlOperation {
    fn body(&self) -> Value {
        let types: Vec<&str> = self.types.iter().map(|kind| kind.as_str()).collect();
        let mut one = json!({"operationTypes": types});
        if let Some(name) = &self.operation {
            one["operation"] = json!(name);
        }
        operation(&self.proxy, json!({"operations": [one]}), self.quota.as_ref(), &self.attributes)
    }
}

impl GraphQlType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
        }
    }
}

impl GrpcOperation {
    fn body(&self) -> Value {
        let own = json!({"service": self.service, "methods": self.methods});
        operation(&self.proxy, own, self.quota.as_ref(), &self.attributes)
    }
}

impl LlmOperation {
    fn body(&self) -> Value {
        let resource = self.path.as_deref().unwrap_or("/");
        let one = json!({"resource": resource, "methods": self.methods, "model": self.model});
        let own = json!({"llmOperations": [one], "llmTokenQuota": self.token_quota.body()});
        operation(&self.proxy, own, None, &self.attributes)
    }
}

impl PayloadOperation {
    fn body(&self) -> Value {
        let list: Vec<Value> = self.operations.iter().map(|name| json!({"operation": name})).collect();
        operation(&self.proxy, json!({"operations": list}), self.quota.as_ref(), &self.attributes)
    }
}

#[derive(Debug)]
struct Products;

const PRODUCTS: Collection = Collection {
    path: "apiproducts",
    named_by: NamedBy::Field("name"),
    update: Update::Put,
    permission: "apigee.apiproducts",
    prerequisites: Collection::NOTHING,
    compare: Compare {
        server_set: &["createdAt", "lastModifiedAt"],
        defaults: &[("approvalType", "\"auto\"")],
        sets: &[
            "environments",
            "proxies",
            "apiResources",
            "scopes",
            "operationConfigs",
            "operations",
            "methods",
            "operationTypes",
        ],
        immutable: &["space"],
    },
};

/// Fields that are not changed if the spec does not set them: Apigee may choose the first one.
const KEPT: [&str; 2] = ["quotaCounterScope", "space"];

/// The product without its rate plans, which are separate resources in Apigee.
fn own_body(body: &Value, live: &Value) -> Value {
    let mut body = body.clone();
    if let Value::Object(fields) = &mut body {
        fields.shift_remove("ratePlans");
        for field in KEPT {
            if let (None, Some(kept)) = (fields.get(field), live.get(field)) {
                fields.insert(field.to_owned(), kept.clone());
            }
        }
    }
    body
}

impl Crud for Products {
    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        [PRODUCTS.reads(wanted), rate_plan::reads(wanted)].concat()
    }

    /// The proxies must exist before the product.
    fn after_bundles(&self) -> bool {
        true
    }

    /// Apigee checks the proxies: "The API proxy names must already exist".
    fn prerequisites(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        let mut names: Vec<&str> = Vec::new();
        names.extend(
            wanted.body.get("proxies").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str),
        );
        for group in wanted.body.as_object().into_iter().flat_map(|fields| fields.values()) {
            let configs = group.get("operationConfigs").and_then(Value::as_array).into_iter().flatten();
            names.extend(configs.filter_map(|config| config.get("apiSource")?.as_str()));
        }
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|name| Read::json(wanted.place.path(&["apis", name]), "apigee.proxies.get")).collect()
    }

    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String> {
        let body = own_body(wanted.body, answers.first().map_or(&Value::Null, Answer::json));
        let mut plan = PRODUCTS.plan(&Wanted { body: &body, ..wanted.clone() }, answers)?;
        let (changes, parts) = rate_plan::plan(wanted, answers.get(1));
        plan.changes.extend(changes);
        plan.parts = parts;
        Ok(plan)
    }

    fn remove(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Vec<Change>, String> {
        let mut changes = rate_plan::remove(wanted, answers.get(1))?;
        let path = wanted.place.path(&[PRODUCTS.path, &wanted.id.name]);
        let request = Request::new(Verb::Delete, path, Body::Empty, &PRODUCTS.needs("delete"));
        changes.push(Change { what: "delete".to_owned(), request, fields: Vec::new() });
        Ok(changes)
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
