//! Encodes a value as YAML text.

use serde::Serialize;

use super::node::{ScalarStyle, Value, YamlNode};
use crate::diag::plain::{self, is_active};

/// Writes a value as a YAML document in block style that ends with a newline. Multi-line strings become literal blocks, and strings that a
/// YAML 1.1 reader would interpret as another type are quoted.
pub fn encode<T: Serialize>(value: &T) -> Result<String, String> {
    // Long strings stay on one line: folding them keeps the value but hides a change in a diff.
    let options = serde_yaml::ser_options! { folded_wrap_chars: usize::MAX };
    let mut text = serde_yaml::to_string_with_options(value, options).map_err(|error| error.to_string())?;
    if text.contains(|c| c != '\n' && c != '\t' && is_active(c)) {
        // The serializer does not escape bidirectional control characters in YAML. JSON, which is YAML, can escape them.
        text = plain::json(&serde_json::to_string_pretty(value).map_err(|error| error.to_string())?);
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Writes a value as JSON on one line, for lists in flow style.
pub fn encode_json<T: Serialize>(value: &T) -> Result<String, String> {
    serde_json::to_string(value).map(|text| plain::json(&text)).map_err(|error| error.to_string())
}

/// Writes a node in flow style on one line. Plain scalars stay plain, because YAML 1.1 and 1.2 readers may give them different types.
pub fn encode_flow(node: &YamlNode) -> String {
    let mut text = String::new();
    write_flow(node, &mut text);
    text
}

fn write_flow(node: &YamlNode, out: &mut String) {
    match &node.value {
        Value::Scalar(text, ScalarStyle::Plain) if text.is_empty() => out.push_str("null"),
        Value::Scalar(text, ScalarStyle::Plain) if is_safe(text) => out.push_str(text),
        Value::Scalar(text, _) => out.push_str(&quoted(text)),
        Value::Sequence(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_flow(element, out);
            }
            out.push(']');
        }
        Value::Mapping(entries) => {
            out.push('{');
            for (index, entry) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                out.push_str(&quoted(&entry.key));
                out.push_str(": ");
                write_flow(&entry.value, out);
            }
            out.push('}');
        }
    }
}

/// A JSON string, which is also a YAML string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// True for a plain scalar that keeps its meaning inside a flow collection.
fn is_safe(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'+' | b'-' | b'/' | b'~' | b':'))
        && !text.ends_with(':')
        && !matches!(text, "-" | ":")
        && !text.starts_with("---")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_survives(texts in proptest::collection::vec(any::<String>(), 0..8)) {
            let yaml = encode(&texts).unwrap();
            let node = YamlNode::parse(&yaml, 0..yaml.len()).unwrap();
            let read: Vec<&str> = node.elements().iter().map(|element| match &element.value {
                crate::yaml::Value::Scalar(text, _) => text.as_str(),
                _ => panic!("not a scalar"),
            }).collect();
            prop_assert_eq!(read, texts);
        }
    }

    #[test]
    fn what_yaml_1_1_reads_otherwise_is_quoted() {
        for text in ["on", "Yes", "y", "1_000", "12:30", "0777", "~", "2001-01-01", "", "="] {
            let yaml = encode(&serde_json::json!({"a": text})).unwrap();
            assert!(yaml.contains('"') || yaml.contains('\''), "{yaml}");
        }
    }

    #[test]
    fn a_node_in_flow_style_is_the_same_node() {
        let source =
            "a: 1.20\nb: on\nc: 0644\nd: 'x, y'\ne: |\n  l\n  m\nf: [a b, ~, '', {g: \"h\"}]\n? 'k: l'\n: '1'\nz:\n";
        let node = YamlNode::parse(source, 0..source.len()).unwrap();
        let text = encode_flow(&node);
        assert_eq!(
            text,
            r#"{"a": 1.20, "b": on, "c": 0644, "d": "x, y", "e": "l\nm\n", "f": ["a b", ~, "", {"g": "h"}], "k: l": "1", "z": ~}"#
        );
        assert_eq!(YamlNode::parse(&text, 0..text.len()).unwrap().to_json(), node.to_json());
    }

    #[test]
    fn nothing_acts_on_who_reads_it() {
        let text = encode(&serde_json::json!({"a": "x\u{202e}y", "b": ["\u{2028}\u{9b}\u{feff}", "z\n"]})).unwrap();
        assert!(!text.contains(|c| c != '\n' && is_active(c)), "{text:?}");
        let node = YamlNode::parse(&text, 0..text.len()).unwrap();
        assert_eq!(node.get("a").and_then(YamlNode::as_str), Some("x\u{202e}y"));
        assert_eq!(node.get("b").unwrap().elements()[0].as_str(), Some("\u{2028}\u{9b}\u{feff}"));
    }

    #[test]
    fn a_file_is_a_literal_block() {
        let yaml = encode(&serde_json::json!({"a.xml": "<A>\n  <B/>\n</A>\n"})).unwrap();
        assert_eq!(yaml, "a.xml: |\n  <A>\n    <B/>\n  </A>\n");
    }
}
