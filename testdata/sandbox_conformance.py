#!/usr/bin/env python3
"""Sends requests to the sandbox with Google's own client and validates every response against Google's own schemas.

    SANDBOX_URL=http://127.0.0.1:8080 python3 testdata/sandbox_conformance.py

Needs google-api-python-client==2.202.0, which contains the discovery document apigee.v1, and jsonschema. The client builds each
request from that document, so a path, a parameter or a type that Apigee does not have fails before it is sent. Unknown fields in the
responses are errors. Prints `N passed, N failed`; the exit code is 1 when something failed.
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

import httplib2
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from google.auth.credentials import AnonymousCredentials

sys.path.insert(0, str(Path(__file__).parent / "stages/lib"))
from discovery import DOCUMENT, differences


def validate(value, schema):
    errors = differences(value, schema)
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


# An extensible policy.
JAVA = {
    "apiproxy/policies/J.xml": '<JavaCallout name="J"><ClassName>a.B</ClassName><ResourceURL>java://b.jar</ResourceURL></JavaCallout>',
}
# A standard policy that replaces the extensible one.
PLAIN = {"apiproxy/policies/FC.xml": '<SpikeArrest name="FC"><Rate>10ps</Rate></SpikeArrest>'}

FLOW = zipped({
    "sharedflowbundle/flow.xml": '<SharedFlowBundle name="flow"/>',
    "sharedflowbundle/sharedflows/default.xml": '<SharedFlow name="default"/>',
})


# --- Calls ------------------------------------------------------------------------------------------------------------------


class Conformance:
    def __init__(self, url):
        self.passed, self.failed = 0, 0
        token = os.environ.get("SANDBOX_TOKEN")
        self.headers = {"authorization": f"Bearer {token}"} if token else {}
        self.url = url
        self.service = build_from_document(
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
            # The client built a request without a body.
            request.headers["content-length"] = str(len(request.body))
        return request

    def call(self, method, expect=None, schema=None, upload=None, multipart=True, **parameters):
        """Calls a method, validates the response, and checks the fields of `expect`."""

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

    def done(self, method, **parameters):
        """Calls a method with an empty octet stream; the response must be 204."""

        def action():
            request = self.request(method, parameters, b"", False)
            request.postproc = lambda response, content: (response.status, content)
            answer = request.execute()
            assert answer == (204, b""), answer
            return {}

        return self.check(f"{method} {parameters} -> 204", action)

    def form(self, method, expect=None, status=200, parts=None, **parameters):
        """Calls a method with a form of the given parts; a status other than 200 must have an error."""
        def action():
            request = self.request(method, parameters, b"", False)
            boundary = uuid.uuid4().hex
            body = b"".join(
                f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'.encode() + part + b"\r\n"
                for name, part in (parts or {}).items()
            )
            request.body = body + f"--{boundary}--\r\n".encode()
            request.headers["content-type"] = f"multipart/form-data; boundary={boundary}"
            request.headers["content-length"] = str(len(request.body))
            try:
                answer = request.execute()
            except HttpError as error:
                validate(json.loads(error.content), "Error")
                assert error.status_code == status, error
                return {}
            assert status == 200, f"it succeeded, expected {status}"
            validate(answer, self.answer_schema(method))
            for field, value in (expect or {}).items():
                assert answer.get(field) == value, f"{field} is {answer.get(field)!r}, expected {value!r}"
            return answer

        return self.check(f"{method} {parameters} as a form", action)

    def content(self, method, expected, **parameters):
        """Calls a method whose response is a file."""

        def action():
            request = self.request(method, parameters, None, False)
            request.postproc = lambda _response, content: content
            content = request.execute()
            assert content == expected, f"the file is {content!r}"

        self.check(f"{method} {parameters} as a file", action)

    def names(self, path, expected):
        """A list that is not in the discovery document: a plain array of names."""

        def action():
            http = httplib2.Http()
            response, content = http.request(f"{self.url}/v1/{path}", headers=self.headers)
            assert response.status == 200, response
            assert json.loads(content) == expected, content

        self.check(f"GET {path} is {expected}", action)

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

    # Uploads that Apigee rejects.
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
    # The document says HttpBody, because of the download; without `format` the response is the revision.
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

    # A second proxy: the same base path is rejected, a base path below it changes routes.
    c.call(f"{apis}.create", parent=org, name="b", action="import", upload=proxy("b", "/a"))
    b1, b2 = f"{env}/apis/b/revisions/1", f"{env}/apis/b/revisions/2"
    c.refuse(f"{env_apis}.revisions.deploy", 400, precondition, "CONFLICTING_DEPLOYMENT", name=b1, override=True)
    c.call(f"{report}.generateDeployChangeReport", name=b1, override=True)
    c.call(f"{apis}.create", parent=org, name="b", action="import", upload=proxy("b", "/a/below"))
    c.call(f"{report}.generateDeployChangeReport", name=b2, override=True)
    c.call(f"{env_apis}.revisions.deploy", name=b2)
    c.call(f"{report}.generateUndeployChangeReport", name=b2)

    # Lists, which have no status.
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

    # Undeploying and deleting, in the order that Apigee requires.
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
    standard = proxy("a", "/a", **PLAIN)
    c.call(f"{apis}.create", {"hasExtensiblePolicy": None}, parent=org, name="a", action="import", space="s", upload=standard)
    c.call(f"{flows}.create", parent=org, name="flow", action="import", space="s", upload=FLOW)
    c.call(f"{apis}.get", {"space": "s", "labels": None}, name=f"{org}/apis/a")

    # A new bundle for a revision, until the revision is deployed.
    update, a1 = f"{apis}.revisions.updateApiProxyRevision", f"{org}/apis/a/revisions/1"
    extensible = proxy("a", "/b", **PLAIN, **JAVA)
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

    # Both revisions while one replaces the other.
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

    # Any environment exists until one is created.
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

    # Deployments need an environment that exists and accepts them.
    extensible = JAVA
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

    # The server generates the names of attachments; the environments of a group share its base paths.
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


CERTIFICATE = (Path(__file__).parent / "certificate.pem").read_bytes()
# The sandbox reads only the header; a complete key in a repository would be reported as a leak.
KEY = b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"


def environment_config(c):
    """Target servers, key value maps, resource files, keystores, references, flow hooks, debug mask, tracing."""
    org = f"organizations/config-{uuid.uuid4().hex[:8]}"
    env, envs = f"{org}/environments/prod", "organizations.environments"
    precondition, bad = "google.rpc.PreconditionFailure", "google.rpc.BadRequest"

    # Target servers.
    servers, server = f"{envs}.targetservers", f"{env}/targetservers/orders"
    c.names(f"{env}/targetservers", [])
    full = {"name": "orders", "host": "a.example", "port": 443, "protocol": "HTTP2", "sSLInfo": {"enabled": True, "ignoreValidationErrors": True}}
    c.call(f"{servers}.create", {**full, "isEnabled": True}, parent=env, body=full)
    c.refuse(f"{servers}.create", 409, parent=env, body=full)
    c.refuse(f"{servers}.create", 400, bad, "host is required", parent=env, body={"name": "x", "port": 1})
    c.refuse(f"{servers}.create", 400, bad, "Cannot find field", parent=env, body={"name": "x", "ssl": 1})
    c.refuse(f"{servers}.update", 400, contains="protocol", name=server, body={"host": "b.example", "port": 80})
    c.call(f"{servers}.update", {"sSLInfo": None, "host": "b.example"}, name=server, body={"host": "b.example", "port": 80, "protocol": "HTTP2"})
    c.call(f"{servers}.get", {"port": 80, "sSLInfo": None}, name=server)
    c.names(f"{env}/targetservers", ["orders"])
    c.call(f"{servers}.delete", {"name": "orders"}, name=server)
    c.refuse(f"{servers}.get", 404, name=server)

    # Key value maps and their entries, in each scope.
    c.call("organizations.apis.create", parent=org, name="a", action="import", upload=proxy("a", "/a"))
    c.refuse("organizations.apis.keyvaluemaps.create", 404, parent=f"{org}/apis/none", body={"name": "m", "encrypted": True})
    for method, parent in [("organizations", org), (envs, env), ("organizations.apis", f"{org}/apis/a")]:
        maps, name = f"{method}.keyvaluemaps", f"{parent}/keyvaluemaps/settings"
        entries = f"{maps}.entries"
        c.names(f"{parent}/keyvaluemaps", [])
        c.call(f"{maps}.create", {"name": "settings", "encrypted": True}, parent=parent, body={"name": "settings", "encrypted": True})
        c.refuse(f"{maps}.create", 409, precondition, parent=parent, body={"name": "settings", "encrypted": True})
        c.names(f"{parent}/keyvaluemaps", ["settings"])
        for number in range(101):
            c.call(f"{entries}.create", parent=name, body={"name": f"k {number:03}", "value": "v"})
        c.refuse(f"{entries}.create", 409, precondition, "KeyValueMapEntryAlreadyExists", parent=name, body={"name": "k 000", "value": "v"})
        listed = c.call(f"{entries}.list", parent=name)
        c.check("a page has 100", lambda: check_length(listed["keyValueEntries"], 100))
        rest = c.call(f"{entries}.list", {"nextPageToken": None}, parent=name, pageToken=listed.get("nextPageToken"))
        c.check("the rest has 1", lambda: check_length(rest["keyValueEntries"], 1))
        c.call(f"{entries}.update", {"value": "w"}, name=f"{name}/entries/k 000", body={"name": "k 000", "value": "w"})
        c.call(f"{entries}.get", {"value": "w"}, name=f"{name}/entries/k 000")
        c.call(f"{entries}.delete", name=f"{name}/entries/k 000")
        c.refuse(f"{entries}.get", 404, precondition, "keyvaluemap_entry_doesnt_exist", name=f"{name}/entries/k 000")
        c.call(f"{maps}.update", {"maskedValues": True}, name=name, body={"name": "settings", "encrypted": True, "maskedValues": True})
        c.call(f"{entries}.get", {"value": "*****"}, name=f"{name}/entries/k 001")
        c.call(f"{maps}.get", {"encrypted": True, "maskedValues": True}, name=name)
        c.call(f"{maps}.delete", name=name)
        c.refuse(f"{maps}.get", 404, name=name)

    # Resource files.
    files = f"{envs}.resourcefiles"
    c.call(f"{files}.create", {"name": "x.js", "type": "jsc"}, parent=env, name="x.js", type="jsc", upload=b"1;")
    c.call(f"{files}.create", parent=env, name="y.xsl", type="xsl", upload=b"<x/>", multipart=False)
    c.refuse(f"{files}.create", 409, parent=env, name="x.js", type="jsc", upload=b"1;")
    c.refuse(f"{files}.create", 400, parent=env, name="x.exe", type="exe", upload=b"1;")
    c.content(f"{files}.get", b"1;", parent=env, type="jsc", name="x.js")
    c.call(f"{files}.update", parent=env, type="jsc", name="x.js", upload=b"2;")
    c.content(f"{files}.get", b"2;", parent=env, type="jsc", name="x.js")
    c.call(f"{files}.list", {"resourceFile": [{"name": "x.js", "type": "jsc"}, {"name": "y.xsl", "type": "xsl"}]}, parent=env)
    c.call(f"{files}.list", {"resourceFile": [{"name": "y.xsl", "type": "xsl"}]}, parent=env, type="xsl")
    c.call(f"{files}.listEnvironmentResources", {"resourceFile": [{"name": "x.js", "type": "jsc"}]}, parent=env, type="jsc")
    c.call(f"{files}.delete", parent=env, type="jsc", name="x.js")
    c.refuse(f"{files}.get", 404, parent=env, type="jsc", name="x.js")

    # Keystores, aliases, references.
    stores, store = f"{envs}.keystores", f"{env}/keystores/tls"
    aliases, alias = f"{stores}.aliases", f"{env}/keystores/tls/aliases/orders"
    c.call(f"{stores}.create", {"name": "tls"}, parent=env, body={"name": "tls"})
    c.refuse(f"{stores}.create", 409, parent=env, body={"name": "tls"})
    pair = {"certFile": CERTIFICATE, "keyFile": KEY}
    long = {"parent": store, "format": "keycertfile", "ignoreExpiryValidation": True}
    made = c.form(f"{aliases}.create", {"alias": "orders", "type": "KEY_CERT"}, parts=pair, alias="orders", **long)
    c.check("the subject is read", lambda: check_subject(made))
    c.form(f"{aliases}.create", status=409, parts=pair, alias="orders", **long)
    c.form(f"{aliases}.create", {"type": "CERT"}, parts={"certFile": CERTIFICATE}, alias="ca", **long)
    c.form(f"{aliases}.create", status=400, parts={"certFile": b"none"}, alias="x", **long)
    c.form(f"{aliases}.create", {"type": "KEY_CERT", "certsInfo": None}, parts={"file": b"\x30\x00"}, alias="p12", parent=store, format="pkcs12")
    c.form(f"{aliases}.update", {"alias": "orders"}, parts={"certFile": CERTIFICATE}, name=alias, ignoreExpiryValidation=True)
    c.form(f"{aliases}.update", status=400, parts=pair, name=alias)
    c.call(f"{aliases}.get", {"type": "KEY_CERT"}, name=alias)
    c.content(f"{aliases}.getCertificate", CERTIFICATE, name=alias)
    c.names(f"{env}/keystores", ["tls"])
    c.names(f"{store}/aliases", ["ca", "orders", "p12"])
    c.call(f"{stores}.get", {"aliases": ["ca", "orders", "p12"]}, name=store)
    references, reference = f"{envs}.references", f"{env}/references/current"
    body = {"name": "current", "refers": "tls", "resourceType": "KeyStore"}
    c.refuse(f"{references}.create", 400, parent=env, body={**body, "refers": "none"})
    c.call(f"{references}.create", body, parent=env, body=body)
    c.refuse(f"{references}.create", 409, parent=env, body=body)
    c.call(f"{references}.update", {"description": "d"}, name=reference, body={**body, "description": "d"})
    c.call(f"{references}.get", {"refers": "tls"}, name=reference)
    c.names(f"{env}/references", ["current"])
    c.refuse(f"{stores}.delete", 400, precondition, name=store)
    c.call(f"{references}.delete", name=reference)
    c.call(f"{aliases}.delete", {"alias": "ca"}, name=f"{store}/aliases/ca")
    c.refuse(f"{aliases}.get", 404, name=f"{store}/aliases/ca")
    c.call(f"{stores}.delete", {"name": "tls"}, name=store)
    c.refuse(f"{stores}.get", 404, name=store)

    # Flow hooks use a shared flow.
    hooks, hook, flow = f"{envs}.flowhooks", f"{env}/flowhooks/PreProxyFlowHook", f"{env}/sharedflows/flow/revisions/1"
    c.call("organizations.sharedflows.create", parent=org, name="flow", action="import", upload=FLOW)
    c.call(f"{hooks}.get", {"sharedFlow": None, "flowHookPoint": "PreProxyFlowHook"}, name=hook)
    c.refuse(f"{hooks}.attachSharedFlowToFlowHook", 400, precondition, name=hook, body={"sharedFlow": "flow"})
    c.call(f"{envs}.sharedflows.revisions.deploy", name=flow)
    c.call(f"{hooks}.attachSharedFlowToFlowHook", {"sharedFlow": "flow", "continueOnError": True}, name=hook, body={"sharedFlow": "flow"})
    c.refuse(f"{envs}.sharedflows.revisions.undeploy", 400, precondition, "WOULD_BREAK_DEPENDENT", name=flow)
    c.names(f"{env}/flowhooks", ["PreProxyFlowHook", "PostProxyFlowHook", "PreTargetFlowHook", "PostTargetFlowHook"])
    c.refuse(f"{hooks}.get", 400, name=f"{env}/flowhooks/Other")
    c.call(f"{hooks}.detachSharedFlowFromFlowHook", name=hook)
    c.call(f"{envs}.sharedflows.revisions.undeploy", name=flow)

    # An update adds to the debug mask unless it replaces the mask.
    mask, body = f"{env}/debugmask", {"variables": ["a"], "namespaces": {"x": "urn:x"}}
    c.call(f"{envs}.getDebugmask", {"name": mask, "variables": None}, name=mask)
    c.call(f"{envs}.updateDebugmask", {"variables": ["a"]}, name=mask, body=body)
    c.call(f"{envs}.updateDebugmask", {"variables": ["a", "a"]}, name=mask, body=body)
    c.call(f"{envs}.updateDebugmask", {"variables": ["a"]}, name=mask, body=body, replaceRepeatedFields=True, updateMask="variables")

    # Tracing.
    trace, overrides = f"{env}/traceConfig", f"{envs}.traceConfig.overrides"
    c.call(f"{envs}.getTraceConfig", {"samplingConfig": {"sampler": "OFF"}}, name=trace)
    c.call(
        f"{envs}.updateTraceConfig", {"exporter": "CLOUD_TRACE"}, name=trace, updateMask="exporter,endpoint",
        body={"exporter": "CLOUD_TRACE", "endpoint": "p"},
    )
    c.refuse(f"{envs}.updateTraceConfig", 400, name=trace, updateMask="none", body={})
    body = {"apiProxy": "a", "samplingConfig": {"sampler": "PROBABILITY", "samplingRate": 0.25}}
    name = f"{trace}/overrides/{c.call(f'{overrides}.create', parent=trace, body=body).get('name')}"
    c.refuse(f"{overrides}.create", 409, parent=trace, body=body)
    c.call(f"{overrides}.patch", {"samplingConfig": {"sampler": "OFF"}}, name=name, updateMask="samplingConfig", body={"samplingConfig": {"sampler": "OFF"}})
    c.call(f"{overrides}.get", {"apiProxy": "a"}, name=name)
    listed = c.call(f"{overrides}.list", parent=trace)
    c.check("there is 1 override", lambda: check_length(listed["traceConfigOverrides"], 1))
    c.call(f"{overrides}.delete", name=name)
    c.refuse(f"{overrides}.get", 404, name=name)


def organization_config(c):
    """Data collectors, products, rate plans, developers, apps, keys, app groups, catalog items."""
    org, o = f"organizations/config-{uuid.uuid4().hex[:8]}", "organizations"
    precondition, bad = "google.rpc.PreconditionFailure", "google.rpc.BadRequest"

    # Data collectors.
    collectors, collector = f"{o}.datacollectors", f"{org}/datacollectors/dc_size"
    c.call(f"{collectors}.list", {"dataCollectors": None}, parent=org)
    c.call(f"{collectors}.create", {"name": "dc_size", "type": "INTEGER"}, parent=org, dataCollectorId="dc_size", body={"type": "INTEGER"})
    c.refuse(f"{collectors}.create", 409, parent=org, dataCollectorId="dc_size", body={"type": "INTEGER"})
    c.refuse(f"{collectors}.create", 400, parent=org, dataCollectorId="size", body={"type": "INTEGER"})
    c.refuse(f"{collectors}.patch", 400, name=collector, updateMask="type", body={"type": "STRING"})
    c.call(f"{collectors}.patch", {"description": "d", "type": "INTEGER"}, name=collector, updateMask="description", body={"description": "d"})
    c.call(f"{collectors}.get", {"description": "d"}, name=collector)
    c.call(f"{collectors}.list", parent=org, pageSize=1)
    c.call(f"{collectors}.delete", name=collector)
    c.refuse(f"{collectors}.get", 404, name=collector)

    # API products and rate plans.
    products, gold = f"{o}.apiproducts", f"{org}/apiproducts/gold"
    operation = {"apiSource": "a", "operations": [{"resource": "/x", "methods": ["GET"]}], "quota": {"limit": "5", "interval": "1", "timeUnit": "hour"}}
    body = {
        "name": "gold", "displayName": "Gold", "environments": ["prod"], "attributes": [{"name": "access", "value": "public"}],
        "operationGroup": {"operationConfigs": [operation], "operationConfigType": "proxy"}, "quotaCounterScope": "PROXY",
    }
    c.call(f"{products}.list", {"apiProduct": None}, parent=org)
    c.call(f"{products}.create", {**body, "approvalType": "auto"}, parent=org, body=body)
    c.refuse(f"{products}.create", 409, parent=org, body=body)
    c.refuse(f"{products}.create", 400, contains="apiResources", parent=org, body={**body, "name": "x", "apiResources": ["/"]})
    c.call(f"{products}.create", {"proxies": None}, parent=org, body={"name": "silver", "displayName": "Silver", "approvalType": "manual"})
    c.call(f"{products}.list", {"apiProduct": [{"name": "gold"}]}, parent=org, count="1")
    c.call(f"{products}.list", {"apiProduct": [{"name": "silver"}]}, parent=org, startKey="silver")
    c.call(f"{products}.list", parent=org, expand=True)
    c.call(f"{products}.list", {"apiProduct": [{"name": "gold"}]}, parent=org, attributename="access", attributevalue="public")
    c.refuse(f"{products}.list", 400, parent=org, count="1001")
    c.refuse(f"{products}.update", 400, bad, "displayName", name=gold, body={"description": "d"})
    c.call(f"{products}.update", {"description": "d", "environments": None}, name=gold, body={"displayName": "Gold", "description": "d"})
    attributes = f"{products}.attributes"
    c.call(f"{attributes}.updateApiProductAttribute", {"value": "2"}, name=f"{gold}/attributes/tier", body={"name": "tier", "value": "2"})
    c.call(f"{attributes}.get", {"value": "2"}, name=f"{gold}/attributes/tier")
    c.call(f"{attributes}.list", {"attribute": [{"name": "tier", "value": "2"}]}, parent=gold)
    c.call(f"{attributes}.delete", {"name": "tier"}, name=f"{gold}/attributes/tier")
    c.refuse(f"{attributes}.get", 404, name=f"{gold}/attributes/tier")
    plans = f"{products}.rateplans"
    body = {"displayName": "Monthly", "billingPeriod": "MONTHLY", "startTime": "1000", "setupFee": {"currencyCode": "EUR", "units": "5"}}
    made = c.call(f"{plans}.create", {"state": "DRAFT", "apiproduct": "gold", **body}, parent=gold, body=body)
    plan = f"{gold}/rateplans/{made.get('name')}"
    c.call(f"{plans}.update", {"state": "PUBLISHED"}, name=plan, body={**body, "state": "PUBLISHED"})
    c.call(f"{plans}.get", {"state": "PUBLISHED"}, name=plan)
    c.call(f"{plans}.list", {"ratePlans": [{"name": made.get("name")}]}, parent=gold)
    c.call(f"{plans}.list", parent=gold, expand=True, state="PUBLISHED")
    c.call(f"{plans}.list", {"ratePlans": [{"name": made.get("name")}]}, parent=f"{org}/apiproducts/-")
    c.call(f"{plans}.delete", name=plan)
    c.refuse(f"{plans}.get", 404, name=plan)

    # Developers.
    developers, ann = f"{o}.developers", f"{org}/developers/ann@x.example"
    body = {"email": "ann@x.example", "firstName": "Ann", "lastName": "X", "userName": "ann"}
    c.call(f"{developers}.create", {**body, "status": "active"}, parent=org, body=body)
    c.refuse(f"{developers}.create", 409, parent=org, body=body)
    c.refuse(f"{developers}.create", 400, bad, parent=org, body={"email": "b@x.example"})
    c.done(f"{developers}.setDeveloperStatus", name=ann, action="inactive")
    c.call(f"{developers}.update", {"status": "inactive", "lastName": "Y"}, name=ann, body={**body, "lastName": "Y"})
    c.done(f"{developers}.setDeveloperStatus", name=ann, action="active")
    c.call(f"{developers}.list", {"developer": [{"email": "ann@x.example"}]}, parent=org)
    c.call(f"{developers}.list", parent=org, expand=True)
    c.refuse(f"{developers}.list", 400, contains="expand", parent=org, expand=True, count="10")
    c.refuse(f"{developers}.list", 400, contains="startKey", parent=org, startKey="ann@x.example")
    c.call(f"{developers}.attributes.updateDeveloperAttribute", name=f"{ann}/attributes/a", body={"value": "1"})
    c.call(f"{developers}.attributes.list", {"attribute": [{"name": "a", "value": "1"}]}, parent=ann)

    # Apps of developers and of app groups, and their keys.
    groups, group = f"{o}.appgroups", f"{org}/appgroups/partners"
    c.call(f"{groups}.create", {"name": "partners", "status": "active"}, parent=org, body={"name": "partners", "channelId": "c"})
    c.refuse(f"{groups}.create", 409, parent=org, body={"name": "partners"})
    c.call(f"{groups}.update", {"displayName": "P", "channelId": None}, name=group, body={"name": "partners", "displayName": "P"})
    c.call(f"{groups}.update", {"status": "inactive"}, name=group, action="inactive", upload=b"", multipart=False)
    c.call(f"{groups}.list", {"totalSize": 1}, parent=org, filter="status=inactive")
    # The client has the method `create` in the collection `create` of keys, too.
    for methods, owner, is_group in [(f"{developers}.apps", ann, False), (f"{groups}.apps", group, True)]:
        app, keys = f"{owner}/apps/shop", f"{methods}.keys"
        create_key = f"{keys}.create" if is_group else f"{keys}.create.create"
        body = {"name": "shop", "apiProducts": ["gold", "silver"], "callbackUrl": "https://x.example", "attributes": [{"name": "a", "value": "1"}]}
        c.refuse(f"{methods}.create", 400, contains="none", parent=owner, body={**body, "apiProducts": ["none"]})
        made = c.call(f"{methods}.create", {"name": "shop", "status": "approved"}, parent=owner, body=body)
        c.check("one key was made", lambda: check_keys(made, 1))
        c.refuse(f"{methods}.create", 409, parent=owner, body=body)
        read = c.call(f"{methods}.update", {"callbackUrl": None}, name=app, body={"name": "shop", "attributes": body["attributes"]})
        c.check("no key was made", lambda: check_keys(read, 1))
        read = c.call(f"{methods}.update", name=app, body=body)
        c.check("an update with products makes a key", lambda: check_keys(read, 2))
        c.call(f"{methods}.list", parent=owner)
        c.call(f"{methods}.get", {"name": "shop"}, name=app)
        if is_group:
            c.call(f"{methods}.update", {"status": "revoked"}, name=app, action="revoke", upload=b"", multipart=False)
            c.call(f"{methods}.update", {"status": "approved"}, name=app, action="approve", upload=b"", multipart=False)
        else:
            c.call(f"{methods}.list", {"app": [{"appId": "shop"}]}, parent=owner)
            c.call(f"{methods}.list", parent=owner, expand=True)
            c.done(f"{methods}.generateKeyPairOrUpdateDeveloperAppStatus", name=app, action="revoke")
            c.call(f"{methods}.get", {"status": "revoked"}, name=app)
            c.done(f"{methods}.generateKeyPairOrUpdateDeveloperAppStatus", name=app, action="approve")
            c.call(f"{methods}.attributes.list", {"attribute": body["attributes"]}, parent=app)

        imported = {"consumerKey": f"key-{is_group}", "consumerSecret": "secret"}
        key = f"{app}/keys/key-{is_group}"
        c.call(create_key, {**imported, "status": "approved", "apiProducts": None}, parent=app, body={**imported, "status": "revoked"})
        c.refuse(create_key, 409, parent=app, body=imported)
        associated = [{"apiproduct": "gold", "status": "approved"}, {"apiproduct": "silver", "status": "pending"}]
        if is_group:
            c.call(f"{keys}.updateAppGroupAppKey", {"apiProducts": associated}, name=key, body={"apiProducts": ["gold", "silver"]})
            c.call(f"{keys}.updateAppGroupAppKey", {"status": "revoked"}, name=key, body={"action": "revoke"})
            c.done(f"{keys}.apiproducts.updateAppGroupAppKeyApiProduct", name=f"{key}/apiproducts/silver", action="approve")
        else:
            c.call(f"{keys}.updateDeveloperAppKey", {"apiProducts": associated}, name=key, body={"apiProducts": ["gold", "silver"]})
            c.done(f"{keys}.updateDeveloperAppKey", name=key, action="revoke")
            c.done(f"{keys}.apiproducts.updateDeveloperAppKeyApiProduct", name=f"{key}/apiproducts/silver", action="approve")
            c.call(f"{keys}.replaceDeveloperAppKey", {"scopes": ["read"]}, name=key, body={"scopes": ["read"]})
        c.call(f"{keys}.get", {"status": "revoked"}, name=key)
        c.call(f"{keys}.apiproducts.delete", {"apiProducts": associated[:1]}, name=f"{key}/apiproducts/silver")
        c.refuse(f"{keys}.apiproducts.delete", 404, name=f"{key}/apiproducts/silver")
        c.call(f"{keys}.delete", {"consumerKey": f"key-{is_group}"}, name=key)
        c.refuse(f"{keys}.get", 404, name=key)

    # All apps.
    c.call(f"{o}.apps.list", {"totalSize": 2}, parent=org)
    shown = c.call(f"{o}.apps.list", parent=org, expand=True)
    c.check("no key is shown", lambda: check_keys(shown["app"][0], 0))
    c.call(f"{o}.apps.list", {"totalSize": 2}, parent=org, expand=True, includeCred=True, apiProduct="gold")
    c.call(f"{o}.apps.get", {"name": "shop"}, name=f"{org}/apps/{shown['app'][0]['appId']}" if shown else f"{org}/apps/none")
    c.refuse(f"{products}.delete", 400, precondition, name=gold)

    # Catalog items of a portal.
    docs, site = f"{o}.sites.apidocs", f"{org}/sites/portal"
    body = {"title": "Gold", "apiProductName": "gold", "published": True}
    doc = f"{site}/apidocs/{c.call(f'{docs}.create', {'status': 'success'}, parent=site, body=body).get('data', {}).get('id')}"
    c.refuse(f"{docs}.create", 409, parent=site, body=body)
    c.call(f"{docs}.update", name=doc, body={**body, "title": "G"})
    c.refuse(f"{docs}.update", 400, contains="apiProductName", name=doc, body={**body, "apiProductName": "silver"})
    c.call(f"{docs}.get", name=doc)
    c.call(f"{docs}.list", parent=site)
    spec = {"displayName": "openapi.yaml", "contents": "b3BlbmFwaTogMy4wLjA="}
    c.call(
        f"{docs}.updateDocumentation", {"data": {"oasDocumentation": {"spec": {"displayName": "openapi.yaml"}, "format": "YAML"}}},
        name=f"{doc}/documentation", body={"oasDocumentation": {"spec": spec}},
    )
    c.call(f"{docs}.getDocumentation", {"data": {"oasDocumentation": {"spec": spec, "format": "YAML"}}}, name=f"{doc}/documentation")
    c.call(f"{docs}.delete", name=doc)
    c.refuse(f"{docs}.get", 404, name=doc)

    # Deleting, with what belongs to it.
    c.call(f"{developers}.apps.delete", {"name": "shop"}, name=f"{ann}/apps/shop")
    c.call(f"{developers}.delete", {"email": "ann@x.example"}, name=ann)
    c.refuse(f"{developers}.get", 404, name=ann)
    c.call(f"{groups}.delete", {"name": "partners"}, name=group)
    c.refuse(f"{groups}.get", 404, name=group)
    c.call(f"{products}.delete", {"name": "gold"}, name=gold)
    c.refuse(f"{products}.get", 404, name=gold)


def check_length(listed, count):
    assert len(listed) == count, f"{len(listed)} are listed"


def check_keys(app, count):
    assert len(app.get("credentials", [])) == count, app.keys()


def check_subject(alias):
    info = alias["certsInfo"]["certInfo"][0]
    assert info["subject"] == "CN=orders.example,O=Acme" and int(info["expiryDate"]) > int(info["validFrom"]), info


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
    for part in (run, run_uploads, run_organization, environment_config, organization_config):
        part(conformance)
    print(f"{conformance.passed} passed, {conformance.failed} failed")
    sys.exit(1 if conformance.failed else 0)


if __name__ == "__main__":
    main()
