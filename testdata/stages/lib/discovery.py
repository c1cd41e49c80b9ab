"""Google's own client of the Apigee API, with every answer checked against the discovery document's schemas."""

import json
import pathlib

import google.auth.credentials
import googleapiclient.discovery
import googleapiclient.discovery_cache
import jsonschema
from googleapiclient.errors import HttpError

DOCUMENT = json.loads(
    pathlib.Path(googleapiclient.discovery_cache.__file__).with_name("documents").joinpath("apigee.v1.json").read_text()
)

# The document says HttpBody for both forms of this call; without format=bundle the answer is the resource.
ANSWERS = {
    "apigee.organizations.apis.revisions.get": "GoogleCloudApigeeV1ApiProxyRevision",
    "apigee.organizations.sharedflows.revisions.get": "GoogleCloudApigeeV1SharedFlowRevision",
}


def _json_schema(node):
    """A discovery schema as a JSON Schema that refuses unknown fields."""
    if isinstance(node, list):
        return [_json_schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": f"#/$defs/{node['$ref']}"}
    schema = {}
    if node.get("type", "any") != "any":
        schema["type"] = node["type"]
    for field in ("enum", "items", "additionalProperties"):
        if field in node:
            schema[field] = _json_schema(node[field])
    if "properties" in node:
        schema["properties"] = {name: _json_schema(one) for name, one in node["properties"].items()}
        schema.setdefault("additionalProperties", False)
    if node.get("format") == "int64" and node.get("type") == "string":
        schema["pattern"] = "^-?[0-9]+$"
    return schema


_DEFINITIONS = {name: _json_schema(schema) for name, schema in DOCUMENT["schemas"].items()}


def _methods(resource):
    for method in resource.get("methods", {}).values():
        yield method["id"], method.get("response", {}).get("$ref")
    for child in resource.get("resources", {}).values():
        yield from _methods(child)


_RESPONSES = dict(_methods(DOCUMENT)) | ANSWERS


def client(url):
    return googleapiclient.discovery.build(
        "apigee",
        "v1",
        credentials=google.auth.credentials.AnonymousCredentials(),
        client_options={"api_endpoint": url},
        static_discovery=True,
    )


def call(request):
    """Executes a request of the client; returns its answer, which fits the method's schema."""
    answer = request.execute()
    schema = {"$ref": f"#/$defs/{_RESPONSES[request.methodId]}", "$defs": _DEFINITIONS}
    try:
        jsonschema.validate(answer, schema)
    except jsonschema.ValidationError as error:
        where = ".".join(map(str, error.absolute_path))
        raise AssertionError(f"{request.methodId}: {where}: {error.message}\nin {json.dumps(answer)}") from None
    return answer


def upload(request, data, content_type="application/octet-stream"):
    """Gives a request the raw body that the client has no words for."""
    request.body, request.body_size = data, len(data)
    request.headers["content-type"] = content_type
    return request


def refused(request, http_status, status):
    """Executes a request that must fail with that google.rpc status; returns its message."""
    try:
        answer = request.execute()
    except HttpError as error:
        body = json.loads(error.content)["error"]
        assert (error.resp.status, body["code"], body["status"]) == (http_status, http_status, status), body
        return body["message"]
    raise AssertionError(f"{request.methodId} was not refused: {answer}")
