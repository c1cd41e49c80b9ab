"""The sandbox of a stage, which keeps its state when it is started again with other faults."""

import json
import threading
import time
import urllib.error
import urllib.request

from cluster import free_port
from specs import ENVIRONMENT, ORGANIZATION

# The key-value map with the records.
RECORDS = "apigee-flux"


class Sandbox:
    def __init__(self, cluster, program):
        self.cluster = cluster
        self.program = program
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self, *faults, progressing="300ms"):
        """Starts it, again if it runs, with these faults; a pod only sees that it does not answer for a moment."""
        if self.process:
            self.cluster.end(self.process)
        arguments = [f"--fault={fault}" for fault in faults]
        self.process = self.cluster.run("sandbox", self.program, "sandbox", "--listen", f"127.0.0.1:{self.port}", "--state",
                                        self.cluster.work / "sandbox.json", "--progressing", progressing, *arguments)
        self.cluster.until("the sandbox answers", self.state, 10)

    def call(self, method, path, body=None, content="application/json"):
        request = urllib.request.Request(self.url + path, body, {"Content-Type": content} if body is not None else {}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def get(self, path):
        return json.loads(self.call("GET", path))

    def state(self):
        organization = next(iter(self.get("/sandbox/state")["organizations"]), {"deployments": [], "proxies": []})
        return {
            "serving": {d["name"]: d["servingRevision"] for d in organization["deployments"] if d["state"] == "READY"},
            "revisions": {p["name"]: [r["revision"] for r in p["revisions"]] for p in organization["proxies"]},
            "commits": {d["name"]: d["commit"] for d in organization["deployments"]},
        }

    def serving(self):
        return self.state()["serving"]

    def writes(self):
        return [f"{r['method']} {r['path']}" for r in self.get("/sandbox/requests")["requests"] if r["isWrite"]]

    def changes(self):
        """The writes apart from those of records."""
        return [call for call in self.writes() if f"/keyvaluemaps/{RECORDS}/" not in call]

    def imports(self, name):
        """The number of imports of a proxy since the sandbox was started."""
        return sum("action=import" in call and f"name={name}" in call for call in self.writes())

    def undeploy(self, name, revision=None, name_of_environment=ENVIRONMENT):
        """A manual undeployment."""
        revision = revision or self.serving()[name]
        self.call("DELETE", f"/v1/organizations/{ORGANIZATION}/environments/{name_of_environment}/apis/{name}/revisions/{revision}/deployments")
        self.cluster.until(f"{name} is gone", lambda: name not in self.serving(), 10)

    def deploy_by_hand(self, name, bundle):
        """Somebody imports and deploys a proxy, the bundle of a zip file."""
        self.call("POST", f"/v1/organizations/{ORGANIZATION}/apis?action=import&name={name}", bundle, "application/octet-stream")
        self.call("POST", f"/v1/organizations/{ORGANIZATION}/environments/{ENVIRONMENT}/apis/{name}/revisions/1/deployments")
        self.cluster.until(f"{name} serves", lambda: name in self.serving(), 10)

    def target_server(self, name):
        return self.get(f"/v1/organizations/{ORGANIZATION}/environments/{ENVIRONMENT}/targetservers/{name}")

    def record(self, kind, name, where=ENVIRONMENT):
        """The record of a resource, or None."""
        try:
            entries = self.get(f"/v1/organizations/{ORGANIZATION}/environments/{where}/keyvaluemaps/{RECORDS}/entries")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
        found = [json.loads(entry["value"]) for entry in entries["keyValueEntries"]]
        return next((record for record in found if (record.get("kind"), record.get("name")) == (kind, name)), None)


class Watched:
    """`with Watched(sandbox, "orders") as seen:` looks at a proxy all the time: `seen.gaps` are the times at which it did not serve."""

    def __init__(self, sandbox, name):
        self.sandbox = sandbox
        self.name = name
        self.gaps = []
        self.looks = 0
        self.ended = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def look(self):
        while not self.ended.wait(0.05):
            self.looks += 1
            if self.name not in self.sandbox.serving():
                self.gaps.append(time.time())
