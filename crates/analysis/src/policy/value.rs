//! A value that is a text or a variable in the XML of a policy.

use apigee_flux_model::xml::Element;

/// A text, or the variable that holds it. In these places Apigee does not support text with variables in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyValue {
    /// A literal text.
    Text(String),
    /// A flow variable.
    Variable(String),
}

impl PolicyValue {
    /// Reads `text` or `{variable}`; `None` for text with variables in it.
    pub fn parse(text: &str) -> Option<Self> {
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        match inner {
            Some(name) if !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "{}\"'()".contains(c)) => {
                Some(Self::Variable(name.to_owned()))
            }
            None if !text.contains(['{', '}']) => Some(Self::Text(text.to_owned())),
            Some(_) | None => None,
        }
    }

    /// Adds the text, or the attribute `ref`.
    pub(super) fn fill(&self, element: Element) -> Element {
        match self {
            Self::Text(text) => element.text(text),
            Self::Variable(name) => element.attribute("ref", name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_text_or_one_variable() {
        assert_eq!(PolicyValue::parse("ord"), Some(PolicyValue::Text("ord".to_owned())));
        assert_eq!(PolicyValue::parse("{flow.a}"), Some(PolicyValue::Variable("flow.a".to_owned())));
        for mixed in ["a-{flow.a}", "{a}{b}", "{}", "{upper(a)}", "}"] {
            assert_eq!(PolicyValue::parse(mixed), None, "{mixed}");
        }
    }
}
