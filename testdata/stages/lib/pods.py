"""A replacement for scheduler and kubelet that runs the pods of our Jobs without containers.

It binds each pod to a node, writes the volumes, expands the arguments, runs a program as the container's process, stops it when the pod is
deleted, and writes the status. A pod that needs anything else is rejected, so that nothing is silently ignored.
"""

import base64
import dataclasses
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time
import traceback

from api import Refused

MESSAGE_BYTES = 4096
NODE = "node"
# How long a token is valid if its volume does not say it, in seconds.
TOKEN_SECONDS = 3600
# The program reads the volumes below this folder by their absolute paths, so it gets a mount namespace in which they exist. It reads all
# others relative to its working directory.
ABSOLUTE = "/var/run/"
MOUNT_ABSOLUTE = """
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t tmpfs none /var/run
while [ "$1" != -- ]; do
    mkdir -p "$2"
    mount --bind "$1" "$2"
    shift 2
done
shift
exec "$@"
"""


@dataclasses.dataclass
class Run:
    """A pod whose process has ended."""

    job: str
    status: int
    output: str
    # The uid of the pod.
    uid: str
    # When the process started and ended, in seconds since 1970.
    began: float
    ended: float


class Stopped(Exception):
    """The pod was deleted before its process started."""


class Process:
    """The process of a pod's container."""

    def __init__(self):
        self.lock = threading.Lock()
        self.process = None
        self.stopped = threading.Event()
        # Set when nothing of the pod runs any more.
        self.done = threading.Event()

    def start(self, command, **options):
        with self.lock:
            if self.stopped.is_set():
                raise Stopped
            self.process = subprocess.Popen(command, **options)
        return self.process.wait()

    def stop(self, grace):
        """SIGTERM, and SIGKILL after a time in seconds; only the first call counts."""
        with self.lock:
            if self.stopped.is_set():
                return
            self.stopped.set()
            if self.process:
                self.process.send_signal(signal.SIGTERM)
                timer = threading.Timer(grace, self.process.kill)
                timer.daemon = True
                timer.start()


class PodRunner:
    """Runs the pods of one namespace. `runs` has each whose process has ended, the oldest first."""

    def __init__(self, cluster, namespace, program, work):
        self.api = cluster.api
        self.path = f"/api/v1/namespaces/{namespace}"
        self.namespace = namespace
        self.program = program
        self.work = pathlib.Path(work).resolve()
        self.work.mkdir(parents=True)
        self.runs = []
        self.troubles = []
        self.processes = {}
        # The number of pods that a node runs at the same time.
        self.slots = threading.Semaphore(110)
        cluster.at_exit(self.kill)
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            try:
                self.compare({pod["metadata"]["uid"]: pod for pod in self.api.get(f"{self.path}/pods")["items"]})
            except Exception as error:
                self.troubles.append(repr(error))
            time.sleep(0.2)

    def compare(self, pods):
        """Starts new pods and stops deleted ones."""
        for uid, pod in pods.items():
            process = self.processes.get(uid)
            is_deleted = "deletionTimestamp" in pod["metadata"]
            if process is None and not is_deleted:
                process = self.processes[uid] = Process()
                threading.Thread(target=self.run, args=(pod, process), daemon=True).start()
            elif process and is_deleted:
                process.stop(pod["metadata"].get("deletionGracePeriodSeconds", 0))
            if is_deleted and (process is None or process.done.is_set()):
                # The API keeps a deleted pod until the kubelet says that its processes have ended.
                self.remove(pod)
        for uid in self.processes.keys() - pods.keys():
            self.processes[uid].stop(0)

    def remove(self, pod):
        try:
            self.api.delete(f"{self.path}/pods/{pod['metadata']['name']}", {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}})
        except Refused as refusal:
            # It is gone already.
            if refusal.status not in (404, 409):
                raise

    def kill(self):
        for process in list(self.processes.values()):
            process.stop(0)

    def run(self, pod, process):
        name = pod["metadata"]["name"]
        root = self.work / name
        try:
            with self.slots:
                self.run_now(pod, process, root)
        except Stopped:
            pass
        except Refused as refusal:
            if refusal.status != 404:
                self.troubles.append(f"{name}: {refusal}")
        except Exception:
            self.troubles.append(f"{name}: {traceback.format_exc()}")
        finally:
            shutil.rmtree(root, ignore_errors=True)
            process.done.set()

    def run_now(self, pod, process, root):
        name = pod["metadata"]["name"]
        container = pod["spec"]["containers"][0]
        assert len(pod["spec"]["containers"]) == 1 and "initContainers" not in pod["spec"]
        if "nodeName" not in pod["spec"]:
            # Without a node the API would remove a deleted pod at once.
            self.api.create(f"{self.path}/pods/{name}/binding", {
                "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"apiVersion": "v1", "kind": "Node", "name": NODE}})
        self.set_status(pod, "Pending")
        environment = {"KUBERNETES_SERVICE_HOST": self.api.host, "KUBERNETES_SERVICE_PORT": str(self.api.port),
                       **{one["name"]: self.value_of(one, pod) for one in container.get("env", [])}}
        absolute = []
        for mount in container.get("volumeMounts", []):
            volume = next(v for v in pod["spec"]["volumes"] if v["name"] == mount["name"])
            folder = root / mount["mountPath"].lstrip("/")
            self.materialize(self.files_of(volume, pod, process), folder)
            if mount["mountPath"].startswith(ABSOLUTE):
                absolute += [str(folder), mount["mountPath"]]
        command = [str(self.program), *(expand(argument, environment) for argument in container["args"])]
        if absolute:
            command = [*unshare(), "sh", "-ec", MOUNT_ABSOLUTE, "sh", *absolute, "--", *command]
        directory = root / container.get("workingDir", "/").lstrip("/")
        directory.mkdir(parents=True, exist_ok=True)
        self.set_status(pod, "Running", {"running": {"startedAt": now()}})
        began, log = time.time(), self.work / f"{name}.log"
        with log.open("wb") as out:
            code = process.start(command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        output = log.read_text(errors="replace")
        status = code if code >= 0 else 128 - code
        self.runs.append(Run(owner(pod), status, output, pod["metadata"]["uid"], began, time.time()))
        terminated = {"exitCode": status, "reason": "Error" if status else "Completed", "message": output[-MESSAGE_BYTES:] if status else "",
                      "startedAt": timestamp(began), "finishedAt": now()}
        self.set_status(pod, "Failed" if status else "Succeeded", {"terminated": terminated})

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
        return field_of(pod, variable["valueFrom"]["fieldRef"])

    def files_of(self, volume, pod, process):
        kinds = set(volume) - {"name"}
        assert kinds <= {"configMap", "secret", "projected", "downwardAPI"}, f"the volume {volume} is of a kind that is not run here"
        if "projected" in volume:
            sources = volume["projected"]["sources"]
        elif "secret" in volume:
            sources = [{"secret": {**volume["secret"], "name": volume["secret"]["secretName"]}}]
        else:
            sources = [volume]
        files = {}
        for source in sources:
            if "serviceAccountToken" in source:
                files.update(self.token(source["serviceAccountToken"], pod, process))
            elif "downwardAPI" in source:
                files.update({item["path"]: field_of(pod, item["fieldRef"]).encode() for item in source["downwardAPI"]["items"]})
            else:
                kind = "secret" if "secret" in source else "configMap"
                assert kind in source, f"the source {source} is of a kind that is not run here"
                files.update(self.files_from(kind, source[kind], process))
        return files

    def token(self, source, pod, process):
        """A token that ends with the pod. Waits for a missing ServiceAccount, as a kubelet does."""
        spec = {"expirationSeconds": source.get("expirationSeconds", TOKEN_SECONDS),
                "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}}
        if "audience" in source:
            spec["audiences"] = [source["audience"]]
        account = f"{self.path}/serviceaccounts/{pod['spec'].get('serviceAccountName', 'default')}"
        while self.api.find(account) is None:
            wait(process)
        made = self.api.create(f"{account}/token", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec})
        return {source["path"]: made["status"]["token"].encode()}

    def files_from(self, kind, source, process):
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
            wait(process)

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


def wait(process):
    """Waits a little before another look; a deleted pod waits for nothing."""
    if process.stopped.wait(0.5):
        raise Stopped


def unshare():
    """The command that runs another one in a mount namespace; others than root need a user namespace for it."""
    program = shutil.which("unshare")
    assert program, "unshare is not installed; it is in the package util-linux"
    return [program, "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def field_of(pod, reference):
    """The value of a field of the pod, as the downward API has it."""
    path = reference["fieldPath"]
    one = re.fullmatch(r"metadata\.(annotations|labels)\['(.+)'\]", path)
    if one:
        return pod["metadata"].get(one[1], {}).get(one[2], "")
    if path in ("metadata.annotations", "metadata.labels"):
        return "\n".join(f"{name}={json.dumps(value)}" for name, value in sorted(pod["metadata"].get(path.partition(".")[2], {}).items()))
    fields = {f"metadata.{name}": pod["metadata"][name] for name in ("name", "namespace", "uid")}
    fields["spec.serviceAccountName"] = pod["spec"].get("serviceAccountName", "default")
    return fields[path]


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
    return timestamp(time.time())


def timestamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
