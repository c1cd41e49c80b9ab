//! `render --split --flux-kustomizations`: the parts of large layers, and the Kustomizations that apply them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use apigee_flux_model::krm::Input;

fn render(out: &Path, specs: &str, flags: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_apigee-flux"))
        .args(["render", "-", "--split", "-o"])
        .arg(out)
        .args(flags)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(specs.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Two environments, so that two Jobs share the ConfigMap of a proxy.
fn fleet(proxies: usize) -> String {
    let resource = |kind: &str, name: &str, spec: &str| {
        format!(
            "apiVersion: apigeeflux.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}, namespace: apis}}\nspec: {spec}\n---\n"
        )
    };
    let environments = ["prod", "test"].map(|name| resource("ApigeeEnvironment", name, "{organization: acme}"));
    let proxies = (0..proxies).map(|number| {
        let spec = format!("{{basePath: /p{number}, target: \"https://example.com\"}}");
        resource("ApigeeProxy", &format!("p{number}"), &spec)
    });
    environments.into_iter().chain(proxies).collect()
}

/// The files of each folder of the namespace, without what every folder has.
fn folders(out: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let entries = fs::read_dir(out.join("apis")).unwrap().map(|entry| entry.unwrap().path());
    let names = |folder: &Path| {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<BTreeSet<_>>()
    };
    let mut found = BTreeMap::new();
    for folder in entries {
        let mut files = names(&folder);
        // A folder whose files were all removed may stay; Flux and Git see folders with files only.
        if files.remove("kustomization.yaml") {
            found.insert(folder.file_name().unwrap().to_str().unwrap().to_owned(), files);
        }
    }
    found
}

/// The folder of each file of the proxies.
fn places(out: &Path) -> BTreeMap<String, String> {
    let mut places = BTreeMap::new();
    for (folder, files) in folders(out).into_iter().filter(|(folder, _)| folder.starts_with("30-proxies")) {
        for file in files {
            assert!(places.insert(file.clone(), folder.clone()).is_none(), "{file} is in two parts");
        }
    }
    places
}

/// The path, the name and the dependencies of each Kustomization.
fn kustomizations(out: &Path) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let text = fs::read_to_string(out.join("apis/flux/kustomizations.yaml")).unwrap();
    let input = Input::read(&text).unwrap();
    let mut found = BTreeMap::new();
    for item in input.items() {
        assert_eq!(item.header.namespace.as_deref(), Some("apis"));
        let text = input.standalone(item).unwrap();
        let path = text.lines().find_map(|line| line.trim().strip_prefix("path: ./")).unwrap();
        let needed = text.lines().skip_while(|line| line.trim() != "dependsOn:").skip(1);
        let needed = needed.map_while(|line| line.trim().strip_prefix("- name: ")).map(str::to_owned).collect();
        assert!(text.contains("prune: true") && text.contains("wait: true"), "{text}");
        found.insert(item.header.name.to_string(), (path.to_owned(), needed));
    }
    found
}

#[test]
fn a_large_layer_is_split_into_parts_that_flux_applies() {
    let place = tempfile::tempdir().unwrap();
    let (small, large) = (place.path().join("small"), place.path().join("large"));
    render(&small, &fleet(3), &["--flux-kustomizations"]);
    let layers = ["00-base", "10-configuration", "20-shared-flows", "30-proxies", "40-organization", "50-reconcile"];
    assert!(folders(&small).keys().eq(layers.iter().chain(&["flux"])), "{:?}", folders(&small).keys());

    render(&large, &fleet(200), &["--flux-kustomizations"]);
    let found = folders(&large);
    let parts: Vec<_> = found.iter().filter(|(folder, _)| folder.starts_with("30-proxies")).collect();
    assert_eq!(parts.iter().map(|(folder, _)| folder.as_str()).collect::<Vec<_>>(), ["30-proxies", "30-proxies-1"]);
    assert!(parts.iter().all(|(_, files)| files.len() <= 512 && files.len() % 3 == 0 && !files.is_empty()));
    let places = places(&large);
    assert_eq!(places.len(), 600);
    for number in 0..200 {
        let of = |file: String| places.get(&file).cloned().unwrap();
        let map = of(format!("configmap_apigee-p{number}.yaml"));
        assert!(["prod", "test"].iter().all(|name| of(format!("job_apigee-{name}-p{number}.yaml")) == map));
    }
    for (folder, files) in &found {
        let text = fs::read_to_string(large.join("apis").join(folder).join("kustomization.yaml")).unwrap();
        assert!(text.lines().filter_map(|line| line.strip_prefix("- ")).eq(files.iter()), "{folder}: {text}");
    }

    let kustomizations = kustomizations(&large);
    let paths: BTreeSet<_> = kustomizations.values().map(|(path, _)| path.as_str()).collect();
    assert!(paths.into_iter().eq(found.keys().filter(|folder| *folder != "flux").map(String::as_str)));
    let needed = |name: &str| kustomizations[name].1.iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(kustomizations["proxies-1"].0, "30-proxies-1");
    assert_eq!(needed("proxies"), ["configuration", "shared-flows"]);
    assert_eq!(needed("proxies-1"), needed("proxies"));
    assert_eq!(needed("organization"), ["proxies", "proxies-1"]);
    assert_eq!(needed("reconcile"), ["proxies", "proxies-1"]);
    assert!(needed("base").is_empty());
}

#[test]
fn a_layer_grows_and_shrinks() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let at = |count| {
        render(&out, &fleet(count), &["--flux-kustomizations"]);
        (folders(&out), places(&out), kustomizations(&out))
    };
    let one = at(150);
    let two = at(200);
    let four = at(400);
    assert_eq!((one.2.len(), two.2.len(), four.2.len()), (6, 7, 9));
    // What moves, moves to a part that did not exist before.
    let is_old = |folder: &str, parts: usize| (0..parts).any(|part| folder == part_folder(part));
    for (before, after, parts) in [(&one.1, &two.1, 1), (&two.1, &four.1, 2)] {
        assert!(before.iter().all(|(file, folder)| after[file] == *folder || !is_old(&after[file], parts)));
    }
    // The same input gives the same files, whatever was there before, and no folder is left that no Kustomization applies.
    assert!(at(200) == two && at(150) == one);
}

fn part_folder(part: usize) -> String {
    if part == 0 { "30-proxies".to_owned() } else { format!("30-proxies-{part}") }
}

#[test]
fn a_layer_is_not_split_without_its_kustomizations() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let output = render(&out, &fleet(200), &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("apis/30-proxies has 600 objects") && said.contains("--flux-kustomizations"), "{said}");
    assert_eq!((folders(&out).len(), places(&out).len()), (6, 600));
    assert!(places(&out).values().all(|folder| folder == "30-proxies"));
    assert!(render(&out, &fleet(150), &[]).stderr.is_empty());
}
