//! Reads headers and places from YAML events: one pass over each document, without a tree.

use std::borrow::Cow;

use granit_parser::{Event, Marker, Parser, StrInput, StructureStyle};

use super::annotation;
use super::documents::{DocumentPart, parts};
use super::item::Header;
use crate::yaml::{Span, YamlError, line_start};

/// The fields that identify a resource, and the elements of a list.
const HEADER: [&str; 4] = ["apiVersion", "kind", "metadata", "items"];

/// One document of the input.
#[derive(Debug)]
pub(super) struct ScannedDocument<'a> {
    /// From its `---` (or the start of the input) to the next document.
    pub chunk: Span,
    /// The text to parse.
    pub text: Span,
    /// True if it begins with `---`.
    pub marked: bool,
    /// The form of the root value.
    pub shape: RootForm,
    /// The root value.
    pub root: ScannedElement<'a>,
    /// The keys of the root mapping.
    pub keys: Vec<RootKey<'a>>,
    /// The number of each anchor, and where it is defined.
    pub anchors: Vec<(usize, usize)>,
    /// The number of each alias' anchor, and the span of the alias.
    pub aliases: Vec<(usize, Span)>,
}

impl ScannedDocument<'_> {
    /// The aliases inside a span, each with the place of its anchor. Both lists are in document order.
    pub(super) fn aliases_in<'d>(&'d self, span: &Span) -> impl Iterator<Item = (&'d Span, usize)> {
        let first = self.aliases.partition_point(|(_, alias)| alias.start < span.start);
        let end = self.aliases.partition_point(|(_, alias)| alias.start < span.end);
        self.aliases.get(first..end).unwrap_or_default().iter().filter_map(|(number, alias)| {
            let anchor = self.anchors.binary_search_by_key(number, |(known, _)| *known).ok()?;
            self.anchors.get(anchor).map(|(_, at)| (alias, *at))
        })
    }
}

/// A resource, or a list of them.
#[derive(Debug)]
pub(super) struct ScannedElement<'a> {
    /// The value itself.
    pub span: Span,
    /// The value with the text that introduces it: a dash or a comma, and comments.
    pub chunk: Span,
    /// The header, as far as it is written in the element itself.
    pub header: Header<'a>,
    /// True if an alias or a merge key provides a part of the header.
    pub is_indirect: bool,
    /// Its `items`, if they are written as a list.
    pub items: Option<ScannedList<'a>>,
    /// Which fields of [`HEADER`] were read.
    seen: [bool; HEADER.len()],
}

/// The list below a key `items`.
#[derive(Debug)]
pub(super) struct ScannedList<'a> {
    pub key: Span,
    pub value: Span,
    pub style: StructureStyle,
    pub list: Vec<ScannedElement<'a>>,
}

impl ScannedElement<'_> {
    fn at(span: Span) -> Self {
        Self {
            chunk: span.clone(),
            span,
            header: Header::default(),
            is_indirect: false,
            items: None,
            seen: [false; HEADER.len()],
        }
    }

    /// True if an alias or a merge key provides a part of the header of this element or of one in its `items`.
    pub(super) fn has_indirect(&self) -> bool {
        self.is_indirect || self.items.iter().flat_map(|items| &items.list).any(ScannedElement::has_indirect)
    }
}

/// The form of the root value of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RootForm {
    Empty,
    Block,
    Flow,
    Other,
}

/// A key of the root mapping of a document.
#[derive(Debug)]
pub(super) struct RootKey<'a> {
    pub key: Cow<'a, str>,
    pub key_span: Span,
    pub value: Span,
    /// For `functionConfig`: its element.
    pub config: Option<ScannedElement<'a>>,
    /// True for a value that is null.
    pub null: bool,
}

/// Reads all documents of a text.
pub(super) fn documents(source: &str) -> Result<Vec<ScannedDocument<'_>>, YamlError> {
    parts(source).into_iter().map(|part| document(source, &part)).collect()
}

fn document<'a>(source: &'a str, part: &DocumentPart) -> Result<ScannedDocument<'a>, YamlError> {
    let options = granit_parser::options! { emit_comments: false, emit_anchor_events: true };
    let text = &source[part.text.clone()];
    let parser = Parser::new_from_str_with_options(text, options);
    let mut scanner = Scanner { source, parser, shift: part.text.start, anchors: Vec::new(), aliases: Vec::new() };
    let mut document = scanner.document(part)?;
    document.anchors = scanner.anchors;
    document.aliases = scanner.aliases;
    Ok(document)
}

struct Scanner<'a> {
    source: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    /// Where the parser's text starts in the source.
    shift: usize,
    anchors: Vec<(usize, usize)>,
    aliases: Vec<(usize, Span)>,
}

/// A key; its text is empty if it is not a scalar.
struct ScannedKey<'a> {
    text: Cow<'a, str>,
    span: Span,
    is_alias: bool,
}

/// An event and its place in the source.
type ScannedEvent<'a> = (Event<'a>, Span);

impl<'a> Scanner<'a> {
    fn byte(&self, marker: Marker) -> usize {
        marker.byte_offset().unwrap_or_default() + self.shift
    }

    fn next(&mut self) -> Result<ScannedEvent<'a>, YamlError> {
        loop {
            return match self.parser.next_event() {
                Some(Ok((Event::Anchor(number, _), span))) => {
                    self.anchors.push((number, self.byte(span.start)));
                    continue;
                }
                Some(Ok((event, span))) => {
                    let span = self.byte(span.start)..self.byte(span.end);
                    if let Event::Alias(number) = event {
                        self.aliases.push((number, span.clone()));
                    }
                    Ok((event, span))
                }
                Some(Err(error)) => {
                    let offset = self.byte(*error.marker());
                    Err(YamlError { message: error.info().clone(), offset, too_large: None })
                }
                None => Ok((Event::StreamEnd, self.shift..self.shift)),
            };
        }
    }

    fn document(&mut self, part: &DocumentPart) -> Result<ScannedDocument<'a>, YamlError> {
        let mut document = ScannedDocument {
            chunk: part.chunk.clone(),
            text: part.text.clone(),
            marked: part.marked,
            shape: RootForm::Empty,
            root: ScannedElement::at(part.text.end..part.text.end),
            keys: Vec::new(),
            anchors: Vec::new(),
            aliases: Vec::new(),
        };
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(document),
                Event::DocumentStart(..) => {
                    let (event, span) = self.next()?;
                    self.root(&mut document, event, span)?;
                }
                Event::StreamStart | Event::DocumentEnd => {}
                _ => {
                    return Err(YamlError {
                        message: "unexpected content".to_owned(),
                        offset: span.start,
                        too_large: None,
                    });
                }
            }
        }
    }

    fn root(&mut self, document: &mut ScannedDocument<'a>, event: Event<'a>, span: Span) -> Result<(), YamlError> {
        document.root = ScannedElement::at(span.clone());
        match event {
            event if is_null(&event) => {}
            Event::MappingStart(style, ..) => {
                document.shape = if style == StructureStyle::Flow { RootForm::Flow } else { RootForm::Block };
                self.root_mapping(document)?;
            }
            event => {
                document.shape = RootForm::Other;
                document.root.span.end = self.skip(&event, &span)?;
            }
        }
        Ok(())
    }

    fn root_mapping(&mut self, document: &mut ScannedDocument<'a>) -> Result<(), YamlError> {
        let ScannedDocument { root, keys, .. } = document;
        let end = self.mapping(|scanner, key, event, span| {
            let mut root_key = RootKey {
                key: key.text.clone(),
                key_span: key.span.clone(),
                value: span.clone(),
                config: None,
                null: is_null(&event),
            };
            if key.text == "functionConfig" && !root_key.null {
                let config = scanner.element(event, span)?;
                root_key.value = config.span.clone();
                root_key.config = Some(config);
            } else {
                root_key.value.end = scanner.field(root, &key, event, &span)?;
                if key.text == "items"
                    && let Some(items) = &root.items
                {
                    root_key.value = items.value.clone();
                }
            }
            keys.push(root_key);
            Ok(())
        })?;
        root.span.end = end;
        Ok(())
    }

    /// Reads the value that starts with `event` as a resource.
    fn element(&mut self, event: Event<'a>, span: Span) -> Result<ScannedElement<'a>, YamlError> {
        let mut element = ScannedElement::at(span.clone());
        element.span.end = match event {
            Event::MappingStart(..) => {
                self.mapping(|scanner, key, event, span| scanner.field(&mut element, &key, event, &span).map(drop))?
            }
            Event::Alias(_) => {
                element.is_indirect = true;
                span.end
            }
            other => self.skip(&other, &span)?,
        };
        element.chunk = element.span.clone();
        Ok(element)
    }

    /// Reads the elements of the list of a key.
    fn elements(&mut self, key: &Span, style: StructureStyle, span: &Span) -> Result<ScannedList<'a>, YamlError> {
        let is_block = style == StructureStyle::Block;
        let start = if is_block { first_dash(self.source, key.end) } else { span.start };
        let mut list: Vec<ScannedElement<'a>> = Vec::new();
        let mut from = start;
        loop {
            let (event, span) = self.next()?;
            let is_end = event == Event::SequenceEnd;
            let end = if is_end { span.end.max(from) } else { from };
            let bound = if is_block { self.element_bound(end, span.start, is_end) } else { end };
            if let Some(last) = list.last_mut().filter(|_| is_block) {
                last.chunk.end = bound;
            }
            if is_end {
                return Ok(ScannedList { key: key.clone(), value: start..bound, style, list });
            }
            let mut element = self.element(event, span)?;
            element.chunk.start = bound;
            from = element.span.end;
            list.push(element);
        }
    }

    /// The boundary between an element of a block list and the next one, which starts at `next`: the start of a line, so that dashes, their
    /// indentation and comments belong to their element.
    fn element_bound(&self, end: usize, next: usize, is_end: bool) -> usize {
        let at_dash = self.source[end..].starts_with('-');
        let dash = if is_end || at_dash { end } else { first_dash(self.source, end) };
        line_bound(self.source, if dash <= next { dash } else { end })
    }

    /// Reads one field of a resource; returns the end of its value.
    fn field(
        &mut self,
        element: &mut ScannedElement<'a>,
        key: &ScannedKey<'a>,
        event: Event<'a>,
        span: &Span,
    ) -> Result<usize, YamlError> {
        let name = key.text.as_ref();
        let known = HEADER.iter().position(|known| *known == name);
        // Parsers differ in which of two values they use: one could read a spec where another reads an unmanaged resource.
        if let Some(seen) = known.and_then(|known| element.seen.get_mut(known))
            && std::mem::replace(seen, true)
        {
            return Err(YamlError {
                message: format!("the key `{name}` is defined more than once in one mapping"),
                offset: key.span.start,
                too_large: None,
            });
        }
        element.is_indirect |= key.is_alias || name == "<<" || (known.is_some() && matches!(event, Event::Alias(_)));
        match (name, event) {
            ("apiVersion", Event::Scalar(text, ..)) => element.header.api_version = text,
            ("kind", Event::Scalar(text, ..)) => element.header.kind = text,
            ("metadata", Event::MappingStart(..)) => return self.metadata(element),
            ("items", Event::SequenceStart(style, ..)) => {
                let elements = self.elements(&key.span, style, span)?;
                let end = elements.value.end;
                element.items = Some(elements);
                return Ok(end);
            }
            (_, other) => return self.skip(&other, span),
        }
        Ok(span.end)
    }

    fn metadata(&mut self, element: &mut ScannedElement<'a>) -> Result<usize, YamlError> {
        let ScannedElement { header, is_indirect, .. } = element;
        self.mapping(|scanner, key, event, span| {
            let name = key.text.as_ref();
            let is_read = matches!(name, "name" | "namespace" | "annotations");
            *is_indirect |= key.is_alias || name == "<<" || (is_read && matches!(event, Event::Alias(_)));
            match (name, event) {
                ("name", Event::Scalar(text, ..)) => header.name = text,
                ("namespace", Event::Scalar(text, ..)) => header.namespace = Some(text).filter(|text| !text.is_empty()),
                ("annotations", Event::MappingStart(..)) => {
                    scanner.mapping(|scanner, key, event, span| {
                        *is_indirect |= key.is_alias || key.text == "<<";
                        match event {
                            Event::Scalar(text, ..) if annotation::is_read(&key.text) => {
                                header.annotations.push((key.text, text));
                            }
                            other => {
                                *is_indirect |= annotation::is_read(&key.text) && matches!(other, Event::Alias(_));
                                scanner.skip(&other, &span)?;
                            }
                        }
                        Ok(())
                    })?;
                }
                (_, other) => {
                    scanner.skip(&other, &span)?;
                }
            }
            Ok(())
        })
    }

    /// Passes each entry of a mapping, whose start was read, to `entry`; returns the end of the mapping.
    fn mapping(
        &mut self,
        mut entry: impl FnMut(&mut Self, ScannedKey<'a>, Event<'a>, Span) -> Result<(), YamlError>,
    ) -> Result<usize, YamlError> {
        loop {
            let (event, span) = self.next()?;
            let mut key = ScannedKey { text: Cow::Borrowed(""), span, is_alias: false };
            match event {
                Event::MappingEnd => return Ok(key.span.end),
                Event::Scalar(text, ..) => key.text = text,
                Event::Alias(_) => key.is_alias = true,
                other => key.span.end = self.skip(&other, &key.span.clone())?,
            }
            let (event, span) = self.next()?;
            entry(self, key, event, span)?;
        }
    }

    /// Skips the value that starts with `event`; returns its end.
    fn skip(&mut self, event: &Event<'a>, span: &Span) -> Result<usize, YamlError> {
        if !matches!(event, Event::MappingStart(..) | Event::SequenceStart(..)) {
            return Ok(span.end);
        }
        let mut depth = 1_usize;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => depth -= 1,
                // The parser reports an unclosed collection itself; this only bounds the loop.
                Event::StreamEnd => return Ok(span.end),
                _ => {}
            }
            if depth == 0 {
                return Ok(span.end);
            }
        }
    }
}

/// The start of the line of a place with only blanks before it, or of the next line if only a comment follows.
fn line_bound(source: &str, at: usize) -> usize {
    let start = line_start(source, at);
    if source[start..at].trim_start_matches('\u{feff}').trim().is_empty() {
        return start;
    }
    let end = source[at..].find('\n').map_or(source.len(), |newline| at + newline + 1);
    let rest = source[at..end].trim();
    if rest.is_empty() || rest.starts_with('#') { end } else { at }
}

/// True for a null event. The parser reports an absent value as `~`.
fn is_null(event: &Event<'_>) -> bool {
    matches!(event, Event::Scalar(text, granit_parser::ScalarStyle::Plain, ..) if matches!(text.as_ref(), "" | "null" | "~"))
}

/// The offset of the first dash of a block list, given the end of its key: if a comment follows the dash, the parser reports the start of
/// the list after the dash.
fn first_dash(source: &str, key_end: usize) -> usize {
    let mut at = key_end;
    loop {
        let Some(newline) = source[at..].find(['\n', '\r']) else {
            return source.len();
        };
        at += newline + 1;
        let line = source[at..].trim_start_matches(' ');
        if line.starts_with('-') {
            return source.len() - line.len();
        }
    }
}
