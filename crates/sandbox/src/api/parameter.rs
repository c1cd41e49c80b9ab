//! Query parameters: which ones a method has, and their types. Google's servers refuse all others.

use super::error::ApiError;

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameter {
    /// `string`.
    Text,
    /// `boolean`.
    Bool,
    /// `integer`, format int32.
    Int32,
    /// `string`, format int64.
    Int64,
    /// `string`, format google-fieldmask.
    Mask,
    /// `string`, one of these.
    OneOf(&'static [&'static str]),
}

/// The parameters of a method by name. None of them may be repeated.
pub(crate) type Parameters = &'static [(&'static str, Parameter)];

/// The parameters of every method (discovery document `apigee.v1`, `parameters`).
pub(crate) const EVERYWHERE: Parameters = &[
    ("$.xgafv", Parameter::OneOf(&["1", "2"])),
    ("access_token", Parameter::Text),
    ("alt", Parameter::OneOf(&["json", "media", "proto"])),
    ("callback", Parameter::Text),
    ("fields", Parameter::Text),
    ("key", Parameter::Text),
    ("oauth_token", Parameter::Text),
    ("prettyPrint", Parameter::Bool),
    ("quotaUser", Parameter::Text),
    ("uploadType", Parameter::Text),
    ("upload_protocol", Parameter::Text),
];

/// The parameters of a paginated list.
pub(crate) const PAGE: Parameters = &[("pageSize", Parameter::Int32), ("pageToken", Parameter::Text)];

/// The name of a new resource.
pub(crate) const NAME: Parameters = &[("name", Parameter::Text)];

/// The action of a method without a message of its own.
pub(crate) const ACTION: Parameters = &[("action", Parameter::Text)];

/// The fields that are updated.
pub(crate) const MASK: Parameters = &[("updateMask", Parameter::Mask)];

impl Parameter {
    /// The type's name in Google's errors, if the value does not have the type.
    fn refuses(self, value: &str) -> Option<String> {
        let (fits, name) = match self {
            Self::Text => (true, "TYPE_STRING"),
            Self::Bool => (matches!(value, "true" | "false"), "TYPE_BOOL"),
            Self::Int32 => (value.parse::<i32>().is_ok(), "TYPE_INT32"),
            Self::Int64 => (value.parse::<i64>().is_ok(), "TYPE_INT64"),
            Self::Mask => {
                let is_path = |c: char| c.is_ascii_alphanumeric() || "_.*,".contains(c);
                (value.chars().all(is_path), "type.googleapis.com/google.protobuf.FieldMask")
            }
            Self::OneOf(allowed) => {
                return (!allowed.contains(&value)).then(|| format!("one of {}", allowed.join(", ")));
            }
        };
        (!fits).then(|| name.to_owned())
    }
}

/// 400 for unknown parameters, values of another type, and parameters that are given more than once.
pub(crate) fn check(known: Parameters, given: &[(String, String)]) -> Result<(), ApiError> {
    let mut findings = Vec::new();
    for (at, (name, value)) in given.iter().enumerate() {
        let found = known.iter().chain(EVERYWHERE).find(|(known, _)| known == name);
        let Some((_, parameter)) = found else {
            findings.push((
                // Google names no field here.
                String::new(),
                format!(
                    "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' could not be \
                     found in request message."
                ),
            ));
            continue;
        };
        if given[..at].iter().any(|(other, _)| other == name) {
            findings.push((
                name.clone(),
                format!("Invalid value at '{name}': it is not repeated, and the query has it twice"),
            ));
        } else if !value.is_empty()
            && let Some(expected) = parameter.refuses(value)
        {
            findings.push((name.clone(), format!("Invalid value at '{name}' ({expected}), \"{value}\"")));
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(ApiError::bad_request(&findings)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(query: &[(&str, &str)]) -> Option<String> {
        let given: Vec<(String, String)> = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let known: Parameters = &[("override", Parameter::Bool), ("pageSize", Parameter::Int32)];
        check(known, &given).err().map(|error| error.body(1)["error"]["message"].as_str().unwrap().to_owned())
    }

    #[test]
    fn only_known_parameters_of_their_types_pass() {
        assert_eq!(refusal(&[("override", "true"), ("pageSize", "5"), ("alt", "json"), ("fields", "a,b")]), None);
        assert_eq!(
            refusal(&[("overide", "true")]).unwrap(),
            "Invalid JSON payload received. Unknown name \"overide\": Cannot bind query parameter. Field 'overide' could not be found \
             in request message."
        );
        assert_eq!(refusal(&[("override", "yes")]).unwrap(), "Invalid value at 'override' (TYPE_BOOL), \"yes\"");
        assert_eq!(refusal(&[("pageSize", "many")]).unwrap(), "Invalid value at 'pageSize' (TYPE_INT32), \"many\"");
        assert!(refusal(&[("alt", "xml")]).unwrap().contains("one of json, media, proto"));
        assert!(refusal(&[("override", "true"), ("override", "false")]).unwrap().contains("twice"));
    }
}
