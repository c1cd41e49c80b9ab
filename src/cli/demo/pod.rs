//! Does what a kubelet does for a rendered Job: assembles the volumes, expands the arguments and runs the container.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The objects of a cluster, by kind and name.
pub(super) type Cluster<'o> = BTreeMap<(&'o str, &'o str), Value>;

/// A container that is ready to start.
pub(super) struct Container {
    /// The arguments, expanded.
    pub(super) args: Vec<String>,
    /// The working directory.
    pub(super) directory: PathBuf,
    env: BTreeMap<String, String>,
}

/// Runs the first container of the pod of a Job or CronJob with `root` as its root directory. `extra` is added to its environment.
pub(super) fn run(job: &str, cluster: &Cluster<'_>, root: &Path, extra: &[(&str, &str)]) -> anyhow::Result<Output> {
    let container = prepare(job, cluster, root)?;
    container.run(&std::env::current_exe()?, extra)
}

impl Container {
    /// Runs a program as the container's process.
    pub(super) fn run(self, program: &Path, extra: &[(&str, &str)]) -> anyhow::Result<Output> {
        Command::new(program)
            .args(self.args)
            .env_clear()
            .envs(self.env)
            .envs(extra.iter().copied())
            .current_dir(self.directory)
            .output()
            .context("cannot start the container's process")
    }
}

/// Assembles the volumes of the first container of the pod of a Job or CronJob, below `root`.
pub(super) fn prepare(job: &str, cluster: &Cluster<'_>, root: &Path) -> anyhow::Result<Container> {
    let found = ["Job", "CronJob"].into_iter().find_map(|kind| cluster.get(&(kind, job)));
    let job = found.with_context(|| format!("the Job `{job}` does not exist"))?;
    let spec = if job["kind"] == "CronJob" { &job["spec"]["jobTemplate"]["spec"] } else { &job["spec"] };
    let pod = &spec["template"]["spec"];
    let container = &pod["containers"][0];
    for mount in list(&container["volumeMounts"]) {
        let name = text(&mount["name"]);
        let volume = list(&pod["volumes"]).find(|volume| volume["name"] == mount["name"]);
        let volume = volume.with_context(|| format!("the Job mounts the volume `{name}`, which it does not have"))?;
        let files = files_of(volume, cluster).with_context(|| format!("the volume `{name}`"))?;
        let folder = root.join(text(&mount["mountPath"]).trim_start_matches('/'));
        materialize(&files, &folder).with_context(|| format!("cannot write the volume `{name}`"))?;
    }
    let namespace = job["metadata"]["namespace"].as_str().unwrap_or("default");
    let value = |variable: &'_ Value| match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
        Some("metadata.namespace") => namespace.to_owned(),
        _ => text(&variable["value"]).to_owned(),
    };
    let env: BTreeMap<String, String> =
        list(&container["env"]).map(|variable| (text(&variable["name"]).to_owned(), value(variable))).collect();
    let args = list(&container["args"]).map(|argument| expand(text(argument), &env)).collect();
    let directory = root.join(text(&container["workingDir"]).trim_start_matches('/'));
    Ok(Container { args, directory, env })
}

/// The files of a volume by their paths in the mount.
fn files_of(volume: &Value, cluster: &Cluster<'_>) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let sources: Vec<&Value> = match volume.get("projected") {
        Some(projected) => list(&projected["sources"]).collect(),
        None => vec![volume],
    };
    let mut files = BTreeMap::new();
    for source in sources {
        // Tokens and fields of the pod are not simulated: the program works without them.
        if ["serviceAccountToken", "downwardAPI"].iter().any(|kind| source.get(kind).is_some()) {
            continue;
        }
        let (kind, source) = match source.get("secret") {
            Some(secret) => ("Secret", secret),
            None => ("ConfigMap", &source["configMap"]),
        };
        let name = text(&source["name"]);
        let Some(map) = cluster.get(&(kind, name)) else {
            if source["optional"] == true {
                continue;
            }
            bail!("the {kind} `{name}` does not exist: the pod would not start");
        };
        let content = content(map)?;
        if source["items"].is_null() {
            files.extend(content);
            continue;
        }
        for item in list(&source["items"]) {
            let key = text(&item["key"]);
            match content.get(key) {
                Some(bytes) => drop(files.insert(text(&item["path"]).to_owned(), bytes.clone())),
                None if source["optional"] == true => {}
                None => bail!("the {kind} `{name}` has no key `{key}`: the pod would not start"),
            }
        }
    }
    Ok(files)
}

fn content(map: &Value) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut content = BTreeMap::new();
    let plain = if map["kind"] == "Secret" { "stringData" } else { "data" };
    for (key, value) in map[plain].as_object().into_iter().flatten() {
        content.insert(key.clone(), text(value).as_bytes().to_vec());
    }
    for (key, value) in map["binaryData"].as_object().into_iter().flatten() {
        content.insert(key.clone(), STANDARD.decode(text(value))?);
    }
    Ok(content)
}

/// Writes files as the kubelet's atomic writer does: into a dated folder to which `..data` points, and a link through `..data` for each
/// top-level name.
fn materialize(files: &BTreeMap<String, Vec<u8>>, folder: &Path) -> io::Result<()> {
    const DATED: &str = "..2026_01_01_00_00_00.1";
    let dated = folder.join(DATED);
    fs::create_dir_all(&dated)?;
    symlink(DATED, folder.join("..data"))?;
    for (path, bytes) in files {
        let target = dated.join(path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(target, bytes)?;
        let top = path.split('/').next().unwrap_or(path);
        let link = folder.join(top);
        if fs::symlink_metadata(&link).is_err() {
            symlink(Path::new("..data").join(top), link)?;
        }
    }
    Ok(())
}

/// Kubernetes' expansion of arguments: `$(NAME)` is replaced by the container's environment variable, if it exists; `$$` becomes `$`.
fn expand(argument: &str, env: &BTreeMap<String, String>) -> String {
    let mut expanded = String::new();
    let mut rest = argument;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            expanded.push('$');
            rest = after;
            continue;
        }
        let name = rest.strip_prefix("$(").and_then(|inner| inner.split_once(')'));
        if let Some((value, after)) = name.and_then(|(name, after)| Some((env.get(name)?, after))) {
            expanded.push_str(value);
            rest = after;
        } else {
            expanded.push('$');
            rest = &rest[1..];
        }
    }
    expanded.push_str(rest);
    expanded
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_expand_as_in_kubernetes() {
        let env = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        for (argument, expected) in [("$(A)", "1"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("a$b", "a$b"), ("$", "$")] {
            assert_eq!(expand(argument, &env), expected);
        }
    }
}
