//! How the files of a deployed revision differ from those of the desired bundle. Pure.
//!
//! XML is compared by its [canonical form](crate::compare::canonical_xml), everything else by bytes. In the root file
//! only the author's settings are compared; Apigee sets the rest or derives it from the other files.

use std::collections::BTreeSet;

use crate::compare::canonical_xml::canonical;
use apigee_flux_model::bundle::RevisionRecord;
use apigee_flux_model::bundle::root_xml;
use apigee_flux_model::bundle::{BundleKind, BundlePath, Digest, FileKind, Files};
use apigee_flux_model::xml::{Content, Element};

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDifference {
    /// The path below the bundle's root folder.
    pub path: BundlePath,
    /// The deployed file; `None`: it is not deployed.
    pub deployed: Option<FileContent>,
    /// The desired file; `None`: it should not exist.
    pub desired: Option<FileContent>,
}

/// A file in the form in which it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileContent {
    /// The canonical form of XML.
    Xml(Element),
    /// Any other text.
    Text(String),
    /// Anything except text.
    Binary {
        /// The number of bytes.
        size: usize,
        /// Their digest.
        digest: Digest,
    },
}

impl FileContent {
    /// `resources/` contains files that run unchanged: scripts, style sheets, archives. Everywhere else XML is
    /// Apigee's.
    fn of(path: &BundlePath, bytes: &[u8]) -> Self {
        let may_be_xml = FileKind::of(path).is_xml();
        if let Some(element) = may_be_xml.then(|| canonical(bytes)).flatten() {
            return Self::Xml(element);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Self::Text(text.to_owned()),
            _ => Self::Binary { size: bytes.len(), digest: Digest::of_bytes(bytes) },
        }
    }
}

/// The children of the root file that Apigee sets, or that list the contents of other files. Observed in exported
/// bundles; none has an effect on import.
const NOT_THE_AUTHORS: [&str; 15] = [
    "Basepaths",
    "ConfigurationVersion",
    "CreatedAt",
    "CreatedBy",
    "LastModifiedAt",
    "LastModifiedBy",
    "ManifestVersion",
    "Policies",
    "ProxyEndpoints",
    "Resources",
    "SharedFlows",
    "Spec",
    "TargetEndpoints",
    "TargetServers",
    "subType",
];

/// The attributes of the root element that Apigee sets: the number of the revision, and the name that was given to the
/// import.
const NOT_THE_AUTHORS_ATTRIBUTES: [&str; 2] = ["name", "revision"];

/// The files that differ, sorted by path.
pub fn compare(kind: BundleKind, deployed: &Files, desired: &Files) -> Vec<FileDifference> {
    let roots = [deployed, desired].map(|files| root_xml::find(kind, files).ok().flatten());
    let mut found: Vec<FileDifference> = root_difference(kind, [deployed, desired], roots).into_iter().collect();
    let paths: BTreeSet<&BundlePath> = deployed.iter().chain(desired.iter()).map(|(path, _)| path).collect();
    for path in paths {
        // The manifest is Apigee's list of file digests.
        if roots.contains(&Some(path)) || FileKind::of(path) == FileKind::Manifest {
            continue;
        }
        let [deployed, desired] = [deployed, desired].map(|files| files.get(path.as_str()));
        if deployed == desired {
            continue;
        }
        let [deployed, desired] = [deployed, desired].map(|bytes| bytes.map(|bytes| FileContent::of(path, bytes)));
        if deployed != desired {
            found.push(FileDifference { path: path.clone(), deployed, desired });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Compares the root files, whatever their names. A bundle without one gets one on import, so a missing root file
/// equals an empty one.
fn root_difference(kind: BundleKind, files: [&Files; 2], paths: [Option<&BundlePath>; 2]) -> Option<FileDifference> {
    let [deployed, desired] = [0, 1].map(|side| {
        let bytes = paths[side].and_then(|path| files[side].get(path.as_str()));
        bytes.and_then(canonical).map_or_else(|| Element::new(kind.root_element()), |root| authors_part(&root))
    });
    if deployed == desired {
        return None;
    }
    let path = paths[1].or(paths[0])?.clone();
    Some(FileDifference { path, deployed: Some(FileContent::Xml(deployed)), desired: Some(FileContent::Xml(desired)) })
}

/// The author's settings in a root file: without the record, and sorted, since Apigee writes the children in its own
/// order.
fn authors_part(root: &Element) -> Element {
    let attributes = root.attributes().iter().filter(|(name, _)| !NOT_THE_AUTHORS_ATTRIBUTES.contains(&name.as_str()));
    let start = attributes.fold(Element::new(root.name()), |element, (name, value)| element.attribute(name, value));
    let children = root.contents().iter().filter_map(|content| match content {
        Content::Element(child) if NOT_THE_AUTHORS.contains(&child.name()) => None,
        Content::Element(child) if child.name() == "Description" => described(child),
        Content::Element(child) => Some(child.clone()).filter(|child| !child.contents().is_empty()),
        Content::Text(_) | Content::CData(_) | Content::Comment(_) => None,
    });
    let mut children: Vec<Element> = children.collect();
    children.sort_by(|a, b| a.name().cmp(b.name()));
    start.children(children)
}

/// The description without the record; a server may fold its lines.
fn described(element: &Element) -> Option<Element> {
    let text: String = element
        .contents()
        .iter()
        .filter_map(|content| match content {
            Content::Text(text) | Content::CData(text) => Some(text.as_str()),
            Content::Element(_) | Content::Comment(_) => None,
        })
        .collect();
    let text = RevisionRecord::remove_from(&text);
    let words: Vec<&str> = text.split_whitespace().collect();
    (!words.is_empty()).then(|| Element::leaf("Description", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_model::provenance::Provenance;

    fn files(list: &[(&str, &[u8])]) -> Files {
        list.iter().map(|(path, bytes)| (BundlePath::parse(path).unwrap(), bytes.to_vec())).collect()
    }

    fn differing(deployed: &[(&str, &[u8])], desired: &[(&str, &[u8])]) -> Vec<String> {
        let found = compare(BundleKind::Proxy, &files(deployed), &files(desired));
        let sign = |difference: &FileDifference| match (&difference.deployed, &difference.desired) {
            (Some(_), Some(_)) => '~',
            (Some(_), None) => '-',
            (None, _) => '+',
        };
        found.iter().map(|difference| format!("{}{}", sign(difference), difference.path)).collect()
    }

    const ROOT: &[u8] = b"<APIProxy name=\"a\"><Description>Mine, and &lt;free&gt;.</Description></APIProxy>";

    #[test]
    fn what_this_program_uploads_comes_back_as_the_same() {
        let desired = files(&[("a.xml", ROOT), ("proxies/default.xml", b"<ProxyEndpoint/>")]);
        let record = RevisionRecord::new(Digest::of_files(&desired), &Provenance::default());
        let uploaded = record.stamp(BundleKind::Proxy, "a", &desired).unwrap();
        assert_ne!(uploaded, desired);
        assert_eq!(compare(BundleKind::Proxy, &uploaded, &desired), []);
        // Also when the bundle has no root file.
        let bare = files(&[("proxies/default.xml", b"<ProxyEndpoint/>")]);
        let uploaded = record.stamp(BundleKind::Proxy, "a", &bare).unwrap();
        assert_eq!(compare(BundleKind::Proxy, &uploaded, &bare), []);
    }

    #[test]
    fn what_apigee_sets_in_the_root_file_is_no_difference() {
        let exported: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<APIProxy revision=\"7\" name=\"b\">
            <Basepaths>/a</Basepaths><ConfigurationVersion majorVersion=\"4\" minorVersion=\"0\"/><CreatedAt>1</CreatedAt>
            <CreatedBy>a@b.c</CreatedBy><Description>Mine,\n  and &lt;free&gt;.</Description><DisplayName></DisplayName>
            <LastModifiedAt>2</LastModifiedAt><LastModifiedBy>a@b.c</LastModifiedBy><ManifestVersion>SHA-512:1</ManifestVersion>
            <Policies><Policy>P</Policy></Policies><ProxyEndpoints/><Resources/><Spec/><TargetServers/><TargetEndpoints/></APIProxy>";
        let manifest: &[u8] = b"<Manifest/>";
        assert_eq!(
            differing(&[("b.xml", exported), ("manifests/manifest.xml", manifest)], &[("a.xml", ROOT)]),
            [""; 0]
        );
        let renamed: &[u8] = b"<APIProxy name=\"a\"><DisplayName>Other</DisplayName></APIProxy>";
        assert_eq!(differing(&[("b.xml", exported)], &[("a.xml", renamed)]), ["~a.xml"]);
    }

    #[test]
    fn files_come_go_and_change() {
        let deployed: &[(&str, &[u8])] = &[
            ("policies/A.xml", b"<A b='1' a='2'/>"),
            ("policies/B.xml", b"<B/>"),
            ("policies/Broken.xml", b"<B"),
            ("resources/jsc/a.js", b"a();\r\n"),
            ("resources/java/a.jar", b"\0\xff"),
            ("resources/xsl/x.xml", b"<x/>"),
        ];
        let desired: &[(&str, &[u8])] = &[
            ("policies/A.xml", b"<A a=\"2\"\n b=\"1\"></A>"),
            ("policies/Broken.xml", b"<B "),
            ("policies/C.xml", b"<C/>"),
            ("resources/jsc/a.js", b"a();\n"),
            ("resources/java/a.jar", b"\0\xfe"),
            ("resources/xsl/x.xml", b"<x></x>"),
        ];
        let expected = [
            "-policies/B.xml",
            "~policies/Broken.xml",
            "+policies/C.xml",
            "~resources/java/a.jar",
            "~resources/jsc/a.js",
            "~resources/xsl/x.xml",
        ];
        assert_eq!(differing(deployed, desired), expected);
        assert_eq!(differing(deployed, deployed), [""; 0]);
    }
}
