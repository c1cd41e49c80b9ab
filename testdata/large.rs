//! Large bundles: split over ConfigMaps and put together again by the Job's volume, up to Apigee's limit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod process;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::process::{Command, Output};

use apigee_flux::bundle::{Digest, Manifest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

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

/// Bytes that no compressor makes smaller, the same in every run.
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
        ("policies/JC-A.xml".to_owned(), b"<JavaCallout name=\"JC-A\"><ResourceURL>java://callout.jar</ResourceURL></JavaCallout>".to_vec()),
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

/// The files in the mount of the only Job.
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

#[test]
fn five_megabytes_with_a_jar_are_put_together_again() {
    let folder = tempfile::tempdir().unwrap();
    let files = package(folder.path(), 5 << 20);
    let objects = objects(&render(folder.path()));
    let maps: Vec<&Value> = objects.iter().filter(|object| object["kind"] == "ConfigMap").collect();
    assert!(maps.len() > 5 && maps.len() < 12, "{} ConfigMaps", maps.len());
    for map in maps {
        let size = |field: &str, decode: &dyn Fn(&str) -> usize| -> usize {
            map[field]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, value)| key.len() + decode(value.as_str().unwrap()))
                .sum()
        };
        // Kubernetes counts keys and decoded values.
        let total = size("data", &str::len) + size("binaryData", &|text| STANDARD.decode(text).unwrap().len());
        assert!(total <= 900 * 1024, "{} holds {total} bytes", map["metadata"]["name"]);
        assert_eq!(map["immutable"], true);
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

/// A list with an environment in batch mode and so many proxies of a dozen files each.
fn batch(proxies: usize) -> String {
    let mut list = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: apigeeflux.dev/v1alpha1\n  kind: ApigeeEnvironment\n  \
                    metadata: {name: prod}\n  spec: {organization: acme, batch: environment}\n"
        .to_owned();
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

#[test]
fn a_batch_that_kubernetes_cannot_store_is_refused_and_a_fleet_is_not() {
    let output = process::function(&batch(500));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let list: Value = serde_yaml::from_str_with_options(
        std::str::from_utf8(&output.stdout).unwrap(),
        serde_yaml::options! { budget: None },
    )
    .unwrap();
    let jobs: Vec<&Value> = list["items"].as_array().unwrap().iter().filter(|item| item["kind"] == "Job").collect();
    assert_eq!(jobs.len(), 1);
    let size = serde_json::to_vec(jobs[0]).unwrap().len();
    assert!(size > 400_000 && size <= 1 << 20, "{size}");

    let output = process::function(&batch(1_500));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.contains("AF038")
            && stderr.contains("1500 bundles of environment `prod`")
            && stderr.contains("batch: none"),
        "{stderr}"
    );
}

#[test]
fn twenty_megabytes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    package(folder.path(), 20 << 20);
    let output = render(folder.path());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(
        stderr.contains("AF045") && stderr.contains("specs.yaml:10:3") && stderr.contains("Apigee takes 15728640"),
        "{stderr}"
    );
}

#[test]
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
