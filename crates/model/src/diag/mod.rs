//! Diagnostics: what is wrong, where, what is allowed, and how to fix it.
//!
//! A [`Diagnostic`] names a resource and a [`FieldPath`]; the line and column are looked up only when it is shown ([`human`]), so that the
//! stages need no positions. Every message is one self-contained line, because kpt prints the first four lines of a failure and kustomize
//! prints only stderr.

mod code;
mod field_path;
pub mod human;
pub mod plain;
pub mod snippet;

use std::cmp::Ordering;

pub use code::Code;
pub use field_path::{FieldPath, FieldSegment};

/// The severity of a finding. The order is the order of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A problem that stops the operation: nothing is written.
    Error,
    /// A problem that does not stop the operation.
    Warning,
    /// Information; there is no problem.
    Info,
}

impl Severity {
    /// The name in the KRM function specification and on stderr.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// The resource that a diagnostic is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// `apiVersion`, empty if the item has none.
    pub api_version: String,
    /// `kind`, empty if the item has none.
    pub kind: String,
    /// `metadata.namespace`.
    pub namespace: Option<String>,
    /// `metadata.name`, empty if the item has none.
    pub name: String,
    /// The file as the orchestrator or the command line names it.
    pub file: Option<String>,
    /// The position of the resource in its file, from 0.
    pub index: Option<usize>,
}

impl Subject {
    /// `Kind/namespace/name`, without the parts that are unknown.
    pub fn label(&self) -> String {
        [Some(self.kind.as_str()), self.namespace.as_deref(), Some(self.name.as_str())]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("/")
    }
}

/// A place inside a bundle whose files are in the spec, in a ConfigMap or on disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InBundle {
    /// The file, below the bundle's root folder.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// The severity.
    pub severity: Severity,
    /// What is wrong: one line, lower case, no full stop.
    pub message: String,
    /// The resource; `None` if the whole input is wrong.
    pub subject: Option<Subject>,
    /// The field of the resource.
    pub field: FieldPath,
    /// How to fix it: one line.
    pub help: Option<String>,
    /// A similar value that is probably meant.
    pub proposed: Option<String>,
    /// Line and column from 1, if the stage itself knows them (malformed input).
    pub position: Option<(usize, usize)>,
    /// The byte offset inside the field's value, for a value with its own syntax, such as a condition.
    pub offset: Option<usize>,
    /// The place in the bundle that the field refers to.
    pub in_bundle: Option<InBundle>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: one_line(&message.into()),
            subject: None,
            field: FieldPath::root(),
            help: None,
            proposed: None,
            position: None,
            offset: None,
            in_bundle: None,
        }
    }

    /// A warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// A finding for information.
    pub fn info(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Info, ..Self::error(code, message) }
    }

    /// Sets the resource.
    #[must_use]
    pub fn of(mut self, subject: &Subject) -> Self {
        self.subject = Some(subject.clone());
        self
    }

    /// Sets the field.
    #[must_use]
    pub fn at(mut self, field: impl Into<FieldPath>) -> Self {
        self.field = field.into();
        self
    }

    /// Sets how to fix it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(one_line(&help.into()));
        self
    }

    /// Proposes a value, shown as `did you mean`.
    #[must_use]
    pub fn propose(mut self, value: impl Into<String>) -> Self {
        self.proposed = Some(value.into());
        self
    }

    /// Sets the position that a parser reported, from 1.
    #[must_use]
    pub fn position(mut self, line: usize, column: usize) -> Self {
        self.position = Some((line, column));
        self
    }

    /// Sets the byte offset inside the field's value.
    #[must_use]
    pub fn offset(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }

    /// The message with its proposal, its help and the place in a bundle: everything except the resource and the code.
    pub fn text(&self) -> String {
        let mut text = match &self.in_bundle {
            Some(InBundle { path, line, column }) => format!("{path}:{line}:{column}: {}", self.message),
            None => self.message.clone(),
        };
        if let Some(proposed) = &self.proposed {
            text.push_str("; did you mean `");
            text.push_str(proposed);
            text.push_str("`?");
        }
        if let Some(help) = &self.help {
            text.push_str(if text.ends_with('?') { " " } else { "; " });
            text.push_str(help);
        }
        text
    }

    /// Errors first, then by file, resource and field, so that the first lines of a report are the most important ones.
    pub fn report_order(a: &Self, b: &Self) -> Ordering {
        let key = |d: &Self| {
            let subject = d.subject.clone().unwrap_or_default();
            (d.severity, subject.file.clone(), subject.index, subject)
        };
        let place = |d: &Self| (d.position, d.in_bundle.clone());
        key(a).cmp(&key(b)).then_with(|| place(a).cmp(&place(b)))
    }
}

/// Collects the findings of a stage on one resource.
#[derive(Debug)]
pub struct Report<'a> {
    subject: &'a Subject,
    found: Vec<Diagnostic>,
    errors: usize,
}

impl<'a> Report<'a> {
    /// An empty report on one resource.
    pub fn new(subject: &'a Subject) -> Self {
        Self { subject, found: Vec::new(), errors: 0 }
    }

    /// The resource of this report.
    pub fn subject(&self) -> &'a Subject {
        self.subject
    }

    /// Adds a finding; the resource is filled in. No more findings are kept for one resource than are shown in total; errors have their own
    /// limit, so that warnings do not displace them.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let (kept, limit) = match diagnostic.severity {
            Severity::Error => {
                self.errors += 1;
                (self.errors - 1, MAX_FINDINGS)
            }
            Severity::Warning | Severity::Info => (self.found.len().saturating_sub(self.errors), MAX_FINDINGS),
        };
        // One more than the limit shows that there are more.
        if kept > limit {
            return;
        }
        self.found.push(if diagnostic.subject.is_some() { diagnostic } else { diagnostic.of(self.subject) });
    }

    /// Adds an error at a field.
    pub fn error(&mut self, code: Code, field: impl Into<FieldPath>, message: impl Into<String>) {
        self.push(Diagnostic::error(code, message).at(field));
    }

    /// True if an error was found.
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// The number of errors so far.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// The findings, in the order in which they were added.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.found
    }
}

/// The maximum number of findings that are shown: a small input could cause millions.
pub const MAX_FINDINGS: usize = 1000;

/// The findings to show, with a last one that says how many are not shown.
pub fn limited(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if diagnostics.len() <= MAX_FINDINGS {
        return diagnostics;
    }
    diagnostics.sort_by(Diagnostic::report_order);
    let hidden = diagnostics.split_off(MAX_FINDINGS);
    // Errors come first: if an error is hidden, all findings that are shown are errors.
    let severity = hidden.iter().map(|diagnostic| diagnostic.severity).min().unwrap_or(Severity::Warning);
    let message = format!("at least {} more findings are not shown", hidden.len());
    let note = Diagnostic::error(Code::TooManyFindings, message).help("fix the findings that are shown first");
    diagnostics.push(Diagnostic { severity, ..note });
    diagnostics
}

/// True if any of them is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity == Severity::Error)
}

/// The known name that is most similar to a misspelt one, if any is similar enough.
pub fn nearest<'n>(wrong: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let lower = wrong.to_lowercase();
    known
        .into_iter()
        .filter(|name| {
            // The edit distance is at least the difference in length, and computing it takes time proportional to the product of both lengths.
            let (wrong, name) = (lower.chars().count(), name.chars().count());
            wrong.abs_diff(name) <= 1.max(name.min(wrong))
        })
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1.max(name.len().min(wrong.len()) / 3))
        .min()
        .map(|(_, name)| name)
}

fn one_line(text: &str) -> String {
    if text.contains(['\n', '\r']) { text.split_whitespace().collect::<Vec<_>>().join(" ") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(nearest("baspath", ["basePath", "cors"]), Some("basePath"));
        assert_eq!(nearest("quta", ["quota", "cors"]), Some("quota"));
        assert_eq!(nearest("somethingElse", ["quota", "cors"]), None);
    }

    #[test]
    fn what_is_much_longer_is_not_compared() {
        let long = "x".repeat(1 << 20);
        assert_eq!(nearest(&long, std::iter::repeat_n("quota", 1000)), None);
    }

    #[test]
    fn so_many_findings_are_shown_and_errors_before_others() {
        let warnings = (0..MAX_FINDINGS).map(|_| Diagnostic::warning(Code::UnknownField, "w"));
        let errors = (0..10).map(|_| Diagnostic::error(Code::UnknownField, "e"));
        let shown = limited(warnings.chain(errors).collect());
        assert_eq!(shown.len(), MAX_FINDINGS + 1);
        assert_eq!(shown.iter().filter(|found| found.severity == Severity::Error).count(), 10);
        assert_eq!(shown[MAX_FINDINGS].message, "at least 10 more findings are not shown");
        assert_eq!(shown[MAX_FINDINGS].severity, Severity::Warning);
    }

    #[test]
    fn a_report_keeps_its_errors_when_it_is_full_of_warnings() {
        let subject = Subject::default();
        let mut report = Report::new(&subject);
        (0..3 * MAX_FINDINGS).for_each(|_| report.push(Diagnostic::warning(Code::UnknownField, "w")));
        report.push(Diagnostic::error(Code::UnknownField, "e"));
        assert_eq!(report.errors(), 1);
        let found = report.into_diagnostics();
        assert!(has_errors(&found) && found.len() == MAX_FINDINGS + 2);
    }

    #[test]
    fn a_message_stays_on_one_line() {
        assert_eq!(Diagnostic::error(Code::MalformedYaml, "a\n  b").message, "a b");
    }
}
