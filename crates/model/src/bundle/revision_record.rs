//! The record of a revision's origin: a stamp at the end of its description.
//!
//! A revision in Apigee has no labels and no digest of its bundle, but its description, which comes from the root XML
//! file, is in the response of one cheap read, for proxies and shared flows alike. So the uploaded copy of the root
//! XML, and only that copy, gets a last line
//!
//! ```text
//! apigee-flux: {"digest":"sha256:…","commit":"…","tag":"…","author":"…","time":"…"}
//! ```
//!
//! The digest is that of the files in Git, without the stamp.

use serde::{Deserialize, Serialize};

use super::{BundleKind, BundlePath, Digest, Files, root_xml};
use crate::names::RevisionId;
use crate::provenance::Provenance;
use crate::xml::Element;

/// Starts the stamp.
const MARK: &str = "apigee-flux:";

/// The longest value in a stamp, in characters: a description is for people to read.
const MAX_VALUE: usize = 200;

/// The origin of a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionRecord {
    /// [`Digest::of_files`] of the bundle in Git.
    pub digest: Digest,
    /// The repository that was rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The commit that was rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The tag that was rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The author of the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When the commit was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The deployment that this revision was imported to replace: after an interrupted run, the next one rolls back to
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Replaced>,
}

/// The deployment in an environment at the time of the import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replaced {
    /// The environment.
    pub environment: String,
    /// `None`: nothing was deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionId>,
    /// The email of its service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
}

impl RevisionRecord {
    /// The record of a bundle.
    pub fn new(digest: Digest, provenance: &Provenance) -> Self {
        let value = |text: &Option<String>| {
            text.as_deref()
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(|text| text.chars().take(MAX_VALUE).collect())
        };
        Self {
            digest,
            source: value(&provenance.source),
            commit: value(&provenance.commit),
            tag: value(&provenance.tag),
            author: value(&provenance.author),
            time: value(&provenance.time),
            replaces: None,
        }
    }

    /// Parses the record in a revision's description; `None` if the revision is not managed by apigee-flux.
    pub fn parse(description: &str) -> Option<Self> {
        find(description).map(|(record, _)| record)
    }

    /// The description with this record instead of a previous one; the rest of the text is kept.
    pub fn append_to(&self, description: &str) -> String {
        let mut text = Self::remove_from(description);
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(MARK);
        text.push(' ');
        // A struct of strings always has a JSON form; an empty one would only mean that the revision is not found
        // later.
        text.push_str(&serde_json::to_string(self).unwrap_or_default());
        text
    }

    /// The description without the record.
    pub fn remove_from(description: &str) -> String {
        let mut text = description.to_owned();
        if let Some((_, range)) = find(description) {
            text.replace_range(range, "");
            text.truncate(text.trim_end().len());
        }
        text
    }

    /// The files to upload: a copy whose root XML contains this record. A bundle without root XML gets one.
    pub fn stamp(&self, kind: BundleKind, name: &str, files: &Files) -> Result<Files, String> {
        let Some(path) = root_xml::find(kind, files)?.cloned() else {
            let root = Element::new(kind.root_element())
                .attribute("name", name)
                .child(Element::leaf("Description", self.append_to("")));
            let path = BundlePath::parse(&format!("{name}.xml")).map_err(|error| error.to_string())?;
            let mut files = files.clone();
            files.insert(path, root.to_document().map_err(|error| error.to_string())?.into_bytes());
            return Ok(files);
        };
        let bytes = files.get(path.as_str()).unwrap_or_default();
        let wrong = |why: String| format!("`{path}`: {why}");
        let xml = std::str::from_utf8(bytes).map_err(|error| wrong(error.to_string()))?;
        let description = root_xml::description(xml).map_err(wrong)?;
        let stamped = root_xml::with_description(xml, &self.append_to(&description)).map_err(wrong)?;
        let mut files = files.clone();
        files.insert(path, stamped.into_bytes());
        Ok(files)
    }
}

/// The last stamp and its position. The mark may be followed by any white space: a server may fold lines.
fn find(description: &str) -> Option<(RevisionRecord, std::ops::Range<usize>)> {
    description.rmatch_indices(MARK).find_map(|(start, _)| {
        let rest = description.get(start + MARK.len()..)?;
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<RevisionRecord>();
        let record = stream.next()?.ok()?;
        Some((record, start..start + MARK.len() + stream.byte_offset()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bundle::BundlePath;

    fn record(author: &str) -> RevisionRecord {
        let provenance =
            Provenance { commit: Some("1a2b3c".into()), author: Some(author.into()), ..Provenance::default() };
        RevisionRecord::new(Digest::of_bytes(b"x"), &provenance)
    }

    fn proxy(root: &str) -> Files {
        Files::from_iter([(BundlePath::parse("a.xml").unwrap(), root.as_bytes().to_vec())])
    }

    fn stamped(files: &Files, record: &RevisionRecord) -> String {
        let copy = record.stamp(BundleKind::Proxy, "a", files).unwrap();
        root_xml::description(std::str::from_utf8(copy.get("a.xml").unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn the_stamp_is_a_last_line() {
        let files = proxy("<APIProxy><Description>Public &amp; free.</Description></APIProxy>");
        let description = stamped(&files, &record("Jo"));
        let digest = Digest::of_bytes(b"x");
        assert_eq!(
            description,
            format!("Public & free.\napigee-flux: {{\"digest\":\"{digest}\",\"commit\":\"1a2b3c\",\"author\":\"Jo\"}}")
        );
        assert_eq!(RevisionRecord::parse(&description), Some(record("Jo")));
        assert_eq!(stamped(&proxy("<APIProxy/>"), &record("Jo")).lines().count(), 1);
    }

    #[test]
    fn a_new_stamp_replaces_the_old_one() {
        let old = record("Jo").append_to("Mine.");
        let new = record("Al").append_to(&old);
        assert_eq!(new, record("Al").append_to("Mine."));
        // A user added a word in Apigee's own editor.
        assert_eq!(RevisionRecord::parse(&format!("{old} edited")), Some(record("Jo")));
        assert_eq!(RevisionRecord::parse(&old.replace(": {", ":\n\t{")), Some(record("Jo")));
    }

    #[test]
    fn a_bundle_without_a_root_file_gets_one() {
        let record = RevisionRecord::new(Digest::of_bytes(b"x"), &Provenance::default());
        let files: Files =
            [(BundlePath::parse("proxies/default.xml").unwrap(), b"<ProxyEndpoint/>".to_vec())].into_iter().collect();
        let copy = record.stamp(BundleKind::Proxy, "hello", &files).unwrap();
        let xml = std::str::from_utf8(copy.get("hello.xml").unwrap()).unwrap();
        assert_eq!(find(&root_xml::description(xml).unwrap()).unwrap().0, record);
        assert_eq!(copy.len(), 2);
    }

    #[test]
    fn other_text_is_no_stamp() {
        for text in
            ["", "apigee-flux:", "apigee-flux: {}", "apigee-flux: {\"digest\":\"sha256:12\"}", "by apigee-flux: yes"]
        {
            assert_eq!(RevisionRecord::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_description_and_author_survive(description in "\\PC*|[ -~\\t\\n\\r]*", author in "\\PC{0,80}|apigee-flux: \\{.*") {
            let record = record(&author);
            let xml = root_xml::with_description("<APIProxy><Description/></APIProxy>", &description).unwrap();
            let text = stamped(&proxy(&xml), &record);
            prop_assert!(text.starts_with(description.as_str()));
            prop_assert_eq!(RevisionRecord::parse(&text), Some(record));
        }
    }
}
