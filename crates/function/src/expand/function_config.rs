//! The functionConfig: a ConfigMap, an `ExpandApigee`, a `CheckApigee`, or another kind of `apigeeflux.dev`.

use crate::spec::schema::unknown_field;
use crate::spec::{GROUP, KINDS};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Subject};
use apigee_flux_model::krm::Input;
use apigee_flux_model::provenance::Provenance;
use apigee_flux_model::yaml::{decode, line_and_column};

/// The keys that a ConfigMap may have.
const KNOWN: [&str; 5] = ["source", "commit", "tag", "author", "time"];

/// True if the orchestrator requests only the checks.
pub(super) fn is_check(input: &Input<'_>) -> bool {
    input.function_config().is_some_and(|config| config.header.group() == GROUP && config.header.kind == "CheckApigee")
}

/// The provenance from a ConfigMap, one key for each field. Kinds of `apigeeflux.dev` are read with the items.
pub(super) fn provenance(input: &Input<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Provenance> {
    let config = input.function_config()?;
    if config.header.group() == GROUP {
        return None;
    }
    let subject = Subject::from(&config.header);
    if config.header.api_version != "v1" || config.header.kind != "ConfigMap" {
        let known = KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
        let message = format!("a functionConfig of kind `{}` is not supported", config.header.kind);
        diagnostics.push(
            Diagnostic::error(Code::WrongFunctionConfig, message)
                .of(&subject)
                .help(format!("use a ConfigMap or one of {known}")),
        );
        return None;
    }
    let node = match input.node(config) {
        Ok(node) => node,
        Err(error) => {
            let (line, column) = line_and_column(input.source(), error.offset);
            diagnostics.push(Diagnostic::error(Code::MalformedYaml, error.message).of(&subject).position(line, column));
            return None;
        }
    };
    // `kpt fn eval` sends an empty ConfigMap if no configuration is given.
    let data = node
        .get("data")
        .filter(|data| !data.entries().is_empty() || !(data.is_null() || data.elements().is_empty()))?;
    let at = FieldPath::of(&["data"]);
    let unknown: Vec<Diagnostic> = data
        .entries()
        .iter()
        .filter(|entry| !KNOWN.contains(&entry.key.as_str()))
        .map(|entry| unknown_field(&at, &entry.key, KNOWN.into_iter()).of(&subject))
        .collect();
    if !unknown.is_empty() {
        diagnostics.extend(unknown);
        return None;
    }
    match decode::decode(data) {
        Ok(provenance) => Some(provenance),
        Err(error) => {
            diagnostics.push(Diagnostic::error(Code::InvalidValue, error.message).of(&subject).at(at));
            None
        }
    }
}
