"""A small client of the Kubernetes API."""

import http.client
import json
import ssl
import urllib.parse


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Api:
    host = "127.0.0.1"

    def __init__(self, port, token, certificate):
        self.port = port
        self.token = token
        self.certificate = certificate
        # The warnings that the API sent with its responses, such as "would violate PodSecurity".
        self.warnings = []

    def call(self, method, path, body=None, content="application/json", **query):
        context = ssl.create_default_context(cafile=self.certificate)
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=30, context=context)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
            if body is not None:
                headers["Content-Type"] = content
                body = json.dumps(body)
            connection.request(method, path + ("?" + urllib.parse.urlencode(query) if query else ""), body, headers)
            answer = connection.getresponse()
            self.warnings += answer.headers.get_all("Warning", [])
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 300:
            raise Refused(answer.status, text)
        return json.loads(text) if text.startswith("{") else text

    def get(self, path, **query):
        return self.call("GET", path, **query)

    def find(self, path):
        """The object, or None if it does not exist."""
        try:
            return self.get(path)
        except Refused as refusal:
            if refusal.status == 404:
                return None
            raise

    def create(self, path, body):
        return self.call("POST", path, body)

    def delete(self, path, options=None):
        return self.call("DELETE", path, {"apiVersion": "v1", "kind": "DeleteOptions", **(options or {})})

    def patch(self, path, body):
        return self.call("PATCH", path, body, "application/merge-patch+json")

    def apply(self, path, body, **query):
        return self.call("PATCH", path, body, "application/apply-patch+yaml", fieldManager="test", force="true", **query)


def path_of(item, namespace):
    """The path of an object in a namespace."""
    group, _, version = item["apiVersion"].rpartition("/")
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    kind = item["kind"].lower()
    plural = kind[:-1] + "ies" if kind.endswith("y") else kind + "s"
    inside = "" if item["kind"] == "Namespace" else f"/namespaces/{namespace}"
    return f"{root}{inside}/{plural}/{item['metadata']['name']}"
