"""Checks that every name in a Job or CronJob is that of an object in the same output.

Also a program: references.py [--namespace N] [--image I] [--prefix P] [FILE|FOLDER...]
"""

import argparse
import sys

from objects import containers, is_emitted, key, load_paths, namespace, pod_template, title, volume_sources


# Every cluster creates it in every namespace.
CLUSTER_AUTHORITY = "kube-root-ca.crt"


def mentions(item):
    """Every (kind, name, keys, optional) that a Job or CronJob needs in its own namespace."""
    spec = pod_template(item)["spec"]
    if spec.get("serviceAccountName", "default") != "default":
        yield "ServiceAccount", spec["serviceAccountName"], [], False
    for secret in spec.get("imagePullSecrets", []):
        yield "Secret", secret["name"], [], False
    for _, kind, source in volume_sources(item):
        if kind == "ConfigMap" and source.get("name") == CLUSTER_AUTHORITY:
            continue
        keys = [entry["key"] for entry in source.get("items", [])]
        yield kind, source.get("name") or source["secretName"], keys, source.get("optional", False)
    for container in containers(item):
        for source in container.get("envFrom", []):
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if field in source:
                    yield kind, source[field]["name"], [], source[field].get("optional", False)
        for variable in container.get("env", []):
            source = variable.get("valueFrom", {})
            for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                if field in source:
                    yield kind, source[field]["name"], [source[field]["key"]], source[field].get("optional", False)


def broken(items):
    """One line for each name without an object, and for each duplicate object."""
    by_id = {}
    for item in items:
        if key(item) in by_id:
            yield f"{title(item)} is in the output more than once"
        by_id[key(item)] = item
    jobs = [item for item in items if pod_template(item)]
    for job in jobs:
        for kind, name, keys, optional in mentions(job):
            target = by_id.get(("v1", kind, namespace(job), name))
            if target is None:
                # An optional object may be created by another client, or not exist; but it must not be in the output under another name.
                renamed = [n for _, k, ns, n in by_id if k == kind and ns == namespace(job) and name in n]
                if not optional:
                    yield f"{title(job)} mentions {kind} {name}, which is not in the output"
                elif renamed:
                    yield f"{title(job)} mentions {kind} {name}; in the output is {', '.join(renamed)}"
                continue
            held = {**target.get("data", {}), **target.get("binaryData", {})}
            for missing in [] if optional else [k for k in keys if k not in held]:
                yield f"{title(job)} mentions key {missing} of {kind} {name}, which has no such key"
    allowed = {
        (namespace(role), name)
        for role in items
        if role["kind"] == "Role" and is_emitted(role)
        for rule in role["rules"]
        for name in rule.get("resourceNames", [])
    }
    reporting = {
        (namespace(job), job["metadata"]["name"])
        for job in jobs
        if any(argument.startswith(("--report-job=", "--from-cluster")) for c in containers(job) for argument in c.get("args", []))
    }
    for place, name in sorted(allowed ^ reporting):
        yield f"Job {place}/{name} reports or may report to its cluster, not both"
    for policy in items:
        if policy["kind"] != "NetworkPolicy" or not is_emitted(policy):
            continue
        wanted = policy["spec"].get("podSelector", {}).get("matchLabels", {}).items()
        if not any(
            wanted <= pod_template(job)["metadata"].get("labels", {}).items()
            for job in jobs
            if namespace(job) == namespace(policy)
        ):
            yield f"{title(policy)} selects the pods of no Job"


def misplaced(items, wanted_namespace, image, prefix):
    """One line for each rendered object to which an overlay's namespace, images or namePrefix were not applied."""
    for item in filter(is_emitted, items):
        name = item["metadata"]["name"]
        if wanted_namespace and namespace(item) != wanted_namespace:
            yield f"{title(item)} is not in namespace {wanted_namespace}"
        if prefix and prefix not in name and (item["kind"] in ("Job", "CronJob") or "manifest.json" in item.get("data", {})):
            yield f"{title(item)} lacks the prefix {prefix}"
        for container in containers(item) if image and pod_template(item) else []:
            if container["image"] != image:
                yield f"{title(item)} runs the image {container['image']}, not {image}"


def main():
    parser = argparse.ArgumentParser()
    for option in ("--namespace", "--image", "--prefix"):
        parser.add_argument(option)
    parser.add_argument("paths", nargs="*")
    options = parser.parse_args()
    items = load_paths(options.paths)
    lines = [*broken(items), *misplaced(items, options.namespace, options.image, options.prefix)]
    if not any(pod_template(item) and is_emitted(item) for item in items):
        lines.append("the output has no rendered Job")
    print("\n".join(lines))
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
