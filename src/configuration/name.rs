//! Names that Apigee takes.

use crate::diag::{Code, FieldPath, Report};

/// The longest name, in characters.
const MAX: usize = 255;

/// The names of one kind.
#[derive(Debug)]
pub struct Names {
    /// True for the characters of a name.
    allowed: fn(char) -> bool,
    /// The same in words.
    words: &'static str,
}

/// Keystores and references: `[\w\s.-]{1,255}` (discovery document).
pub const WORDS: Names = Names {
    allowed: |c| c.is_ascii_alphanumeric() || "_.- ".contains(c),
    words: "letters, digits, `_`, `.`, `-` and spaces",
};

/// Aliases of a keystore: `[^/]{1,255}` (discovery document).
pub const WITHOUT_SLASH: Names = Names { allowed: |c| c != '/', words: "characters but no `/`" };

/// Resource files (<https://cloud.google.com/apigee/docs/api-platform/develop/resource-files>).
pub const FILES: Names = Names {
    allowed: |c| c.is_ascii_alphanumeric() || ":/\\!@#$%^&{}[]()+-=,.~'` _".contains(c),
    words: "letters, digits and characters of :/\\!@#$%^&{}[]()+-=,.~'` _",
};

impl Names {
    /// Finds a name of a resource that is none. `what` is what it names, with its article.
    pub fn check(&self, what: &str, name: &str, report: &mut Report<'_>) {
        self.check_at(what, name, FieldPath::of(&["spec", "name"]), report);
    }

    /// The same of a name in another field.
    pub fn check_at(&self, what: &str, name: &str, at: FieldPath, report: &mut Report<'_>) {
        if !(1..=MAX).contains(&name.chars().count()) || !name.chars().all(self.allowed) {
            let message = format!("`{name}` is no name of {what}: use 1 to {MAX} {}", self.words);
            report.error(Code::InvalidValue, at, message);
        }
    }
}
