//! Credentials in places that only Apigee's words make one: headers, parameters, and elements of policies.
//!
//! What is a credential by its form is known to `spec::credential`.

use crate::diag::{Code, Diagnostic, FieldPath, Report};
use crate::spec::credential::credential;
use crate::xml::{Document, Node};
use crate::yaml::Verbatim;

/// The way out of every such error.
const WAY_OUT: &str = "keep it in an encrypted key value map, which an ApigeeKeyValueMap fills from a Secret, and write the \
                       variable that holds it, as in `{private.backendKey}`";

/// What sort of credential a text is, whatever its place. A public key or a certificate is none.
fn by_form(text: &str) -> Option<&'static str> {
    credential(None, text)
}

/// True for the name of something that holds a credential: a header, a parameter, an entry of a map.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "authorization" | "proxy-authorization" | "cookie")
        || ["password", "secret", "token", "api-key", "apikey", "api_key"].iter().any(|word| name.ends_with(word))
}

/// What sort of credential a literal is because of the name of its header or parameter.
fn by_name(name: &str, value: &str) -> Option<&'static str> {
    // A template takes the credential from a variable.
    (is_secret_name(name) && !value.trim().is_empty() && !value.contains('{')).then_some("a credential")
}

/// True for a flow variable that holds a credential by its name: what a key value map keeps private, the headers and
/// parameters that callers show one in, and the secrets and tokens that policies find or make.
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

fn report_it(sort: &str, at: &FieldPath, report: &mut Report<'_>) {
    report.push(
        Diagnostic::error(Code::InlineCredential, format!("{sort} stands here in clear text")).at(at).help(WAY_OUT),
    );
}

/// Checks the value of a header or a parameter.
pub(super) fn check_named(name: &str, value: &str, at: &FieldPath, report: &mut Report<'_>) {
    if let Some(sort) = by_form(value).or_else(|| by_name(name, value)) {
        report_it(sort, at, report);
    }
}

/// Checks a text that may be anything.
pub(super) fn check_text(text: &str, at: &FieldPath, report: &mut Report<'_>) {
    if let Some(sort) = by_form(text) {
        report_it(sort, at, report);
    }
}

/// The elements of policies whose text is the credential itself.
const SECRET_ELEMENTS: &[&str] = &["Password", "ClientSecret", "Secret"];

/// The elements of policies that hold a key in `<Value>`; it must come from a variable there.
const KEY_ELEMENTS: &[&str] = &["SecretKey", "PrivateKey"];

/// What sort of credential the text of a policy's element is, if any. `name` is the element's attribute of that name.
pub(crate) fn by_element(parent: &str, element: &str, name: Option<&str>, text: &str) -> Option<&'static str> {
    let secret = SECRET_ELEMENTS.contains(&element) || (element == "Value" && KEY_ELEMENTS.contains(&parent));
    if secret && !text.trim().is_empty() && !text.contains('{') {
        return Some("a credential");
    }
    let named = matches!(element, "Header" | "QueryParam" | "FormParam");
    by_form(text).or_else(|| name.filter(|_| named).and_then(|name| by_name(name, text)))
}

/// Checks a policy that is written as YAML.
pub(super) fn check_yaml(parent: &str, element: &str, body: &Verbatim, at: &FieldPath, report: &mut Report<'_>) {
    match body {
        Verbatim::Scalar(text) => {
            if let Some(sort) = by_element(parent, element, None, text) {
                report_it(sort, at, report);
            }
        }
        Verbatim::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                check_yaml(parent, element, item, &at.index(index), report);
            }
        }
        Verbatim::Mapping(entries) => {
            let name = match (entries.get("$name"), entries.get("$attributes")) {
                (Some(Verbatim::Scalar(name)), _) => Some(name.as_str()),
                (_, Some(Verbatim::Mapping(attributes))) => match attributes.get("name") {
                    Some(Verbatim::Scalar(name)) => Some(name.as_str()),
                    _ => None,
                },
                _ => None,
            };
            for (key, value) in entries {
                let at = at.key(key.as_str());
                match (key.strip_prefix('$'), value) {
                    (None, _) => check_yaml(element, key, value, &at, report),
                    (Some("children"), _) => check_yaml(parent, element, value, &at, report),
                    (Some("text" | "cdata"), Verbatim::Scalar(text)) => {
                        if let Some(sort) = by_element(parent, element, name, text) {
                            report_it(sort, &at, report);
                        }
                    }
                    (Some("text" | "cdata"), Verbatim::Sequence(items)) => {
                        for (index, item) in items.iter().enumerate() {
                            check_yaml(parent, element, item, &at.index(index), report);
                        }
                    }
                    (Some("attributes"), Verbatim::Mapping(attributes)) => {
                        for (name, value) in attributes {
                            if let Verbatim::Scalar(text) = value {
                                check_text(text, &at.key(name.as_str()), report);
                            }
                        }
                    }
                    (Some(_), Verbatim::Scalar(text)) => check_text(text, &at, report),
                    (Some(_), Verbatim::Sequence(_) | Verbatim::Mapping(_)) => {}
                }
            }
        }
    }
}

/// Checks a policy that is written as XML.
pub(super) fn check_xml(document: &Document<'_>, at: &FieldPath, report: &mut Report<'_>) {
    for node in document.descendants().filter(Node::is_element) {
        let parent = node.parent_element().map_or("", |parent| parent.tag_name().name());
        let sort = by_element(parent, node.tag_name().name(), node.attribute("name"), node.text().unwrap_or_default());
        let sort = sort.or_else(|| node.attributes().find_map(|attribute| by_form(attribute.value())));
        if let Some(sort) = sort {
            let line = document.text_pos_at(node.range().start).row;
            report_it(&format!("{sort} in <{}>, line {line},", node.tag_name().name()), at, report);
        }
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
        assert!(by_element("SecretKey", "Value", None, "abc").is_some());
        assert!(by_element("PublicKey", "Value", None, "abc").is_none());
    }
}
