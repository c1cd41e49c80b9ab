//! Limits on the texts that Apigee accepts.

use super::texts;
use crate::diag::{Code, Diagnostic, FieldPath, Report};

/// The maximum length of a text that a message repeats.
const SHOWN: usize = 80;

/// The length and the form that Apigee accepts for a text.
#[derive(Debug)]
pub struct TextLimit {
    /// The kind and field of the text, for example `ApigeeKeystore name`. Unique.
    pub of: &'static str,
    /// What the text is, with its article, for example `a name of a keystore`.
    pub what: &'static str,
    /// The minimum length.
    pub min: usize,
    /// The maximum length.
    pub max: usize,
    /// The unit of the length.
    pub unit: Unit,
    /// True if a text of a valid length has a valid form.
    pub has_form: fn(&str) -> bool,
    /// The form in words, to follow "use" and the length.
    pub form: &'static str,
    /// Returns a text of a length. It is valid if the length is from `min` to `max`; otherwise only its length is invalid.
    pub sample: fn(usize) -> String,
    /// Texts with a valid length and an invalid form.
    pub refused: &'static [&'static str],
    /// True for a secret, which a message must not repeat.
    pub secret: bool,
    /// The page of Google's documentation.
    pub source: &'static str,
}

/// The unit of the length of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Unicode characters.
    Characters,
    /// Bytes in UTF-8.
    Bytes,
}

/// Why a text is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// It is too long.
    Length(String),
    /// It is empty, too short or has an invalid form.
    Form(String),
}

impl Broken {
    /// What is wrong and what is allowed, in one line.
    pub fn message(&self) -> &str {
        match self {
            Self::Length(message) | Self::Form(message) => message,
        }
    }

    /// The code of the diagnostic.
    pub fn code(&self) -> Code {
        match self {
            Self::Length(_) => Code::LimitExceeded,
            Self::Form(_) => Code::InvalidValue,
        }
    }
}

/// All texts.
pub const TEXTS: &[&TextLimit] = &[
    &texts::ORGANIZATION,
    &texts::ENVIRONMENT,
    &texts::BUNDLE,
    &texts::ENVIRONMENT_GROUP,
    &texts::HOSTNAME,
    &texts::TARGET_SERVER,
    &texts::TARGET_HOST,
    &texts::TLS_PROTOCOL,
    &texts::KEY_VALUE_MAP,
    &texts::MAP_KEY,
    &texts::MAP_VALUE,
    &texts::KEYSTORE,
    &texts::ALIAS,
    &texts::REFERENCE,
    &texts::RESOURCE_FILE,
    &texts::DATA_COLLECTOR,
    &texts::PRODUCT,
    &texts::PRODUCT_DISPLAY,
    &texts::METHOD,
    &texts::SCOPE,
    &texts::ATTRIBUTE_NAME,
    &texts::ATTRIBUTE_VALUE,
    &texts::EMAIL,
    &texts::PERSON,
    &texts::APP,
    &texts::APP_GROUP,
    &texts::CONSUMER_KEY,
    &texts::CONSUMER_SECRET,
    &texts::SITE,
    &texts::DOC_TITLE,
    &texts::DOC_DESCRIPTION,
    &texts::DOC_IMAGE,
    &texts::DOC_FILE,
    &texts::CURRENCY,
];

impl TextLimit {
    /// Checks a text. The error says what is wrong and what is allowed.
    pub fn check(&self, text: &str) -> Result<(), Broken> {
        let length = match self.unit {
            Unit::Characters => text.chars().count(),
            Unit::Bytes => text.len(),
        };
        let unit = match self.unit {
            Unit::Characters => "characters",
            Unit::Bytes => "bytes",
        };
        let Self { what, min, max, form, .. } = self;
        if length > *max {
            return Err(Broken::Length(format!("{what} must have {min} to {max} {unit}, but this one has {length}")));
        }
        if text.is_empty() && *min > 0 {
            return Err(Broken::Form(format!("it is empty: {what} must have {min} to {max} {unit}")));
        }
        if length < *min || !(self.has_form)(text) {
            let shown = if self.secret || length > SHOWN { "it".to_owned() } else { format!("`{}`", visible(text)) };
            let lengths = if min == max { format!("{max}") } else { format!("{min} to {max}") };
            return Err(Broken::Form(format!("{shown} is not {what}: use {lengths} {form}")));
        }
        Ok(())
    }

    /// Reports a text that is not accepted.
    pub fn report(&self, text: &str, at: impl Into<FieldPath>, report: &mut Report<'_>) {
        if let Err(broken) = self.check(text) {
            report.push(Diagnostic::error(broken.code(), broken.message()).at(at));
        }
    }
}

/// A text with its control characters escaped, because they may be what is wrong with it.
fn visible(text: &str) -> String {
    text.chars().fold(String::new(), |shown, c| {
        if c.is_control() { shown + &c.escape_default().to_string() } else { shown + &c.to_string() }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::limits::COUNTS;

    #[test]
    fn every_rule_takes_its_samples_and_refuses_the_rest() {
        for rule in TEXTS {
            for length in [rule.min, rule.max] {
                let sample = (rule.sample)(length);
                assert_eq!(rule.check(&sample), Ok(()), "{} {length}", rule.of);
            }
            assert!(matches!(rule.check(&(rule.sample)(rule.max + 1)), Err(Broken::Length(_))), "{}", rule.of);
            if rule.min > 0 {
                assert!(matches!(rule.check(""), Err(Broken::Form(_))), "{}", rule.of);
            }
            for text in rule.refused {
                assert!(matches!(rule.check(text), Err(Broken::Form(_))), "{} {text:?}", rule.of);
            }
            assert!(rule.source.starts_with("https://"), "{}", rule.of);
        }
    }

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        let names = TEXTS.iter().map(|rule| rule.of).chain(COUNTS.iter().map(|rule| rule.of));
        assert_eq!(names.collect::<BTreeSet<_>>().len(), TEXTS.len() + COUNTS.len());
    }

    #[test]
    fn control_characters_are_shown() {
        let broken = texts::MAP_KEY.check("x\ty'").unwrap_err();
        assert!(broken.message().starts_with("`x\\ty'` is not a key"), "{broken:?}");
    }

    #[test]
    fn a_secret_is_not_repeated() {
        let message = texts::CONSUMER_KEY.check("s3 cret").unwrap_err();
        assert!(!message.message().contains("s3"), "{message:?}");
    }
}
