//! Reads headers and places by YAML events: one pass over the input, no tree.

use std::borrow::Cow;

use granit_parser::{Event, Marker, Parser, StrInput, StructureStyle};

use super::annotation;
use super::item::{Header, Item};
use crate::yaml::{Span, YamlError};

/// One document of the input.
#[derive(Debug)]
pub(super) struct Document<'a> {
    /// From its `---` (or the start of the input) to the next document.
    pub chunk: Span,
    /// The value at its top.
    pub root: Span,
    /// What the value is.
    pub shape: Shape,
    /// The header of the resource at its top.
    pub header: Header<'a>,
    /// The keys at its top.
    pub keys: Vec<RootKey<'a>>,
    /// The resources in `items`, if that is a list.
    pub items: Vec<Item<'a>>,
}

/// What stands at the top of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Empty,
    Block,
    Flow,
    Other,
}

/// A key at the top of a document.
#[derive(Debug)]
pub(super) struct RootKey<'a> {
    pub key: Cow<'a, str>,
    pub key_span: Span,
    pub value: Span,
    /// For `items`: how the list is written, or `None` for anything but a list.
    pub sequence: Option<StructureStyle>,
    /// For `functionConfig`: its header.
    pub header: Option<Header<'a>>,
    /// True for a value that is null.
    pub null: bool,
}

/// Reads all documents of a text.
pub(super) fn documents(source: &str) -> Result<Vec<Document<'_>>, YamlError> {
    let options = granit_parser::options! { emit_comments: false };
    let parser = Parser::new_from_str_with_options(source, options);
    Scanner { source, parser }.documents()
}

struct Scanner<'a> {
    source: &'a str,
    parser: Parser<'a, StrInput<'a>>,
}

/// A key; its text is empty when it is no scalar.
struct Key<'a> {
    text: Cow<'a, str>,
    span: Span,
}

type Step<'a> = (Event<'a>, granit_parser::Span);

fn byte(marker: Marker) -> usize {
    marker.byte_offset().unwrap_or_default()
}

fn bytes(span: granit_parser::Span) -> Span {
    byte(span.start)..byte(span.end)
}

impl<'a> Scanner<'a> {
    fn next(&mut self) -> Result<Step<'a>, YamlError> {
        match self.parser.next_event() {
            Some(Ok(step)) => Ok(step),
            Some(Err(error)) => Err(YamlError { message: error.info().clone(), offset: byte(*error.marker()) }),
            None => Ok((Event::StreamEnd, granit_parser::Span::empty(Marker::new(0, 1, 0)))),
        }
    }

    fn documents(&mut self) -> Result<Vec<Document<'a>>, YamlError> {
        let mut documents: Vec<Document<'a>> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(explicit, _) => {
                    // What stands before the first document belongs to it.
                    let start = if documents.is_empty() || !explicit { end_of(&documents) } else { byte(span.start) };
                    if let Some(previous) = documents.last_mut() {
                        previous.chunk.end = start;
                    }
                    let (event, span) = self.next()?;
                    let mut document = self.document(event, span)?;
                    document.chunk.start = start;
                    documents.push(document);
                }
                _ => {}
            }
        }
        if let Some(last) = documents.last_mut() {
            last.chunk.end = self.source.len();
        }
        Ok(documents)
    }

    fn document(&mut self, event: Event<'a>, span: granit_parser::Span) -> Result<Document<'a>, YamlError> {
        let mut document = Document {
            chunk: bytes(span),
            root: bytes(span),
            shape: Shape::Other,
            header: Header::default(),
            keys: Vec::new(),
            items: Vec::new(),
        };
        match event {
            event if is_null(&event) => document.shape = Shape::Empty,
            Event::MappingStart(style, ..) => {
                document.shape = if style == StructureStyle::Flow { Shape::Flow } else { Shape::Block };
                self.root_mapping(&mut document)?;
            }
            event => document.root.end = self.skip(&event, span)?,
        }
        document.chunk.end = document.root.end;
        Ok(document)
    }

    fn root_mapping(&mut self, document: &mut Document<'a>) -> Result<(), YamlError> {
        let source = self.source;
        document.root.end = self.mapping(|scanner, key, event, span| {
            let mut root_key = RootKey {
                key: key.text,
                key_span: key.span,
                value: bytes(span),
                sequence: None,
                header: None,
                null: is_null(&event),
            };
            match (root_key.key.as_ref(), event) {
                ("items", Event::SequenceStart(style, ..)) => {
                    root_key.sequence = Some(style);
                    if style == StructureStyle::Block {
                        root_key.value.start = first_dash(source, root_key.key_span.end);
                    }
                    root_key.value.end = scanner.items(root_key.value.start, &mut document.items)?;
                }
                ("functionConfig", Event::MappingStart(..)) => {
                    let mut header = Header::default();
                    root_key.value.end = scanner.header(&mut header)?;
                    root_key.header = Some(header);
                }
                (key, event) => root_key.value.end = scanner.header_field(&mut document.header, key, event, span)?,
            }
            document.keys.push(root_key);
            Ok(())
        })?;
        Ok(())
    }

    /// The elements of a list; returns where it ends.
    fn items(&mut self, start: usize, items: &mut Vec<Item<'a>>) -> Result<usize, YamlError> {
        let mut from = start;
        loop {
            let (event, span) = self.next()?;
            let mut header = Header::default();
            let end = match event {
                Event::SequenceEnd => return Ok(byte(span.end).max(from)),
                Event::MappingStart(..) => self.header(&mut header)?,
                other => self.skip(&other, span)?,
            };
            items.push(Item { span: byte(span.start)..end, chunk: from..end, header });
            from = end;
        }
    }

    /// The rest of a mapping whose header is wanted; returns where it ends.
    fn header(&mut self, header: &mut Header<'a>) -> Result<usize, YamlError> {
        self.mapping(|scanner, key, event, span| scanner.header_field(header, &key.text, event, span).map(drop))
    }

    /// One field of a resource; returns where its value ends.
    fn header_field(
        &mut self,
        header: &mut Header<'a>,
        key: &str,
        event: Event<'a>,
        span: granit_parser::Span,
    ) -> Result<usize, YamlError> {
        match (key, event) {
            ("apiVersion", Event::Scalar(text, ..)) => header.api_version = text,
            ("kind", Event::Scalar(text, ..)) => header.kind = text,
            ("metadata", Event::MappingStart(..)) => {
                return self.mapping(|scanner, key, event, span| match (key.text.as_ref(), event) {
                    ("name", Event::Scalar(text, ..)) => {
                        header.name = text;
                        Ok(())
                    }
                    ("namespace", Event::Scalar(text, ..)) => {
                        header.namespace = Some(text).filter(|text| !text.is_empty());
                        Ok(())
                    }
                    ("annotations", Event::MappingStart(..)) => scanner
                        .mapping(|scanner, key, event, span| match event {
                            Event::Scalar(text, ..) if annotation::is_read(&key.text) => {
                                header.annotations.push((key.text, text));
                                Ok(())
                            }
                            other => scanner.skip(&other, span).map(drop),
                        })
                        .map(drop),
                    (_, other) => scanner.skip(&other, span).map(drop),
                });
            }
            (_, other) => return self.skip(&other, span),
        }
        Ok(byte(span.end))
    }

    /// Hands each entry of a mapping, whose start was read, to `entry`; returns where the mapping ends.
    fn mapping(
        &mut self,
        mut entry: impl FnMut(&mut Self, Key<'a>, Event<'a>, granit_parser::Span) -> Result<(), YamlError>,
    ) -> Result<usize, YamlError> {
        loop {
            let (event, span) = self.next()?;
            let mut key = Key { text: Cow::Borrowed(""), span: bytes(span) };
            match event {
                Event::MappingEnd => return Ok(byte(span.end)),
                Event::Scalar(text, ..) => key.text = text,
                other => key.span.end = self.skip(&other, span)?,
            }
            let (event, span) = self.next()?;
            entry(self, key, event, span)?;
        }
    }

    /// Skips the value that starts with `event`; returns where it ends.
    fn skip(&mut self, event: &Event<'a>, span: granit_parser::Span) -> Result<usize, YamlError> {
        if !matches!(event, Event::MappingStart(..) | Event::SequenceStart(..)) {
            return Ok(byte(span.end));
        }
        let mut depth = 1_usize;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => depth -= 1,
                // The parser reports an unclosed collection itself; this only bounds the loop.
                Event::StreamEnd => return Ok(byte(span.end)),
                _ => {}
            }
            if depth == 0 {
                return Ok(byte(span.end));
            }
        }
    }
}

/// A value that is absent comes as `~`.
fn is_null(event: &Event<'_>) -> bool {
    matches!(event, Event::Scalar(text, granit_parser::ScalarStyle::Plain, ..) if matches!(text.as_ref(), "" | "null" | "~"))
}

/// Where the first dash of a block list stands, given where its key ends: the parser reports the list's start behind the
/// dash when a comment follows it.
fn first_dash(source: &str, key_end: usize) -> usize {
    let mut at = key_end;
    loop {
        let Some(newline) = source[at..].find('\n') else {
            return source.len();
        };
        at += newline + 1;
        let line = source[at..].trim_start_matches(' ');
        if line.starts_with('-') {
            return source.len() - line.len();
        }
    }
}

fn end_of(documents: &[Document<'_>]) -> usize {
    documents.last().map_or(0, |document| document.root.end)
}
