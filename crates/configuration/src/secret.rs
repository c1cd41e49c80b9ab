//! Secret values: a spec contains a reference, and the value is read in the pod.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use apigee_flux_model::yaml::word_or::WordOr;

/// The field of a body that contains the reference to a secret.
const VALUE_FROM: &str = "valueFrom";

/// The field next to it that says how the bytes of a binary secret are encoded in the body.
const ENCODING: &str = "encoding";

/// The only encoding.
const BASE64: &str = "base64";

/// A text, or a reference to a secret text.
pub type SecretOrText = WordOr<String, Secret>;

/// A reference to a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secret {
    /// Where the secret is stored.
    pub value_from: ValueFrom,
}

/// Where a secret is stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum ValueFrom {
    /// A key of a Kubernetes Secret in the namespace of the Job. Sealed Secrets, External Secrets or another tool may create the Secret.
    SecretKeyRef(SecretKeyRef),
    /// A file in the pod, which Vault's agent or a CSI driver writes: an absolute path in `/vault/secrets`, in `/secrets-store`, or in a
    /// folder that `spec.deployer.secretFolders` of the ApigeeEnvironment lists.
    File(String),
}

/// A key of a Kubernetes Secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKeyRef {
    /// The name of the Secret.
    pub name: String,
    /// The key in the Secret.
    pub key: String,
}

impl std::fmt::Display for ValueFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SecretKeyRef(SecretKeyRef { name, key }) => write!(f, "key `{key}` of Secret `{name}`"),
            Self::File(path) => write!(f, "file `{path}`"),
        }
    }
}

/// The form of a text in a body.
pub fn body(text: &SecretOrText) -> Value {
    match text {
        WordOr::Word(text) => Value::String(text.clone()),
        WordOr::Value(secret) => of(secret),
    }
}

/// The form of a secret in a body.
pub fn of(secret: &Secret) -> Value {
    // An enum of strings always has a JSON form.
    serde_json::to_value(secret).unwrap_or_default()
}

/// The form of a secret file in a body: its bytes are filled in as base64.
pub fn of_file(secret: &Secret) -> Value {
    json!({VALUE_FROM: secret.value_from, ENCODING: BASE64})
}

/// A password or another secret of one line, without the trailing line break that editors and `echo` add to a file. A value of a key-value
/// map is used unchanged instead.
pub fn line(text: &str) -> &str {
    text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text)
}

/// A text in the forms in which editors and tools write it: with both line endings, with and without a trailing line break. The first form
/// is the text itself.
pub fn forms(text: &str) -> Vec<String> {
    let lines = text.replace("\r\n", "\n");
    let bare = lines.trim_end_matches('\n');
    let mut forms = vec![text.to_owned()];
    for form in [bare.to_owned(), format!("{bare}\n"), lines.clone()] {
        for form in [form.replace('\n', "\r\n"), form] {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

/// The bytes of a secret file that was filled in. A Secret may also contain the base64 of the file: `is_file` recognizes the file.
pub fn file(filled: &Value, is_file: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(filled.as_str()?).ok()?;
    if is_file(&bytes) {
        return Some(bytes);
    }
    let text: String = String::from_utf8(bytes).ok()?.split_whitespace().collect();
    STANDARD.decode(text).ok().filter(|bytes| is_file(bytes))
}

/// All secrets of a body: the field of each as a JSON pointer (RFC 6901), and where it is stored. `declared` are the fields that may
/// contain a secret, see [`Crud::secrets`](super::Crud::secrets).
pub fn all(body: &Value, declared: &[&str]) -> Vec<(String, ValueFrom)> {
    found(body, declared).into_iter().map(|(at, place, _)| (at, place)).collect()
}

/// A secret in a body: its field, where it is stored, and whether it is binary.
type FoundSecret = (String, ValueFrom, bool);

fn found(body: &Value, declared: &[&str]) -> Vec<FoundSecret> {
    let mut found = Vec::new();
    walk(body, &mut String::new(), &mut found);
    found.retain(|(at, ..)| declared.iter().any(|field| is_at(field, at)));
    found
}

/// True if a pointer matches a declared field, in which `*` stands for any key.
fn is_at(declared: &str, pointer: &str) -> bool {
    let (mut declared, mut parts) = (declared.split('/'), pointer.split('/'));
    loop {
        match (declared.next(), parts.next()) {
            (None, None) => return true,
            (Some(field), Some(part)) if field == "*" || field == part => {}
            _ => return false,
        }
    }
}

fn walk(value: &Value, at: &mut String, found: &mut Vec<FoundSecret>) {
    if let Some((secret, is_file)) = read(value) {
        found.push((at.clone(), secret, is_file));
        return;
    }
    let length = at.len();
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                at.push('/');
                at.push_str(&escape(key));
                walk(value, at, found);
                at.truncate(length);
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                at.push('/');
                at.push_str(&index.to_string());
                walk(value, at, found);
                at.truncate(length);
            }
        }
        _ => {}
    }
}

/// A key as a part of a JSON pointer.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn read(value: &Value) -> Option<(ValueFrom, bool)> {
    let fields = value.as_object()?;
    let is_file = fields.get(ENCODING).and_then(Value::as_str) == Some(BASE64);
    let secret = serde_json::from_value(fields.get(VALUE_FROM)?.clone()).ok()?;
    (fields.len() == 1 + usize::from(is_file)).then_some((secret, is_file))
}

/// The body with its secrets filled in, and the fields that contain them. The error says which secret is missing or is not text.
pub fn fill(
    body: &Value,
    declared: &[&str],
    look_up: impl Fn(&ValueFrom) -> Result<Vec<u8>, String>,
) -> Result<(Value, Vec<String>), String> {
    let (mut filled, mut fields) = (body.clone(), Vec::new());
    for (at, place, is_file) in found(body, declared) {
        let bytes = look_up(&place)?;
        let secret = if is_file {
            STANDARD.encode(bytes)
        } else {
            String::from_utf8(bytes).map_err(|_| format!("the {place} is not text in UTF-8"))?
        };
        if let Some(value) = filled.pointer_mut(&at) {
            *value = Value::String(secret);
        }
        fields.push(at);
    }
    Ok((filled, fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_and_filled_in() {
        let body = json!({"a": {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}, "b/c": [{"valueFrom": {"file": "/f"}}],
            "d": {"valueFrom": {"unknown": 1}}});
        let all = ["/*", "/*/*"];
        let (filled, fields) = fill(&body, &all, |place| Ok(place.to_string().into_bytes())).unwrap();
        assert_eq!(fields, ["/a", "/b~1c/0"]);
        assert_eq!(
            filled,
            json!({"a": "key `k` of Secret `s`", "b/c": ["file `/f`"], "d": {"valueFrom": {"unknown": 1}}})
        );
        assert_eq!(fill(&body, &all, |_| Err("gone".to_owned())), Err("gone".to_owned()));
        let why = fill(&body, &all, |_| Ok(vec![0xff])).unwrap_err();
        assert!(why.contains("is not text in UTF-8"), "{why}");
    }

    #[test]
    fn what_is_not_declared_is_never_filled_in() {
        let place = json!({"valueFrom": {"file": "/f"}});
        let body = json!({"entries": {"a": place, "b": {"c": place}}, "description": place, "more": {"entries": {"a": place}}});
        let (filled, fields) = fill(&body, &["/entries/*"], |_| Ok(b"s3cret".to_vec())).unwrap();
        assert_eq!(fields, ["/entries/a"]);
        assert_eq!(
            filled,
            json!({"entries": {"a": "s3cret", "b": {"c": place}}, "description": place, "more": {"entries": {"a": place}}})
        );
        assert_eq!(all(&body, &[]), []);
    }

    #[test]
    fn a_kind_declares_its_secrets_if_its_schema_has_some() {
        for kind in crate::KINDS {
            let has = (kind.schema)().as_value().to_string().contains("\"valueFrom\":");
            assert_eq!(has, !kind.crud.secrets().is_empty(), "{}", kind.name);
        }
    }

    #[test]
    fn one_line_break_at_the_end_is_not_part_of_a_line() {
        for (text, expected) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a "), ("\n", "")]
        {
            assert_eq!(line(text), expected, "{text:?}");
        }
        assert_eq!(forms("a\nb\n"), ["a\nb\n", "a\r\nb", "a\nb", "a\r\nb\r\n"]);
    }

    #[test]
    fn a_file_keeps_its_bytes() {
        let secret = Secret { value_from: ValueFrom::File("/f".to_owned()) };
        let body = json!({"file": of_file(&secret)});
        assert_eq!(all(&body, &["/file"]), [("/file".to_owned(), ValueFrom::File("/f".to_owned()))]);
        let read = |bytes: &'static [u8]| {
            let (filled, fields) = fill(&body, &["/file"], |_| Ok(bytes.to_vec())).unwrap();
            assert_eq!(fields, ["/file"]);
            file(&filled["file"], |bytes| bytes.first() == Some(&0xff))
        };
        assert_eq!(read(&[0xff, 0]), Some(vec![0xff, 0]));
        assert_eq!(read(b"/wA=\n"), Some(vec![0xff, 0]));
        assert_eq!(read(b"neither"), None);
    }
}
