//! One test for each directory of `bundles` (a spec and the bundle that is rendered from it) and `bundles-errors` (a spec and its
//! findings). `UPDATE=1` writes the expected files again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use apigee_flux_function::proxy::{self, Generated};
use apigee_flux_function::spec::ApigeeProxySpec;
use apigee_flux_model::diag::{Report, Subject, human};
use apigee_flux_model::yaml::{YamlNode, decode, line_and_column};
use libtest_mimic::{Failed, Trial};

use super::repository;

pub(crate) fn trials() -> Vec<Trial> {
    let root = repository("testdata");
    let mut trials = Vec::new();
    for (folder, test) in [("bundles", bundle as fn(&Path) -> Result<(), Failed>), ("bundles-errors", errors)] {
        for case in directories(&root.join(folder)) {
            let name = format!("{folder}::{}", case.file_name().unwrap_or_default().display());
            trials.push(Trial::test(name, move || test(&case)));
        }
    }
    trials
}

fn directories(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

/// A file next to the spec.
fn read_file(case: &Path, path: &str) -> Result<Vec<u8>, String> {
    fs::read(case.join(path)).map_err(|_| format!("the file `{path}` is not in the input"))
}

/// The bundle of a case, and its diagnostics as text.
fn generate(case: &Path) -> Result<(Option<Generated>, String), Failed> {
    let source = fs::read_to_string(case.join("proxy.yaml"))?;
    let node = YamlNode::parse(&source, 0..source.len())?;
    let name = node.get("metadata").and_then(|metadata| metadata.get("name")).and_then(YamlNode::as_str);
    let spec: ApigeeProxySpec = decode::decode(node.get("spec").ok_or("no spec")?)?;
    let name = spec.name.as_deref().or(name).unwrap_or_default();
    let subject = Subject {
        kind: "ApigeeProxy".to_owned(),
        name: name.to_owned(),
        file: Some("proxy.yaml".to_owned()),
        ..Subject::default()
    };
    let mut report = Report::new(&subject);
    let generated = proxy::generate(name, &spec, &|path| read_file(case, path), &mut report);
    let diagnostics = report.into_diagnostics();
    let text =
        human::report(&diagnostics, &|diagnostic| Some(line_and_column(&source, node.locate(&diagnostic.field))))
            .to_string();
    Ok((generated, text))
}

fn bundle(case: &Path) -> Result<(), Failed> {
    let (generated, diagnostics) = generate(case)?;
    let Some(generated) = generated else {
        return Err(diagnostics.into());
    };
    let mut actual: BTreeMap<String, String> = BTreeMap::new();
    for (path, bytes) in generated.files.iter() {
        actual.insert(format!("apiproxy/{path}"), String::from_utf8(bytes.to_vec())?);
    }
    let facts = format!(
        "base paths: {}\nshared flows: {}\ntarget servers: {}\nkey value maps: {}\nGoogle credential: {}\n",
        generated.base_paths.join(", "),
        generated.requires.shared_flows.join(", "),
        generated.requires.target_servers.join(", "),
        generated.requires.key_value_maps.join(", "),
        generated.google_auth,
    );
    actual.insert("facts.txt".to_owned(), facts);
    if !diagnostics.is_empty() {
        actual.insert("warnings.txt".to_owned(), diagnostics);
    }
    compare(&case.join("expected"), &actual)
}

fn errors(case: &Path) -> Result<(), Failed> {
    let (generated, diagnostics) = generate(case)?;
    if generated.is_some() {
        return Err("the spec gives a bundle".into());
    }
    let actual = BTreeMap::from([("errors.txt".to_owned(), diagnostics)]);
    compare(&case.join("expected"), &actual)
}

fn compare(folder: &Path, actual: &BTreeMap<String, String>) -> Result<(), Failed> {
    if std::env::var_os("UPDATE").is_some() {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        for (name, text) in actual {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(path, text)?;
        }
    }
    let mut expected = BTreeMap::new();
    read(folder, "", &mut expected)?;
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    for (name, text) in actual {
        match expected.get(name) {
            Some(expected) if expected == text => {}
            Some(expected) => return Err(format!("{name}\n--- expected\n{expected}\n--- actual\n{text}").into()),
            None => return Err(format!("{name} is not expected\n{text}").into()),
        }
    }
    if names(actual) != names(&expected) {
        return Err(format!("files\nexpected {:?}\nactual   {:?}", names(&expected), names(actual)).into());
    }
    Ok(())
}

fn read(folder: &Path, prefix: &str, into: &mut BTreeMap<String, String>) -> Result<(), Failed> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = format!("{prefix}{}", path.file_name().unwrap_or_default().display());
        if path.is_dir() {
            read(&path, &format!("{name}/"), into)?;
        } else {
            into.insert(name, fs::read_to_string(path)?);
        }
    }
    Ok(())
}
