//! A raw bundle: from a ConfigMap of the input, from the spec itself, or from a folder.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ExpandOptions;
use crate::spec::Resource;
use crate::spec::bundle_source::BundleSource;
use apigee_flux_model::bundle::zip::{MAX_BUNDLE_BYTES, MAX_FILES, UnpackError, unpack};
use apigee_flux_model::bundle::{BundleKind, BundlePath, Files, PathError, is_clutter, plain_path};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::krm::{Input, Item};
use apigee_flux_model::yaml::YamlNode;

/// The key of a ConfigMap that contains the whole bundle.
const ZIP_KEY: &str = "bundle.zip";

/// The files of `spec.bundle`.
pub(super) fn read(
    resource: &Resource,
    source: &BundleSource,
    input: &Input<'_>,
    options: &ExpandOptions<'_>,
    report: &mut Report<'_>,
) -> Option<Files> {
    let at = FieldPath::of(&["spec", "bundle"]);
    let files = if let Some(reference) = &source.config_map_ref {
        let at = at.key("configMapRef").key("name");
        let item = config_map(input, resource.namespace(), &reference.name, &at, report)?;
        from_config_map(input, item, &at, report)?
    } else if let Some(written) = &source.files {
        let at = at.key("files");
        collect(written.iter().map(|(path, text)| (path.clone(), at.key(path), text.clone().into_bytes())), report)?
    } else {
        let path = source.path.as_ref()?;
        let found = match options.beside {
            Some(beside) => beside.bundle(&resource.subject, path)
                .map_err(|why| Diagnostic::error(Code::UnreadableFile, why).help("the path is relative to the file of the spec")),
            None => Err(Diagnostic::error(Code::UnreadableFile, format!("the folder `{path}` cannot be read here")).help(
                "a function cannot read files: pass the bundle with `configMapGenerator` and `configMapRef`, or render with \
                `apigee-flux render`",
            )),
        };
        match found {
            Ok(files) => files,
            Err(diagnostic) => {
                report.push(diagnostic.at(at.key("path")));
                return None;
            }
        }
    };
    if files.is_empty() {
        report.push(Diagnostic::error(Code::NothingToDeploy, "the bundle has no files").at(at).help(format!(
            "add at least `{}.xml` and the files that it needs, or remove `bundle`",
            resource.subject.name
        )));
        return None;
    }
    check(&files, &at, report).then_some(files)
}

/// The ConfigMap to which a spec refers. Kustomize may have renamed it or, in a pipe, appended a hash to its name.
pub(super) fn config_map<'i, 'a>(
    input: &'i Input<'a>,
    namespace: Option<&str>,
    name: &str,
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Option<&'i Item<'a>> {
    let in_reach = |item: &&Item<'a>| {
        let own = item.header.namespace.as_deref();
        item.header.kind == "ConfigMap"
            && item.header.group().is_empty()
            && !item.header.is_output()
            && (own == namespace || namespace.is_none() || own.is_none())
    };
    let candidates: Vec<&Item<'a>> = input.named("ConfigMap", name).filter(in_reach).collect();
    let hashed = |item: &Item<'_>| item.header.name_without_hash() == Some(name);
    let rules: [&dyn Fn(&Item<'_>) -> bool; 3] =
        [&|item| item.header.name == name, &|item| item.header.names().any(|known| known == name), &hashed];
    for rule in rules {
        let found: Vec<&Item<'a>> = candidates.iter().copied().filter(|item| rule(item)).collect();
        match found.as_slice() {
            [] => {}
            [item] => return Some(item),
            several => {
                let names: Vec<&str> = several.iter().map(|item| item.header.name.as_ref()).collect();
                report.push(
                    Diagnostic::error(
                        Code::MissingConfigMap,
                        format!("the ConfigMap name `{name}` is ambiguous: it matches {}", names.join(", ")),
                    )
                    .at(at)
                    .help("write the full name"),
                );
                return None;
            }
        }
    }
    let others = input.items().iter().filter(in_reach).take(10);
    let names: Vec<&str> = others.map(|item| item.header.name.as_ref()).collect();
    let known = if names.is_empty() { "nor any other".to_owned() } else { format!("but {}", names.join(", ")) };
    report.push(
        Diagnostic::error(Code::MissingConfigMap, format!("no ConfigMap `{name}` is in the input, {known}"))
            .at(at)
            .help("add a `configMapGenerator` with that name to the kustomization of the proxy"),
    );
    None
}

/// The keys of a ConfigMap and their bytes.
pub(super) fn entries(
    input: &Input<'_>,
    item: &Item<'_>,
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Option<Vec<(String, Vec<u8>)>> {
    let unreadable = |why: String| Diagnostic::error(Code::UnreadableBundle, why).at(at);
    let name = &item.header.name;
    let node = match input.node(item) {
        Ok(node) => node,
        Err(error) => {
            report.push(unreadable(format!("the ConfigMap `{name}` cannot be read: {}", error.message)));
            return None;
        }
    };
    let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
    for entry in node.get("data").map(YamlNode::entries).unwrap_or_default() {
        entries.push((entry.key.clone(), entry.value.as_str().unwrap_or_default().as_bytes().to_vec()));
    }
    for entry in node.get("binaryData").map(YamlNode::entries).unwrap_or_default() {
        let text: String = entry.value.as_str().unwrap_or_default().split_whitespace().collect();
        match STANDARD.decode(text) {
            Ok(bytes) => entries.push((entry.key.clone(), bytes)),
            Err(error) => {
                report.push(unreadable(format!(
                    "`{}` of the ConfigMap `{name}` is not valid base64: {error}",
                    entry.key
                )));
                return None;
            }
        }
    }
    Some(entries)
}

fn from_config_map(input: &Input<'_>, item: &Item<'_>, at: &FieldPath, report: &mut Report<'_>) -> Option<Files> {
    let unreadable = |why: String| Diagnostic::error(Code::UnreadableBundle, why).at(at);
    let name = &item.header.name;
    let entries = entries(input, item, at, report)?;
    if let [(key, bytes)] = entries.as_slice()
        && key == ZIP_KEY
    {
        // Whether the bundle has the right kind is checked by its root file, as for every other source.
        return match unpack(bytes) {
            Ok((_, files)) => Some(files),
            Err(why) => {
                let code = match why {
                    UnpackError::Path { error: PathError::Leaves(_), .. } => Code::UnsafePath,
                    UnpackError::Path { .. } | UnpackError::NotABundle(_) => Code::UnreadableBundle,
                };
                let message = format!("`{ZIP_KEY}` of the ConfigMap `{name}`: {why}");
                report.push(Diagnostic::error(code, message).at(at));
                None
            }
        };
    }
    if entries.is_empty() {
        report.push(unreadable(format!("the ConfigMap `{name}` has no files")).help(format!(
            "add one key for each file, with `__` for `/` (`policies__Q-Product.xml`), or only the key `{ZIP_KEY}`"
        )));
        return None;
    }
    if let Some((key, _)) = entries.iter().find(|(key, _)| key == ZIP_KEY) {
        report.push(unreadable(format!("the ConfigMap `{name}` has `{key}` and other keys: remove the other keys")));
        return None;
    }
    collect(entries.into_iter().map(|(key, bytes)| (key.replace("__", "/"), at.clone(), bytes)), report)
}

/// Collects the files and checks their paths. The root folder may be part of the paths or not.
fn collect(written: impl Iterator<Item = (String, FieldPath, Vec<u8>)>, report: &mut Report<'_>) -> Option<Files> {
    let mut files = Files::new();
    let mut right = true;
    for (text, at, bytes) in written {
        let plain = plain_path(&text);
        let mut roots = BundleKind::ALL.into_iter().map(BundleKind::root);
        let below = roots.find_map(|root| plain.strip_prefix(root)?.strip_prefix('/')).unwrap_or(&plain);
        if is_clutter(below) {
            files.leave_out(below);
            continue;
        }
        match BundlePath::parse(below) {
            Ok(path) => {
                if files.insert(path, bytes).is_some() {
                    report.error(Code::UnreadableBundle, at, format!("the file `{text}` is defined more than once"));
                    right = false;
                }
            }
            Err(why) => {
                report.push(
                    Diagnostic::error(Code::UnsafePath, format!("the file name `{text}` is not allowed: {why}"))
                        .at(at)
                        .help("name files as in the bundle, for example `policies/Q-Product.xml`"),
                );
                right = false;
            }
        }
    }
    right.then_some(files)
}

/// Checks the number, total size and names of a bundle's files. False if an error was reported.
pub fn check(files: &Files, at: &FieldPath, report: &mut Report<'_>) -> bool {
    if files.left_out().len() > 0 {
        let names: Vec<String> = files.left_out().map(|path| format!("`{path}`")).collect();
        report.push(
            Diagnostic::info(Code::LeftOut, format!("not part of the bundle, and not uploaded: {}", names.join(", ")))
                .at(at)
                .help("editors and operating systems create such files; remove them"),
        );
    }
    if files.len() > MAX_FILES {
        report.push(
            Diagnostic::error(Code::InputTooLarge, format!("the bundle has {} files; {MAX_FILES} are allowed", files.len()))
                .at(at)
                .help("pack files that belong together into a jar or a ZIP file, or move them into resource files of the environment"),
        );
        return false;
    }
    let total = files.total_bytes();
    if total > MAX_BUNDLE_BYTES {
        report.push(
            Diagnostic::error(
                Code::BundleTooLarge,
                format!(
                    "the bundle has {total} bytes in {} files; Apigee accepts at most {MAX_BUNDLE_BYTES}",
                    files.len()
                ),
            )
            .at(at)
            .help("move what can be shared (jars, documents) into resource files of the environment"),
        );
        return false;
    }
    let mut lower = std::collections::BTreeMap::new();
    let mut right = true;
    for (path, _) in files.iter() {
        if let Some(other) = lower.insert(path.as_str().to_lowercase(), path) {
            report.push(
                Diagnostic::error(
                    Code::CaseCollision,
                    format!("the files `{other}` and `{path}` differ only in upper and lower case"),
                )
                .at(at)
                .help("rename one of them: macOS and Windows cannot check out both"),
            );
            right = false;
        }
    }
    right
}
