//! A YAML tree that keeps the style and the place of each part.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use granit_parser::{Event, Marker, Parser, StrInput};

use super::budget::{AliasBudget, MAX_DEPTH, length};
use super::{Span, YamlError, line_start};
use crate::diag::{FieldPath, FieldSegment};

/// Marks the encoding of a text and is not part of it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// How to fix an exceeded budget.
const REPEAT_LESS: &str = "use fewer aliases, or expand fewer resources at a time";

/// Up to this number of keys, a linear search is faster.
const FEW_KEYS: usize = 16;

/// One value with its place in the source.
#[derive(Debug, Clone, PartialEq)]
pub struct YamlNode {
    /// The place of the value.
    pub span: Span,
    /// The value.
    pub value: Value,
}

/// The value of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A scalar, as text.
    Scalar(String, ScalarStyle),
    /// A list.
    Sequence(Vec<YamlNode>),
    /// A mapping in the order written.
    Mapping(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key's text.
    pub key: String,
    /// The place of the key.
    pub key_span: Span,
    /// The value.
    pub value: YamlNode,
}

/// How a scalar was written: only plain ones can be numbers, booleans or null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without quotes.
    Plain,
    /// In quotes, or as a block.
    Quoted,
}

impl YamlNode {
    /// Parses the single document of `source[span]`, with its own budget; spans in the tree count from the start of `source`.
    pub fn parse(source: &str, span: Span) -> Result<Self, YamlError> {
        let budget = AliasBudget::of_document(length(&span));
        Self::parse_within(source, span, &budget)
    }

    /// Parses as [`YamlNode::parse`] does, within the budget of the whole input.
    pub fn parse_within(source: &str, span: Span, budget: &AliasBudget) -> Result<Self, YamlError> {
        Self::parse_with_aliases(source, span, budget, &BTreeSet::new()).map(|(node, _)| node)
    }

    /// Parses as [`YamlNode::parse_within`] does. The second value maps the start of each alias in `wanted` to the node that the alias refers to: the
    /// tree does not contain the alias of a merge key.
    pub fn parse_with_aliases(
        source: &str,
        span: Span,
        budget: &AliasBudget,
        wanted: &BTreeSet<usize>,
    ) -> Result<(Self, BTreeMap<usize, Self>), YamlError> {
        let offset = span.start;
        // The indentation of the first line is before the span: without it the following lines would seem to be deeper.
        let before = line_start(source, span.start)..span.start;
        let indent = source[before].chars().filter(|c| *c != BYTE_ORDER_MARK).count();
        let text = &source[span];
        if indent == 0 {
            return Builder::build(text, offset, 0, budget, wanted);
        }
        let padded = format!("{}{text}", " ".repeat(indent));
        Builder::build(&padded, offset, indent, budget, wanted)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&YamlNode> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries of a mapping; empty for any other value.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            Value::Scalar(..) | Value::Sequence(_) => &[],
        }
    }

    /// The elements of a list; empty for any other value.
    pub fn elements(&self) -> &[YamlNode] {
        match &self.value {
            Value::Sequence(elements) => elements,
            Value::Scalar(..) | Value::Mapping(_) => &[],
        }
    }

    /// The text of a scalar that is not null.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, _) if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// True for `null`, `~` and an absent value.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(text, ScalarStyle::Plain) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The node at a path.
    pub fn at(&self, path: &FieldPath) -> Option<&YamlNode> {
        path.segments().iter().try_fold(self, |node, segment| match segment {
            FieldSegment::Key(key) => node.get(key),
            FieldSegment::Index(index) => node.elements().get(*index),
        })
    }

    /// The path below `at` of the node with this span; the path of the deepest node around it if there is none.
    pub fn path_of(&self, span: &Span, at: FieldPath) -> FieldPath {
        let around = |node: &Self| node.span.start <= span.start && span.end <= node.span.end;
        let inner = match &self.value {
            Value::Mapping(entries) => entries
                .iter()
                .find(|entry| around(&entry.value))
                .map(|entry| (&entry.value, FieldSegment::Key(entry.key.clone()))),
            Value::Sequence(elements) => elements
                .iter()
                .enumerate()
                .find(|(_, node)| around(node))
                .map(|(i, node)| (node, FieldSegment::Index(i))),
            Value::Scalar(..) => None,
        };
        match inner {
            Some((node, segment)) => node.path_of(span, at.join(segment)),
            None => at,
        }
    }

    /// The offset of the node at a path, or of the deepest existing part of the path; for an entry of a mapping, the offset of its key.
    pub fn locate(&self, path: &FieldPath) -> usize {
        let mut node = self;
        let mut at = self.span.start;
        for segment in path.segments() {
            let next = match segment {
                FieldSegment::Key(key) => node.entry(key).map(|entry| (&entry.value, entry.key_span.start)),
                FieldSegment::Index(index) => node.elements().get(*index).map(|element| (element, element.span.start)),
            };
            let Some((inner, start)) = next else { break };
            node = inner;
            at = start;
        }
        at
    }

    /// The offset in `source` of a byte of a scalar's text, whether the scalar is quoted, folded or indented; for other nodes, the offset of
    /// the path.
    pub fn locate_inside(&self, source: &str, path: &FieldPath, offset: usize) -> usize {
        let Some(YamlNode { span, value: Value::Scalar(text, style) }) = self.at(path) else {
            return self.locate(path);
        };
        let written = source.get(span.clone()).unwrap_or_default();
        // The indicator of a quoted scalar or a block is not part of its text, even if it equals its first character.
        let mut at = match (style, written.chars().next()) {
            (ScalarStyle::Quoted, Some('"' | '\'')) => 1,
            (ScalarStyle::Quoted, Some('|' | '>')) => written.find('\n').map_or(0, |newline| newline + 1),
            _ => 0,
        };
        // The characters of the text are in the source in order; between them are escapes and indentation.
        for wanted in text.get(..offset.min(text.len())).unwrap_or(text).chars().filter(|c| !c.is_whitespace()) {
            match written[at..].find(wanted) {
                Some(found) => at += found + wanted.len_utf8(),
                None => break,
            }
        }
        let next = text.get(offset..).and_then(|rest| rest.chars().find(|c| !c.is_whitespace()));
        at += next.and_then(|next| written[at..].find(next)).unwrap_or_default();
        span.start + at
    }

    /// The number of nodes of the tree, and the number of bytes of text.
    fn size(&self) -> (usize, usize) {
        let sum = |sizes: &mut dyn Iterator<Item = (usize, usize)>| {
            sizes.fold((1, 0), |(nodes, text), (more, bytes)| (nodes + more, text + bytes))
        };
        match &self.value {
            Value::Scalar(text, _) => (1, text.len()),
            Value::Sequence(elements) => sum(&mut elements.iter().map(Self::size)),
            Value::Mapping(entries) => sum(&mut entries.iter().map(|entry| {
                let (nodes, text) = entry.value.size();
                (nodes + 1, text + entry.key.len())
            })),
        }
    }

    /// The node as JSON, by YAML's core schema: for queries and for schemas of other projects.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Sequence(elements) => elements.iter().map(Self::to_json).collect(),
            Value::Mapping(entries) => entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect(),
            Value::Scalar(text, ScalarStyle::Quoted) => text.as_str().into(),
            Value::Scalar(text, ScalarStyle::Plain) => plain_to_json(text),
        }
    }
}

/// Resolves a plain scalar by the core schema of YAML 1.2: anything but null, a boolean or a number is text.
fn plain_to_json(text: &str) -> serde_json::Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => serde_json::Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        _ => number(text).map_or_else(|| text.into(), serde_json::Value::Number),
    }
}

/// True for a whole number of the core schema, without a leading zero.
pub fn is_integer(text: &str) -> bool {
    number(text).is_some_and(|_| text.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit()))
}

/// True for a number of the core schema that is neither infinite nor undefined.
pub fn is_number(text: &str) -> bool {
    number(text).is_some()
}

/// A number of the core schema. `0777` does not count as a number: YAML 1.1 and 1.2 read it as different numbers.
pub(super) fn number(text: &str) -> Option<serde_json::Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit() {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Ok(integer) = text.parse::<i64>() {
        return Some(integer.into());
    }
    if let Ok(integer) = text.parse::<u64>() {
        return Some(integer.into());
    }
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E')) {
        return None;
    }
    text.parse::<f64>().ok().and_then(serde_json::Number::from_f64)
}

/// Builds a tree from the parser's events.
struct Builder<'input, 'b> {
    parser: Parser<'input, StrInput<'input>>,
    /// Added to the parser's offsets: the start of the text in the source.
    shift: usize,
    /// Subtracted from the parser's offsets: the padding before the text.
    padding: usize,
    /// The anchors that an alias refers to; the nodes of other anchors need not be copied.
    aliased: HashSet<usize>,
    anchors: HashMap<usize, YamlNode>,
    budget: &'b AliasBudget,
    wanted: &'b BTreeSet<usize>,
    found: BTreeMap<usize, YamlNode>,
}

impl<'input, 'b> Builder<'input, 'b> {
    fn build(
        text: &'input str,
        shift: usize,
        padding: usize,
        budget: &'b AliasBudget,
        wanted: &'b BTreeSet<usize>,
    ) -> Result<(YamlNode, BTreeMap<usize, YamlNode>), YamlError> {
        let (anchors, found) = (HashMap::new(), BTreeMap::new());
        let mut builder =
            Self { parser: parser(text), shift, padding, aliased: aliased(text), anchors, budget, wanted, found };
        let mut root = None;
        while let Some((event, span)) = builder.next()? {
            match event {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd | Event::StreamEnd => {}
                _ if root.is_some() => {
                    return Err(builder.error("more than one YAML document where one is expected", span));
                }
                event => root = Some(builder.node(event, span, 0)?),
            }
        }
        let root = root.ok_or(YamlError {
            message: "the document has no YAML value".to_owned(),
            offset: shift,
            too_large: None,
        })?;
        Ok((root, builder.found))
    }

    fn byte(&self, marker: Marker) -> usize {
        marker.byte_offset().unwrap_or_default().saturating_sub(self.padding) + self.shift
    }

    fn error(&self, message: &str, span: granit_parser::Span) -> YamlError {
        YamlError { message: message.to_owned(), offset: self.byte(span.start), too_large: None }
    }

    fn too_large(&self, message: String, help: &'static str, span: granit_parser::Span) -> YamlError {
        YamlError { message, offset: self.byte(span.start), too_large: Some(help) }
    }

    /// Takes a copy of a tree from the budget.
    fn charge(&self, node: &YamlNode, span: granit_parser::Span) -> Result<(), YamlError> {
        let (nodes, text) = node.size();
        let charged = self.budget.nodes(nodes).and_then(|()| self.budget.text(text));
        charged.map_err(|why| self.too_large(why, REPEAT_LESS, span))
    }

    fn next(&mut self) -> Result<Option<(Event<'input>, granit_parser::Span)>, YamlError> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => {
                let offset = self.byte(*error.marker());
                Err(YamlError { message: error.info().clone(), offset, too_large: None })
            }
        }
    }

    /// The next event inside a collection that starts at `open`.
    fn inner(&mut self, open: granit_parser::Span) -> Result<(Event<'input>, granit_parser::Span), YamlError> {
        self.next()?.ok_or_else(|| self.error("the value is not closed", open))
    }

    fn node(&mut self, event: Event<'input>, span: granit_parser::Span, depth: usize) -> Result<YamlNode, YamlError> {
        if depth > MAX_DEPTH {
            let message = format!("values are nested more than {MAX_DEPTH} levels deep");
            return Err(self.too_large(message, "nest them less deeply", span));
        }
        self.budget.nodes(1).map_err(|why| self.too_large(why, REPEAT_LESS, span))?;
        let start = self.byte(span.start);
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == granit_parser::ScalarStyle::Plain && tag.is_none();
                let style = if plain { ScalarStyle::Plain } else { ScalarStyle::Quoted };
                let value = Value::Scalar(text.into_owned(), style);
                (YamlNode { span: start..self.byte(span.end), value }, anchor)
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).ok_or_else(|| self.error("the alias refers to itself", span))?;
                self.charge(node, span)?;
                let node = YamlNode { span: start..self.byte(span.end), ..node.clone() };
                if self.wanted.contains(&start) {
                    self.charge(&node, span)?;
                    self.found.insert(start, node.clone());
                }
                (node, 0)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut elements = Vec::new();
                let end = loop {
                    let (event, inner) = self.inner(span)?;
                    if event == Event::SequenceEnd {
                        break self.byte(inner.end);
                    }
                    elements.push(self.node(event, inner, depth + 1)?);
                };
                (YamlNode { span: start..end, value: Value::Sequence(elements) }, anchor)
            }
            Event::MappingStart(_, anchor, _) => {
                let (entries, end) = self.entries(span, depth)?;
                (YamlNode { span: start..end, value: Value::Mapping(entries) }, anchor)
            }
            _ => return Err(self.error("unexpected content", span)),
        };
        if self.aliased.contains(&anchor) {
            self.charge(&node, span)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn entries(&mut self, open: granit_parser::Span, depth: usize) -> Result<(Vec<Entry>, usize), YamlError> {
        let mut entries = UniqueEntries::default();
        let mut merged: Vec<Entry> = Vec::new();
        loop {
            let (event, key_span) = self.inner(open)?;
            if event == Event::MappingEnd {
                let end = self.byte(key_span.end);
                // A key of the mapping itself wins over a merged one, an earlier merge over a later one.
                for entry in merged {
                    entries.insert(entry);
                }
                return Ok((entries.list, end));
            }
            let Value::Scalar(key, _) = self.node(event, key_span, depth + 1)?.value else {
                return Err(self.error("a key must be a scalar", key_span));
            };
            let (event, value_span) = self.inner(open)?;
            let value = self.node(event, value_span, depth + 1)?;
            if key == "<<" {
                match value.value {
                    Value::Mapping(inner) => merged.extend(inner),
                    Value::Sequence(list) => {
                        merged.extend(list.into_iter().flat_map(|node| match node.value {
                            Value::Mapping(inner) => inner,
                            Value::Scalar(..) | Value::Sequence(_) => Vec::new(),
                        }));
                    }
                    Value::Scalar(..) => {
                        return Err(self.error("`<<` must be a mapping or a list of mappings", value_span));
                    }
                }
                continue;
            }
            let entry = Entry { key, key_span: self.byte(key_span.start)..self.byte(key_span.end), value };
            if let Some(Entry { key, .. }) = entries.insert(entry) {
                return Err(self.error(&format!("the key `{key}` is defined more than once in one mapping"), key_span));
            }
        }
    }
}

/// The entries of a mapping in order, without duplicate keys.
#[derive(Default)]
struct UniqueEntries {
    list: Vec<Entry>,
    /// The keys, if there are many of them.
    keys: HashSet<String>,
}

impl UniqueEntries {
    /// Adds an entry; returns it if the key already exists.
    fn insert(&mut self, entry: Entry) -> Option<Entry> {
        if self.list.len() < FEW_KEYS {
            if self.list.iter().any(|known| known.key == entry.key) {
                return Some(entry);
            }
        } else {
            if self.keys.is_empty() {
                self.keys.extend(self.list.iter().map(|known| known.key.clone()));
            }
            if !self.keys.insert(entry.key.clone()) {
                return Some(entry);
            }
        }
        self.list.push(entry);
        None
    }
}

fn parser(text: &str) -> Parser<'_, StrInput<'_>> {
    Parser::new_from_str_with_options(text, granit_parser::options! { emit_comments: false })
}

/// The anchors that the aliases of a text refer to. Syntax errors are found when the tree is built.
fn aliased(text: &str) -> HashSet<usize> {
    if !may_hold_aliases(text) {
        return HashSet::new();
    }
    let mut parser = parser(text);
    let mut found = HashSet::new();
    while let Some(Ok((event, _))) = parser.next_event() {
        if let Event::Alias(anchor) = event {
            found.insert(anchor);
        }
    }
    found
}

/// False if no `*` is where an alias could begin, so that a text without aliases is parsed only once.
fn may_hold_aliases(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.match_indices('*').any(|(at, _)| {
        let begins =
            at == 0 || matches!(bytes[at - 1], b' ' | b'\t' | b'\n' | b'\r' | b'[' | b'{' | b',' | b':' | b'-');
        let named =
            bytes.get(at + 1).is_some_and(|next| !matches!(next, b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}'));
        begins && named
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> YamlNode {
        YamlNode::parse(text, 0..text.len()).unwrap()
    }

    #[test]
    fn scalars_keep_their_text() {
        let tree = node("a: 1.20\nb: 0777\nc: on\nd: \"true\"\ne: |\n  x\n  y\n");
        assert_eq!(tree.get("a").and_then(YamlNode::as_str), Some("1.20"));
        assert_eq!(tree.to_json(), serde_json::json!({"a": 1.2, "b": "0777", "c": "on", "d": "true", "e": "x\ny\n"}));
    }

    #[test]
    fn places_point_into_the_source() {
        let source = "items:\n- kind: A\n  spec:\n    url: x\n- kind: B\n";
        let tree = YamlNode::parse(source, source.find("kind: A").unwrap()..source.find("- kind: B").unwrap()).unwrap();
        let at = tree.locate(&FieldPath::of(&["spec", "url"]));
        assert_eq!(&source[at..at + 3], "url");
        assert_eq!(tree.get("kind").map(|kind| &source[kind.span.clone()]), Some("A"));
    }

    #[test]
    fn a_byte_of_a_scalar_is_found_however_it_is_written() {
        for source in [
            "a: x = \"GET\" and ~",
            "a: \"x = \\\"GET\\\" and ~\"",
            "a: 'x = \"GET\" and ~'",
            "a: |\n  x = \"GET\"\n  and ~\n",
            "a: >-\n  x = \"GET\"\n  and ~\n",
        ] {
            let tree = node(source);
            let path = FieldPath::of(&["a"]);
            let text = tree.at(&path).and_then(YamlNode::as_str).unwrap();
            let at = tree.locate_inside(source, &path, text.find('~').unwrap());
            assert_eq!(source.get(at..=at), Some("~"), "{source}");
            let at = tree.locate_inside(source, &path, 0);
            assert_eq!(source.get(at..=at), Some("x"), "{source}");
        }
    }

    #[test]
    fn aliases_and_merges_are_resolved() {
        let tree = node("base: &b {x: 1, y: 2}\nown:\n  <<: *b\n  y: 3\n");
        assert_eq!(tree.get("own").unwrap().to_json(), serde_json::json!({"y": 3, "x": 1}));
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (from, to) in ["ab", "bc", "cd", "de", "ef", "fg", "gh"].iter().map(|pair| pair.split_at(1)) {
            use std::fmt::Write as _;
            writeln!(text, "{to}: &{to} [{}]", vec![format!("*{from}"); 10].join(", ")).unwrap();
        }
        let error = YamlNode::parse(&text, 0..text.len()).unwrap_err();
        assert!(error.too_large.is_some() && error.message.contains("expands to more than"), "{error:?}");
    }

    #[test]
    fn one_budget_serves_all_documents_of_an_input() {
        let text = format!("a: &a [{}]\nb: [*a, *a, *a, *a]\n", vec!["x"; 5_000].join(","));
        let budget = AliasBudget::new(text.len());
        let parse = || YamlNode::parse_within(&text, 0..text.len(), &budget);
        assert!(parse().is_ok());
        let refused = (0..10).map(|_| parse()).find_map(Result::err).unwrap();
        assert!(refused.too_large.is_some(), "{refused:?}");
    }

    #[test]
    fn text_that_aliases_repeat_is_limited() {
        let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 200].join(","));
        let error = YamlNode::parse(&text, 0..text.len()).unwrap_err();
        assert!(error.too_large.is_some() && error.message.contains("bytes of text"), "{error:?}");
    }

    #[test]
    fn an_anchor_that_no_alias_uses_costs_nothing() {
        let anchors: String = (0..90).map(|level| format!("&a{level} [")).collect::<Vec<_>>().concat();
        let text = format!("{anchors}{}{}", vec!["x"; 50_000].join(","), "]".repeat(90));
        assert!(YamlNode::parse(&text, 0..text.len()).is_ok());
    }

    #[test]
    fn nesting_is_limited() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(YamlNode::parse(&nested(MAX_DEPTH), 0..2 * MAX_DEPTH).is_ok());
        let text = nested(MAX_DEPTH + 2);
        assert!(YamlNode::parse(&text, 0..text.len()).unwrap_err().too_large.is_some());
    }

    #[test]
    fn many_keys_are_told_apart() {
        let keys = |last: &str| (0..100).map(|key| format!("k{key}: v\n")).collect::<Vec<_>>().concat() + last;
        let text = keys("k7: v\n");
        assert!(YamlNode::parse(&text, 0..text.len()).unwrap_err().message.contains("`k7`"));
        let text = keys("<<: {k7: w, m: w}\n");
        let tree = node(&text);
        assert_eq!(tree.entries().len(), 101);
        assert_eq!(tree.get("k7").and_then(YamlNode::as_str), Some("v"));
    }

    #[test]
    fn what_an_alias_stands_for_is_found_even_behind_a_merge_key() {
        let text = "a: &a {x: 1}\nb:\n  <<: *a\n";
        let at = text.find('*').unwrap();
        let budget = AliasBudget::new(text.len());
        let (_, found) = YamlNode::parse_with_aliases(text, 0..text.len(), &budget, &BTreeSet::from([at])).unwrap();
        assert_eq!(found[&at].to_json(), serde_json::json!({"x": 1}));
    }

    #[test]
    fn a_byte_order_mark_is_no_indentation() {
        let text = "\u{feff}a: 1\nb: 2\n";
        let tree = YamlNode::parse(text, 3..text.len()).unwrap();
        assert_eq!(tree.entries().len(), 2);
    }

    #[test]
    fn a_key_that_stands_twice_is_an_error_with_its_place() {
        let text = "a: 1\nb: 2\na: 3\n";
        let error = YamlNode::parse(text, 0..text.len()).unwrap_err();
        assert_eq!((error.message.contains("`a`"), error.offset), (true, 10));
    }
}
