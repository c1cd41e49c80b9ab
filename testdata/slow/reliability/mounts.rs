//! Mounts that differ from the rendered objects. Nothing in them is sent to the API.
//!
//! The cases of `crates/deployer/src/mount.rs` and `testdata/program/deploy.rs` are not repeated here.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use apigee_flux_model::bundle::BundleKind;
use serde_json::{Value, json};

use super::kills::{pod, program};
use super::world::{World, bundle};

const MANIFEST: &str = "manifest.json";
const POLICY: &str = "policies/AM-Body.xml";

/// One mount: how it was changed, the exit code, and a part of the message.
type Case = (&'static str, fn(&Path), i32, &'static str);

fn edit(folder: &Path, change: impl FnOnce(&mut Value)) {
    let file = folder.join(MANIFEST);
    let mut manifest = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(file, serde_json::to_vec(&manifest).unwrap()).unwrap();
}

fn path_in_manifest(folder: &Path, path: &str) {
    edit(folder, |manifest| manifest["files"][1]["path"] = json!(path));
}

const CASES: &[Case] = &[
    ("a file is missing", |folder| fs::remove_file(folder.join(POLICY)).unwrap(), 66, "`./policies/AM-Body.xml`"),
    (
        "a folder is missing",
        |folder| fs::remove_dir_all(folder.join("policies")).unwrap(),
        66,
        "ConfigMaps of the bundle are mounted",
    ),
    (
        "a folder replaces a file",
        |folder| {
            fs::remove_file(folder.join(POLICY)).unwrap();
            fs::create_dir(folder.join(POLICY)).unwrap();
        },
        67,
        "is a folder, not a regular file",
    ),
    (
        "the manifest is a folder",
        |folder| {
            fs::remove_file(folder.join(MANIFEST)).unwrap();
            fs::create_dir(folder.join(MANIFEST)).unwrap();
        },
        66,
        "`manifest.json` cannot be read",
    ),
    (
        "a link leads out of the mount",
        |folder| {
            fs::remove_file(folder.join(POLICY)).unwrap();
            symlink("/etc/hostname", folder.join(POLICY)).unwrap();
        },
        67,
        "is a symbolic link out of `.`",
    ),
    (
        "a folder's link leads out of the mount",
        |folder| {
            fs::remove_dir_all(folder.join("policies")).unwrap();
            symlink("/etc", folder.join("policies")).unwrap();
            edit(folder, |manifest| manifest["files"][1]["path"] = json!("policies/hostname"));
        },
        67,
        "is a symbolic link out of `.`",
    ),
    (
        "a link leads to itself",
        |folder| {
            fs::remove_file(folder.join(POLICY)).unwrap();
            symlink("AM-Body.xml", folder.join(POLICY)).unwrap();
        },
        66,
        "cannot be read",
    ),
    (
        "a link leads to an endless device",
        |folder| {
            fs::remove_file(folder.join(POLICY)).unwrap();
            symlink("/dev/zero", folder.join(POLICY)).unwrap();
        },
        67,
        "is a symbolic link out of `.`",
    ),
    ("a path goes up", |folder| path_in_manifest(folder, "policies/../../secret"), 64, "policies/../../secret"),
    ("a path is absolute", |folder| path_in_manifest(folder, "/etc/hostname"), 64, "/etc/hostname"),
    ("a path is empty", |folder| path_in_manifest(folder, ""), 64, "manifest.json"),
    (
        "the path of a part contains `..`",
        |folder| edit(folder, |manifest| manifest["files"][1]["parts"] = json!(["../secret"])),
        64,
        "../secret",
    ),
    (
        "a duplicate path, with different digests",
        |folder| {
            edit(folder, |manifest| {
                let path = manifest["files"][0]["path"].clone();
                manifest["files"][1]["path"] = path;
            });
        },
        67,
        "`orders.xml`",
    ),
    (
        "an impossibly large size",
        |folder| edit(folder, |manifest| manifest["files"][1]["size"] = json!(u64::MAX)),
        0,
        "",
    ),
    (
        "a size is not a number of bytes",
        |folder| edit(folder, |manifest| manifest["files"][1]["size"] = json!(-1)),
        64,
        "not a manifest of schema version",
    ),
    (
        "an extremely large file",
        |folder| fs::File::create(folder.join(POLICY)).unwrap().set_len(1 << 40).unwrap(),
        66,
        "too large for a bundle",
    ),
    (
        "the parts of one file are too large in total",
        |folder| {
            fs::File::create(folder.join("part")).unwrap().set_len(100 << 20).unwrap();
            edit(folder, |manifest| manifest["files"][1]["parts"] = json!(vec!["part"; 1000]));
        },
        66,
        "larger than",
    ),
    ("the name has a slash", |folder| edit(folder, |manifest| manifest["name"] = json!("a/../b")), 64, "a/../b"),
    ("the name is empty", |folder| edit(folder, |manifest| manifest["name"] = json!("")), 64, "manifest.json"),
    ("the kind is unknown", |folder| edit(folder, |manifest| manifest["kind"] = json!("cake")), 64, "cake"),
    ("the manifest is cut off", |folder| cut(&folder.join(MANIFEST)), 67, "is not JSON"),
    ("the manifest is empty", |folder| fs::write(folder.join(MANIFEST), "").unwrap(), 67, "is not JSON"),
    (
        "the manifest is deeply nested brackets",
        |folder| fs::write(folder.join(MANIFEST), "[".repeat(1_000_000)).unwrap(),
        67,
        "is not JSON",
    ),
    ("a field is unknown", |folder| edit(folder, |manifest| manifest["run"] = json!("rm")), 64, "unknown field"),
    (
        "the schema version of a later program",
        |folder| edit(folder, |manifest| manifest["schemaVersion"] = json!(9)),
        64,
        "update the image",
    ),
    ("a byte order mark came in", |folder| mark(&folder.join(POLICY)), 67, "`policies/AM-Body.xml`"),
    (
        "line endings were changed",
        |folder| fs::write(folder.join("orders.xml"), "<APIProxy\r\n/>").unwrap(),
        67,
        "`orders.xml`",
    ),
];

fn cut(file: &Path) {
    let bytes = fs::read(file).unwrap();
    fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
}

fn mark(file: &Path) {
    let bytes = fs::read(file).unwrap();
    fs::write(file, [b"\xEF\xBB\xBF", bytes.as_slice()].concat()).unwrap();
}

pub(crate) async fn matrix() -> Vec<String> {
    let mut broken = Vec::new();
    for (what, change, code, part) in CASES {
        let world = World::start(BundleKind::Proxy, Duration::ZERO).await;
        let folder = pod(&bundle(BundleKind::Proxy, "A"));
        change(folder.path());
        let mut command = program(folder.path(), &world.sandbox.url());
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let reason =
            serde_json::from_str::<Value>(&text).unwrap_or_default()["reason"].as_str().unwrap_or_default().to_owned();
        if output.status.code() != Some(*code) || !reason.contains(part) {
            broken
                .push(format!("{what}: exit code {:?}, expected {code} with `{part}`: {reason}", output.status.code()));
        }
        let requests = world.sandbox.requests().len();
        if *code != 0 && requests > 0 {
            broken.push(format!("{what}: {requests} requests were sent"));
        }
    }
    println!("hostile mounts: {} mounts, {} promises broken", CASES.len(), broken.len());
    broken
}
