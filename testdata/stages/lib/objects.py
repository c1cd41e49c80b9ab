"""Reads Kubernetes objects from YAML, and parts of them.

PyYAML reads YAML 1.1, as many Kubernetes tools still do: text that our output does not quote as it should becomes
a boolean or a number here.
"""

import pathlib
import sys

import yaml

OUR_GROUP = "apigeeflux.dev/"
OWNER = "apigeeflux.dev/owner"

try:
    _LOADER = yaml.CSafeLoader
except AttributeError:
    _LOADER = yaml.SafeLoader


def load(text):
    """All objects of a YAML stream; a ResourceList or List counts as its items."""
    found = []
    for document in yaml.load_all(text, _LOADER):
        if not document:
            continue
        if document.get("kind") in ("ResourceList", "List"):
            found.extend(document["items"])
        else:
            found.append(document)
    return found


def load_paths(paths):
    """All objects of files, and of the YAML files below folders; of stdin without any path."""
    if not paths:
        return load(sys.stdin.read())
    found = []
    for path in map(pathlib.Path, paths):
        files = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
        for file in files:
            found.extend(load(file.read_text()))
    return found


def annotations(item):
    return item["metadata"].get("annotations") or {}


def is_ours(item):
    """True for a spec."""
    return item["apiVersion"].startswith(OUR_GROUP)


def is_emitted(item):
    """True for an object that the function rendered."""
    return OWNER in annotations(item)


def namespace(item):
    return item["metadata"].get("namespace", "")


def key(item):
    return item["apiVersion"], item["kind"], namespace(item), item["metadata"]["name"]


def title(item):
    return f"{item['kind']} {namespace(item)}/{item['metadata']['name']}"


def pod_template(item):
    """The pod template of a Job or CronJob, else None."""
    if item["kind"] == "Job":
        return item["spec"]["template"]
    if item["kind"] == "CronJob":
        return item["spec"]["jobTemplate"]["spec"]["template"]
    return None


def containers(item):
    spec = pod_template(item)["spec"]
    return spec.get("initContainers", []) + spec["containers"]


def volume_sources(item):
    """Every (kind, source) from which the pod's volumes get files; kind is ConfigMap or Secret."""
    for volume in pod_template(item)["spec"].get("volumes", []):
        for source in volume.get("projected", {}).get("sources", [volume]):
            if "configMap" in source:
                yield volume["name"], "ConfigMap", source["configMap"]
            if "secret" in source:
                yield volume["name"], "Secret", source["secret"]
