//! Large bundles: split into several ConfigMaps and joined again in the Job's volume, up to Apigee's limit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Seek as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use apigee_flux_deployer::Bundle;
use apigee_flux_model::bundle::{Digest, Manifest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::Trial;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use serde_json::Value;

use super::process;

/// The tests by their names.
macro_rules! trials {
    ($($test:ident),* $(,)?) => {
        vec![$(Trial::test(concat!("large::", stringify!($test)), || {
            $test();
            Ok(())
        })),*]
    };
}

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        five_megabytes_with_a_jar_are_put_together_again,
        a_bundle_of_many_files_is_mounted_as_one_archive,
        too_many_secrets_for_one_pod_are_refused,
        every_object_of_a_fleet_is_small,
        twenty_megabytes_are_refused,
        a_large_zip_in_a_resource_list_is_refused_and_the_list_is_unchanged,
        what_takes_no_longer_than_its_size,
        what_exceeds_a_limit_is_refused_by_its_name,
        a_bundle_of_too_many_files_is_refused,
        an_element_with_too_many_attributes_is_refused,
        standard_input_has_a_bound,
    ]
}

const SPECS: &str = "apiVersion: apigeeflux.dev/v1alpha1
kind: ApigeeEnvironment
metadata: {name: prod}
spec: {organization: acme}
---
apiVersion: apigeeflux.dev/v1alpha1
kind: ApigeeProxy
metadata: {name: large}
spec:
  bundle: {path: large}
";

/// Bytes that cannot be compressed, the same in every run.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32).to_le_bytes()[0]
    })
    .take(length)
    .collect()
}

fn jar(length: usize) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("com/example/Callout.class", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(&noise(length)).unwrap();
    zip.finish().unwrap().into_inner()
}

/// A package whose bundle has a jar of about `length` bytes, many small files and a text larger than a ConfigMap.
fn package(folder: &Path, length: usize) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::from([
        ("large.xml".to_owned(), b"<APIProxy name=\"large\"/>\n".to_vec()),
        (
            "proxies/default.xml".to_owned(),
            b"<ProxyEndpoint name=\"default\"><HTTPProxyConnection><BasePath>/large</BasePath></HTTPProxyConnection></ProxyEndpoint>".to_vec(),
        ),
        ("policies/JC-A.xml".to_owned(), b"<JavaCallout name=\"JC-A\"><ClassName>com.example.Callout</ClassName><ResourceURL>java://callout.jar</ResourceURL></JavaCallout>".to_vec()),
        ("resources/java/callout.jar".to_owned(), jar(length)),
        ("resources/jsc/long.js".to_owned(), "var text = `${x}`; // a long line of a script\n".repeat(30_000).into_bytes()),
    ]);
    for number in 0..200 {
        files.insert(
            format!("resources/jsc/part {number}.js"),
            format!("var part = {number};\n").repeat(200).into_bytes(),
        );
    }
    for (path, bytes) in &files {
        let path = folder.join("large/apiproxy").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    fs::write(folder.join("specs.yaml"), SPECS).unwrap();
    files
}

fn render(folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_apigee-flux")).arg("render").arg(folder).output().unwrap()
}

fn objects(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.split("---\n").filter(|text| !text.trim().is_empty()).map(|text| serde_yaml::from_str(text).unwrap()).collect()
}

/// The files that the only Job mounts.
fn mounted(objects: &[Value]) -> BTreeMap<String, Vec<u8>> {
    let job = objects.iter().find(|object| object["kind"] == "Job").unwrap();
    let mut files = BTreeMap::new();
    for source in job["spec"]["template"]["spec"]["volumes"][0]["projected"]["sources"].as_array().unwrap() {
        let map = &source["configMap"];
        let object = objects
            .iter()
            .find(|object| object["kind"] == "ConfigMap" && object["metadata"]["name"] == map["name"])
            .expect("a ConfigMap that the Job mounts");
        for item in map["items"].as_array().unwrap() {
            let key = item["key"].as_str().unwrap();
            let bytes = match object["data"][key].as_str() {
                Some(text) => text.as_bytes().to_vec(),
                None => STANDARD.decode(object["binaryData"][key].as_str().unwrap()).unwrap(),
            };
            assert!(files.insert(item["path"].as_str().unwrap().to_owned(), bytes).is_none());
        }
    }
    files
}

fn five_megabytes_with_a_jar_are_put_together_again() {
    let folder = tempfile::tempdir().unwrap();
    let files = package(folder.path(), 5 << 20);
    let objects = objects(&render(folder.path()));
    let maps: Vec<&Value> = objects.iter().filter(|object| object["kind"] == "ConfigMap").collect();
    assert!(maps.len() > 25 && maps.len() < 50, "{} ConfigMaps", maps.len());
    for map in maps {
        assert!(go_bytes(map) <= MOST_BYTES, "{} has {} bytes", map["metadata"]["name"], go_bytes(map));
        // An inventory has a stable name and changes.
        let is_inventory = map["metadata"]["labels"].get("apigeeflux.dev/inventory").is_some();
        assert_eq!(map["immutable"] == true, !is_inventory, "{}", map["metadata"]["name"]);
    }
    let mount = mounted(&objects);
    let manifest: Manifest = serde_json::from_slice(&mount["manifest.json"]).unwrap();
    assert_eq!(manifest.files.len(), files.len());
    for file in &manifest.files {
        let bytes: Vec<u8> = if file.parts.is_empty() {
            mount[file.path.as_str()].clone()
        } else {
            file.parts.iter().flat_map(|part| mount[part.as_str()].clone()).collect()
        };
        assert!(bytes == files[file.path.as_str()], "{} changed", file.path);
        assert_eq!(file.digest, Digest::of_bytes(&bytes));
    }
}

/// What a client-side `kubectl apply` can store of an object, in bytes of JSON.
const MOST_BYTES: usize = 252 * 1024;

/// The size of an object as JSON that Go writes: with `\u003c` for `<`.
fn go_bytes(object: &Value) -> usize {
    let text = object.to_string();
    text.len() + 5 * text.matches(['<', '>', '&']).count()
}

/// Neither the Job nor the manifest of a bundle grows with the number of its files.
fn a_bundle_of_many_files_is_mounted_as_one_archive() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = package(folder.path(), 1000);
    for number in 0..3_000 {
        let path = format!("resources/jsc/library-of-functions-{number}.js");
        let text = format!("var library = {number};\n");
        fs::write(folder.path().join("large/apiproxy").join(&path), &text).unwrap();
        files.insert(path, text.into_bytes());
    }
    let objects = objects(&render(folder.path()));
    for object in &objects {
        assert!(go_bytes(object) <= MOST_BYTES, "{}", object["metadata"]["name"]);
    }
    let job = objects.iter().find(|object| object["kind"] == "Job").unwrap();
    assert!(go_bytes(job) < 20_000, "{}", go_bytes(job));
    let mount = tempfile::tempdir().unwrap();
    for (path, bytes) in mounted(&objects) {
        let path = mount.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let bundle = Bundle::from_mount(&mount.path().join("manifest.json"), None).unwrap();
    let read: BTreeMap<String, Vec<u8>> =
        bundle.files.iter().map(|(path, bytes)| (path.to_string(), bytes.to_vec())).collect();
    assert!(read == files, "{} of {} files", read.len(), files.len());
}

/// What cannot be split is an error that says so.
fn too_many_secrets_for_one_pod_are_refused() {
    let app = "---\napiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeKeyValueMap\nmetadata: {name: map-#}\nspec:\n  entries:\n    a: {valueFrom: {secretKeyRef: {name: secret-of-a-long-name-#, key: password}}}\n";
    refused(&repeated(2_000, app), "AF038", "`spec.deployer.secretProviderClass`");
}

/// A list with an environment and the given number of proxies, with a dozen files each.
fn fleet(proxies: usize, batch: &str) -> String {
    let mut list = format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: apigeeflux.dev/v1alpha1\n  kind: ApigeeEnvironment\n  \
         metadata: {{name: prod}}\n  spec: {{organization: acme, batch: {batch}}}\n"
    );
    for number in 0..proxies {
        write!(
            list,
            "- apiVersion: apigeeflux.dev/v1alpha1\n  kind: ApigeeProxy\n  metadata: {{name: api-{number}}}\n  spec:\n    basePath: /api-{number}\n    \
             target: https://api.example.com\n    security: {{apiKey: {{in: header, name: x-api-key}}, headers: default}}\n    \
             traffic: {{spikeArrest: 100ps, quota: {{limit: 10, per: hour}}}}\n    cors: {{origins: [\"https://app.example.com\"]}}\n    faults: json\n"
        )
        .unwrap();
    }
    list
}

/// etcd rejects objects above 1.5 MiB, and a cluster that replaces many objects of several hundred kilobytes for each commit is slow. With
/// 10,000 proxies the largest object is the same as with 2,000; there are more of them.
fn every_object_of_a_fleet_is_small() {
    for (batch, expected) in [("none", 2_000), ("environment", 16)] {
        let output = process::function(fleet(2_000, batch));
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let list: Value = serde_yaml::from_str_with_options(
            std::str::from_utf8(&output.stdout).unwrap(),
            serde_yaml::options! { budget: None },
        )
        .unwrap();
        let items = list["items"].as_array().unwrap();
        let largest = items.iter().max_by_key(|item| go_bytes(item)).unwrap();
        assert!(go_bytes(largest) <= MOST_BYTES, "{} {}", largest["metadata"]["name"], go_bytes(largest));
        let jobs: Vec<&Value> = items.iter().filter(|item| item["kind"] == "Job").collect();
        assert_eq!(jobs.len(), expected);
        let applies: BTreeSet<&str> =
            jobs.iter().map(|job| job["metadata"]["annotations"]["apigeeflux.dev/applies"].as_str().unwrap()).collect();
        assert_eq!(applies.len(), expected, "each Job applies something else");
        let cron_job = items.iter().find(|item| item["kind"] == "CronJob").unwrap();
        assert_eq!(cron_job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"], 4200);
    }
}

fn twenty_megabytes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    package(folder.path(), 20 << 20);
    let output = render(folder.path());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(
        stderr.contains("AF045")
            && stderr.contains("specs.yaml:10:3")
            && stderr.contains("Apigee accepts at most 15728640"),
        "{stderr}"
    );
}

fn a_large_zip_in_a_resource_list_is_refused_and_the_list_is_unchanged() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("apiproxy/large.bin", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(&noise(20 << 20)).unwrap();
    let zip = zip.finish().unwrap().into_inner();
    let list = format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: apigeeflux.dev/v1alpha1\n  kind: ApigeeEnvironment\n  metadata: \
         {{name: prod}}\n  spec: {{organization: acme}}\n- apiVersion: apigeeflux.dev/v1alpha1\n  kind: ApigeeProxy\n  metadata: {{name: large}}\n  spec: \
         {{bundle: {{configMapRef: {{name: large}}}}}}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {{name: large}}\n  binaryData: {{bundle.zip: {}}}\n",
        STANDARD.encode(zip)
    );
    let output = process::function(&list);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().starts_with(&list));
    assert!(String::from_utf8_lossy(&output.stderr).contains("AF045"));
}

/// An environment and `count` copies of a text, in which `#` is the number of the copy.
fn repeated(count: usize, each: &str) -> String {
    let environment = SPECS.split("---\n").next().unwrap();
    environment.to_owned() + &(0..count).map(|number| each.replace('#', &number.to_string())).collect::<String>()
}

fn proxy(rest: &str) -> String {
    format!(
        "---\napiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeProxy\nmetadata: {{name: p#}}\nspec:\n  basePath: /p#\n  target: https://x.example.com\n{rest}"
    )
}

/// The CPU time of a run on an input: other work of the machine must not count.
fn seconds(input: &str) -> f64 {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input.as_bytes()).unwrap();
    let run = || {
        let mut stdin = file.try_clone().unwrap();
        stdin.rewind().unwrap();
        let start = Instant::now();
        let mut program = Command::new(env!("CARGO_BIN_EXE_apigee-flux"));
        let mut child = program.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        // The kernel keeps the times of a process until its status is read.
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
        let times = fs::read_to_string(format!("/proc/{}/schedstat", child.id()));
        child.wait().unwrap();
        // Nanoseconds on a processor (Linux, Documentation/scheduler/sched-stats.rst); elsewhere the elapsed time.
        let busy = times.ok().and_then(|times| times.split(' ').next()?.parse().ok()).map(Duration::from_nanos);
        busy.unwrap_or_else(|| start.elapsed()).as_secs_f64()
    };
    (0..3).map(|_| run()).fold(f64::INFINITY, f64::min)
}

/// Four times the input takes about four times as long; with a quadratic stage it would take sixteen times as long.
#[track_caller]
fn is_linear(what: &str, count: usize, input: &dyn Fn(usize) -> String) {
    let start = seconds("");
    let (small, large) = (seconds(&input(count)) - start, seconds(&input(4 * count)) - start);
    assert!(large < 10.0 * small.max(0.02), "{what}: {small:.3} s for {count}, {large:.3} s for four times as many");
}

fn what_takes_no_longer_than_its_size() {
    is_linear("unknown keys", 5_000, &|count| {
        let keys: String = (0..count).map(|key| format!("  key{key}: v\n")).collect::<Vec<String>>().concat();
        repeated(1, &proxy(&keys))
    });
    is_linear("specs with a mistake", 500, &|count| repeated(count, &proxy("  typo: 1\n")));
    is_linear("keys of a foreign resource", 20_000, &|count| {
        let keys: String = (0..count).map(|key| format!("  key{key}: v\n")).collect::<Vec<String>>().concat();
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n{keys}{}",
            repeated(1, &format!("---\n{}", proxy("")))
        )
    });
    is_linear("anchors in each other", 20_000, &|count| {
        let anchors: String = (0..90).map(|level| format!("&a{level} [")).collect::<Vec<String>>().concat();
        repeated(1, &proxy(&format!("  properties: {anchors}{}{}\n", vec!["x"; count].join(","), "]".repeat(90))))
    });
    is_linear("bundles in ConfigMaps", 200, &|count| {
        repeated(
            count,
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c#-bcdfghjklm}\ndata: {a.xml: <APIProxy name='a'/>, proxies__default.xml: <ProxyEndpoint name='default'><HTTPProxyConnection><BasePath>/p#</BasePath></HTTPProxyConnection><RouteRule name='none'/></ProxyEndpoint>}\n---\napiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeProxy\nmetadata: {name: p#}\nspec: {bundle: {configMapRef: {name: c#}}}\n",
        )
    });
    is_linear("elements of a list", 500, &|count| {
        let items: String = (0..count)
            .map(|n| format!("- {{apiVersion: v1, kind: ConfigMap, metadata: {{name: c{n}, labels: *l}}}}\n"))
            .collect::<Vec<_>>()
            .concat();
        format!("{}---\napiVersion: v1\nkind: List\nx: &l {{a: b}}\nitems:\n{items}", repeated(1, &proxy("")))
    });
}

#[track_caller]
fn refused(input: &str, code: &str, says: &str) {
    let output = process::function(input);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{}", stderr.chars().take(500).collect::<String>());
    assert!(
        stderr.contains(&format!("[{code}]")) && stderr.contains(says),
        "{}",
        stderr.chars().take(1000).collect::<String>()
    );
}

fn what_exceeds_a_limit_is_refused_by_its_name() {
    let bomb = "  properties: {a: &a [x,x,x,x,x,x,x,x,x,x], b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a], c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b], d: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]}\n";
    refused(&repeated(200, &proxy(bomb)), "AF015", "YAML nodes");
    refused(
        &repeated(1, &proxy(&format!("  properties: {}{}\n", "[".repeat(150), "]".repeat(150)))),
        "AF015",
        "100 levels",
    );
    refused(&repeated(1, &proxy(&format!("  properties: {}\n", "[".repeat(100_000)))), "AF001", "");
    refused(&repeated(1_500, &proxy("  typo: 1\n")), "AF017", "more findings are not shown");
    let values = format!(
        "apiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeEnvironment\nmetadata: {{name: prod}}\nspec: {{organization: acme, values: {{x: {}}}}}\n",
        "x".repeat(100_000)
    );
    refused(
        &format!(
            "{values}{}",
            repeated(20, &proxy("  description: $(values.x)\n"))
                .split_once("---\n")
                .unwrap()
                .1
                .replacen("", "---\n", 1)
        ),
        "AF015",
        "bytes of text",
    );
}

fn a_bundle_of_too_many_files_is_refused() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..60_000 {
        zip.start_file(format!("apiproxy/resources/jsc/{number}.js"), zip::write::SimpleFileOptions::default())
            .unwrap();
    }
    let zip = STANDARD.encode(zip.finish().unwrap().into_inner());
    let map =
        format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: raw}}\nbinaryData: {{bundle.zip: {zip}}}\n");
    let spec = "---\napiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeProxy\nmetadata: {name: raw}\nspec: {bundle: {configMapRef: {name: raw}}}\n";
    refused(&(repeated(0, "") + &map + spec), "AF041", "60000 entries");
}

fn an_element_with_too_many_attributes_is_refused() {
    let attributes: String = (0..100_000).map(|number| format!(" a{number}='v'")).collect::<Vec<String>>().concat();
    let files = format!(
        "---\napiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeProxy\nmetadata: {{name: raw}}\nspec:\n  bundle:\n    files:\n      raw.xml: |\n        <APIProxy{attributes}/>\n"
    );
    refused(&(repeated(0, "") + &files), "AF044", "500 attributes");
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    let files = format!(
        "---\napiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeProxy\nmetadata: {{name: raw}}\nspec:\n  bundle:\n    files:\n      raw.xml: |\n        {deep}\n"
    );
    refused(&(repeated(0, "") + &files), "AF044", "200 levels");
}

fn standard_input_has_a_bound() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_apigee-flux"))
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The program stops reading; then the pipe is closed.
    let writer = std::thread::spawn(move || {
        let blanks = vec![b' '; 1 << 20];
        while stdin.write_all(&blanks).is_ok() {}
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("AF015"), "{}", String::from_utf8_lossy(&output.stderr));
}
