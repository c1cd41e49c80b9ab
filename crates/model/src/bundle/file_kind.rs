//! Which files belong to a bundle, and the kind of each: one rule for folders, zip files and ConfigMaps, and for every
//! reader.

use super::BundlePath;

/// The extension of a bundle's XML files. Apigee accepts it only in lower case: `policies/Q.XML` is not a policy, and
/// Apigee rejects a step that refers to it.
const XML: &str = ".xml";

/// The meaning of a file for Apigee, by its folder and its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// An XML file at the top level: the root file, which describes the bundle.
    Root,
    /// A policy.
    Policy,
    /// A proxy endpoint: how callers reach a proxy.
    ProxyEndpoint,
    /// A target endpoint: how a proxy reaches a backend.
    TargetEndpoint,
    /// An integration endpoint: how a proxy reaches an integration.
    IntegrationEndpoint,
    /// The flow of a shared flow.
    SharedFlow,
    /// A script, a document or another file below `resources`.
    Resource,
    /// Apigee's own list of file digests, which it adds to an exported bundle.
    Manifest,
    /// A file with another extension in a folder of XML files. Apigee ignores it.
    NotXml,
    /// A file at a place that is unknown to Apigee.
    Other,
}

impl FileKind {
    /// The folders of XML files, each with the kind of its files.
    const XML_FOLDERS: [(&'static str, Self); 6] = [
        ("", Self::Root),
        ("integration-endpoints", Self::IntegrationEndpoint),
        ("policies", Self::Policy),
        ("proxies", Self::ProxyEndpoint),
        ("sharedflows", Self::SharedFlow),
        ("targets", Self::TargetEndpoint),
    ];

    /// The kind of a file.
    pub fn of(path: &BundlePath) -> Self {
        let folder = path.folder();
        if let Some((_, kind)) = Self::XML_FOLDERS.iter().find(|(known, _)| *known == folder) {
            return match path.xml_stem() {
                Some(_) => *kind,
                None if folder.is_empty() && !path.looks_like_xml() => Self::Other,
                None => Self::NotXml,
            };
        }
        match path.as_str().split('/').next() {
            Some("resources") => Self::Resource,
            Some("manifests") => Self::Manifest,
            _ => Self::Other,
        }
    }

    /// True for the files that are read as XML.
    pub const fn is_xml(self) -> bool {
        !matches!(self, Self::Resource | Self::Manifest | Self::NotXml | Self::Other)
    }

    /// The root element that Apigee expects, if it is the same for all files of the kind.
    pub const fn root_element(self) -> Option<&'static str> {
        match self {
            Self::ProxyEndpoint => Some("ProxyEndpoint"),
            Self::TargetEndpoint => Some("TargetEndpoint"),
            Self::IntegrationEndpoint => Some("IntegrationEndpoint"),
            Self::SharedFlow => Some("SharedFlow"),
            Self::Root | Self::Policy | Self::Resource | Self::Manifest | Self::NotXml | Self::Other => None,
        }
    }
}

impl BundlePath {
    /// The name of an XML file without its extension.
    pub fn xml_stem(&self) -> Option<&str> {
        self.file_name().strip_suffix(XML)
    }

    /// True if the name has the extension of an XML file, in upper or lower case.
    pub fn looks_like_xml(&self) -> bool {
        let name = self.file_name();
        name.len().checked_sub(XML.len()).and_then(|at| name.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(XML))
    }
}

/// The path of a file in a zip or a folder in the form of a bundle path: with `/` as separator, also on Windows, and
/// without `./`.
pub fn plain_path(written: &str) -> String {
    let path = written.replace('\\', "/");
    let parts: Vec<&str> = path.split('/').collect();
    let last = parts.len() - 1;
    parts
        .iter()
        .enumerate()
        .filter(|(at, part)| **part != "." || *at == last)
        .map(|(_, part)| *part)
        .collect::<Vec<_>>()
        .join("/")
}

/// True for a file that an editor, a merge or an operating system created: it is not part of a bundle, and Apigee would
/// store it as a resource or reject it. `path` is a plain path.
pub fn is_clutter(path: &str) -> bool {
    const NAMES: [&str; 4] = ["__MACOSX", "Thumbs.db", "desktop.ini", "Icon\r"];
    const ENDINGS: [&str; 7] = ["~", ".swp", ".swo", ".orig", ".rej", ".bak", ".tmp"];
    path.split('/').any(|part| {
        (part.starts_with('.') && part != "." && part != "..")
            || NAMES.contains(&part)
            || ENDINGS.iter().any(|ending| part.ends_with(ending))
            || part.len() > 1 && part.starts_with('#') && part.ends_with('#')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(path: &str) -> FileKind {
        FileKind::of(&BundlePath::parse(path).unwrap())
    }

    #[test]
    fn a_folder_and_an_ending_say_what_a_file_is() {
        assert_eq!(kind("orders.xml"), FileKind::Root);
        assert_eq!(kind("policies/Q.xml"), FileKind::Policy);
        assert_eq!(kind("policies/Q.XML"), FileKind::NotXml);
        assert_eq!(kind("policies/README.md"), FileKind::NotXml);
        assert_eq!(kind("policies/deep/Q.xml"), FileKind::Other);
        assert_eq!(kind("README.md"), FileKind::Other);
        assert_eq!(kind("orders.Xml"), FileKind::NotXml);
        assert_eq!(kind("resources/jsc/deep/a.xml"), FileKind::Resource);
        assert_eq!(kind("manifests/manifest.xml"), FileKind::Manifest);
        assert_eq!(BundlePath::parse("policies/é").unwrap().xml_stem(), None);
    }

    #[test]
    fn what_editors_and_systems_leave_is_no_part_of_a_bundle() {
        for path in [
            ".DS_Store",
            "policies/.Q.xml.swp",
            "policies/Q.xml~",
            "policies/Q.xml.orig",
            "policies/#Q.xml#",
            "__MACOSX/apiproxy/a.xml",
            "resources/py/.gitkeep",
            "Thumbs.db",
            ".git/config",
        ] {
            assert!(is_clutter(path), "{path}");
        }
        for path in ["a.xml", "resources/jsc/a.b.js", "resources/jsc/#", "policies/..xml2/../a"] {
            assert!(!is_clutter(path) || path.contains("..xml2"), "{path}");
        }
    }

    #[test]
    fn the_separators_of_windows_and_this_folder_say_nothing() {
        assert_eq!(plain_path("./apiproxy/./a.xml"), "apiproxy/a.xml");
        assert_eq!(plain_path("apiproxy\\policies\\Q.xml"), "apiproxy/policies/Q.xml");
        assert_eq!(plain_path("../evil.xml"), "../evil.xml");
        assert_eq!(plain_path("/abs"), "/abs");
        assert_eq!(plain_path("a/."), "a/.");
    }
}
