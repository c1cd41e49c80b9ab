#!/usr/bin/env python3
"""The parts of Google's discovery document of the Apigee API that the Rust tests use: methods, parameters, and the fields of messages.

    python3 testdata/stages/lib/extract.py > testdata/apigee-v1.json

One line for each method and message, so that a newer document causes a short diff. The stage `conformance` fails when the
file differs from the document of the installed google-api-python-client.
"""

import json

from discovery import DOCUMENT, _methods


def kind(node):
    """The type of a field or a parameter in one word."""
    if "$ref" in node:
        return node["$ref"]
    if node["type"] == "array":
        return [kind(node["items"])]
    if node["type"] == "object" and "additionalProperties" in node:
        return {"*": kind(node["additionalProperties"])}
    if node["type"] in ("object", "any"):
        return "any"
    # An integer of 64 bits is a string in JSON.
    return {"int64": "int64", "int32": "int32", "google-fieldmask": "mask"}.get(node.get("format"), node["type"])


def parameter(node):
    marks = {"deprecated": True} if node.get("deprecated") else {}
    marks |= {"enum": node["enum"]} if "enum" in node else {}
    marks |= {mark: True for mark in ("repeated", "required") if node.get(mark)}
    return {"type": kind(node), **marks}


def field(node):
    marks = {"enum": node["enum"]} if "enum" in node else {}
    # The schema has no attribute `required`: the descriptions begin with the word.
    marks |= {"required": True} if node.get("description", "").startswith("Required.") else {}
    marks |= {"readOnly": True} if node.get("readOnly") else {}
    return {"type": kind(node), **marks}


def extract():
    methods = []
    schemas = {}

    def take(name):
        if name in schemas:
            return
        properties = DOCUMENT["schemas"][name].get("properties", {})
        schemas[name] = {at: field(node) for at, node in sorted(properties.items())}
        for node in properties.values():
            node = node.get("items", node)
            if "$ref" in node:
                take(node["$ref"])

    for method in sorted(_methods(DOCUMENT), key=lambda one: one["id"]):
        query = {n: parameter(one) for n, one in sorted(method.get("parameters", {}).items()) if one["location"] == "query"}
        body = method.get("request", {}).get("$ref")
        methods.append({"id": method["id"], "verb": method["httpMethod"], "path": f"/{method['flatPath']}", "query": query, "body": body})
        if body:
            take(body)
    return {
        "revision": DOCUMENT["revision"],
        "everywhere": {name: parameter(node) for name, node in sorted(DOCUMENT["parameters"].items())},
        "methods": methods,
        "messages": {name: schemas[name] for name in sorted(schemas)},
    }


def text():
    """The file."""
    whole = extract()
    lines = [f'"revision": {json.dumps(whole["revision"])}', f'"everywhere": {json.dumps(whole["everywhere"])}']
    lines.append('"methods": [\n' + ",\n".join(json.dumps(method) for method in whole["methods"]) + "\n]")
    messages = ",\n".join(f"{json.dumps(name)}: {json.dumps(one)}" for name, one in whole["messages"].items())
    lines.append('"messages": {\n' + messages + "\n}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    print(text(), end="")
