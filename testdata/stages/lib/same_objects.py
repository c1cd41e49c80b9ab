"""Fails unless two files or folders contain the same rendered objects: same_objects.py FILE|FOLDER FILE|FOLDER

The file of an object, and the annotations of kpt and kustomize for that, are not compared.
"""

import difflib
import sys

import yaml

from objects import annotations, is_emitted, key, load_paths

PLACE = ("config.kubernetes.io/path", "config.kubernetes.io/index", "internal.config.kubernetes.io/")


def emitted(path):
    found = {}
    for item in filter(is_emitted, load_paths([path])):
        for name in [name for name in annotations(item) if name.startswith(PLACE)]:
            del item["metadata"]["annotations"][name]
        found[key(item)] = item
    return found


def text(objects):
    return [yaml.safe_dump(objects[k], sort_keys=True) for k in sorted(objects)]


def main():
    one, other = (emitted(path) for path in sys.argv[1:])
    lines = "---\n".join(text(one)).splitlines(), "---\n".join(text(other)).splitlines()
    print("\n".join(difflib.unified_diff(*lines, *sys.argv[1:], lineterm="")))
    if not one:
        print(f"{sys.argv[1]} holds no emitted object")
    sys.exit(0 if one and one == other else 1)


if __name__ == "__main__":
    main()
