//! A resource of `apigeeflux.dev`, from its bytes to its type.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{GROUP, KINDS, Kind, Spec, VERSION, credential, kind, schema};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report, Subject, nearest};
use apigee_flux_model::krm::{Header, Input, Item, annotation};
use apigee_flux_model::names::kubernetes_rules;
use apigee_flux_model::yaml::{YamlError, YamlNode};

/// A resource whose kind is known and whose spec is not checked yet.
#[derive(Debug, Clone)]
pub struct Resource {
    /// The resource in diagnostics.
    pub subject: Subject,
    /// The current name, then the names before changes by kustomize.
    pub names: Vec<String>,
    /// The package that the resource belongs to, according to kpt.
    pub package_path: Option<String>,
    /// The whole resource.
    pub node: Arc<YamlNode>,
    /// The kind of the resource.
    pub kind: &'static Kind,
}

impl Resource {
    /// Reads an item of the group `apigeeflux.dev`.
    pub fn read(input: &Input<'_>, item: &Item<'_>) -> (Option<Self>, Vec<Diagnostic>) {
        let subject = Subject::from(&item.header);
        let mut report = Report::new(&subject);
        let resource = Self::read_into(input, item, &mut report);
        (resource, report.into_diagnostics())
    }

    fn read_into(input: &Input<'_>, item: &Item<'_>, report: &mut Report<'_>) -> Option<Self> {
        let header = &item.header;
        if header.group() != GROUP || header.version() != VERSION {
            let help = format!("write `apiVersion: {GROUP}/{VERSION}`");
            let message = format!("unsupported version `{}`", header.api_version);
            report.push(Diagnostic::error(Code::UnknownVersion, message).at(FieldPath::of(&["apiVersion"])).help(help));
            return None;
        }
        let Some(kind) = kind(&header.kind) else {
            let names = || KINDS.iter().map(|kind| kind.name);
            let mut diagnostic = Diagnostic::error(Code::UnknownKind, format!("unknown kind `{}`", header.kind))
                .at(FieldPath::of(&["kind"]))
                .help(format!("known kinds: {}", names().collect::<Vec<_>>().join(", ")));
            if let Some(near) = nearest(&header.kind, names()) {
                diagnostic = diagnostic.propose(near);
            }
            report.push(diagnostic);
            return None;
        };
        let node = match input.node(item) {
            Ok(node) => node,
            Err(YamlError { message, too_large: Some(help), .. }) => {
                report.push(Diagnostic::error(Code::InputTooLarge, message).help(help));
                return None;
            }
            Err(error) => {
                // The position counts from the start of the whole input, which is not a file: the caller that knows the
                // file reports it.
                report.push(
                    Diagnostic::error(Code::MalformedYaml, error.message).help("correct the YAML of this resource"),
                );
                return None;
            }
        };
        if header.name.is_empty() {
            report.push(
                Diagnostic::error(Code::MissingIdentity, "the resource has no name")
                    .at(FieldPath::of(&["metadata", "name"]))
                    .help("set `metadata.name`"),
            );
        }
        check_metadata(header, report);
        check_top(&node, report);
        credential::check(&node, report);
        if header.name.is_empty() {
            return None;
        }
        Some(Self {
            subject: report.subject().clone(),
            names: header.names().map(str::to_owned).collect(),
            package_path: header.annotation(annotation::PACKAGE_PATH).map(str::to_owned),
            node,
            kind,
        })
    }

    /// The spec before values are filled in.
    pub fn spec(&self) -> &YamlNode {
        self.node.get("spec").unwrap_or(&EMPTY)
    }

    /// Checks a spec, which is the spec of this resource with its values filled in, and decodes it. Reports all type
    /// errors together.
    pub fn decode(&self, spec: &YamlNode, report: &mut Report<'_>) -> Option<Spec> {
        let before = report.errors();
        self.check(spec, report);
        if report.errors() > before {
            return None;
        }
        self.read_spec(spec, report)
    }

    /// Checks the fields and types of a spec.
    pub fn check(&self, spec: &YamlNode, report: &mut Report<'_>) {
        schema::check((self.kind.schema)(), spec, &FieldPath::of(&["spec"]), report);
    }

    /// Decodes a spec that `check` accepts.
    pub fn read_spec(&self, spec: &YamlNode, report: &mut Report<'_>) -> Option<Spec> {
        match self.kind.decode(spec) {
            Ok(spec) => Some(spec),
            Err(error) => {
                let at = FieldPath::of(&["spec"]);
                let at = error.span.map_or(at.clone(), |place| spec.path_of(&place, at));
                report.error(Code::InvalidValue, at, error.message);
                None
            }
        }
    }

    /// `metadata.labels`, without values that are not text.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.node.get("metadata").and_then(|metadata| metadata.get("labels"));
        let labels = labels.map(YamlNode::entries).unwrap_or_default().iter();
        labels.filter_map(|label| Some((label.key.clone(), label.value.as_str()?.to_owned()))).collect()
    }

    /// `metadata.namespace`.
    pub fn namespace(&self) -> Option<&str> {
        self.subject.namespace.as_deref()
    }
}

static EMPTY: YamlNode = YamlNode { span: 0..0, value: apigee_flux_model::yaml::Value::Mapping(Vec::new()) };

/// The namespace is used for every object; the name is used in names that are made valid.
fn check_metadata(header: &Header<'_>, report: &mut Report<'_>) {
    let found = [("name", kubernetes_rules::path_segment(&header.name))].into_iter();
    let namespace = header.namespace.as_deref().filter(|namespace| !namespace.is_empty());
    for (field, found) in found.chain(namespace.map(|namespace| ("namespace", kubernetes_rules::namespace(namespace))))
    {
        if let Err(why) = found {
            report.error(Code::InvalidName, FieldPath::of(&["metadata", field]), why);
        }
    }
}

/// Checks the keys next to `spec`: a misspelt `spec` must not be read as an empty one.
fn check_top(node: &YamlNode, report: &mut Report<'_>) {
    const KNOWN: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
    for entry in node.entries() {
        if !KNOWN.contains(&entry.key.as_str()) {
            report.push(schema::unknown_field(&FieldPath::root(), &entry.key, KNOWN.iter().copied()));
        }
    }
}
