"""A replacement for scheduler and kubelet that runs the pods of our Jobs without containers.

It writes the volumes, expands the arguments, runs a program as the container's process and writes the status. A pod that
needs anything else is rejected, so that nothing is silently ignored.
"""

import base64
import datetime
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time
import traceback

from api import Refused

MESSAGE_BYTES = 4096


class PodRunner:
    """Runs the pods of one namespace. `runs` has a (Job, exit status, output) for each that ended."""

    def __init__(self, api, namespace, program, work):
        self.api = api
        self.path = f"/api/v1/namespaces/{namespace}"
        self.namespace = namespace
        self.program = program
        self.work = pathlib.Path(work)
        self.work.mkdir(parents=True)
        self.runs = []
        self.troubles = []
        self.seen = set()
        # The number of pods that a node runs at the same time.
        self.slots = threading.Semaphore(110)
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            try:
                for pod in self.api.get(f"{self.path}/pods")["items"]:
                    uid = pod["metadata"]["uid"]
                    if uid not in self.seen and "deletionTimestamp" not in pod["metadata"]:
                        self.seen.add(uid)
                        threading.Thread(target=self.run, args=(pod,), daemon=True).start()
            except Exception as error:
                self.troubles.append(repr(error))
            time.sleep(0.2)

    def run(self, pod):
        with self.slots:
            self.run_now(pod)

    def run_now(self, pod):
        name = pod["metadata"]["name"]
        root = self.work / name
        try:
            container = pod["spec"]["containers"][0]
            assert len(pod["spec"]["containers"]) == 1 and "initContainers" not in pod["spec"]
            self.set_status(pod, "Pending")
            environment = {one["name"]: self.value_of(one, pod) for one in container.get("env", [])}
            for mount in container.get("volumeMounts", []):
                volume = next(v for v in pod["spec"]["volumes"] if v["name"] == mount["name"])
                self.materialize(self.files_of(volume), root / mount["mountPath"].lstrip("/"))
            arguments = [expand(argument, environment) for argument in container["args"]]
            directory = root / container.get("workingDir", "/").lstrip("/")
            directory.mkdir(parents=True, exist_ok=True)
            self.set_status(pod, "Running", {"running": {"startedAt": now()}})
            started = now()
            done = subprocess.run([self.program, *arguments], cwd=directory, env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            output = done.stdout.decode(errors="replace")
            (self.work / f"{name}.log").write_text(output)
            status = done.returncode if done.returncode >= 0 else 128 - done.returncode
            message = output[-MESSAGE_BYTES:] if status else ""
            self.runs.append((owner(pod), status, output))
            terminated = {"exitCode": status, "reason": "Error" if status else "Completed", "message": message,
                          "startedAt": started, "finishedAt": now()}
            self.set_status(pod, "Failed" if status else "Succeeded", {"terminated": terminated})
        except Refused as refusal:
            if refusal.status != 404:
                self.troubles.append(f"{name}: {refusal}")
        except Exception:
            self.troubles.append(f"{name}: {traceback.format_exc()}")
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def set_status(self, pod, phase, state=None):
        status = {"phase": phase, "startTime": now()}
        if state:
            container = pod["spec"]["containers"][0]
            running = "running" in state
            status["containerStatuses"] = [{"name": container["name"], "image": container["image"], "imageID": "", "ready": running,
                                            "started": running, "restartCount": 0, "state": state}]
        self.api.patch(f"{self.path}/pods/{pod['metadata']['name']}/status", {"status": status})

    def value_of(self, variable, pod):
        if "valueFrom" not in variable:
            return variable.get("value", "")
        path = variable["valueFrom"]["fieldRef"]["fieldPath"]
        kind = re.fullmatch(r"metadata\.(annotations|labels)\['(.+)'\]", path)
        if kind:
            return pod["metadata"].get(kind[1], {}).get(kind[2], "")
        return {"metadata.namespace": self.namespace, "metadata.name": pod["metadata"]["name"]}[path]

    def files_of(self, volume):
        kinds = set(volume) - {"name"}
        assert kinds <= {"configMap", "secret", "projected"}, f"the volume {volume} is of a kind that is not run here"
        if "projected" in volume:
            sources = volume["projected"]["sources"]
        elif "secret" in volume:
            sources = [{"secret": {**volume["secret"], "name": volume["secret"]["secretName"]}}]
        else:
            sources = [volume]
        files = {}
        for source in sources:
            kind = "secret" if "secret" in source else "configMap"
            assert kind in source, f"the source {source} is of a kind that is not run here"
            files.update(self.files_from(kind, source[kind]))
        return files

    def files_from(self, kind, source):
        """Waits for a missing object, as a kubelet does."""
        while True:
            found = self.api.find(f"{self.path}/{kind.lower()}s/{source['name']}")
            content = content_of(kind, found) if found else None
            optional = source.get("optional", False)
            items = source.get("items")
            if content is None:
                if optional:
                    return {}
            elif items is None:
                return content
            elif optional or all(item["key"] in content for item in items):
                return {item["path"]: content[item["key"]] for item in items if item["key"] in content}
            time.sleep(0.5)

    @staticmethod
    def materialize(files, folder):
        """As the kubelet's atomic writer: a dated folder, `..data` that points to it, a link for each top-level name."""
        dated = folder / "..2026_01_01_00_00_00.1"
        dated.mkdir(parents=True)
        os.symlink(dated.name, folder / "..data")
        for path, content in files.items():
            target = dated / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            link = folder / pathlib.PurePath(path).parts[0]
            if not link.is_symlink():
                os.symlink(os.path.join("..data", link.name), link)


def content_of(kind, found):
    if kind == "secret":
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
    return {
        **{key: value.encode() for key, value in (found.get("data") or {}).items()},
        **{key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()},
    }


def expand(argument, environment):
    """`$(NAME)` is a variable of the container if there is one, `$$` is `$`."""
    def replacement(match):
        if match[0] == "$$":
            return "$"
        return environment.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", replacement, argument)


def owner(pod):
    return next((o["name"] for o in pod["metadata"].get("ownerReferences", []) if o["kind"] == "Job"), pod["metadata"]["name"])


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
