"""Reads bundles from rendered objects, as a kubelet and the deployer do: the Job's projected items give each
file its path, the manifest joins parts and has the digest of every file.

Also a program: bundles.py OUT [FILE|FOLDER...] writes each bundle to OUT/NAME-DIGEST/{apiproxy,sharedflowbundle}.
"""

import base64
import hashlib
import json
import pathlib
import sys

from objects import is_emitted, load_paths, namespace, pod_template, title, volume_sources

ROOTS = {"proxy": "apiproxy", "sharedFlow": "sharedflowbundle"}


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def mounted(job, items):
    """The files of the Job's volume `bundle`, by path below the mount."""
    maps = {(namespace(i), i["metadata"]["name"]): i for i in items if i["kind"] == "ConfigMap"}
    files = {}
    for volume, kind, source in volume_sources(job):
        if volume != "bundle" or kind != "ConfigMap":
            continue
        config_map = maps[namespace(job), source["name"]]
        held = {k: v.encode() for k, v in config_map.get("data", {}).items()}
        held |= {k: base64.b64decode(v, validate=True) for k, v in config_map.get("binaryData", {}).items()}
        for entry in source.get("items") or [{"key": k, "path": k} for k in held]:
            assert entry["path"] not in files, f"{title(job)}: two sources give {entry['path']}"
            files[entry["path"]] = held[entry["key"]]
    return files


def bundle(files):
    """The manifest, and the bundle's files by path below its root folder, all digests verified."""
    manifest = json.loads(files["manifest.json"])
    found, used = {}, {"manifest.json"}
    for entry in manifest["files"]:
        parts = entry.get("parts") or [entry["path"]]
        data = b"".join(files[part] for part in parts)
        assert sha256(data) == entry["digest"], f"{entry['path']}: the digest differs from the manifest's"
        assert len(data) == entry["size"], f"{entry['path']}: the size differs from the manifest's"
        found[entry["path"]] = data
        used.update(parts)
    assert not files.keys() - used, f"files that the manifest does not list: {sorted(files.keys() - used)}"
    whole = hashlib.sha256()
    for path in sorted(found, key=str.encode):
        for part in (path.encode(), found[path]):
            whole.update(len(part).to_bytes(8, "big") + part)
    assert manifest["digest"] == "sha256:" + whole.hexdigest(), "the bundle's digest differs from the manifest's"
    return manifest, found


def all_bundles(items):
    """(manifest, files) of every different bundle that a Job mounts."""
    found = {}
    for job in filter(is_emitted, items):
        files = mounted(job, items) if pod_template(job) else {}
        if files:
            manifest, contents = bundle(files)
            found[manifest["kind"], manifest["name"], manifest["digest"]] = manifest, contents
    return [found[k] for k in sorted(found)]


def write(out, manifest, contents):
    """Writes one bundle below OUT; returns the folder that holds its root folder."""
    place = pathlib.Path(out, f"{manifest['name']}-{manifest['digest'].split(':')[1][:10]}")
    for path, data in contents.items():
        target = place / ROOTS[manifest["kind"]] / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return place


if __name__ == "__main__":
    for one in all_bundles(load_paths(sys.argv[2:])):
        print(write(sys.argv[1], *one))
