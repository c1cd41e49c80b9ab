//! Hides the secrets of requests, for the log.

use serde_json::Value;

/// The replacement for a secret.
const HIDDEN: &str = "(hidden)";

/// Fields whose values are secrets in every message.
const SECRET_FIELDS: &[&str] =
    &["consumerKey", "consumerSecret", "password", "privateKey", "secret", "clientSecret", "keyPassword"];

/// Query parameters whose values are secrets.
const SECRET_PARAMETERS: &[&str] = &["access_token", "consumerKey", "key", "oauth_token", "password", "_password"];

/// Hides the values of secret fields; all values of key value maps are secrets.
pub(crate) fn hide_secrets(value: &mut Value, is_map: bool) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|item| hide_secrets(item, is_map)),
        Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                if SECRET_FIELDS.contains(&name.as_str()) || (is_map && name == "value") {
                    *value = Value::from(HIDDEN);
                } else {
                    hide_secrets(value, is_map);
                }
            }
        }
        _ => {}
    }
}

/// A path in which the consumer keys of apps are hidden, `…/apps/APP/keys/KEY`.
fn without_keys(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let is_key = |at: usize| at >= 3 && parts.get(at - 1) == Some(&"keys") && parts.get(at - 3) == Some(&"apps");
    let shown = |(at, part): (usize, &&str)| match part.split_once(':') {
        _ if !is_key(at) || *part == "create" => (*part).to_owned(),
        Some((_, verb)) => format!("{HIDDEN}:{verb}"),
        None => HIDDEN.to_owned(),
    };
    parts.iter().enumerate().map(shown).collect::<Vec<_>>().join("/")
}

/// A path and query in which consumer keys and the values of secret parameters are hidden.
pub(crate) fn without_secrets(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return without_keys(path) };
    let path = without_keys(path);
    let parameters: Vec<String> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if SECRET_PARAMETERS.contains(&name) => format!("{name}={HIDDEN}"),
            _ => parameter.to_owned(),
        })
        .collect();
    format!("{path}?{}", parameters.join("&"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden() {
        let path = "/v1/organizations/o/environments/e/keystores/k/aliases?alias=a&_password=p&access_token=t";
        let shown = without_secrets(path);
        assert!(shown.ends_with("?alias=a&_password=(hidden)&access_token=(hidden)"), "{shown}");
        let path = "/v1/organizations/o/developers/d/apps/a/keys/k3y";
        assert_eq!(without_secrets(path), "/v1/organizations/o/developers/d/apps/a/keys/(hidden)");
        assert_eq!(
            without_secrets(&format!("{path}/apiproducts/p?action=approve")),
            "/v1/organizations/o/developers/d/apps/a/keys/(hidden)/apiproducts/p?action=approve"
        );
        for open in [
            "/v1/organizations/o/developers/d/apps/a/keys",
            "/v1/organizations/o/environments/e/keystores/keys/aliases/a",
        ] {
            assert_eq!(without_secrets(open), open);
        }
        let mut body = json!({"consumerKey": "k3y"});
        hide_secrets(&mut body, false);
        assert_eq!(body, json!({"consumerKey": HIDDEN}));
        let mut body = json!({"name": "m", "entry": [{"name": "k", "value": "v"}], "consumerSecret": "s"});
        hide_secrets(&mut body, true);
        assert_eq!(body, json!({"name": "m", "entry": [{"name": "k", "value": HIDDEN}], "consumerSecret": HIDDEN}));
        let mut body = json!({"attributes": [{"name": "k", "value": "v"}]});
        hide_secrets(&mut body, false);
        assert_eq!(body["attributes"][0]["value"], "v");
    }
}
