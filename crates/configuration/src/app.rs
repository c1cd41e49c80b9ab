//! `ApigeeApp`: an app of a developer with its keys (`developers.apps`). The apps of an app group have the same fields.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::app_group::LISTED;
use super::app_plan::{AppPlan, AppsOf};
use super::call::{Answer, Body, Change, Read, Request, Shape, Verb};
use super::listing::{Listing, Owner, Paging, Returns, View};
use super::new_secret::{self, NewSecret};
use super::secret::{self, Secret};
use super::{Configuration, ConfigurationSpec, Crud, Plan, ResourceReference, Scope, Wanted, attributes};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::duration;
use apigee_flux_model::limits::{counts, texts};
use apigee_flux_model::names::kubernetes_rules;

/// Declares the fields that `ApigeeApp` and the apps of a group share. Serde's `flatten` would lose the text of scalars.
macro_rules! app {
    ($(#[$meta:meta])* $name:ident { $( $(#[$own_meta:meta])* $own:ident: $own_type:ty, )* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $( $(#[$own_meta])* pub $own: $own_type, )*
            /// The display name (Apigee's attribute `DisplayName`). Default: the name.
            pub display_name: Option<String>,
            /// The API products that the app's keys give access to.
            #[serde(default)]
            pub products: Vec<String>,
            /// The OAuth scopes that the keys may request; the products of the keys must have them. Default: the scopes are not changed.
            #[serde(default)]
            pub scopes: Vec<String>,
            /// The callback URL to which OAuth 2.0 redirects the user's browser.
            pub callback_url: Option<String>,
            /// Whether the keys of the app can be used at all. Default: the status is not changed; a new app is approved.
            pub status: Option<KeyStatus>,
            /// Whether pending keys are approved for products with `approval: manual`. A key that was revoked for a product stays revoked.
            /// Default: `false`.
            #[serde(default)]
            pub approve: bool,
            /// How long the generated key is valid, for example `2160h`. Applies only when the app is created. Default: no expiry.
            pub key_expires_in: Option<String>,
            /// The name of a Secret that the Job creates in its namespace with the generated key (`key`) and its secret (`secret`). A
            /// Secret that exists is not read or changed. Cannot be combined with `keys`. Default: the key is only in Apigee.
            pub key_secret_name: Option<String>,
            /// Other attributes, at most 18 including `displayName`. Attributes that are not listed are removed.
            #[serde(default)]
            pub attributes: BTreeMap<String, String>,
            /// Keys that you provide, by a name that is used only in this spec. If there are none, the app keeps the one key that Apigee
            /// generates when it creates the app; otherwise the generated key is deleted. Unmanaged keys are kept.
            #[serde(default)]
            pub keys: BTreeMap<String, Key>,
        }

        impl $name {
            fn fields(&self) -> Fields<'_> {
                Fields {
                    display_name: self.display_name.as_deref(),
                    products: &self.products,
                    scopes: &self.scopes,
                    callback_url: self.callback_url.as_deref(),
                    status: self.status,
                    approve: self.approve,
                    key_expires_in: self.key_expires_in.as_deref(),
                    key_secret_name: self.key_secret_name.as_deref(),
                    attributes: &self.attributes,
                    keys: &self.keys,
                }
            }
        }
    };
}

app! {
    /// An app of a developer. Apigee generates its key, or the key comes from a Secret.
    App {
        /// The email address of the developer.
        developer: String,
    }
}

app! {
    /// An app of an app group. Apigee generates its key, or the key comes from a Secret.
    GroupApp {}
}

/// A key that you provide. A new consumer key in the Secret rotates the key: the new key is created first, and the old key is deleted
/// when the new one is approved.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Key {
    /// The reference to the consumer key: letters, digits, `_` and `-`, at most 2 KB. One trailing line break is ignored.
    pub consumer_key: Secret,
    /// The reference to the consumer secret, in the same format. It can be changed only together with the consumer key.
    pub consumer_secret: Secret,
    /// The API products that the key gives access to. Default: the products of the app.
    #[serde(default)]
    pub products: Vec<String>,
    /// The OAuth scopes. Default: the scopes of the app.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Attributes of the key. Attributes that are not listed are removed.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Whether the key can be used. Default: the status is not changed; a new key is approved.
    pub status: Option<KeyStatus>,
    /// How long the key is valid after its creation, for example `2160h`. Cannot be changed later. Default: no expiry.
    pub expires_in: Option<String>,
}

/// Whether an app or a key can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KeyStatus {
    /// It can be used.
    Approved,
    /// It cannot be used.
    Revoked,
}

/// The fields of an app of a developer or a group.
struct Fields<'a> {
    display_name: Option<&'a str>,
    products: &'a [String],
    scopes: &'a [String],
    callback_url: Option<&'a str>,
    status: Option<KeyStatus>,
    approve: bool,
    key_expires_in: Option<&'a str>,
    key_secret_name: Option<&'a str>,
    attributes: &'a BTreeMap<String, String>,
    keys: &'a BTreeMap<String, Key>,
}

impl KeyStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Revoked => "revoked",
        }
    }
}

impl Fields<'_> {
    fn all_attributes(&self) -> BTreeMap<String, String> {
        attributes::with(self.attributes, "DisplayName", self.display_name)
    }

    fn body(&self) -> Value {
        let mut body = json!({
            "attributes": attributes::list(&self.all_attributes()),
            "products": self.products,
            "scopes": self.scopes,
            "approve": self.approve,
        });
        if let Some(url) = self.callback_url {
            body["callbackUrl"] = json!(url);
        }
        if let Some(status) = self.status {
            body["status"] = json!(status.as_str());
        }
        if let Some(seconds) = self.key_expires_in.and_then(|time| seconds(time).ok()) {
            body["keyExpiresInSeconds"] = json!(seconds);
        }
        if let Some(name) = self.key_secret_name {
            body[new_secret::FIELD] = json!(name);
        }
        if !self.keys.is_empty() {
            let keys = self.keys.iter().map(|(name, key)| (name.clone(), key.body(self)));
            body["keys"] = Value::Object(keys.collect());
        }
        body
    }

    fn check(&self, at: &FieldPath, report: &mut Report<'_>) {
        let own = usize::from(self.display_name.is_some());
        attributes::check(self.attributes, own, &counts::ATTRIBUTES, &at.key("attributes"), report);
        if let Some(name) = self.display_name {
            texts::ATTRIBUTE_VALUE.report(name, at.key("displayName"), report);
        }
        if let Some(url) = self.callback_url {
            check_callback(url, at.key("callbackUrl"), report);
        }
        check_scopes(self.scopes, &at.key("scopes"), report);
        attributes::check_own(self.attributes, "DisplayName", "displayName", &at.key("attributes"), report);
        if let Some(Err(why)) = self.key_expires_in.map(seconds) {
            report.error(Code::InvalidValue, at.key("keyExpiresIn"), why);
        }
        if self.key_expires_in.is_some() && !self.keys.is_empty() {
            let message = "`keyExpiresIn` cannot be combined with `keys`, which replace the generated key: set `expiresIn` of each key";
            report.error(Code::ConflictingFields, at.key("keyExpiresIn"), message);
        }
        if let Some(name) = self.key_secret_name {
            if let Err(why) = kubernetes_rules::object_name(name) {
                report.error(Code::InvalidName, at.key("keySecretName"), why);
            }
            if !self.keys.is_empty() {
                let message = "`keySecretName` cannot be combined with `keys`, which replace the generated key: remove one of them";
                report.error(Code::ConflictingFields, at.key("keySecretName"), message);
            }
        }
        attributes::check_count(&counts::KEYS, self.keys.len(), &at.key("keys"), report);
        check_products(self.products, self.keys.is_empty(), "the app's key", &at.key("products"), report);
        let mut places = BTreeSet::new();
        for (name, key) in self.keys {
            let at = at.key("keys").key(name);
            if !places.insert(&key.consumer_key.value_from) {
                let message = format!(
                    "the {} is already used by another key: each key needs its own",
                    key.consumer_key.value_from
                );
                report.error(Code::NameCollision, at.key("consumerKey"), message);
            }
            let products = if key.products.is_empty() { self.products } else { &key.products };
            check_products(products, true, "the key", &at.key("products"), report);
            attributes::check(&key.attributes, 0, &counts::ATTRIBUTES, &at.key("attributes"), report);
            check_scopes(&key.scopes, &at.key("scopes"), report);
            if let Some(Err(why)) = key.expires_in.as_deref().map(seconds) {
                report.error(Code::InvalidValue, at.key("expiresIn"), why);
            }
        }
    }

    fn references(&self, at: &FieldPath) -> Vec<ResourceReference> {
        let keys = self.keys.iter().map(|(name, key)| (at.key("keys").key(name), key.products.as_slice()));
        let lists = [(at.clone(), self.products)].into_iter().chain(keys);
        let reference = |at: &FieldPath, index, name: &String| ResourceReference {
            kind: "ApigeeProduct",
            name: name.clone(),
            at: at.key("products").index(index),
        };
        let of_list = |(at, products): (FieldPath, &[String])| {
            products.iter().enumerate().map(|(index, name)| reference(&at, index, name)).collect::<Vec<_>>()
        };
        lists.flat_map(of_list).collect()
    }
}

impl Key {
    fn body(&self, app: &Fields<'_>) -> Value {
        let or = |own: &[String], of_app: &[String]| json!(if own.is_empty() { of_app } else { own });
        let mut body = json!({
            "consumerKey": secret::of(&self.consumer_key),
            "consumerSecret": secret::of(&self.consumer_secret),
            "products": or(&self.products, app.products),
            "scopes": or(&self.scopes, app.scopes),
            "attributes": attributes::list(&self.attributes),
        });
        if let Some(status) = self.status {
            body["status"] = json!(status.as_str());
        }
        if let Some(seconds) = self.expires_in.as_deref().and_then(|time| seconds(time).ok()) {
            body["expiresInSeconds"] = json!(seconds);
        }
        body
    }
}

fn check_products(products: &[String], required: bool, whose: &str, at: &FieldPath, report: &mut Report<'_>) {
    if products.is_empty() && required {
        report.push(
            Diagnostic::error(
                Code::MissingField,
                format!("{whose} has no API product, so no API can be called with it"),
            )
            .at(at)
            .help("list the API products in `products`"),
        );
    }
    attributes::check_count(&counts::PRODUCTS_OF_KEY, products.len(), at, report);
    for (index, product) in products.iter().enumerate() {
        texts::PRODUCT.report(product, at.index(index), report);
    }
}

/// Reports invalid scopes.
pub(super) fn check_scopes(scopes: &[String], at: &FieldPath, report: &mut Report<'_>) {
    for (index, scope) in scopes.iter().enumerate() {
        texts::SCOPE.report(scope, at.index(index), report);
    }
}

/// Reports an invalid redirection endpoint: it must be an absolute URI without a fragment (RFC 6749, section 3.1.2).
fn check_callback(url: &str, at: FieldPath, report: &mut Report<'_>) {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let absolute = url.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty());
    if !absolute || url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#') {
        let message = format!(
            "`{url}` is not a valid callback URL: write an absolute URL without `#` and spaces, such as `https://app.example.com/cb`"
        );
        report.error(Code::InvalidValue, at, message);
    }
}

/// The whole seconds of a duration.
fn seconds(text: &str) -> Result<u64, String> {
    let time = duration::parse(text)?;
    if time.is_zero() || time.subsec_nanos() != 0 {
        return Err(format!("`{text}` is not a whole number of seconds, 1 or more"));
    }
    Ok(time.as_secs())
}

impl GroupApp {
    /// The desired state, in the form of Apigee's API.
    pub(super) fn body(&self) -> Value {
        self.fields().body()
    }

    /// Checks the app.
    pub(super) fn check(&self, at: &FieldPath, report: &mut Report<'_>) {
        self.fields().check(at, report);
    }

    /// The products that it refers to.
    pub(super) fn references(&self, at: &FieldPath) -> Vec<ResourceReference> {
        self.fields().references(at)
    }
}

impl ConfigurationSpec for App {
    const CRUD: &'static dyn Crud = &Apps;
}

impl Configuration for App {
    fn scope(&self) -> Scope {
        Scope::Organization
    }

    fn parent(&self) -> Option<&str> {
        Some(&self.developer)
    }

    fn body(&self, _: &str) -> Value {
        self.fields().body()
    }

    fn check(&self, name: &str, report: &mut Report<'_>) {
        texts::APP.report(name, FieldPath::of(&["spec", "name"]), report);
        texts::EMAIL.report(&self.developer, FieldPath::of(&["spec", "developer"]), report);
        self.fields().check(&FieldPath::of(&["spec"]), report);
    }

    fn references(&self) -> Vec<ResourceReference> {
        let developer = ResourceReference {
            kind: "ApigeeDeveloper",
            name: self.developer.clone(),
            at: FieldPath::of(&["spec", "developer"]),
        };
        [vec![developer], self.fields().references(&FieldPath::of(&["spec"]))].concat()
    }
}

/// All apps of the organization, of developers and of app groups. "The maximum value is 1000; values above 1000 will be coerced", in
/// older versions to 100. The list leaves out revoked apps and may leave out revoked keys, since the filters `status` and `keyStatus`
/// default to `approved` (discovery document, `organizations.apps.list`). It is not documented that every app has `developerEmail`.
pub(super) const LISTING: Listing = Listing {
    path: &["apps"],
    query: &[("expand", "true"), ("includeCred", "true")],
    items: "app",
    paging: Paging::Tokens { size: 1000 },
    needs: "apigee.apps.list",
    owner: Some(Owner { name: "developerEmail", id: "developerId" }),
    is_whole: |app| {
        let keys = app.get("credentials").and_then(Value::as_array);
        let is_whole = |key: &Value| key.get("consumerKey").is_some() && key.get("consumerSecret").is_some();
        keys.is_some_and(|keys| keys.iter().all(is_whole))
    },
    views: &[
        View { path: &["developers", "*", "apps", "*"], names: &["developerEmail", "name"], returns: Returns::One },
        View { path: &["appgroups", "*", "apps"], names: &["appGroup"], returns: Returns::All(LISTED) },
    ],
};

#[derive(Debug)]
struct Apps;

impl Apps {
    fn path(wanted: &Wanted<'_>) -> Vec<String> {
        let developer = wanted.id.parent.as_deref().unwrap_or_default();
        wanted.place.path(&["developers", developer, "apps", &wanted.id.name])
    }

    fn plan_of<'a>(wanted: &'a Wanted<'a>, body: &'a Value) -> AppPlan<'a> {
        AppPlan {
            wanted,
            owner: AppsOf::Developer,
            path: Self::path(wanted),
            name: &wanted.id.name,
            body,
            parts: String::new(),
            pointer: String::new(),
        }
    }
}

impl Crud for Apps {
    fn secrets(&self) -> &'static [&'static str] {
        &["/keys/*/consumerKey", "/keys/*/consumerSecret"]
    }

    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        vec![Read::json(Self::path(wanted), "apigee.developerapps.get").of(Shape::with(&["name", "appId"]))]
    }

    /// The app is created after its products, which are created after the bundles, and deleted before them.
    fn after_bundles(&self) -> bool {
        true
    }

    fn prerequisites(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        products(wanted, [wanted.body])
    }

    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String> {
        let live = answers.first().map(Answer::json).filter(|live| !live.is_null());
        Self::plan_of(wanted, wanted.body).plan(live)
    }

    fn new_secrets(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Vec<NewSecret> {
        let live = answers.first().map_or(&Value::Null, Answer::json);
        Self::plan_of(wanted, wanted.body).new_secret(live).into_iter().collect()
    }

    fn remove(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Vec<Change>, String> {
        let empty = Value::Object(Map::new());
        Self::plan_of(wanted, &empty).may_remove(answers.first().map_or(&Value::Null, Answer::json))?;
        let request = Request::new(Verb::Delete, Self::path(wanted), Body::Empty, "apigee.developerapps.delete");
        Ok(vec![Change { what: "delete".to_owned(), request, fields: Vec::new() }])
    }
}

/// The products that apps refer to: Apigee rejects a key for a product that does not exist.
pub(super) fn products<'b>(wanted: &Wanted<'_>, apps: impl IntoIterator<Item = &'b Value>) -> Vec<Read> {
    let mut names = BTreeSet::new();
    for app in apps {
        let keys = app.get("keys").and_then(Value::as_object).into_iter().flat_map(Map::values);
        for list in [app].into_iter().chain(keys).filter_map(|held| held.get("products")?.as_array()) {
            names.extend(list.iter().filter_map(Value::as_str));
        }
    }
    let read = |name| Read::json(wanted.place.path(&["apiproducts", name]), "apigee.apiproducts.get");
    names.into_iter().map(read).collect()
}
