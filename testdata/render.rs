//! `render --output`: where files go.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn render(specs: &Path, out: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_apigee-flux")).arg("render").arg(specs).arg("--output").arg(out).output().unwrap()
}

fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { assert!(found.insert(path)) }
    }
    found
}

const ENVIRONMENT: &str = "apiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeEnvironment\nmetadata: {name: prod}\nspec: {organization: acme}\n";

fn proxy(name: &str, namespace: &str) -> String {
    format!(
        "apiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeProxy\nmetadata: {{name: {name}, namespace: \"{namespace}\"}}\nspec: \
         {{basePath: /{name}, target: \"https://{name}.example.com\"}}\n"
    )
}

#[test]
fn no_annotation_and_no_namespace_leads_out_of_the_folder() {
    let place = tempfile::tempdir().unwrap();
    let (specs, out) = (place.path().join("specs"), place.path().join("a/b/c/out"));
    fs::create_dir_all(&specs).unwrap();
    fs::write(specs.join("environment.yaml"), ENVIRONMENT).unwrap();
    fs::write(specs.join("proxy.yaml"), proxy("hello", "../../../escape")).unwrap();
    fs::write(
        specs.join("foreign.yaml"),
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: x\n  annotations: {config.kubernetes.io/path: ../../foreign.yaml}\n",
    )
    .unwrap();
    let output = render(&specs, &out);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let written: BTreeSet<PathBuf> = files(place.path()).into_iter().filter(|path| !path.starts_with(&specs)).collect();
    assert!(written.len() > 4 && written.contains(&out.join("foreign.yaml")), "{written:?}");
    for path in written {
        assert!(path.starts_with(&out), "{} was written", path.display());
    }
}

#[test]
fn a_renamed_proxy_leaves_no_file_and_foreign_files_stay() {
    let place = tempfile::tempdir().unwrap();
    let (specs, out) = (place.path().join("specs"), place.path().join("out"));
    fs::create_dir_all(&specs).unwrap();
    fs::create_dir_all(&out).unwrap();
    fs::write(out.join("mine.yaml"), "apiVersion: v1\nkind: Service\nmetadata: {name: mine}\n").unwrap();
    fs::write(specs.join("environment.yaml"), ENVIRONMENT).unwrap();
    fs::write(specs.join("proxy.yaml"), proxy("old", "apis")).unwrap();
    assert!(render(&specs, &out).status.success());
    let has = |name: &str| files(&out).iter().any(|path| path.to_string_lossy().contains(name));
    assert!(has("old"));
    fs::write(specs.join("proxy.yaml"), proxy("new", "apis")).unwrap();
    assert!(render(&specs, &out).status.success());
    assert!(has("new") && !has("old") && has("mine.yaml"), "{:?}", files(&out));
}
