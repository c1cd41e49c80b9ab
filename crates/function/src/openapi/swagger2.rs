//! Converts Swagger 2.0 to OpenAPI 3.0, the only version that Apigee can validate against.
//!
//! The conversion:
//!
//! | Swagger 2.0 | OpenAPI 3.0 |
//! |---|---|
//! | `host`, `basePath`, `schemes` | `servers`, one for each scheme (`https` if none is given); the path alone without a host |
//! | `definitions` | `components.schemas`; characters that names may not have there become `_`, in references too |
//! | `parameters`, `responses` at the top | `components.parameters`, `.requestBodies` (those in the body) and `.responses` |
//! | `securityDefinitions` | `components.securitySchemes`: `basic` becomes `http`, the flow of `oauth2` becomes one of `flows` |
//! | a parameter's `type`, `format`, limits … | its `schema` |
//! | `collectionFormat` | `style` and `explode`; where 3.0 has no counterpart (`tsv`; `ssv` and `pipes` outside the query) the value is a string |
//! | `in: body` | `requestBody`, with one content for each of `consumes` |
//! | `in: formData` | `requestBody` with the properties of one object, as `multipart/form-data` or `application/x-www-form-urlencoded` |
//! | a response's `schema`, `examples` | one content for each of `produces`; `examples` of other types are contents too |
//! | `type: file` | a string of `format: binary` |
//! | `discriminator: x` | `discriminator: {propertyName: x}` |
//! | `x-nullable`, a `null` among several types | `nullable` |
//!
//! `consumes` and `produces` come from the operation, otherwise from the document; the default is `application/json`. A
//! body of `GET` or `HEAD` is dropped, because 3.0 does not allow one. Descriptions, tags, examples and `x-` fields are
//! kept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::{reference, text};

type Fields = Map<String, Json>;

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// The fields of a parameter or header that are part of its schema in 3.0.
const SCHEMA_FIELDS: [&str; 17] = [
    "type",
    "format",
    "items",
    "default",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "enum",
    "multipleOf",
    "x-nullable",
];

const JSON: &str = "application/json";
const MULTIPART: &str = "multipart/form-data";
const URL_ENCODED: &str = "application/x-www-form-urlencoded";
const BINARY: &str = "application/octet-stream";

/// Converts a whole document. Unknown parts are not changed.
pub(super) fn convert(document: &Json) -> Json {
    Converter {
        document,
        schemas: legal_names(document.get("definitions")),
        parameters: legal_names(document.get("parameters")),
        responses: legal_names(document.get("responses")),
    }
    .document()
}

/// Valid names of components: letters, digits, `.`, `_` and `-`.
fn legal_names(section: Option<&Json>) -> BTreeMap<String, String> {
    let written = || section.and_then(Json::as_object).into_iter().flat_map(Map::keys);
    let legal = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let mut taken: BTreeSet<String> = written().filter(|name| legal(name)).cloned().collect();
    let mut names = BTreeMap::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for name in written() {
        if legal(name) {
            names.insert(name.clone(), name.clone());
            continue;
        }
        let base: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
        let mut new = base.clone();
        while new.is_empty() || !taken.insert(new.clone()) {
            let number = numbers.entry(base.clone()).or_insert(1);
            *number += 1;
            new = format!("{base}_{number}");
        }
        names.insert(name.clone(), new);
    }
    names
}

/// A list of texts; `None` if the field is missing or empty.
fn list(holder: &Json, field: &str) -> Option<Vec<String>> {
    let list: Vec<String> = holder.get(field)?.as_array()?.iter().filter_map(text).collect();
    (!list.is_empty()).then_some(list)
}

/// Copies fields that mean the same in both versions, and all `x-` fields.
fn copy(from: &Json, fields: &[&str], to: &mut Fields) {
    for (key, value) in from.as_object().into_iter().flatten() {
        if fields.contains(&key.as_str()) || key.starts_with("x-") {
            to.insert(key.clone(), value.clone());
        }
    }
}

fn is(value: &Json, field: &str, word: &str) -> bool {
    value.get(field).and_then(Json::as_str) == Some(word)
}

fn is_file(schema: &Json) -> bool {
    is(schema, "type", "file")
}

/// The same body for several types of content.
fn contents(types: impl IntoIterator<Item = String>, body: &Fields) -> Json {
    Json::Object(types.into_iter().map(|content| (content, Json::Object(body.clone()))).collect())
}

struct Converter<'d> {
    document: &'d Json,
    schemas: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
    responses: BTreeMap<String, String>,
}

impl<'d> Converter<'d> {
    fn document(&self) -> Json {
        let mut new = Fields::new();
        new.insert("openapi".to_owned(), "3.0.3".into());
        let mut info = self.document.get("info").cloned().unwrap_or_else(|| json!({}));
        if let Some(info) = info.as_object_mut() {
            for field in ["title", "version"] {
                let value = info.get(field).and_then(text).unwrap_or_default();
                info.insert(field.to_owned(), value.into());
            }
        }
        new.insert("info".to_owned(), info);
        new.insert("servers".to_owned(), self.servers());
        copy(self.document, &["tags", "externalDocs", "security"], &mut new);
        let paths = self.document.get("paths").and_then(Json::as_object).into_iter().flatten();
        let path = |(path, item): (&String, &Json)| {
            let kept = path.starts_with("x-");
            (path.clone(), if kept { item.clone() } else { self.path_item(item) })
        };
        new.insert("paths".to_owned(), Json::Object(paths.map(path).collect()));
        let components = self.components();
        if !components.is_empty() {
            new.insert("components".to_owned(), Json::Object(components));
        }
        Json::Object(new)
    }

    fn servers(&self) -> Json {
        // The specification requires a leading slash, which many documents omit.
        let base = self.document.get("basePath").and_then(Json::as_str).unwrap_or("/");
        let base = format!("/{}", base.trim_start_matches('/'));
        let Some(host) = self.document.get("host").and_then(Json::as_str) else {
            return json!([{ "url": base }]);
        };
        let schemes = list(self.document, "schemes").unwrap_or_else(|| vec!["https".to_owned()]);
        let url = |scheme: &String| json!({ "url": format!("{scheme}://{host}{}", base.trim_end_matches('/')) });
        schemes.iter().map(url).collect()
    }

    fn components(&self) -> Fields {
        let section = |name: &str| self.document.get(name).and_then(Json::as_object).into_iter().flatten();
        let mut components = Fields::new();
        let mut add = |name: &str, entries: Fields| {
            if !entries.is_empty() {
                components.insert(name.to_owned(), Json::Object(entries));
            }
        };
        add(
            "schemas",
            section("definitions").map(|(n, schema)| (self.schemas[n].clone(), self.schema(schema))).collect(),
        );
        let consumes = self.consumes(self.document);
        let mut parameters = Fields::new();
        let mut bodies = Fields::new();
        for (name, parameter) in section("parameters") {
            let name = self.parameters[name].clone();
            if is(parameter, "in", "body") {
                bodies.insert(name, self.body(parameter, &consumes));
            } else if !is(parameter, "in", "formData") {
                parameters.insert(name, self.parameter(parameter));
            }
        }
        add("parameters", parameters);
        add("requestBodies", bodies);
        let produces = self.produces(self.document);
        let response =
            |(name, response): (&String, &Json)| (self.responses[name].clone(), self.response(response, &produces));
        add("responses", section("responses").map(response).collect());
        let scheme = |(name, scheme): (&String, &Json)| (name.clone(), security_scheme(scheme));
        add("securitySchemes", section("securityDefinitions").map(scheme).collect());
        components
    }

    fn consumes(&self, holder: &Json) -> Vec<String> {
        self.types(holder, "consumes")
    }

    fn produces(&self, holder: &Json) -> Vec<String> {
        self.types(holder, "produces")
    }

    fn types(&self, holder: &Json, field: &str) -> Vec<String> {
        list(holder, field).or_else(|| list(self.document, field)).unwrap_or_else(|| vec![JSON.to_owned()])
    }

    fn path_item(&self, item: &Json) -> Json {
        let mut new = Fields::new();
        copy(item, &[], &mut new);
        if let Some(target) = reference::of(item) {
            new.insert("$ref".to_owned(), self.target(target).into());
        }
        let common: Vec<&Json> = item.get("parameters").and_then(Json::as_array).into_iter().flatten().collect();
        let plain: Vec<Json> = common.iter().filter_map(|parameter| self.plain_parameter(parameter)).collect();
        for (method, operation) in item.as_object().into_iter().flatten() {
            if METHODS.contains(&method.as_str()) && operation.is_object() {
                new.insert(method.clone(), self.operation(method, operation, &common));
            } else if METHODS.contains(&method.to_ascii_lowercase().as_str()) {
                // Problems in it are reported when the converted document is read.
                new.insert(method.clone(), operation.clone());
            }
        }
        if !plain.is_empty() {
            new.insert("parameters".to_owned(), plain.into());
        }
        Json::Object(new)
    }

    fn operation(&self, method: &str, operation: &Json, common: &[&'d Json]) -> Json {
        let mut new = Fields::new();
        let same = ["tags", "summary", "description", "externalDocs", "operationId", "deprecated", "security"];
        copy(operation, &same, &mut new);
        let own: Vec<&Json> = operation.get("parameters").and_then(Json::as_array).into_iter().flatten().collect();
        let plain: Vec<Json> = own.iter().filter_map(|parameter| self.plain_parameter(parameter)).collect();
        if !plain.is_empty() {
            new.insert("parameters".to_owned(), plain.into());
        }
        if !matches!(method, "get" | "head")
            && let Some(body) = self.request_body(operation, &own, common)
        {
            new.insert("requestBody".to_owned(), body);
        }
        let produces = self.produces(operation);
        let responses = operation.get("responses").and_then(Json::as_object).into_iter().flatten();
        let response = |(status, response): (&String, &Json)| {
            let kept = status.starts_with("x-");
            (status.clone(), if kept { response.clone() } else { self.response(response, &produces) })
        };
        new.insert("responses".to_owned(), Json::Object(responses.map(response).collect()));
        Json::Object(new)
    }

    /// The parameter that a reference points to, or the parameter itself.
    fn followed<'p>(&self, parameter: &'p Json) -> &'p Json
    where
        'd: 'p,
    {
        reference::of(parameter).and_then(|target| reference::find(self.document, target)).unwrap_or(parameter)
    }

    /// A parameter that is also a parameter in 3.0; `None` for parameters in the body.
    fn plain_parameter(&self, parameter: &Json) -> Option<Json> {
        let followed = self.followed(parameter);
        if is(followed, "in", "body") || is(followed, "in", "formData") {
            return None;
        }
        Some(match reference::of(parameter) {
            Some(target) => json!({ "$ref": self.target(target) }),
            None => self.parameter(parameter),
        })
    }

    fn parameter(&self, parameter: &Json) -> Json {
        let mut new = Fields::new();
        copy(parameter, &["name", "in", "description", "required", "allowEmptyValue"], &mut new);
        new.remove("x-nullable");
        let location = parameter.get("in").and_then(Json::as_str).unwrap_or_default();
        if location == "path" {
            new.insert("required".to_owned(), true.into());
        }
        if location != "query" {
            new.remove("allowEmptyValue");
        }
        let mut schema = self.inline_schema(parameter);
        if is(parameter, "type", "array") {
            match (parameter.get("collectionFormat").and_then(Json::as_str).unwrap_or("csv"), location) {
                // Without `explode: false` a list in the query would be several parameters.
                ("csv", "query") => {
                    new.insert("explode".to_owned(), false.into());
                }
                ("csv" | "multi", _) => {}
                ("ssv", "query") => {
                    new.insert("style".to_owned(), "spaceDelimited".into());
                    new.insert("explode".to_owned(), false.into());
                }
                ("pipes", "query") => {
                    new.insert("style".to_owned(), "pipeDelimited".into());
                    new.insert("explode".to_owned(), false.into());
                }
                _ => schema = json!({ "type": "string" }),
            }
        }
        new.insert("schema".to_owned(), schema);
        Json::Object(new)
    }

    /// The schema that a parameter, a header or their `items` have in themselves.
    fn inline_schema(&self, holder: &Json) -> Json {
        let fields = holder.as_object().into_iter().flatten();
        let own = fields.filter(|(key, _)| SCHEMA_FIELDS.contains(&key.as_str()));
        self.schema(&Json::Object(own.map(|(key, value)| (key.clone(), value.clone())).collect()))
    }

    fn request_body(&self, operation: &Json, own: &[&'d Json], common: &[&'d Json]) -> Option<Json> {
        let named = |parameter: &Json| (parameter.get("name").cloned(), parameter.get("in").cloned());
        let still_there = |inherited: &&&'d Json| {
            let inherited = self.followed(inherited);
            let body = is(inherited, "in", "body");
            !own.iter()
                .map(|own| self.followed(own))
                .any(|own| named(own) == named(inherited) || body && is(own, "in", "body"))
        };
        let written: Vec<&'d Json> = common.iter().filter(still_there).chain(own).copied().collect();
        let consumes = self.consumes(operation);
        if let Some(written) = written.iter().find(|parameter| is(self.followed(parameter), "in", "body")) {
            // A shared body has the types of the document; an operation with its own types needs a copy of the body.
            let shared = reference::of(written).filter(|_| list(operation, "consumes").is_none());
            return Some(match shared {
                Some(target) => json!({ "$ref": self.target(target).replace("/parameters/", "/requestBodies/") }),
                None => self.body(self.followed(written), &consumes),
            });
        }
        let form: Vec<&Json> = written.iter().map(|parameter| self.followed(parameter)).collect();
        let form: Vec<&Json> = form.into_iter().filter(|parameter| is(parameter, "in", "formData")).collect();
        (!form.is_empty()).then(|| self.form(&form, &consumes))
    }

    fn body(&self, parameter: &Json, consumes: &[String]) -> Json {
        let mut new = Fields::new();
        copy(parameter, &["description", "required"], &mut new);
        let schema = parameter.get("schema").map_or_else(|| json!({}), |schema| self.schema(schema));
        let body = Fields::from_iter([("schema".to_owned(), schema)]);
        new.insert("content".to_owned(), contents(consumes.iter().cloned(), &body));
        Json::Object(new)
    }

    fn form(&self, parameters: &[&Json], consumes: &[String]) -> Json {
        let file = parameters.iter().any(|parameter| is_file(parameter));
        let fitting = |content: &&String| content.as_str() == MULTIPART || !file && content.as_str() == URL_ENCODED;
        let mut types: Vec<String> = consumes.iter().filter(fitting).cloned().collect();
        if types.is_empty() {
            types.push(if file { MULTIPART } else { URL_ENCODED }.to_owned());
        }
        let mut properties = Fields::new();
        let mut required: Vec<Json> = Vec::new();
        let mut encoding = Fields::new();
        for parameter in parameters {
            let Some(name) = parameter.get("name").and_then(text) else { continue };
            let mut schema = self.inline_schema(parameter);
            if is(parameter, "type", "array") {
                let style = match parameter.get("collectionFormat").and_then(Json::as_str).unwrap_or("csv") {
                    "multi" => None,
                    "csv" => Some("form"),
                    "ssv" => Some("spaceDelimited"),
                    "pipes" => Some("pipeDelimited"),
                    _ => {
                        schema = json!({ "type": "string" });
                        None
                    }
                };
                if let Some(style) = style {
                    encoding.insert(name.clone(), json!({ "style": style, "explode": false }));
                }
            }
            if let (Some(description), Some(schema)) = (parameter.get("description"), schema.as_object_mut()) {
                schema.insert("description".to_owned(), description.clone());
            }
            if parameter.get("required") == Some(&Json::Bool(true)) {
                required.push(name.clone().into());
            }
            properties.insert(name, schema);
        }
        let mut schema = Fields::from_iter([("type".to_owned(), "object".into())]);
        schema.insert("properties".to_owned(), Json::Object(properties));
        let needed = !required.is_empty();
        if needed {
            schema.insert("required".to_owned(), required.into());
        }
        let mut body = Fields::from_iter([("schema".to_owned(), Json::Object(schema))]);
        if !encoding.is_empty() {
            body.insert("encoding".to_owned(), Json::Object(encoding));
        }
        let mut new = Fields::from_iter([("content".to_owned(), contents(types, &body))]);
        if needed {
            new.insert("required".to_owned(), true.into());
        }
        Json::Object(new)
    }

    fn response(&self, response: &Json, produces: &[String]) -> Json {
        if let Some(target) = reference::of(response) {
            return json!({ "$ref": self.target(target) });
        }
        let mut new = Fields::new();
        new.insert("description".to_owned(), "".into());
        copy(response, &["description"], &mut new);
        let headers = response.get("headers").and_then(Json::as_object).into_iter().flatten();
        let headers: Fields = headers.map(|(name, header)| (name.clone(), self.header(header))).collect();
        if !headers.is_empty() {
            new.insert("headers".to_owned(), Json::Object(headers));
        }
        let examples = response.get("examples").and_then(Json::as_object);
        let schema = response.get("schema");
        let mut types: Vec<String> = match schema {
            // The content types of a file are as given, but its default is not JSON.
            Some(schema) if is_file(schema) && *produces == [JSON] => vec![BINARY.to_owned()],
            Some(_) => produces.to_vec(),
            None => Vec::new(),
        };
        for content in examples.into_iter().flat_map(Map::keys).filter(|content| content.contains('/')) {
            if !types.contains(content) {
                types.push(content.clone());
            }
        }
        let content = |name: String| {
            let mut body = Fields::new();
            if let Some(schema) = schema {
                body.insert("schema".to_owned(), self.schema(schema));
            }
            if let Some(example) = examples.and_then(|examples| examples.get(&name)) {
                body.insert("example".to_owned(), example.clone());
            }
            (name, Json::Object(body))
        };
        let contents: Fields = types.into_iter().map(content).collect();
        if !contents.is_empty() {
            new.insert("content".to_owned(), Json::Object(contents));
        }
        Json::Object(new)
    }

    fn header(&self, header: &Json) -> Json {
        let mut new = Fields::new();
        copy(header, &["description"], &mut new);
        new.remove("x-nullable");
        let counterpart =
            !matches!(header.get("collectionFormat").and_then(Json::as_str), Some("ssv" | "tsv" | "pipes"));
        let schema = if counterpart { self.inline_schema(header) } else { json!({ "type": "string" }) };
        new.insert("schema".to_owned(), schema);
        Json::Object(new)
    }

    fn schema(&self, schema: &Json) -> Json {
        let Some(fields) = schema.as_object() else { return schema.clone() };
        if let Some(target) = reference::of(schema) {
            // In 3.0, a reference cannot be combined with other fields.
            return json!({ "$ref": self.target(target) });
        }
        let mut new = Fields::new();
        for (key, value) in fields {
            match (key.as_str(), value) {
                ("properties", Json::Object(properties)) => {
                    let properties = properties.iter().map(|(name, schema)| (name.clone(), self.schema(schema)));
                    new.insert(key.clone(), Json::Object(properties.collect()));
                }
                ("allOf" | "anyOf" | "oneOf", Json::Array(schemas)) => {
                    new.insert(key.clone(), schemas.iter().map(|schema| self.schema(schema)).collect());
                }
                ("items" | "additionalProperties" | "not", Json::Object(_)) => {
                    new.insert(key.clone(), self.schema(value));
                }
                ("type", Json::String(word)) if word == "file" => {
                    new.insert(key.clone(), "string".into());
                    new.insert("format".to_owned(), "binary".into());
                }
                ("type", Json::Array(words)) => {
                    let others: Vec<&Json> = words.iter().filter(|word| **word != "null").collect();
                    if others.len() < words.len() {
                        new.insert("nullable".to_owned(), true.into());
                    }
                    // 3.0 allows one type; several types become any type.
                    if let [word] = others.as_slice() {
                        new.insert(key.clone(), (*word).clone());
                    }
                }
                ("discriminator", Json::String(property)) => {
                    new.insert(key.clone(), json!({ "propertyName": property }));
                }
                ("x-nullable", Json::Bool(nullable)) => {
                    new.insert("nullable".to_owned(), (*nullable).into());
                }
                ("collectionFormat", _) => {}
                _ => {
                    new.insert(key.clone(), value.clone());
                }
            }
        }
        Json::Object(new)
    }

    /// The target of a reference in the converted document.
    fn target(&self, target: &str) -> String {
        let sections = [
            ("definitions", "schemas", &self.schemas),
            ("parameters", "parameters", &self.parameters),
            ("responses", "responses", &self.responses),
        ];
        for (old, new, names) in sections {
            let Some(rest) = target.strip_prefix("#/").and_then(|t| t.strip_prefix(old)?.strip_prefix('/')) else {
                continue;
            };
            let (name, below) = rest.split_once('/').map_or((rest, None), |(name, below)| (name, Some(below)));
            let written = reference::decoded(name).replace("~1", "/").replace("~0", "~");
            let name = names.get(&written).map_or(name, String::as_str);
            let below = below.map(|below| format!("/{below}")).unwrap_or_default();
            return format!("#/components/{new}/{name}{below}");
        }
        target.to_owned()
    }
}

fn security_scheme(scheme: &Json) -> Json {
    let mut new = Fields::new();
    copy(scheme, &["description"], &mut new);
    let kind = scheme.get("type").and_then(Json::as_str).unwrap_or_default();
    match kind {
        "basic" => {
            new.insert("type".to_owned(), "http".into());
            new.insert("scheme".to_owned(), "basic".into());
        }
        "oauth2" => {
            new.insert("type".to_owned(), "oauth2".into());
            let flow = match scheme.get("flow").and_then(Json::as_str).unwrap_or_default() {
                "application" => "clientCredentials",
                "accessCode" => "authorizationCode",
                same => same,
            };
            let mut body = Fields::new();
            copy(scheme, &["authorizationUrl", "tokenUrl", "scopes"], &mut body);
            body.retain(|key, _| !key.starts_with("x-"));
            body.entry("scopes").or_insert_with(|| json!({}));
            new.insert("flows".to_owned(), json!({ flow: body }));
        }
        _ => copy(scheme, &["type", "name", "in"], &mut new),
    }
    Json::Object(new)
}
