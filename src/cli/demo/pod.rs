//! What a kubelet does for one of our Jobs: it puts the volumes together, expands the arguments and runs the container.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The objects of a cluster, by kind and name.
pub(super) type Cluster<'o> = BTreeMap<(&'o str, &'o str), Value>;

/// Runs the first container of the pod of a Job or CronJob with `root` as its root directory. `extra` is added to its environment.
pub(super) fn run(job: &str, cluster: &Cluster<'_>, root: &Path, extra: &[(&str, &str)]) -> anyhow::Result<Output> {
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
    let variables: Vec<(&str, String)> =
        list(&container["env"]).map(|variable| (text(&variable["name"]), value(variable))).collect();
    let mut env: BTreeMap<&str, &str> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let args: Vec<String> = list(&container["args"]).map(|argument| expand(text(argument), &env)).collect();
    env.extend(extra.iter().copied());
    let directory = root.join(text(&container["workingDir"]).trim_start_matches('/'));
    Command::new(std::env::current_exe()?)
        .args(args)
        .env_clear()
        .envs(env)
        .current_dir(directory)
        .output()
        .context("cannot start the container's process")
}

/// The files of a volume by their paths in the mount.
fn files_of(volume: &Value, cluster: &Cluster<'_>) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let sources: Vec<&Value> = match volume.get("projected") {
        Some(projected) => list(&projected["sources"]).map(|source| &source["configMap"]).collect(),
        None => vec![&volume["configMap"]],
    };
    let mut files = BTreeMap::new();
    for source in sources {
        let name = text(&source["name"]);
        let Some(map) = cluster.get(&("ConfigMap", name)) else {
            if source["optional"] == true {
                continue;
            }
            bail!("the ConfigMap `{name}` does not exist: the pod would not start");
        };
        let content = content(map)?;
        if source["items"].is_null() {
            files.extend(content);
            continue;
        }
        for item in list(&source["items"]) {
            let key = text(&item["key"]);
            let bytes = content.get(key).with_context(|| format!("the ConfigMap `{name}` has no key `{key}`"))?;
            files.insert(text(&item["path"]).to_owned(), bytes.clone());
        }
    }
    Ok(files)
}

fn content(map: &Value) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut content = BTreeMap::new();
    for (key, value) in map["data"].as_object().into_iter().flatten() {
        content.insert(key.clone(), text(value).as_bytes().to_vec());
    }
    for (key, value) in map["binaryData"].as_object().into_iter().flatten() {
        content.insert(key.clone(), STANDARD.decode(text(value))?);
    }
    Ok(content)
}

/// Writes files as the kubelet's atomic writer does: into a dated folder, to which `..data` points, with a link for each top-level
/// name through `..data`.
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

/// Kubernetes' expansion of arguments: `$(NAME)` is a variable of the container if there is one, `$$` is `$`.
fn expand(argument: &str, env: &BTreeMap<&str, &str>) -> String {
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
        let env = BTreeMap::from([("A", "1")]);
        for (argument, expected) in [("$(A)", "1"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("a$b", "a$b"), ("$", "$")] {
            assert_eq!(expand(argument, &env), expected);
        }
    }
}
