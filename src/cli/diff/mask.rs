//! Removes credentials from diffs. Bundles should not contain any; manually edited ones may.

use apigee_flux_function::proxy::credential::Within;
use apigee_flux_function::spec::credential::credential;
use apigee_flux_model::xml::{Content, Element};

/// The replacement for a credential.
fn hidden(sort: &str) -> String {
    format!("({sort}, not shown)")
}

/// The element without the credentials in its texts and attributes.
pub(super) fn element(element: &Element) -> Element {
    below(Within::root(element.name()), element)
}

fn below(within: Within<'_>, element: &Element) -> Element {
    let masked = element.attributes().iter().fold(Element::new(element.name()), |masked, (key, value)| {
        masked.attribute(key, within.sort_of_attribute(key, value).map_or_else(|| value.clone(), hidden))
    });
    let text_of = |element: &Element, name: &str| element.children_named(name).next().map(plain);
    let key = element.children_named("Key").next().and_then(|key| text_of(key, "Parameter"));
    let named = text_of(element, "Name").or(key);
    element.contents().iter().fold(masked, |masked, content| {
        masked.content(match content {
            Content::Element(child) => {
                let name = child.attributes().get("name").map(String::as_str);
                Content::Element(below(within.child(child.name(), name, named.as_deref()), child))
            }
            Content::Text(text) | Content::CData(text) => {
                let sort = within.sort(text);
                // A text may contain a whole file.
                Content::Text(sort.map_or_else(|| self::text(text), hidden))
            }
            Content::Comment(comment) => Content::Comment(comment.clone()),
        })
    })
}

/// The text directly inside an element.
fn plain(element: &Element) -> String {
    let texts = element.contents().iter().filter_map(|content| match content {
        Content::Text(text) | Content::CData(text) => Some(text.as_str()),
        Content::Element(_) | Content::Comment(_) => None,
    });
    texts.collect::<String>().trim().to_owned()
}

/// The text without the lines that contain credentials.
pub(super) fn text(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut in_key = false;
    for line in text.split_inclusive('\n') {
        let end = if line.ends_with('\n') { "\n" } else { "" };
        let starts = line.contains("-----BEGIN") && line.contains("PRIVATE KEY-----");
        if starts {
            masked.push_str(&hidden("a private key"));
            masked.push_str(end);
        }
        in_key |= starts;
        if in_key {
            in_key = !line.contains("-----END");
            continue;
        }
        match sort_of(line) {
            Some(sort) => {
                let indent: String = line.chars().take_while(|c| c.is_whitespace() && *c != '\n').collect();
                masked.extend([indent.as_str(), &hidden(sort), end]);
            }
            None => masked.push_str(line),
        }
    }
    masked
}

/// The type of credential that a line contains: by its form, or as `key=value`, `key: value` or `"key": "value"`.
fn sort_of(line: &str) -> Option<&'static str> {
    let bare =
        |text: &str| text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';')).to_owned();
    let pair = line.split_once(['=', ':']).map(|(key, value)| (bare(key), bare(value)));
    credential(None, line).or_else(|| pair.and_then(|(key, value)| credential(Some(&key), &value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_deployer::canonical_xml::canonical;

    #[test]
    fn credentials_in_texts_are_taken_out() {
        let before = "a=1\nclient-secret = hunter2\n  \"password\": \"hunter2\",\nurl=https://u:hunter2@x.y/\n\
                      -----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\npassword={private.p}\nlast";
        let after = "a=1\n(a credential, not shown)\n  (a credential, not shown)\n(a URL with a password, not shown)\n\
                     (a private key, not shown)\npassword={private.p}\nlast";
        assert_eq!(text(before), after);
    }

    #[test]
    fn credentials_in_elements_are_taken_out() {
        let xml = "<VerifyJWT password=\"hunter2\"><SecretKey><Value>hunter2</Value></SecretKey><Set><Header name=\"Authorization\">Basic \
                   hunter2</Header><Payload>{\n\"token\": \"hunter2\"\n}</Payload></Set><Value ref=\"private.k\"/></VerifyJWT>";
        let masked = element(&canonical(xml.as_bytes()).unwrap()).to_document().unwrap();
        assert!(!masked.contains("hunter2") && masked.contains("ref=\"private.k\""), "{masked}");
    }
}
