"""Validates requests and responses against Google's discovery document of the Apigee API."""

import functools
import json
import pathlib
import re
import urllib.parse

import googleapiclient
import jsonschema

DOCUMENT = json.loads(
    (pathlib.Path(googleapiclient.__file__).parent / "discovery_cache/documents/apigee.v1.json").read_text()
)

# Methods of Apigee that are not in the document: lists that are a plain array of names, so that no protocol buffer describes them. Apigee's
# own tools use them.
BARE_LISTS = re.compile(
    r"/v1/organizations/[^/]+/(environments|keyvaluemaps"
    r"|environments/[^/]+/(targetservers|keyvaluemaps|references|keystores|flowhooks|keystores/[^/]+/aliases)"
    r"|(apis|sharedflows)/[^/]+/(keyvaluemaps|revisions))"
)

FORMATS = {
    "int64": {"pattern": r"^-?[0-9]{1,19}$"},
    "uint64": {"pattern": r"^[0-9]{1,20}$"},
    "int32": {"minimum": -(2**31), "maximum": 2**31 - 1},
    "byte": {"pattern": r"^[A-Za-z0-9+/_=-]*$"},
}
STATUSES = {
    400: ["INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"], 401: ["UNAUTHENTICATED"], 403: ["PERMISSION_DENIED"],
    404: ["NOT_FOUND"], 409: ["ALREADY_EXISTS", "ABORTED"], 429: ["RESOURCE_EXHAUSTED"], 499: ["CANCELLED"],
    500: ["INTERNAL", "UNKNOWN", "DATA_LOSS"], 501: ["UNIMPLEMENTED"], 503: ["UNAVAILABLE"], 504: ["DEADLINE_EXCEEDED"],
}  # fmt: skip


def to_json_schema(node):
    if "$ref" in node:
        return {"$ref": f"#/$defs/{node['$ref']}"}
    if node.get("type") == "any":
        return {}
    schema = {"type": node["type"], **FORMATS.get(node.get("format"), {})}
    if "enum" in node:
        schema["enum"] = node["enum"]
    if node["type"] == "array":
        schema["items"] = to_json_schema(node["items"])
    if node["type"] == "object":
        schema["properties"] = {name: to_json_schema(child) for name, child in node.get("properties", {}).items()}
        more = node.get("additionalProperties")
        schema["additionalProperties"] = to_json_schema(more) if more else False
    return schema


DEFINITIONS = {name: to_json_schema(schema) for name, schema in DOCUMENT["schemas"].items()}
DEFINITIONS["Names"] = {"type": "array", "items": {"type": "string"}}
# Google's mapping of errors to HTTP (AIP-193), which is not in the discovery document.
DEFINITIONS["Error"] = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "status"],
            "additionalProperties": False,
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string", "minLength": 1},
                "status": {"enum": [status for several in STATUSES.values() for status in several]},
                "details": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["@type"],
                        "properties": {"@type": {"pattern": r"^type\.googleapis\.com/"}},
                    },
                },
            },
        }
    },
}


@functools.cache
def _validator(schema):
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{schema}", "$defs": DEFINITIONS})


def differences(value, schema):
    """The differences between a value and its schema, including unknown fields."""
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in _validator(schema).iter_errors(value)]


def _methods(node):
    yield from node.get("methods", {}).values()
    for child in node.get("resources", {}).values():
        yield from _methods(child)


def _pattern(flat_path):
    # A colon begins a custom verb; within a name it would be sent as %3A.
    return re.compile("/" + re.sub(r"\\\{\w+\\\}", r"[^/:]+", re.escape(flat_path)))


METHODS = [(method["httpMethod"], _pattern(method["flatPath"]), method) for method in _methods(DOCUMENT)]


def find_method(verb, path):
    for its_verb, pattern, method in METHODS:
        if its_verb == verb and pattern.fullmatch(path):
            return method
    return None


def _parameter_problem(name, value, declared):
    if declared is None:
        return f"no parameter {name}"
    if declared.get("deprecated"):
        return f"{name} is deprecated"
    if declared["type"] == "boolean" and value not in ("true", "false"):
        return f"{name}={value} is neither true nor false"
    if declared["type"] == "integer" and not re.fullmatch("-?[0-9]+", value):
        return f"{name}={value} is no number"
    if "enum" in declared and value not in declared["enum"]:
        return f"{name}={value} is not one of {declared['enum']}"
    return None


def judge_request(exchange):
    """The id of the method that the request calls, and the parts of the request that Apigee does not have."""
    path, _, query = exchange.target.partition("?")
    method = find_method(exchange.method, path)
    length = [] if exchange.has_length or exchange.method not in ("POST", "PUT", "PATCH") else ["no length, which Google answers with 411"]
    if method is None:
        if exchange.method == "GET" and BARE_LISTS.fullmatch(path) and not query:
            return f"list {path.rsplit('/', 1)[-1]}", []
        return None, ["the discovery document has no such method"]
    declared = DOCUMENT["parameters"] | {
        name: one for name, one in method.get("parameters", {}).items() if one["location"] == "query"
    }
    given = urllib.parse.parse_qsl(query, keep_blank_values=True)
    problems = length + [_parameter_problem(name, value, declared.get(name)) for name, value in given]
    names = [name for name, _ in given]
    problems += [f"{n} is set more than once" for n in set(names) if names.count(n) > 1 and not declared.get(n, {}).get("repeated")]
    problems += [f"{n} is required" for n, one in declared.items() if one.get("required") and n not in names]
    problems += _body_problems(exchange, method.get("request", {}).get("$ref"))
    return method["id"], [problem for problem in problems if problem]


def _body_problems(exchange, schema):
    kind = exchange.content_type.split(";")[0].strip().lower()
    if schema is None:
        return [f"a body of {len(exchange.body)} bytes, where none is declared"] if exchange.body else []
    if schema == "GoogleApiHttpBody":
        if kind in ("multipart/form-data", "application/octet-stream") and exchange.body:
            return []
        return [f"{len(exchange.body)} bytes of type {kind!r}, where a file is expected"]
    if not exchange.body:
        return []
    if kind != "application/json":
        return [f"the body's type is {kind!r}, where JSON is expected"]
    return [f"the body is no {schema}: {one}" for one in differences(json.loads(exchange.body), schema)]


def judge_answer(exchange):
    """The parts of a response that Apigee would not send."""
    path, _, query = exchange.target.partition("?")
    is_json = exchange.answer_type.startswith("application/json")
    if exchange.status >= 400:
        if not is_json:
            return [f"an error of type {exchange.answer_type!r}"]
        answer = exchange.answer_json()
        found = differences(answer, "Error")
        if not found and answer["error"]["code"] != exchange.status:
            found.append(f"code {answer['error']['code']} in an answer with status {exchange.status}")
        if not found and answer["error"]["status"] not in STATUSES.get(exchange.status, []):
            found.append(f"status {answer['error']['status']} with HTTP's {exchange.status}")
        return found
    method = find_method(exchange.method, path)
    schema = method["response"]["$ref"] if method else "Names"
    if schema == "GoogleApiHttpBody":
        if "format=" in query or not is_json:
            return []
        # The document describes only the download; without `format` the response is the revision.
        schema = {"apis": "GoogleCloudApigeeV1ApiProxyRevision", "sharedflows": "GoogleCloudApigeeV1SharedFlowRevision"}.get(
            path.split("/")[4], schema
        )
    if exchange.status == 204 and not exchange.answer:
        return [] if schema == "GoogleProtobufEmpty" else ["an empty answer"]
    if not is_json:
        return [f"an answer of type {exchange.answer_type!r}"]
    return [f"no {schema}: {one}" for one in differences(exchange.answer_json(), schema)]


class Verdict:
    """Validates exchanges and counts them."""

    def __init__(self):
        self.requests, self.methods, self.violations = 0, set(), []

    def add(self, exchanges, requests=True):
        """Validates responses, and also requests unless they come from a third-party client."""
        for exchange in exchanges:
            method, problems = judge_request(exchange)
            if exchange.status == 404 and method is None:
                problems.append("the sandbox does not know it either")
            if not requests:
                problems = []
            if method or exchange.status < 400:
                problems += [f"answer: {one}" for one in judge_answer(exchange)]
            self.requests += 1
            self.methods.add(method)
            self.violations += [f"{exchange}: {problem}" for problem in problems]

    def __str__(self):
        n = self.requests
        return f"{n} requests of {len(self.methods - {None})} methods, {len(self.violations)} violations; {n} answers"
