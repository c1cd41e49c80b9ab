//! `render --output`, `bundle` and `openapi`: where files are written.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn render(specs: &Path, out: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_apigee-flux")).arg("render").arg(specs).arg("--output").arg(out).output().unwrap()
}

fn run(args: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_apigee-flux")).args(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
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
    let output = render(&specs, &out);
    assert!(!output.status.success() && stderr(&output).contains("error[AF023]"), "{}", stderr(&output));
    assert!(!out.exists());
    fs::write(specs.join("proxy.yaml"), proxy("hello", "apis")).unwrap();
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
    // A sample proxy that uses the shared flow is often in the same folder.
    fs::create_dir_all(specs.join("common/apiproxy")).unwrap();
    fs::write(specs.join("common/apiproxy/sample.xml"), "<APIProxy name=\"sample\"/>").unwrap();
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
    let map = found.iter().find(|path| path.ends_with("generated/configmap_apigee-sharedflow-common.yaml")).unwrap();
    let map = fs::read_to_string(map).unwrap();
    assert!(map.contains("\n  sharedflows__default.xml:") && !map.contains("sharedflowbundle__"), "{map}");

    let output = profile("a b: c");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("error[AF013]: profile.yaml:7:7: ApigeeProfile/all spec.security.headers[\"a b\"]"),
        "{stderr}"
    );
    assert!(stderr.contains("(in ApigeeProxy/apis/hello)"), "{stderr}");
}

#[test]
fn a_spec_made_from_a_document_renders_as_it_is() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bundles");
    for document in ["openapi/orders.oas.yaml", "openapi-swagger2/pets.yaml", "openapi-3.1/docs/later.json"] {
        let place = tempfile::tempdir().unwrap();
        let (specs, out) = (place.path().join("specs"), place.path().join("out"));
        let name = Path::new(document).file_name().unwrap();
        fs::create_dir_all(specs.join("docs")).unwrap();
        fs::copy(cases.join(document), specs.join("docs").join(name)).unwrap();
        fs::write(specs.join("environment.yaml"), ENVIRONMENT).unwrap();
        let (file, spec) = (specs.join("docs").join(name), specs.join("proxy.yaml"));
        let made = run(&["openapi".as_ref(), &file, "-o".as_ref(), &spec]);
        assert!(made.status.success(), "{}", stderr(&made));
        let text = fs::read_to_string(&spec).unwrap();
        assert!(text.contains(&format!("file: docs/{}", name.display())), "{text}");
        let rendered = render(&specs, &out);
        assert!(rendered.status.success() && stderr(&rendered).is_empty(), "{text}{}", stderr(&rendered));
        assert!(!files(&out).iter().any(|path| path.ends_with(name)), "the document is not a resource");
        let again = run(&["openapi".as_ref(), &file, "-o".as_ref(), &spec]);
        assert!(!again.status.success() && stderr(&again).contains("exists"), "{}", stderr(&again));
    }
}

#[test]
fn a_bundle_replaces_its_own_former_output_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let (specs, out) = (place.path().join("specs.yaml"), place.path().join("out"));
    fs::write(&specs, proxy("hello", "apis")).unwrap();
    let bundle = |to: &Path| run(&["bundle".as_ref(), &specs, "-o".as_ref(), to]);
    let written = bundle(&out);
    assert!(written.status.success() && stderr(&written).is_empty(), "{}", stderr(&written));
    assert!(out.join("apiproxy/hello.xml").is_file());
    fs::write(out.join("apiproxy/policies/stale.xml"), "<A/>").unwrap();
    assert!(bundle(&out).status.success());
    assert!(!out.join("apiproxy/policies/stale.xml").exists());

    let zips = [place.path().join("a.zip"), place.path().join("b.zip")];
    assert!(zips.iter().chain(&zips).all(|zip| bundle(zip).status.success()));
    assert_eq!(fs::read(&zips[0]).unwrap(), fs::read(&zips[1]).unwrap());

    let mine = place.path().join("mine");
    fs::create_dir_all(mine.join("apiproxy")).unwrap();
    fs::write(mine.join("apiproxy/mine.xml"), "<A/>").unwrap();
    let refused = bundle(&mine);
    assert!(!refused.status.success() && stderr(&refused).contains("is not empty"), "{}", stderr(&refused));
    assert_eq!(files(&mine).len(), 1);
    fs::write(&zips[0], "mine").unwrap();
    assert!(!bundle(&zips[0]).status.success());
    assert_eq!(fs::read(&zips[0]).unwrap(), b"mine");
}

#[test]
fn a_bundle_is_of_one_proxy_and_needs_an_environment_only_for_its_values() {
    let place = tempfile::tempdir().unwrap();
    let (specs, out) = (place.path().join("specs"), place.path().join("out"));
    fs::create_dir_all(&specs).unwrap();
    let values = proxy("one", "apis").replace("https://one.example.com", "$(values.host)");
    fs::write(specs.join("one.yaml"), &values).unwrap();
    fs::write(specs.join("two.yaml"), proxy("two", "apis")).unwrap();
    let bundle = |more: &[&str]| {
        let mut args: Vec<&Path> = vec!["bundle".as_ref(), &specs, "-o".as_ref(), &out];
        args.extend(more.iter().map(|word| Path::new(*word)));
        run(&args)
    };
    let fails = |more: &[&str], message: &str| {
        let output = bundle(more);
        assert!(!output.status.success() && stderr(&output).contains(message), "{}", stderr(&output));
    };
    fails(&[], "choose one with `--name`: one, two");
    fails(&["--name", "three"], "no proxy or shared flow `three` is in the input; there are one, two");
    assert!(bundle(&["--name", "two"]).status.success());
    fails(&["--name", "one"], "needs an environment, and none is known here");
    for (name, host) in [("dev", "dev"), ("prod", "prod")] {
        let environment = ENVIRONMENT
            .replace("prod", name)
            .replace("acme", &format!("acme, values: {{host: https://{host}.example.com}}"));
        fs::write(specs.join(format!("{name}.yaml")), environment).unwrap();
    }
    fails(&["--name", "one"], "choose one with `--environment`: dev, prod");
    assert!(bundle(&["--name", "one", "--environment", "dev"]).status.success());
    let target = fs::read_to_string(out.join("apiproxy/targets/default.xml")).unwrap();
    assert!(target.contains("https://dev.example.com"), "{target}");
}

/// Runs `render` with specs on standard input.
fn render_stdin(specs: &str, args: &[&Path]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_apigee-flux"))
        .args(["render", "-"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(specs.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

const TARGET_SERVER: &str = "apiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeTargetServer\nmetadata: {name: backend}\nspec: {host: backend.example.com}\n";
const SHARED_FLOW: &str = "apiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeSharedFlow\nmetadata: {name: common}\nspec: {steps: [{remove: {headers: [x-a]}}]}\n";
const FOREIGN: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: apis}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: backend, namespace: apis}   # kept\n---\n\
                       apiVersion: v1\nkind: ConfigMap\nmetadata: {name: local, namespace: apis, annotations: {config.kubernetes.io/local-config: \"true\"}}\n";

fn layered(out: &Path, parts: &[&str]) -> Output {
    render_stdin(&parts.join("---\n"), &["--split".as_ref(), "--output".as_ref(), out])
}

/// The names of the files below a folder, without those that every folder has.
fn listed(folder: &Path) -> Vec<String> {
    let name = |path: PathBuf| path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
    files(folder).into_iter().map(name).filter(|name| !name.ends_with("kustomization.yaml")).collect()
}

#[test]
fn each_layer_is_a_folder_that_lists_its_files() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let environment = ENVIRONMENT.replace("name: prod", "name: prod, namespace: apis");
    let parts = [&environment, &proxy("hello", "apis"), TARGET_SERVER, SHARED_FLOW, FOREIGN];
    let output = layered(&out, &parts);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", stderr(&output));
    assert_eq!(
        listed(&out.join("apis")),
        [
            "00-base/configmap_apigee-prod-inventory-1.yaml",
            "00-base/configmap_apigee-prod-inventory.yaml",
            "00-base/namespace_apis.yaml",
            "00-base/networkpolicy_apigee-deployer.yaml",
            "00-base/role_apigee-deployer-reconcile.yaml",
            "00-base/rolebinding_apigee-deployer-reconcile.yaml",
            "00-base/service_backend.yaml",
            "00-base/serviceaccount_apigee-deployer.yaml",
            "10-configuration/configmap_apigee-prod-configuration.yaml",
            "10-configuration/job_apigee-prod-configuration.yaml",
            "20-shared-flows/configmap_apigee-sharedflow-common.yaml",
            "20-shared-flows/job_apigee-prod-sharedflow-common.yaml",
            "30-proxies/configmap_apigee-hello.yaml",
            "30-proxies/job_apigee-prod-hello.yaml",
            "50-reconcile/cronjob_apigee-prod-reconcile.yaml",
        ]
    );
    assert_eq!(listed(&out).len(), 15, "{:?}", files(&out));
    let kustomization =
        |layer: &str| fs::read_to_string(out.join("apis").join(layer).join("kustomization.yaml")).unwrap();
    let resources = "resources:\n- configmap_apigee-hello.yaml\n- job_apigee-prod-hello.yaml\n";
    assert!(kustomization("30-proxies").ends_with(resources), "{}", kustomization("30-proxies"));
    // The folder exists even if it is empty, since a Kustomization of Flux needs its path.
    assert!(kustomization("40-organization").ends_with("resources: []\n"));
    assert!(fs::read_to_string(out.join("apis/00-base/service_backend.yaml")).unwrap().ends_with("# kept\n"));

    let first: Vec<Vec<u8>> = files(&out).iter().map(|path| fs::read(path).unwrap()).collect();
    let mut reversed = parts;
    reversed.reverse();
    assert!(layered(&out, &reversed).status.success());
    let second: Vec<Vec<u8>> = files(&out).iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(first == second, "the order of the specs shows");
}

#[test]
fn a_layer_forgets_what_left_and_keeps_what_is_not_ours() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let all = [ENVIRONMENT, &proxy("hello", ""), SHARED_FLOW];
    assert!(layered(&out, &all).status.success());
    fs::write(out.join("30-proxies/mine.yaml"), "apiVersion: v1\nkind: Service\nmetadata: {name: mine}\n").unwrap();
    fs::write(out.join("README.md"), "mine").unwrap();
    assert!(layered(&out, &all[..2]).status.success());
    let left = listed(&out);
    assert!(!left.iter().any(|name| name.contains("common")), "{left:?}");
    assert!(out.join("30-proxies/mine.yaml").is_file() && out.join("README.md").is_file(), "{left:?}");
    assert!(fs::read_to_string(out.join("20-shared-flows/kustomization.yaml")).unwrap().ends_with("resources: []\n"));
}

#[test]
fn a_namespace_without_specs_keeps_its_layers_and_its_reconciler() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let environment = ENVIRONMENT.replace("name: prod", "name: prod, namespace: platform");
    assert!(layered(&out, &[&environment, &proxy("hello", "apis")]).status.success());
    let folders = |namespace: &str| {
        let mut names: Vec<_> =
            fs::read_dir(out.join(namespace)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = folders("apis");
    // The namespace is known only from the outputs of the first run; the second run after it must still know it.
    for _ in 0..2 {
        let output = layered(&out, &[&environment]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!((folders("apis"), folders("platform")), (before.clone(), before.clone()));
        let left = listed(&out.join("apis"));
        assert!(left.contains(&"50-reconcile/cronjob_apigee-prod-reconcile.yaml".to_owned()), "{left:?}");
        assert!(!left.iter().any(|name| name.contains("hello")), "{left:?}");
        let part = fs::read_to_string(out.join("apis/00-base/configmap_apigee-prod-inventory-1.yaml")).unwrap();
        assert!(part.contains("\"bundles\": []"), "{part}");
    }
    // Another environment does not get the namespaces of this one.
    let other = environment.replace("name: prod", "name: test");
    assert!(layered(&out, &[&other]).status.success());
    assert!(!out.join("apis").join("50-reconcile").exists(), "{:?}", files(&out));
}

#[test]
fn what_was_rendered_already_has_no_layers() {
    let place = tempfile::tempdir().unwrap();
    let rendered = render_stdin(&[ENVIRONMENT, &proxy("hello", "")].join("---\n"), &[]);
    let output = layered(&place.path().join("out"), &[&String::from_utf8(rendered.stdout).unwrap()]);
    assert!(!output.status.success() && stderr(&output).contains("pass the specs to --split"), "{}", stderr(&output));
    assert!(!place.path().join("out").exists());
}

#[test]
fn a_release_is_the_commit_of_the_checkout() {
    let place = tempfile::tempdir().unwrap();
    let git = |args: &[&str]| {
        let run = Command::new("git").current_dir(place.path()).args(args).output().unwrap();
        assert!(run.status.success(), "{}", stderr(&run));
        String::from_utf8(run.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "--quiet"]);
    fs::write(place.path().join("specs.yaml"), [ENVIRONMENT, &proxy("hello", "")].join("---\n")).unwrap();
    let release = || {
        Command::new(env!("CARGO_BIN_EXE_apigee-flux"))
            .current_dir(place.path())
            .args(["render", "specs.yaml", "--release-from-git"])
            .output()
            .unwrap()
    };
    let output = release();
    assert!(!output.status.success() && stderr(&output).contains("git log"), "{}", stderr(&output));
    git(&["add", "."]);
    git(&["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "--quiet", "-m", "one"]);
    git(&["remote", "add", "origin", "https://ci:t0ken@git.example.com/acme/apis"]);
    git(&["tag", "v1.2.3"]);
    let text = String::from_utf8(release().stdout).unwrap();
    let commit = git(&["rev-parse", "HEAD"]);
    for part in [commit.as_str(), "v1.2.3", "Ada <ada@example.com>", "https://git.example.com/acme/apis"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("t0ken"));
}

#[test]
fn the_files_of_a_folder_may_come_from_any_editor() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("a.yaml", &format!("\u{feff}---\r\n{}", ENVIRONMENT.replace('\n', "\r\n")));
    write("b.YAML", &format!("%YAML 1.2\n---\n\u{feff}{}", proxy("b", "")));
    write(
        "c.json",
        &serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [{
            "apiVersion": "apigeeflux.dev/v1alpha1", "kind": "ApigeeProxy", "metadata": {"name": "c"},
            "spec": {"basePath": "/c", "target": "https://c.example.com"},
        }]})
        .to_string(),
    );
    write("package.json", "{\"name\": \"no resource\", \"keywords\": [\"apigeeflux.dev\"]}");
    write(
        "d.yaml",
        &format!(
            "\u{feff}apiVersion: v1\nkind: List\nitems:\n  - {}",
            proxy("d", "").replace('\n', "\n    ").trim_end()
        ),
    );
    let output = run(&[Path::new("render"), folder.path()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    for name in ["b", "c", "d"] {
        assert!(text.contains(&format!("name: apigee-prod-{name}\n")), "{name} is missing in {text}");
    }
    assert!(!text.contains("apigeeflux.dev/v1alpha1"), "a spec was left: {text}");
}

#[test]
fn a_mistake_behind_a_byte_order_mark_has_its_place() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), format!("\u{feff}{}", ENVIRONMENT.replace('\n', "\r\n"))).unwrap();
    fs::write(
        folder.path().join("b.yaml"),
        format!(
            "\u{feff}{}  typo: 1\n",
            proxy("b", "").replace(": {basePath: /b, target: \"https://b.example.com\"}", ":\n  basePath: /b")
        ),
    )
    .unwrap();
    let output = run(&[Path::new("check"), folder.path()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("b.yaml:6:3"), "{text}");
}

#[test]
fn a_file_that_is_not_utf8_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), ENVIRONMENT).unwrap();
    let utf16: Vec<u8> = proxy("b", "").encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(folder.path().join("b.yaml"), utf16).unwrap();
    let output = run(&[Path::new("render"), folder.path()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let text = stderr(&output);
    assert!(text.contains("error[AF016]: b.yaml: ") && text.contains("iconv -f UTF-16LE"), "{text}");
    fs::write(folder.path().join("b.yaml"), b"# caf\xe9\n").unwrap();
    let text = stderr(&run(&[Path::new("render"), folder.path()]));
    assert!(text.contains("b.yaml:1:6: byte 5 (0xE9)"), "{text}");
}

#[test]
fn what_stands_in_a_list_gets_a_file_of_its_own() {
    let place = tempfile::tempdir().unwrap();
    let (specs, out) = (place.path().join("specs"), place.path().join("out"));
    fs::create_dir_all(&specs).unwrap();
    fs::write(
        specs.join("all.yaml"),
        format!(
            "{ENVIRONMENT}---\napiVersion: v1\nkind: List\nx: &x {{team: a}}\nitems:\n  - {}  - apiVersion: v1\n    kind: ConfigMap\n    metadata:\n      name: c\n      labels: *x\n    data:\n      a: |\n        1\n          2\n",
            proxy("b", "").replace('\n', "\n    ").trim_end_matches(' ')
        ),
    )
    .unwrap();
    let output = render(&specs, &out);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = fs::read_to_string(out.join("all.yaml")).unwrap();
    assert_eq!(
        text,
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n  labels: {\"team\": a}\ndata:\n  a: |\n    1\n      2\n"
    );
}

#[test]
fn a_folder_without_a_file_is_no_bundle() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("raw/apiproxy/policies")).unwrap();
    let spec =
        "apiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeProxy\nmetadata: {name: raw}\nspec: {bundle: {path: raw}}\n";
    fs::write(folder.path().join("a.yaml"), format!("{ENVIRONMENT}---\n{spec}")).unwrap();
    let output = run(&[Path::new("render"), folder.path()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("the bundle has no files"), "{}", stderr(&output));
}

/// A named pipe without a writer.
fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn links_in_the_output_lead_nowhere() {
    let place = tempfile::tempdir().unwrap();
    let (specs, out, other) = (place.path().join("specs"), place.path().join("out"), place.path().join("other"));
    fs::create_dir_all(&specs).unwrap();
    fs::write(specs.join("environment.yaml"), ENVIRONMENT).unwrap();
    fs::write(specs.join("proxy.yaml"), proxy("hello", "apis")).unwrap();
    assert!(render(&specs, &other).status.success());
    let before: Vec<(PathBuf, String)> =
        files(&other).into_iter().map(|file| (file.clone(), fs::read_to_string(file).unwrap())).collect();
    fs::create_dir_all(&out).unwrap();
    symlink("../other", out.join("more")).unwrap();
    fs::write(specs.join("proxy.yaml"), proxy("changed", "apis")).unwrap();
    assert!(render(&specs, &out).status.success());
    // A folder in the output that is a link to another output.
    fs::remove_dir_all(out.join("generated")).unwrap();
    symlink("../other/generated", out.join("generated")).unwrap();
    let output = render(&specs, &out);
    assert!(!output.status.success() && stderr(&output).contains("is a symbolic link"), "{}", stderr(&output));
    for (file, text) in before {
        assert_eq!(fs::read_to_string(&file).unwrap(), text, "{}", file.display());
    }
    assert!(!files(&other).iter().any(|file| file.to_string_lossy().contains("changed")), "{:?}", files(&other));
}

#[test]
fn what_is_read_stays_in_its_folder_and_ends() {
    let place = tempfile::tempdir().unwrap();
    let specs = place.path().join("specs");
    fs::create_dir_all(specs.join("base")).unwrap();
    fs::create_dir_all(place.path().join("other")).unwrap();
    fs::write(specs.join("environment.yaml"), ENVIRONMENT).unwrap();
    fs::write(specs.join("base/proxy.yaml"), proxy("hello", "apis")).unwrap();
    fs::write(place.path().join("other/secret.yaml"), proxy("outside", "apis")).unwrap();
    for link in ["one", "base/two"] {
        symlink(".", specs.join(link)).unwrap();
    }
    symlink("base/proxy.yaml", specs.join("again.yaml")).unwrap();
    symlink("../other", specs.join("other")).unwrap();
    let output = run(&["render".as_ref(), &specs]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("/hello") && !text.contains("outside"), "{}", stderr(&output));
    assert!(stderr(&output).contains("warning[AF061]: other: "), "{}", stderr(&output));

    symlink("../other/secret.yaml", specs.join("secret.yaml")).unwrap();
    let output = run(&["render".as_ref(), &specs]);
    assert!(!output.status.success() && stderr(&output).contains("is a symbolic link out of"), "{}", stderr(&output));
    fs::remove_file(specs.join("secret.yaml")).unwrap();

    pipe(&specs.join("pipe.yaml"));
    for command in ["render", "check", "diff", "explain"] {
        let mut args: Vec<&Path> = vec![command.as_ref(), &specs];
        if command == "explain" {
            args.extend([Path::new("GET"), Path::new("/hello")]);
        }
        let output = run(&args);
        assert!(
            !output.status.success() && stderr(&output).contains("is a named pipe"),
            "{command}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn a_bundle_and_a_document_beside_a_spec_are_regular_files() {
    let place = tempfile::tempdir().unwrap();
    let specs = place.path();
    fs::create_dir_all(specs.join("legacy/apiproxy/policies")).unwrap();
    fs::write(specs.join("environment.yaml"), ENVIRONMENT).unwrap();
    let spec = |body: &str| {
        let head = "apiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeProxy\nmetadata: {name: a}\n";
        fs::write(specs.join("proxy.yaml"), format!("{head}spec: {body}\n")).unwrap();
        let output = run(&["render".as_ref(), specs]);
        assert!(!output.status.success() && output.stdout.is_empty());
        stderr(&output)
    };
    pipe(&specs.join("legacy/apiproxy/policies/p.xml"));
    // A folder that is not searched for specs.
    fs::create_dir(specs.join(".docs")).unwrap();
    pipe(&specs.join(".docs/document.json"));
    symlink("/dev/zero", specs.join(".docs/zero.json")).unwrap();
    let text = spec("{bundle: {path: legacy}}");
    assert!(text.contains("is a named pipe"), "{text}");
    let text = spec("{basePath: /a, target: \"https://a.example.com\", openapi: {file: .docs/document.json}}");
    assert!(text.contains("is a named pipe"), "{text}");
    let text = spec("{basePath: /a, target: \"https://a.example.com\", openapi: {file: .docs/zero.json}}");
    assert!(text.contains("is outside"), "{text}");
}

#[test]
fn a_bundle_is_written_through_no_link() {
    let place = tempfile::tempdir().unwrap();
    let (specs, out, other) = (place.path().join("specs.yaml"), place.path().join("out"), place.path().join("other"));
    fs::write(&specs, proxy("hello", "apis")).unwrap();
    let bundle = |to: &Path| run(&["bundle".as_ref(), &specs, "-o".as_ref(), to]);
    assert!(bundle(&out).status.success());
    fs::rename(&out, &other).unwrap();
    assert!(bundle(&out).status.success());
    fs::write(other.join("apiproxy/policies/mine.xml"), "<A/>").unwrap();
    fs::remove_dir_all(out.join("apiproxy/policies")).unwrap();
    symlink("../../other/apiproxy/policies", out.join("apiproxy/policies")).unwrap();
    let again = bundle(&out);
    assert!(!again.status.success() && stderr(&again).contains("is a symbolic link"), "{}", stderr(&again));
    assert!(other.join("apiproxy/policies/mine.xml").exists());

    let (zip, real) = (place.path().join("a.zip"), place.path().join("real.zip"));
    assert!(bundle(&real).status.success());
    let before = fs::read(&real).unwrap();
    symlink("real.zip", &zip).unwrap();
    fs::write(&specs, proxy("other", "apis")).unwrap();
    assert!(bundle(&zip).status.success());
    assert_eq!(fs::read(&real).unwrap(), before, "the link was replaced, not what it leads to");
    assert!(zip.symlink_metadata().unwrap().is_file());
}
