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

#[test]
fn a_shared_flow_may_be_a_folder_and_a_fault_of_a_profile_has_its_place_there() {
    let place = tempfile::tempdir().unwrap();
    let (specs, out) = (place.path().join("specs"), place.path().join("out"));
    let bundle = specs.join("common/sharedflowbundle");
    fs::create_dir_all(bundle.join("sharedflows")).unwrap();
    fs::write(bundle.join("common.xml"), "<SharedFlowBundle name=\"common\"/>").unwrap();
    fs::write(bundle.join("sharedflows/default.xml"), "<SharedFlow name=\"default\"/>").unwrap();
    fs::write(specs.join("environment.yaml"), ENVIRONMENT).unwrap();
    let flow = "apiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeSharedFlow\nmetadata: {name: common}\nspec: {bundle: {path: common}}\n";
    fs::write(specs.join("flow.yaml"), flow).unwrap();
    fs::write(specs.join("proxy.yaml"), proxy("hello", "apis")).unwrap();
    let profile = |headers: &str| {
        let head = "apiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeProfile\nmetadata: {name: all}\n";
        fs::write(specs.join("profile.yaml"), format!("{head}spec:\n  security:\n    headers:\n      {headers}\n"))
            .unwrap();
        render(&specs, &out)
    };
    let output = profile("x-a: b");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = files(&out);
    assert!(found.iter().any(|path| path.ends_with("generated/configmap_apigee-sharedflow-common.yaml")), "{found:?}");

    let output = profile("a b: c");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("error[AF013]: profile.yaml:7:7: ApigeeProfile/all spec.security.headers[\"a b\"]"),
        "{stderr}"
    );
    assert!(stderr.contains("(in ApigeeProxy/apis/hello)"), "{stderr}");
}
