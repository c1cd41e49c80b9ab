//! Message templates: text with variables and functions in braces.

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplatePart<'t> {
    /// Literal text, including braces without a name.
    Text(&'t str),
    /// The name of a variable.
    Variable(&'t str),
    /// The name of a function, and the text in its parentheses.
    Function(&'t str, &'t str),
}

impl<'t> TemplatePart<'t> {
    /// The name, if it is a variable.
    pub fn variable(&self) -> Option<&'t str> {
        match self {
            Self::Variable(name) => Some(name),
            Self::Text(_) | Self::Function(..) => None,
        }
    }
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-%#$".contains(c)
}

/// The parts of a template in order. A brace that is not followed by a name is text, as in JSON.
pub fn parts(template: &str) -> Vec<TemplatePart<'_>> {
    let mut parts = Vec::new();
    let (mut from, mut search) = (0, 0);
    while let Some(found) = template[search..].find('{') {
        let open = search + found;
        let rest = &template[open + 1..];
        let name = rest.find(|c| !in_name(c)).map_or(rest, |end| &rest[..end]);
        let behind = &rest[name.len()..];
        let (part, length) = match behind.strip_prefix('(').and_then(|inside| inside.split_once(")}")) {
            _ if name.is_empty() => (None, 0),
            Some((inside, _)) => (Some(TemplatePart::Function(name, inside)), name.len() + inside.len() + 3),
            None if behind.starts_with('}') => (Some(TemplatePart::Variable(name)), name.len() + 1),
            None => (None, 0),
        };
        search = open + 1 + length;
        if let Some(part) = part {
            if from < open {
                parts.push(TemplatePart::Text(&template[from..open]));
            }
            parts.push(part);
            from = search;
        }
    }
    if from < template.len() {
        parts.push(TemplatePart::Text(&template[from..]));
    }
    parts
}

/// The variables that a template reads.
pub fn variables(template: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for part in parts(template) {
        match part {
            TemplatePart::Text(_) => {}
            TemplatePart::Variable(name) => found.push(name),
            // Every second piece is in quotes.
            TemplatePart::Function(_, inside) => {
                let pieces = inside.split(['\'', '"']).step_by(2);
                found.extend(pieces.flat_map(|piece| piece.split(|c| !in_name(c))).filter(|name| !name.is_empty()));
            }
        }
    }
    found
}

/// The functions whose results contain no quotes and no line breaks.
const SAFE: &[&str] = &["escapeJSON", "encodeBase64", "createUuid", "randomLong", "timeFormat", "sha", "md5", "hmac"];

/// The functions of a template whose results may contain unescaped text from the caller.
pub fn unsafe_functions(template: &str) -> Vec<&str> {
    let functions = parts(template).into_iter().filter_map(|part| match part {
        TemplatePart::Function(name, _) => Some(name),
        TemplatePart::Text(_) | TemplatePart::Variable(_) => None,
    });
    functions.filter(|name| !SAFE.iter().any(|safe| name.starts_with(safe))).collect()
}

/// The template with the values of all variables escaped as in a JSON string, so that no value can end the string or start a line.
pub fn escaped(template: &str, text: fn(&str) -> String) -> String {
    let part = |part: &TemplatePart<'_>| match part {
        TemplatePart::Text(plain) => text(plain),
        TemplatePart::Variable(name) => format!("{{escapeJSON({name})}}"),
        TemplatePart::Function(name, inside) => format!("{{{name}({inside})}}"),
    };
    parts(template).iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_variables_and_other_braces_are_text() {
        use TemplatePart::{Function, Text, Variable};
        for (template, expected) in [
            ("", vec![]),
            ("a {b.c-d} e", vec![Text("a "), Variable("b.c-d"), Text(" e")]),
            ("{\"a\": {b}}", vec![Text("{\"a\": "), Variable("b"), Text("}")]),
            ("{a b} {", vec![Text("{a b} {")]),
            ("{f('x{y}',z)}!", vec![Function("f", "'x{y}',z"), Text("!")]),
            ("{{a}}", vec![Text("{"), Variable("a"), Text("}")]),
        ] {
            assert_eq!(parts(template), expected, "{template}");
        }
    }

    #[test]
    fn variables_of_functions_are_found_and_texts_are_not() {
        assert_eq!(variables("{a}{firstnonnull(b.c,'d.e',f)}"), ["a", "b.c", "f"]);
        assert_eq!(unsafe_functions("{a}{firstnonnull(b)}{escapeJSON(c)}"), ["firstnonnull"]);
    }

    #[test]
    fn what_variables_hold_is_escaped_once() {
        let text = |text: &str| text.replace('"', "\\\"");
        assert_eq!(escaped("say \"{a}\" {escapeJSON(b)}", text), "say \\\"{escapeJSON(a)}\\\" {escapeJSON(b)}");
    }
}
