//! Which field of the spec each part of a generated bundle comes from, so that a finding in the bundle is reported at
//! the field.

use std::collections::BTreeMap;

use apigee_flux_analysis::check::{Finding, FindingCause, Verdict};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, InBundle, Severity};

/// The field from which a part of the bundle was generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartOrigin {
    /// The field.
    pub at: FieldPath,
    /// Whether the user wrote the part and has to fix it; otherwise an error in it is a defect of apigee-flux.
    pub written: bool,
}

/// The findings that a value in a field can cause: the name of a variable, a template, a file.
const FROM_WORDS: &[Code] =
    &[Code::InvalidRegex, Code::MissingResource, Code::UnavailableVariable, Code::UnknownVariable];

/// The fields from which a bundle was generated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// By the path of the file below the bundle's root folder.
    files: BTreeMap<String, PartOrigin>,
    /// The user's conditions. A finding in one that is used in several places is reported at the first.
    conditions: BTreeMap<String, FieldPath>,
}

impl Origins {
    /// Registers the field of a file.
    pub(super) fn add_file(&mut self, path: impl Into<String>, at: &FieldPath, written: bool) {
        self.files.entry(path.into()).or_insert_with(|| PartOrigin { at: at.clone(), written });
    }

    /// Registers the field of a condition.
    pub(super) fn add_condition(&mut self, text: &str, at: FieldPath) {
        self.conditions.entry(text.trim().to_owned()).or_insert(at);
    }

    /// The field of a policy.
    pub fn policy(&self, name: &str) -> Option<&PartOrigin> {
        self.files.get(&format!("policies/{name}.xml"))
    }

    /// Finds the user's condition that contains the byte at `offset` of a condition: its field, and the offset in it.
    /// Steps that need a body combine their own condition with the user's.
    fn condition(&self, text: &str, offset: usize) -> Option<(&FieldPath, usize)> {
        if let Some(at) = self.conditions.get(text) {
            return Some((at, offset));
        }
        let inside = self.conditions.iter().filter_map(|(written, at)| {
            let start = text.find(written.as_str())?;
            let within = offset >= start && offset <= start + written.len();
            within.then_some((written.len(), at, offset - start))
        });
        inside.max_by_key(|(length, ..)| *length).map(|(_, at, offset)| (at, offset))
    }

    /// The finding as a diagnostic on the spec, or `None` if the spec itself is checked for this.
    pub(super) fn diagnostic(&self, finding: &Finding<'_>) -> Option<Diagnostic> {
        let (at, written, offset) = match finding.cause {
            FindingCause::Condition(text, offset) => match self.condition(text, offset) {
                Some((at, offset)) => (Some(at), true, Some(offset)),
                None => (None, true, None),
            },
            FindingCause::Policy(name) => {
                (self.policy(name).map(|o| &o.at), self.policy(name).is_some_and(|o| o.written), None)
            }
            FindingCause::File => {
                let origin = self.files.get(finding.at.path().as_str());
                (origin.map(|o| &o.at), origin.is_some_and(|o| o.written), None)
            }
        };
        let spec_is_checked = finding.code == Code::UnattachedPolicy
            || finding.code == Code::MissingTarget && finding.verdict == Verdict::Doubtful;
        if spec_is_checked && written {
            return None;
        }
        // A text that a feature takes from the user can be wrong as well; order and structure are generated.
        let theirs = written || finding.verdict == Verdict::Doubtful || FROM_WORDS.contains(&finding.code);
        let Some(at) = at.filter(|_| theirs) else {
            let InBundle { path, line, column } = finding.at.in_bundle();
            let (message, code) = (&finding.message, finding.code);
            let at = at.cloned().unwrap_or_default();
            let message = format!("the generated bundle is invalid: {path}:{line}:{column}: {message} [{code}]");
            return Some(Diagnostic::error(Code::Internal, message).at(at));
        };
        let severity = match finding.verdict {
            Verdict::Refused | Verdict::Broken => Severity::Error,
            Verdict::Doubtful => Severity::Warning,
        };
        let mut diagnostic = to_diagnostic(finding, severity).at(at);
        diagnostic.offset = offset;
        Some(diagnostic)
    }
}

/// The finding as a diagnostic, with its message and its fix.
pub(super) fn to_diagnostic(finding: &Finding<'_>, severity: Severity) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(finding.code, finding.message.as_str());
    diagnostic.severity = severity;
    if let Some(help) = &finding.help {
        diagnostic = diagnostic.help(help.as_str());
    }
    match &finding.proposed {
        Some(proposed) => diagnostic.propose(proposed.as_str()),
        None => diagnostic,
    }
}
