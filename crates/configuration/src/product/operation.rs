//! The types of operations of a product: what an app may call of a proxy, each with its own quota.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::quota::Quota;
use crate::{attributes, number, product_path};
use apigee_flux_model::diag::{FieldPath, Report};
use apigee_flux_model::limits::{counts, texts};

/// The fields that all types of operations have.
pub(super) trait OfProxy {
    /// The name of the proxy.
    fn proxy(&self) -> &String;

    /// The attributes.
    fn attributes(&self) -> &BTreeMap<String, String>;
}

/// Declares a type of operations, whose own fields are between those of [`OfProxy`].
macro_rules! operation {
    ($(#[$about:meta])* $name:ident { $($own:tt)* }) => {
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        $(#[$about])*
        pub struct $name {
            /// The name of the proxy in Apigee.
            pub proxy: String,
            $($own)*
            /// Attributes, at most 3.
            #[serde(default)]
            pub attributes: BTreeMap<String, String>,
        }

        impl OfProxy for $name {
            fn proxy(&self) -> &String {
                &self.proxy
            }

            fn attributes(&self) -> &BTreeMap<String, String> {
                &self.attributes
            }
        }
    };
}

operation! {
    /// A path of a proxy, with methods and a quota.
    #[schemars(rename = "Operation")]
    ProxyOperation {
        /// The path after the base path of the proxy, for example `/orders/*` or `/**`. Default: `/`, which matches all paths.
        pub path: Option<String>,
        /// The HTTP methods, in upper case. Default: all.
        #[serde(default)]
        pub methods: Vec<String>,
        /// The number of requests that an app may send.
        pub quota: Option<Quota>,
    }
}

operation! {
    /// GraphQL operations.
    GraphQlOperation {
        /// The name of the operation. Default: all operations of the `types`.
        pub operation: Option<String>,
        /// The types of the operations.
        pub types: Vec<GraphQlType>,
        /// The number of requests that an app may send.
        pub quota: Option<Quota>,
    }
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

operation! {
    /// Methods of a gRPC service.
    GrpcOperation {
        /// The name of the service with its package, for example `com.petstore.PetService`.
        pub service: String,
        /// The names of the methods without the service, for example `ListPets`. Default: all.
        #[serde(default)]
        pub methods: Vec<String>,
        /// The number of requests that an app may send.
        pub quota: Option<Quota>,
    }
}

operation! {
    /// A large language model at a path of a proxy.
    LlmOperation {
        /// The path after the base path of the proxy. Default: `/`, which matches all paths.
        pub path: Option<String>,
        /// The HTTP methods, in upper case. Default: all.
        #[serde(default)]
        pub methods: Vec<String>,
        /// The name of the model.
        pub model: String,
        /// The number of tokens that an app may use.
        pub token_quota: Quota,
    }
}

operation! {
    /// Operations in the body of a request, which a ParsePayload policy extracts.
    PayloadOperation {
        /// The operations, for example `tools/list` and `tools/call/get_weather`.
        pub operations: Vec<String>,
        /// The number of requests that an app may send.
        pub quota: Option<Quota>,
    }
}

/// What a type of operations has besides: the checks and the JSON are written for all types together.
pub(super) trait ProductOperation: OfProxy {
    /// The fields that only this type has, in the form of Apigee's API.
    fn own_body(&self) -> Value;

    /// The quota of requests.
    fn quota(&self) -> Option<&Quota> {
        None
    }

    /// The quota of tokens.
    fn token_quota(&self) -> Option<&Quota> {
        None
    }

    /// The path after the base path of the proxy.
    fn path(&self) -> Option<&String> {
        None
    }

    /// The HTTP methods.
    fn http_methods(&self) -> &[String] {
        &[]
    }

    /// The operation in the form of Apigee's API.
    fn body(&self) -> Value {
        let mut body = self.own_body();
        body["apiSource"] = json!(self.proxy());
        if let Some(quota) = self.quota() {
            body["quota"] = quota.body();
        }
        if !self.attributes().is_empty() {
            body["attributes"] = attributes::list(self.attributes());
        }
        body
    }

    /// Checks the operation in a field, apart from the name of its proxy.
    fn check(&self, at: &FieldPath, report: &mut Report<'_>) {
        attributes::check(self.attributes(), 0, &counts::OPERATION_ATTRIBUTES, &at.key("attributes"), report);
        if let Some(path) = self.path() {
            product_path::check(path, &at.key("path"), report);
        }
        for (index, method) in self.http_methods().iter().enumerate() {
            texts::METHOD.report(method, at.key("methods").index(index), report);
        }
        for (field, quota) in [("quota", self.quota()), ("tokenQuota", self.token_quota())] {
            if let Some(quota) = quota {
                number::check(quota.limit, &at.key(field).key("limit"), report);
            }
        }
    }
}

/// The operations in a list of the spec, each with its field.
pub(super) fn fields<'o, T: ProductOperation>(
    list: &'static str,
    operations: &'o [T],
) -> impl Iterator<Item = (FieldPath, &'o dyn ProductOperation)> {
    let at = |index| FieldPath::of(&["spec", list]).index(index);
    operations.iter().enumerate().map(move |(index, one)| (at(index), one as &dyn ProductOperation))
}

/// The operations in the form of Apigee's API.
pub(super) fn bodies<T: ProductOperation>(operations: &[T]) -> Vec<Value> {
    operations.iter().map(T::body).collect()
}

impl ProductOperation for ProxyOperation {
    /// Apigee accepts one path in each operation.
    fn own_body(&self) -> Value {
        let resource = self.path.as_deref().unwrap_or("/");
        json!({"operations": [{"resource": resource, "methods": self.methods}]})
    }

    fn quota(&self) -> Option<&Quota> {
        self.quota.as_ref()
    }

    fn path(&self) -> Option<&String> {
        self.path.as_ref()
    }

    fn http_methods(&self) -> &[String] {
        &self.methods
    }
}

impl ProductOperation for GraphQlOperation {
    fn own_body(&self) -> Value {
        let types: Vec<&str> = self.types.iter().map(|kind| kind.as_str()).collect();
        let mut one = json!({"operationTypes": types});
        if let Some(name) = &self.operation {
            one["operation"] = json!(name);
        }
        json!({"operations": [one]})
    }

    fn quota(&self) -> Option<&Quota> {
        self.quota.as_ref()
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

impl ProductOperation for GrpcOperation {
    fn own_body(&self) -> Value {
        json!({"service": self.service, "methods": self.methods})
    }

    fn quota(&self) -> Option<&Quota> {
        self.quota.as_ref()
    }
}

impl ProductOperation for LlmOperation {
    fn own_body(&self) -> Value {
        let resource = self.path.as_deref().unwrap_or("/");
        let one = json!({"resource": resource, "methods": self.methods, "model": self.model});
        json!({"llmOperations": [one], "llmTokenQuota": self.token_quota.body()})
    }

    fn token_quota(&self) -> Option<&Quota> {
        Some(&self.token_quota)
    }

    fn path(&self) -> Option<&String> {
        self.path.as_ref()
    }

    fn http_methods(&self) -> &[String] {
        &self.methods
    }
}

impl ProductOperation for PayloadOperation {
    fn own_body(&self) -> Value {
        let list: Vec<Value> = self.operations.iter().map(|name| json!({"operation": name})).collect();
        json!({"operations": list})
    }

    fn quota(&self) -> Option<&Quota> {
        self.quota.as_ref()
    }
}
