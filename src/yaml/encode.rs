//! From a value to YAML text.

use serde::Serialize;

/// Writes a value as a YAML document in block style, ended by a newline. Strings of several lines become literal blocks,
/// and whatever a YAML 1.1 reader would take for another type is quoted.
pub fn encode<T: Serialize>(value: &T) -> Result<String, String> {
    // Long strings stay on one line: folding them keeps the value but hides a change in a diff.
    let options = serde_yaml::ser_options! { folded_wrap_chars: usize::MAX };
    let mut text = serde_yaml::to_string_with_options(value, options).map_err(|error| error.to_string())?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Writes a value as JSON on one line: for lists that came in flow style.
pub fn encode_json<T: Serialize>(value: &T) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Node;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_survives(texts in proptest::collection::vec(any::<String>(), 0..8)) {
            let yaml = encode(&texts).unwrap();
            let node = Node::parse(&yaml, 0..yaml.len()).unwrap();
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
    fn a_file_is_a_literal_block() {
        let yaml = encode(&serde_json::json!({"a.xml": "<A>\n  <B/>\n</A>\n"})).unwrap();
        assert_eq!(yaml, "a.xml: |\n  <A>\n    <B/>\n  </A>\n");
    }
}
