#!/usr/bin/env python3
"""Drives the sandbox with Google's own client and holds every answer against Google's own schemas.

    SANDBOX_URL=http://127.0.0.1:8080 python3 testdata/sandbox_conformance.py

Needs google-api-python-client==2.202.0, which carries the discovery document apigee.v1, and jsonschema. The client builds each
request from that document, so a path, a parameter or a type that Apigee does not have fails before it is sent. The answers are
validated with unknown fields forbidden. Prints `N passed, N failed`; the exit code is 1 when something failed.
"""

import io
import json
import os
import sys
import time
import uuid
import zipfile
from pathlib import Path

os.environ.setdefault("GOOGLE_API_USE_CLIENT_CERTIFICATE", "false")

import googleapiclient
import httplib2
import jsonschema
from googleapiclient import discovery
from googleapiclient.errors import HttpError
from google.auth.credentials import AnonymousCredentials

DOCUMENT = json.loads(
    (Path(googleapiclient.__file__).parent / "discovery_cache/documents/apigee.v1.json").read_text()
)


# --- Google's schemas as JSON Schema ----------------------------------------------------------------------------------------

FORMATS = {
    "int64": {"pattern": r"^-?[0-9]{1,19}$"},
    "uint64": {"pattern": r"^[0-9]{1,20}$"},
    "int32": {"minimum": -(2**31), "maximum": 2**31 - 1},
    "byte": {"pattern": r"^[A-Za-z0-9+/_=-]*$"},
}


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
# The envelope of errors is Google's HTTP mapping (AIP-193) and stands in no discovery document.
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
                "status": {"enum": ["INVALID_ARGUMENT", "FAILED_PRECONDITION", "NOT_FOUND", "ALREADY_EXISTS", "UNAUTHENTICATED"]},
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


def validate(value, schema):
    validator = jsonschema.Draft202012Validator({"$ref": f"#/$defs/{schema}", "$defs": DEFINITIONS})
    errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(value)]
    assert not errors, f"not a {schema}: {'; '.join(errors)}"


# --- Bundles ----------------------------------------------------------------------------------------------------------------


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return buffer.getvalue()


def proxy(name, base_path, **more):
    return zipped({
        f"apiproxy/{name}.xml": f'<APIProxy name="{name}"><DisplayName>N</DisplayName><Description>D</Description></APIProxy>',
        "apiproxy/policies/FC.xml": '<FlowCallout name="FC"><SharedFlowBundle>flow</SharedFlowBundle></FlowCallout>',
        "apiproxy/proxies/default.xml": '<ProxyEndpoint name="default"><PreFlow><Request><Step><Name>FC</Name></Step></Request>'
        f"</PreFlow><HTTPProxyConnection><BasePath>{base_path}</BasePath></HTTPProxyConnection>"
        '<RouteRule name="r"><TargetEndpoint>t</TargetEndpoint></RouteRule></ProxyEndpoint>',
        "apiproxy/targets/t.xml": '<TargetEndpoint name="t"><HTTPTargetConnection><LoadBalancer><Server name="s"/></LoadBalancer>'
        "</HTTPTargetConnection></TargetEndpoint>",
        "apiproxy/resources/jsc/x.js": "1;",
        **more,
    })


# A standard policy in the place of the extensible one.
PLAIN = {"apiproxy/policies/FC.xml": '<SpikeArrest name="FC"/>'}

FLOW = zipped({
    "sharedflowbundle/flow.xml": '<SharedFlowBundle name="flow"/>',
    "sharedflowbundle/sharedflows/default.xml": '<SharedFlow name="default"/>',
})


# --- Calls ------------------------------------------------------------------------------------------------------------------


class Conformance:
    def __init__(self, url):
        self.passed, self.failed = 0, 0
        self.url = url
        token = os.environ.get("SANDBOX_TOKEN")
        self.headers = {"authorization": f"Bearer {token}"} if token else {}
        self.service = discovery.build_from_document(
            DOCUMENT, credentials=AnonymousCredentials(), client_options={"api_endpoint": url}
        )

    def check(self, what, action):
        try:
            result = action()
        except (AssertionError, HttpError, TypeError, KeyError, ValueError, OSError, httplib2.HttpLib2Error) as error:
            self.failed += 1
            print(f"FAILED {what}: {error}")
            return {}
        self.passed += 1
        return result

    def request(self, method, parameters, upload, multipart):
        """The request of a method like `organizations.apis.create`, built by Google's client."""
        resource = self.service
        *parents, last = method.split(".")
        for parent in parents:
            resource = getattr(resource, parent)()
        request = getattr(resource, last)(**parameters)
        request.headers.update(self.headers)
        if upload is not None and multipart:
            boundary = uuid.uuid4().hex
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="b.zip"\r\n\r\n'
            request.body = head.encode() + upload + f"\r\n--{boundary}--\r\n".encode()
            request.headers["content-type"] = f"multipart/form-data; boundary={boundary}"
        elif upload is not None:
            request.body = upload
            request.headers["content-type"] = "application/octet-stream"
        if upload is not None:
            # The client took the request for one without a body.
            request.headers["content-length"] = str(len(request.body))
        return request

    def call(self, method, expect=None, schema=None, upload=None, multipart=True, **parameters):
        """Calls a method, validates the answer, and checks the fields of `expect`."""

        def action():
            answer = self.request(method, parameters, upload, multipart).execute()
            validate(answer, schema or self.answer_schema(method))
            for field, value in (expect or {}).items():
                assert answer.get(field) == value, f"{field} is {answer.get(field)!r}, expected {value!r}"
            return answer

        return self.check(f"{method} {parameters}", action)

    def refuse(self, method, status, detail=None, contains="", upload=None, **parameters):
        """Calls a method that must fail, and validates the error."""

        def action():
            try:
                self.request(method, parameters, upload, True).execute()
            except HttpError as error:
                body = json.loads(error.content)
                validate(body, "Error")
                assert error.resp["content-type"].startswith("application/json"), error.resp["content-type"]
                assert body["error"]["code"] == error.status_code == status, error
                kinds = [item["@type"].rsplit("/")[-1] for item in body["error"].get("details", [])]
                assert "google.rpc.RequestInfo" in kinds, kinds
                assert detail is None or detail in kinds, f"no {detail} in {kinds}"
                assert contains in json.dumps(body), f"no {contains!r} in {body}"
                return body
            raise AssertionError(f"it succeeded, expected {status}")

        return self.check(f"{method} {parameters} -> {status}", action)

    def answer_schema(self, method):
        node = DOCUMENT
        *parents, last = method.split(".")
        for parent in parents:
            node = node["resources"][parent]
        return node["methods"][last]["response"]["$ref"]

    def until_ready(self, method, name):
        def action():
            for _ in range(200):
                answer = self.request(method, {"name": name}, None, False).execute()
                validate(answer, "GoogleCloudApigeeV1Deployment")
                if answer["state"] == "READY":
                    assert "routeConflicts" not in answer and answer["instances"], answer
                    return answer
                assert answer["state"] == "PROGRESSING", answer
                time.sleep(0.05)
            raise AssertionError("not READY in 10 s")

        return self.check(f"{method} {name} until READY", action)

    def download(self, method, name, original):
        def action():
            request = self.request(method, {"name": name, "format": "bundle"}, None, False)
            request.postproc = lambda _response, content: content
            content = request.execute()
            assert content == original, "the zip is not the one that was uploaded"

        self.check(f"{method} {name} format=bundle", action)


# --- The run ----------------------------------------------------------------------------------------------------------------


def run(c):
    org = f"organizations/conformance-{uuid.uuid4().hex[:8]}"
    env = f"{org}/environments/prod"
    apis, flows = "organizations.apis", "organizations.sharedflows"
    env_apis, env_flows = "organizations.environments.apis", "organizations.environments.sharedflows"
    proxy_revision, flow_revision = "GoogleCloudApigeeV1ApiProxyRevision", "GoogleCloudApigeeV1SharedFlowRevision"
    bad, precondition = "edge.configstore.bundle.BadBundle", "google.rpc.PreconditionFailure"
    one = proxy("a", "/a")

    # An empty organization.
    c.call(f"{apis}.list", {"proxies": None}, parent=org)
    c.call(f"{flows}.list", {"sharedFlows": None}, parent=org)
    c.call("organizations.deployments.list", {"deployments": None}, parent=org)
    c.refuse(f"{apis}.get", 404, name=f"{org}/apis/a")
    c.refuse(f"{flows}.get", 404, name=f"{org}/sharedflows/flow")

    # Uploads, in both content types.
    c.call(f"{apis}.create", parent=org, name="a", action="validate", upload=one)
    c.refuse(f"{apis}.get", 404, name=f"{org}/apis/a")
    c.call(
        f"{apis}.create",
        {
            "name": "a", "revision": "1", "basepaths": ["/a"], "description": "D", "displayName": "N", "policies": ["FC"],
            "proxies": ["default"], "targets": ["t"], "targetServers": ["s"], "sharedFlows": ["flow"],
            "resources": ["jsc://x.js"], "resourceFiles": {"resourceFile": [{"type": "jsc", "name": "x.js"}]},
            "type": "Application",
        },
        parent=org, name="a", action="import", upload=one,
    )
    c.call(f"{apis}.create", {"revision": "2"}, parent=org, name="a", action="import", upload=one, multipart=False)
    c.call(f"{flows}.create", parent=org, name="flow", action="validate", upload=FLOW)
    c.call(f"{flows}.create", {"revision": "1", "sharedFlows": ["default"]}, parent=org, name="flow", action="import", upload=FLOW)

    # Uploads that Apigee refuses.
    for path, text, where in [
        ("apiproxy/policies/X.xml", "<X name='X'", "apiproxy/policies/X.xml"),
        ("apiproxy/policies/X.xml", "<X name='Y'/>", "apiproxy/policies/X.xml"),
        ("apiproxy/policies/FC.xml", "<FlowCallout name='FC'/>", "apiproxy/policies/FC.xml"),
        ("apiproxy/second.xml", "<APIProxy name='second'/>", "apiproxy/"),
        ("apiproxy/proxies/two.xml", "<ProxyEndpoint name='two'/>", "apiproxy/proxies/two.xml"),
    ]:
        broken = proxy("a", "/a", **{path: text})
        c.refuse(f"{apis}.create", 400, bad, f'"filename": "{where}"', upload=broken, parent=org, name="a", action="validate")
    c.refuse(f"{apis}.create", 400, bad, upload=b"PK nonsense", parent=org, name="a", action="import")
    c.refuse(f"{apis}.create", 400, bad, upload=FLOW, parent=org, name="a", action="import")
    c.refuse(f"{apis}.create", 400, upload=one, parent=org, name="a b", action="import")
    c.refuse(f"{apis}.create", 400, upload=one, parent=org, name="a", action="other")
    c.refuse(f"{flows}.create", 400, bad, upload=one, parent=org, name="flow", action="import")

    # Reading.
    c.call(f"{apis}.list", {"proxies": [{"name": "a", "apiProxyType": "PROGRAMMABLE"}]}, parent=org)
    c.call(f"{apis}.list", parent=org, includeRevisions=True, includeMetaData=True)
    c.call(f"{flows}.list", {"sharedFlows": [{"name": "flow"}]}, parent=org)
    c.call(f"{flows}.list", parent=org, includeRevisions=True, includeMetaData=True)
    c.call(f"{apis}.get", {"revision": ["1", "2"], "latestRevisionId": "2"}, name=f"{org}/apis/a")
    c.call(f"{flows}.get", {"revision": ["1"], "latestRevisionId": "1"}, name=f"{org}/sharedflows/flow")
    # The document says HttpBody, because of the download; without `format` the answer is the revision.
    c.call(f"{apis}.revisions.get", {"revision": "2"}, proxy_revision, name=f"{org}/apis/a/revisions/2")
    c.call(f"{flows}.revisions.get", {"revision": "1"}, flow_revision, name=f"{org}/sharedflows/flow/revisions/1")
    c.download(f"{apis}.revisions.get", f"{org}/apis/a/revisions/1", one)
    c.download(f"{flows}.revisions.get", f"{org}/sharedflows/flow/revisions/1", FLOW)
    c.refuse(f"{apis}.revisions.get", 404, name=f"{org}/apis/a/revisions/9")

    # Deploying.
    a1, a2, f1 = f"{env}/apis/a/revisions/1", f"{env}/apis/a/revisions/2", f"{env}/sharedflows/flow/revisions/1"
    report = "organizations.environments.apis.revisions.deployments"
    c.refuse(f"{env_apis}.revisions.getDeployments", 404, name=a1)
    c.call(f"{env_flows}.revisions.deploy", {"apiProxy": "flow", "revision": "1"}, name=f1)
    c.until_ready(f"{env_flows}.revisions.getDeployments", f1)
    c.call(f"{report}.generateDeployChangeReport", {"validationErrors": None}, name=a1)
    account = "runner@project.iam.gserviceaccount.com"
    deployed = {"apiProxy": "a", "environment": "prod", "revision": "1", "serviceAccount": f"projects/-/serviceAccounts/{account}"}
    c.call(f"{env_apis}.revisions.deploy", {**deployed, "state": None}, name=a1, serviceAccount=account, sequencedRollout=True)
    c.until_ready(f"{env_apis}.revisions.getDeployments", a1)
    c.refuse(f"{env_apis}.revisions.deploy", 400, precondition, "CONFLICTING_DEPLOYMENT", name=a2)
    c.call(f"{report}.generateDeployChangeReport", name=a2)
    c.call(f"{report}.generateDeployChangeReport", {"validationErrors": None}, name=a2, override=True)
    c.call(f"{env_apis}.revisions.deploy", {"revision": "2", "serviceAccount": None}, name=a2, override=True)
    c.until_ready(f"{env_apis}.revisions.getDeployments", a2)
    c.refuse(f"{env_apis}.revisions.getDeployments", 404, name=a1)
    c.refuse(f"{env_apis}.revisions.deploy", 404, name=f"{env}/apis/a/revisions/9")

    # A second proxy: the same base path is refused, one below it changes routes.
    c.call(f"{apis}.create", parent=org, name="b", action="import", upload=proxy("b", "/a"))
    b1, b2 = f"{env}/apis/b/revisions/1", f"{env}/apis/b/revisions/2"
    c.refuse(f"{env_apis}.revisions.deploy", 400, precondition, "CONFLICTING_DEPLOYMENT", name=b1, override=True)
    c.call(f"{report}.generateDeployChangeReport", name=b1, override=True)
    c.call(f"{apis}.create", parent=org, name="b", action="import", upload=proxy("b", "/a/below"))
    c.call(f"{report}.generateDeployChangeReport", name=b2, override=True)
    c.call(f"{env_apis}.revisions.deploy", name=b2)
    c.call(f"{report}.generateUndeployChangeReport", name=b2)

    # Lists, which lack the status.
    for method, parent, count in [
        ("organizations.deployments.list", org, 2),
        ("organizations.environments.deployments.list", env, 2),
        (f"{apis}.deployments.list", f"{org}/apis/a", 1),
        (f"{apis}.revisions.deployments.list", f"{org}/apis/a/revisions/2", 1),
        (f"{apis}.revisions.deployments.list", f"{org}/apis/a/revisions/1", 0),
        (f"{env_apis}.deployments.list", f"{env}/apis/a", 1),
        (f"{flows}.deployments.list", f"{org}/sharedflows/flow", 1),
        (f"{flows}.revisions.deployments.list", f"{org}/sharedflows/flow/revisions/1", 1),
        (f"{env_flows}.deployments.list", f"{env}/sharedflows/flow", 1),
        ("organizations.environments.deployments.list", f"{org}/environments/other", 0),
    ]:
        listed = c.call(method, parent=parent).get("deployments", [])
        c.check(f"{method} {parent} has {count}", lambda: check_list(listed, count))
    c.call("organizations.deployments.list", parent=org, sharedFlows=True)
    c.call("organizations.environments.deployments.list", parent=env, sharedFlows=True)

    # Undeploying and deleting, in the order that Apigee wants.
    c.refuse(f"{apis}.delete", 400, precondition, name=f"{org}/apis/a")
    c.refuse(f"{apis}.revisions.delete", 400, precondition, name=f"{org}/apis/a/revisions/2")
    c.refuse(f"{env_flows}.revisions.undeploy", 400, precondition, "WOULD_BREAK_DEPENDENT", name=f1)
    c.call(f"{env_apis}.revisions.undeploy", name=a2, sequencedRollout=True)
    c.call(f"{env_apis}.revisions.undeploy", name=b2)
    c.refuse(f"{env_apis}.revisions.undeploy", 404, name=a2)
    c.call(f"{env_flows}.revisions.undeploy", name=f1)
    c.call(f"{apis}.revisions.delete", {"revision": "1"}, name=f"{org}/apis/a/revisions/1")
    c.call(f"{apis}.get", {"revision": ["2"]}, name=f"{org}/apis/a")
    c.call(f"{apis}.create", {"revision": "3"}, parent=org, name="a", action="import", upload=one)
    c.call(f"{apis}.delete", {"name": "a"}, name=f"{org}/apis/a")
    c.refuse(f"{apis}.get", 404, name=f"{org}/apis/a")
    c.call(f"{flows}.revisions.delete", {"revision": "1"}, name=f"{org}/sharedflows/flow/revisions/1")
    c.refuse(f"{flows}.delete", 404, name=f"{org}/sharedflows/flow")


def run_uploads(c):
    """Labels, spaces, moves, classes, and new bundles for revisions that were never deployed."""
    org = f"organizations/uploads-{uuid.uuid4().hex[:8]}"
    env = f"{org}/environments/prod"
    apis, flows = "organizations.apis", "organizations.sharedflows"
    precondition = "google.rpc.PreconditionFailure"
    java = {"apiproxy/policies/J.xml": '<JavaCallout name="J"/>'}
    standard = proxy("a", "/a", **PLAIN)
    c.call(f"{apis}.create", {"hasExtensiblePolicy": None}, parent=org, name="a", action="import", space="s", upload=standard)
    c.call(f"{flows}.create", parent=org, name="flow", action="import", space="s", upload=FLOW)
    c.call(f"{apis}.get", {"space": "s", "labels": None}, name=f"{org}/apis/a")

    # Another bundle for a revision, until it was deployed.
    update, a1 = f"{apis}.revisions.updateApiProxyRevision", f"{org}/apis/a/revisions/1"
    extensible = proxy("a", "/b", **PLAIN, **java)
    c.call(update, {"revision": "1", "basepaths": ["/b"], "hasExtensiblePolicy": True}, name=a1, upload=extensible)
    c.call(update, {"revision": "1"}, name=a1, upload=extensible, multipart=False)
    c.download(f"{apis}.revisions.get", a1, extensible)
    c.refuse(update, 400, "edge.configstore.bundle.BadBundle", name=a1, upload=b"nonsense")
    c.refuse(update, 404, name=f"{org}/apis/a/revisions/2", upload=extensible)
    deployed = f"{env}/apis/a/revisions/1"
    deploy, undeploy = "organizations.environments.apis.revisions.deploy", "organizations.environments.apis.revisions.undeploy"
    c.call(deploy, {"proxyDeploymentType": "EXTENSIBLE"}, name=deployed)
    c.refuse(update, 400, precondition, "IMMUTABLE", name=a1, upload=extensible)
    c.call(undeploy, name=deployed)
    c.refuse(update, 400, precondition, "IMMUTABLE", name=a1, upload=extensible)
    update = f"{flows}.revisions.updateSharedFlowRevision"
    c.call(update, {"revision": "1"}, name=f"{org}/sharedflows/flow/revisions/1", upload=FLOW)

    # Both revisions while one takes over.
    c.call(f"{apis}.create", {"revision": "2"}, parent=org, name="a", action="import", upload=extensible)
    status, deployed2 = "organizations.environments.apis.revisions.getDeployments", f"{env}/apis/a/revisions/2"
    c.call(deploy, name=deployed)
    c.until_ready(status, deployed)
    c.call(deploy, name=deployed2, override=True)
    answer = c.call(status, {"state": "PROGRESSING"}, "GoogleCloudApigeeV1Deployment", name=deployed2)
    c.check("both revisions are reported", lambda: check_both(answer))
    c.refuse(f"{apis}.revisions.delete", 400, precondition, name=a1)
    c.until_ready(status, deployed2)
    c.call(f"{apis}.revisions.delete", name=a1)

    # Labels and spaces.
    c.call(f"{apis}.patch", {"labels": {"team": "x"}}, name=f"{org}/apis/a", updateMask="labels", body={"labels": {"team": "x"}})
    c.call(f"{apis}.get", {"labels": {"team": "x"}}, name=f"{org}/apis/a")
    c.refuse(f"{apis}.patch", 400, name=f"{org}/apis/a", updateMask="name", body={"labels": {}})
    c.refuse(f"{apis}.patch", 404, name=f"{org}/apis/z", updateMask="labels", body={"labels": {}})
    c.call(f"{apis}.list", {"proxies": [{"name": "a", "space": "s", "apiProxyType": "PROGRAMMABLE"}]}, parent=org, space="s")
    c.call(f"{apis}.list", {"proxies": None}, parent=org, space="t")
    c.call(f"{apis}.move", {"space": "t"}, name=f"{org}/apis/a", body={"space": "t"})
    c.call(f"{flows}.move", {"space": "t"}, name=f"{org}/sharedflows/flow", body={"space": "t"})
    c.call(f"{flows}.list", {"sharedFlows": [{"name": "flow", "space": "t"}]}, parent=org, space="t")
    c.refuse(f"{apis}.move", 404, name=f"{org}/apis/z", body={"space": "t"})


def check_both(answer):
    revisions = {item["revision"]: item.get("percentage", 0) for item in answer["instances"][0]["deployedRevisions"]}
    assert revisions.keys() == {"1", "2"} and sum(revisions.values()) == 100, revisions


def run_organization(c):
    """Organizations, environments, environment groups and their operations."""
    name = f"environments-{uuid.uuid4().hex[:8]}"
    org = f"organizations/{name}"
    orgs, envs, groups = "organizations", "organizations.environments", "organizations.envgroups"
    precondition = "google.rpc.PreconditionFailure"

    def done(operation):
        def action():
            for _ in range(200):
                answer = c.request("organizations.operations.get", {"name": operation["name"]}, None, False).execute()
                validate(answer, "GoogleLongrunningOperation")
                validate({k: v for k, v in answer["metadata"].items() if k != "@type"}, "GoogleCloudApigeeV1OperationMetadata")
                if answer.get("done"):
                    kind = answer["response"].pop("@type").rsplit(".", 1)[-1]
                    validate(answer["response"], "GoogleProtobufEmpty" if kind == "Empty" else f"GoogleCloudApigeeV1{kind}")
                    return answer["response"]
                time.sleep(0.05)
            raise AssertionError("not done in 10 s")

        return c.check(f"{operation.get('name')} until done", action)

    def names():
        _, content = httplib2.Http().request(f"{c.url}/v1/{org}/environments", headers=c.headers)
        return json.loads(content)

    # Any environment exists until one is made.
    c.call(f"{orgs}.get", {"name": name, "state": "ACTIVE", "runtimeType": "CLOUD", "environments": None}, name=org)
    c.call(f"{envs}.get", {"name": "any", "state": "ACTIVE"}, name=f"{org}/environments/any")
    made = c.call(f"{envs}.create", parent=org, body={"name": "dev", "displayName": "Dev", "type": "BASE"})
    c.call(f"{envs}.get", {"state": "CREATING"}, name=f"{org}/environments/dev")
    c.check("the operation ends", lambda: check_fields(done(made), name="dev", state="ACTIVE", type="BASE"))
    done(c.call(f"{envs}.create", parent=org, name="prod", body={}))
    c.refuse(f"{envs}.get", 404, contains="environment any not found", name=f"{org}/environments/any")
    c.refuse(f"{envs}.create", 409, parent=org, body={"name": "dev"})
    c.refuse(f"{envs}.create", 400, parent=org, body={"name": "a b"})
    c.check("environments are listed", lambda: check_equal(names(), ["dev", "prod"]))
    c.call(f"{orgs}.get", {"environments": ["dev", "prod"]}, name=org)
    c.call(f"{orgs}.list", parent="organizations")
    dev = f"{org}/environments/dev"
    c.call(f"{envs}.update", {"description": "D", "displayName": None}, name=dev, body={"name": "dev", "description": "D", "type": "BASE"})
    c.call(f"{envs}.updateEnvironment", {"description": None, "type": "BASE"}, name=dev, body={"type": "BASE"})
    c.refuse(f"{envs}.update", 400, contains="deploymentType", name=dev, body={"deploymentType": "ARCHIVE"})

    # Deployments want an environment that is there and takes them.
    extensible = {"apiproxy/policies/J.xml": '<JavaCallout name="J"/>'}
    c.call("organizations.apis.create", parent=org, name="a", action="import", upload=proxy("a", "/a", **extensible))
    deploy = f"{envs}.apis.revisions.deploy"
    c.refuse(deploy, 404, contains="environment any not found", name=f"{org}/environments/any/apis/a/revisions/1")
    c.refuse(deploy, 400, precondition, "EXTENSIBLE_PROXY", name=f"{dev}/apis/a/revisions/1")
    c.refuse(f"{envs}.deployments.list", 404, parent=f"{org}/environments/any")

    # Environment groups.
    one = c.call(f"{groups}.create", parent=org, name="one", body={"hostnames": ["one.example"]})
    c.refuse(f"{groups}.delete", 400, contains="locked by another operation", name=f"{org}/envgroups/one")
    c.check("the group is made", lambda: check_fields(done(one), name="one", hostnames=["one.example"]))
    done(c.call(f"{groups}.create", parent=org, body={"name": "two", "hostnames": ["two.example"]}))
    c.refuse(f"{groups}.create", 409, parent=org, name="one", body={"hostnames": ["x.example"]})
    c.refuse(f"{groups}.create", 409, parent=org, name="three", body={"hostnames": ["one.example"]})
    c.refuse(f"{groups}.create", 400, parent=org, name="three", body={})
    c.call(f"{groups}.get", {"state": "ACTIVE"}, name=f"{org}/envgroups/one")
    c.refuse(f"{groups}.get", 404, name=f"{org}/envgroups/three")
    first = c.call(f"{groups}.list", parent=org, pageSize=1)
    second = c.call(f"{groups}.list", {"nextPageToken": None}, parent=org, pageSize=1, pageToken=first.get("nextPageToken"))
    found = [item["name"] for page in (first, second) for item in page.get("environmentGroups", [])]
    c.check("the pages hold the groups", lambda: check_equal(found, ["one", "two"]))
    patched = c.call(f"{groups}.patch", name=f"{org}/envgroups/one", updateMask="hostnames", body={"hostnames": ["1.example"]})
    c.check("the hosts change", lambda: check_fields(done(patched), hostnames=["1.example"]))

    # Attachments have names that the server makes; the environments of a group share its base paths.
    attached = [
        done(c.call(f"{groups}.attachments.create", parent=f"{org}/envgroups/one", body={"environment": environment}))
        for environment in ("dev", "prod")
    ]
    c.refuse(f"{groups}.attachments.create", 409, parent=f"{org}/envgroups/one", body={"environment": "dev"})
    c.refuse(f"{groups}.attachments.create", 404, parent=f"{org}/envgroups/one", body={"environment": "any"})
    c.call(f"{groups}.attachments.list", parent=f"{org}/envgroups/one", pageSize=1)
    c.refuse(f"{groups}.delete", 400, precondition, name=f"{org}/envgroups/one")
    c.refuse(f"{envs}.delete", 400, precondition, name=dev)
    c.call("organizations.apis.create", parent=org, name="b", action="import", upload=proxy("b", "/a", **PLAIN))
    c.call(deploy, {"proxyDeploymentType": "STANDARD"}, name=f"{dev}/apis/b/revisions/1")
    c.call("organizations.apis.create", parent=org, name="c", action="import", upload=proxy("c", "/a"))
    report = f"{envs}.apis.revisions.deployments.generateDeployChangeReport"
    answer = c.call(report, name=f"{org}/environments/prod/apis/c/revisions/1")
    c.check("the group has a conflict", lambda: check_equal([item["environmentGroup"] for item in answer["routingConflicts"]], ["one"]))
    c.refuse(f"{envs}.delete", 400, precondition, "is deployed", name=dev)
    c.call(f"{envs}.apis.revisions.undeploy", name=f"{dev}/apis/b/revisions/1")
    for attachment in attached:
        full = f"{org}/envgroups/one/attachments/{attachment.get('name')}"
        c.call(f"{groups}.attachments.get", {"environmentGroupId": "one"}, name=full)
        done(c.call(f"{groups}.attachments.delete", name=full))
        c.refuse(f"{groups}.attachments.get", 404, name=full)
    done(c.call(f"{groups}.delete", name=f"{org}/envgroups/one"))
    c.refuse(f"{groups}.get", 404, name=f"{org}/envgroups/one")
    done(c.call(f"{envs}.delete", name=dev))
    c.refuse(f"{envs}.get", 404, name=dev)
    c.call("organizations.operations.list", name=org, pageSize=3)
    c.refuse("organizations.operations.get", 404, name=f"{org}/operations/none")


def check_equal(found, wanted):
    assert found == wanted, f"{found} is not {wanted}"


def check_fields(answer, **fields):
    for field, value in fields.items():
        assert answer.get(field) == value, f"{field} is {answer.get(field)!r}, expected {value!r}"


def check_list(listed, count):
    assert len(listed) == count, listed
    for deployment in listed:
        status = {"state", "errors", "instances", "routeConflicts"} & deployment.keys()
        assert not status, f"a list shows {status}"


def main():
    url = os.environ.get("SANDBOX_URL")
    if not url:
        sys.exit("SANDBOX_URL is not set; start `apigee-flux sandbox` and set it to the URL that it prints")
    conformance = Conformance(url)
    run(conformance)
    run_uploads(conformance)
    run_organization(conformance)
    print(f"{conformance.passed} passed, {conformance.failed} failed")
    sys.exit(1 if conformance.failed else 0)


if __name__ == "__main__":
    main()
