//! Credentials that are recognized by their place in Apigee's configuration: headers, parameters, and elements of
//! policies.
//!
//! `spec::credential` recognizes credentials by their form. The schema of a policy says which texts are literals and
//! which are names of variables.

use indexmap::IndexMap;

use crate::spec::credential::credential;
use apigee_flux_analysis::policy::policy_type;
use apigee_flux_analysis::policy::schema::{COMMON_CHILDREN, ElementSchema, Meaning};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::xml::{Document, Node, child_named};
use apigee_flux_model::yaml::Verbatim;

/// The fix for every such error.
const WAY_OUT: &str = "keep it in an encrypted key value map that an ApigeeKeyValueMap fills from a Secret, and refer \
                       to the variable that holds it, for example `{private.backendKey}`";

/// The kind of credential that a text is, whatever its place. A public key or a certificate is not a credential.
fn by_form(text: &str) -> Option<&'static str> {
    credential(None, text)
}

/// True for the name of something that holds a credential: a header, a parameter, an entry of a map.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "authorization" | "proxy-authorization" | "cookie")
        || ["password", "secret", "token", "api-key", "apikey", "api_key"].iter().any(|word| name.ends_with(word))
}

/// The kind of credential that a literal is because of the name of its header or parameter.
fn by_name(name: &str, value: &str) -> Option<&'static str> {
    // A template reads the credential from a variable, and a switch is not a credential.
    let literal = !value.trim().is_empty() && !value.contains('{') && !is_switch(value);
    (is_secret_name(name) && literal).then_some("a credential")
}

/// True for a flow variable whose name says that it holds a credential: private variables, the headers and parameters
/// in which callers send credentials, and the secrets and tokens that policies look up or create.
pub(super) fn is_variable(variable: &str) -> bool {
    let segments: Vec<&str> = variable.split('.').collect();
    let shown = |pair: &[&str]| {
        let place = matches!(pair[0], "header" | "queryparam" | "formparam");
        place && (is_secret_name(pair[1]) || pair[1].eq_ignore_ascii_case("set-cookie"))
    };
    let last = segments.last().copied().unwrap_or_default();
    segments[0] == "private"
        || segments.windows(2).any(shown)
        || matches!(last, "client_secret" | "consumer_secret" | "access_token" | "refresh_token" | "password")
}

/// True for a value that nobody would choose as a credential.
fn is_switch(value: &str) -> bool {
    matches!(value.trim().to_ascii_lowercase().as_str(), "true" | "false" | "null" | "none" | "yes" | "no")
}

fn report_it(sort: &str, at: &FieldPath, report: &mut Report<'_>) {
    report.push(
        Diagnostic::error(Code::InlineCredential, format!("{sort} is in the spec in clear text")).at(at).help(WAY_OUT),
    );
}

/// Checks the value of a header or a parameter.
pub(super) fn check_named(name: &str, value: &str, at: &FieldPath, report: &mut Report<'_>) {
    if let Some(sort) = by_form(value).or_else(|| by_name(name, value)) {
        report_it(sort, at, report);
    }
}

/// Checks a text by its form only.
pub(super) fn check_text(text: &str, at: &FieldPath, report: &mut Report<'_>) {
    if let Some(sort) = by_form(text) {
        report_it(sort, at, report);
    }
}

/// The elements whose text counts as a credential if no schema describes them.
const SECRET_ELEMENTS: &[&str] = &["Password", "ClientSecret", "Secret"];

/// A place in a policy.
#[derive(Debug, Clone, Copy, Default)]
pub struct Within<'n> {
    /// The element's part of the schema; `None` if the schema does not have the element.
    shape: Option<&'static ElementSchema>,
    /// Whether a schema is known for the file.
    known: bool,
    /// The element.
    element: &'n str,
    /// What the value is for: the element's attribute `name`, or its sibling `<Name>` or `<Key>`.
    name: Option<&'n str>,
}

impl<'n> Within<'n> {
    /// The root element of a file.
    pub fn root(element: &'n str) -> Self {
        let shape = policy_type(element).map(|known| known.schema);
        Self { shape, known: shape.is_some(), element, name: None }
    }

    /// A child of the element. `name` is the child's attribute of that name, `named` the text of the child's sibling
    /// `<Name>` or `<Key>`.
    #[must_use]
    pub fn child(self, element: &'n str, name: Option<&'n str>, named: Option<&'n str>) -> Self {
        let shape = self.shape.and_then(|shape| shape.child(element));
        let shape =
            shape.or_else(|| self.known.then(|| COMMON_CHILDREN.iter().find(|child| child.name == element)).flatten());
        Self { shape, known: self.known, element, name: name.or(named) }
    }

    /// The kind of credential that a text of the element is, if any.
    pub fn sort(self, text: &str) -> Option<&'static str> {
        let literal = !text.trim().is_empty() && !text.contains('{');
        let by_place = match self.shape.map(|shape| shape.text) {
            Some(Meaning::Secret) => literal.then_some("a credential"),
            Some(Meaning::NamedTemplate | Meaning::NamedText) => self.name.and_then(|name| by_name(name, text)),
            Some(_) => None,
            None => {
                let named = matches!(self.element, "Header" | "QueryParam" | "FormParam" | "Property");
                let secret = SECRET_ELEMENTS.contains(&self.element) && literal;
                secret
                    .then_some("a credential")
                    .or_else(|| self.name.filter(|_| named).and_then(|name| by_name(name, text)))
            }
        };
        by_form(text).or(by_place)
    }

    /// The kind of credential that the value of an attribute is, if any.
    pub fn sort_of_attribute(self, attribute: &str, value: &str) -> Option<&'static str> {
        let known = self.shape.is_some_and(|shape| shape.attribute(attribute).is_some());
        by_form(value).or_else(|| if known { None } else { credential(Some(attribute), value) })
    }
}

/// Checks a policy that is written as YAML.
pub(super) fn check_yaml(policy: &Verbatim, at: &FieldPath, report: &mut Report<'_>) {
    let Verbatim::Mapping(entries) = policy else { return };
    for (element, body) in entries {
        yaml(Within::root(element), body, &at.key(element.as_str()), report);
    }
}

/// The text of a mapping's entry, written alone or with attributes.
fn text_of<'v>(entries: &'v IndexMap<String, Verbatim>, key: &str) -> Option<&'v str> {
    match entries.get(key)? {
        Verbatim::Scalar(text) => Some(text),
        Verbatim::Mapping(inner) => text_of(inner, "$text"),
        Verbatim::Sequence(_) => None,
    }
}

/// The attribute `name` of an element.
fn name_of(body: &Verbatim) -> Option<&str> {
    let Verbatim::Mapping(entries) = body else { return None };
    match (entries.get("$name"), entries.get("$attributes")) {
        (Some(Verbatim::Scalar(name)), _) => Some(name.as_str()),
        (_, Some(Verbatim::Mapping(attributes))) => text_of(attributes, "name"),
        _ => None,
    }
}

fn yaml<'v>(within: Within<'v>, body: &'v Verbatim, at: &FieldPath, report: &mut Report<'_>) {
    match body {
        Verbatim::Scalar(text) => {
            if let Some(sort) = within.sort(text) {
                report_it(sort, at, report);
            }
        }
        Verbatim::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                yaml(Within { name: name_of(item).or(within.name), ..within }, item, &at.index(index), report);
            }
        }
        Verbatim::Mapping(entries) => {
            let key = match entries.get("Key") {
                Some(Verbatim::Mapping(key)) => text_of(key, "Parameter"),
                _ => None,
            };
            let named = text_of(entries, "Name").or(key);
            for (key, value) in entries {
                let at = at.key(key.as_str());
                match (key.strip_prefix('$'), value) {
                    (None, _) => yaml(within.child(key, name_of(value), named), value, &at, report),
                    (Some("children"), Verbatim::Sequence(items)) => {
                        for (index, item) in items.iter().enumerate() {
                            yaml(Within { name: None, ..within }, item, &at.index(index), report);
                        }
                    }
                    (Some("text" | "cdata"), Verbatim::Scalar(text)) => {
                        if let Some(sort) = within.sort(text) {
                            report_it(sort, &at, report);
                        }
                    }
                    (Some("text" | "cdata"), Verbatim::Sequence(items)) => {
                        for (index, item) in items.iter().enumerate() {
                            yaml(within, item, &at.index(index), report);
                        }
                    }
                    (Some("attributes"), Verbatim::Mapping(attributes)) => {
                        for (name, value) in attributes {
                            if let Verbatim::Scalar(text) = value {
                                attribute(within, name, text, &at.key(name.as_str()), report);
                            }
                        }
                    }
                    (Some(name), Verbatim::Scalar(text)) => attribute(within, name, text, &at, report),
                    (Some(_), Verbatim::Sequence(_) | Verbatim::Mapping(_)) => {}
                }
            }
        }
    }
}

fn attribute(within: Within<'_>, name: &str, value: &str, at: &FieldPath, report: &mut Report<'_>) {
    if let Some(sort) = within.sort_of_attribute(name, value) {
        report_it(sort, at, report);
    }
}

/// Checks a policy that is written as XML.
pub(super) fn check_xml(document: &Document<'_>, at: &FieldPath, report: &mut Report<'_>) {
    let root = document.root_element();
    xml(Within::root(root.tag_name().name()), root, at, report);
}

fn xml<'n>(within: Within<'n>, node: Node<'n, '_>, at: &FieldPath, report: &mut Report<'_>) {
    let sort = within.sort(node.text().unwrap_or_default());
    let sort = sort.or_else(|| node.attributes().find_map(|a| within.sort_of_attribute(a.name(), a.value())));
    if let Some(sort) = sort {
        let line = node.document().text_pos_at(node.range().start).row;
        report_it(&format!("{sort} in <{}>, line {line},", within.element), at, report);
    }
    let inner = |node: Node<'n, '_>, name| child_named(node, name).and_then(|child| child.text()).map(str::trim);
    let named = inner(node, "Name").or_else(|| child_named(node, "Key").and_then(|key| inner(key, "Parameter")));
    for child in node.children().filter(Node::is_element) {
        xml(within.child(child.tag_name().name(), child.attribute("name"), named), child, at, report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(by_name("Authorization", "Basic dTpw").is_some());
        assert!(by_name("Authorization", "Bearer {private.token}").is_none());
        assert!(by_name("x-backend-secret", "abc").is_some());
        assert!(by_name("x-token-type", "bearer").is_none());
        for variable in [
            "private.key",
            "request.header.Authorization.values.string",
            "request.queryparam.apikey",
            "response.header.set-cookie",
            "verifyapikey.VA-Default.client_secret",
        ] {
            assert!(is_variable(variable), "{variable}");
        }
        for variable in ["request.header.x-tenant", "verifyapikey.VA-Default.client_id", "flow.ai.prompt"] {
            assert!(!is_variable(variable), "{variable}");
        }
    }

    #[test]
    fn the_schema_tells_literals_from_names_of_variables() {
        let subject = apigee_flux_model::diag::Subject::default();
        for (policy, found) in [
            ("<VerifyJWT><SecretKey><Value>abc</Value></SecretKey></VerifyJWT>", true),
            ("<VerifyJWT><SecretKey><Value ref='private.k'/></SecretKey></VerifyJWT>", false),
            ("<VerifyJWT><PublicKey><Value>abc</Value></PublicKey></VerifyJWT>", false),
            ("<HMAC><SecretKey>abc</SecretKey></HMAC>", true),
            ("<HMAC><SecretKey ref='private.k'/></HMAC>", false),
            ("<BasicAuthentication><Password>hunter2</Password></BasicAuthentication>", true),
            ("<BasicAuthentication><Password ref='private.password'/></BasicAuthentication>", false),
            ("<VerifyAPIKey><APIKey>abc</APIKey></VerifyAPIKey>", true),
            // OAuthV2 expects names of variables here.
            ("<OAuthV2><ClientSecret>request.formparam.client_secret</ClientSecret></OAuthV2>", false),
            ("<OAuthV2><AccessToken>flow.token</AccessToken></OAuthV2>", false),
            ("<OAuthV2><PassWord>request.formparam.password</PassWord></OAuthV2>", false),
            ("<OAuthV2><Tokens><Token type='accesstoken'>flow.token</Token></Tokens></OAuthV2>", false),
            (
                "<OAuthV2><RefreshToken>eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.c2lnbmF0dXJlX2hlcmU</RefreshToken></OAuthV2>",
                true,
            ),
            ("<RevokeOAuthV2><AppId ref='a'/></RevokeOAuthV2>", false),
            (
                "<AssignMessage><Set><Headers><Header name='Authorization'>Bearer abc</Header></Headers></Set></AssignMessage>",
                true,
            ),
            (
                "<AssignMessage><Set><Headers><Header name='Authorization'>Bearer {private.t}</Header></Headers></Set></AssignMessage>",
                false,
            ),
            (
                "<AssignMessage><Remove><Headers><Header name='Authorization'/></Headers></Remove></AssignMessage>",
                false,
            ),
            (
                "<AssignMessage><AssignVariable><Name>flow.token</Name><Value>abc</Value></AssignVariable></AssignMessage>",
                true,
            ),
            (
                "<AssignMessage><AssignVariable><Name>flow.token</Name><Template>abc</Template></AssignVariable></AssignMessage>",
                true,
            ),
            (
                "<AssignMessage><AssignVariable><Name>flow.token</Name><Ref>request.header.x</Ref></AssignVariable></AssignMessage>",
                false,
            ),
            (
                "<AssignMessage><AssignVariable><Name>flow.isPassword</Name><Value>true</Value></AssignVariable></AssignMessage>",
                false,
            ),
            (
                "<KeyValueMapOperations><Get assignTo='private.password'><Key><Parameter>password</Parameter></Key></Get></KeyValueMapOperations>",
                false,
            ),
            (
                "<KeyValueMapOperations><InitialEntries><Entry><Key><Parameter>password</Parameter></Key><Value>abc</Value></Entry></InitialEntries></KeyValueMapOperations>",
                true,
            ),
            ("<Javascript><Properties><Property name='password'>abc</Property></Properties></Javascript>", true),
            ("<Javascript><Properties><Property name='passwordField'>pw</Property></Properties></Javascript>", false),
            ("<Javascript><Source>var key = 'AIzaSyA1234567890abcdefghijklmnopqrstuvw';</Source></Javascript>", true),
            ("<Unknown><Password>abc</Password></Unknown>", true),
        ] {
            let mut report = Report::new(&subject);
            let document = apigee_flux_model::xml::parse(policy).unwrap();
            check_xml(&document, &FieldPath::root(), &mut report);
            assert_eq!(report.has_errors(), found, "{policy}");
        }
    }

    #[test]
    fn yaml_and_xml_are_judged_alike() {
        let subject = apigee_flux_model::diag::Subject::default();
        for (policy, fields) in [
            ("OAuthV2: {ClientSecret: request.formparam.client_secret, AccessToken: {$ref: flow.token}}", vec![]),
            ("VerifyJWT: {SecretKey: {Value: abc}}", vec!["VerifyJWT.SecretKey.Value"]),
            (
                "AssignMessage: {AssignVariable: [{Name: flow.secret, Value: abc}, {Name: a, Value: b}]}",
                vec!["AssignMessage.AssignVariable[0].Value"],
            ),
            (
                "AssignMessage: {Set: {Headers: {Header: [{$name: Authorization, $text: Basic abc}]}}}",
                vec!["AssignMessage.Set.Headers.Header[0].$text"],
            ),
            (
                "AssignMessage: {$children: [{Set: {Headers: {Header: {$attributes: {name: x-api-key}, $text: abc}}}}]}",
                vec!["AssignMessage.$children[0].Set.Headers.Header.$text"],
            ),
        ] {
            let node = apigee_flux_model::yaml::YamlNode::parse(policy, 0..policy.len()).unwrap();
            let policy: Verbatim = apigee_flux_model::yaml::decode::decode(&node).unwrap();
            let mut report = Report::new(&subject);
            check_yaml(&policy, &FieldPath::root(), &mut report);
            let found: Vec<String> = report.into_diagnostics().iter().map(|d| d.field.to_string()).collect();
            assert_eq!(found, fields);
        }
    }
}
