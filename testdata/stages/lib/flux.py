"""A Git repository of specs whose CI publishes each commit, and a namespace that Flux keeps in sync with it."""

import contextlib
import datetime
import os
import shutil
import subprocess
import time

import yaml
from namespace import Namespace

SYNC_SECONDS = 180
GIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")


def run(*command, expected=0, **options):
    """Runs a command and returns what it prints; any other exit status fails."""
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True, **options)
    assert done.returncode == expected, f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout[-1500:]}{done.stderr}"
    return done.stdout


class Repository:
    """The Git repository of the specs, and its CI, which publishes a commit."""

    def __init__(self, folder, registry, program):
        self.folder = folder
        self.registry = registry
        self.program = program
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments):
        return run(*GIT, *arguments, cwd=self.folder).strip()

    def commit(self, message, files):
        """Commits files by their names; those that are None are deleted."""
        for name, text in files.items():
            path = self.folder / name
            path.unlink() if text is None else path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)

    def publish(self):
        """Renders the commit and pushes an artifact for each namespace; returns their revisions as Flux will name them."""
        out = self.folder.with_name("rendered")
        shutil.rmtree(out, ignore_errors=True)
        run(self.program, "render", ".", "--split", "--release-from-git", "-o", out, cwd=self.folder)
        commit = self.git("rev-parse", "HEAD")
        return {folder.name: push(self.registry, folder, folder.name, commit) for folder in sorted(out.iterdir())}


def push(registry, folder, namespace, commit):
    """Does the same as `flux push artifact` and `flux tag artifact`: the artifact has the tags `latest` and the commit. Returns its revision as
    Flux will name it."""
    digest, _ = registry.push(folder, f"acme/apis/{namespace}", ("latest", commit), {
        "org.opencontainers.image.source": "https://git.example.com/acme/apis",
        "org.opencontainers.image.revision": f"main@sha1:{commit}",
        "org.opencontainers.image.created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    })
    return f"latest@{digest}"


def overlay(work, namespace, base):
    """A team's folder below clusters/, as the guide describes it."""
    folder = work / "clusters" / namespace
    folder.mkdir(parents=True)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": namespace,
        "resources": [os.path.relpath(base, folder)],
    }))
    return folder


class Delivery:
    """A repository and the namespaces that Flux keeps in sync with it."""

    def __init__(self, repository, places):
        self.repository = repository
        self.places = places

    def publish(self, message=None, files=None):
        """Publishes a new commit, or the last one; returns the revision of each namespace when Flux has it."""
        if message:
            self.repository.commit(message, files)
        revisions = self.repository.publish()
        for place in self.places:
            place.pull(revisions[place.namespace])
        return revisions

    def sync(self, message=None, files=None, seconds=SYNC_SECONDS):
        """Publishes a commit; returns when every Kustomization of all namespaces is Ready with it."""
        revisions = self.publish(message, files)
        for place in self.places:
            place.until_ready(revisions[place.namespace], seconds)
        return revisions


class Place(Namespace):
    """A namespace with the Kustomizations of clusters/ in examples/flux."""

    def __init__(self, cluster, namespace, overlay, registry, program):
        super().__init__(cluster, namespace, program)
        self.overlay = overlay
        self.registry = registry
        self.kustomizations = f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{namespace}/kustomizations"
        self.source = f"/apis/source.toolkit.fluxcd.io/v1/namespaces/{namespace}/ocirepositories/apis"

    def apply(self, package=False):
        """Applies what Flux's bootstrap would apply, with the registry on loopback, without notifications, and without the verification of
        signatures, since nothing signs here. The substitution, which the example does not use, is enabled. A kpt package has no layers."""
        for item in yaml.safe_load_all(run("kubectl", "kustomize", self.overlay)):
            if item["apiVersion"].startswith("notification."):
                continue
            if item["kind"] == "OCIRepository":
                item["spec"].update(url=f"oci://127.0.0.1:{self.registry.port}/acme/apis/{self.namespace}", insecure=True)
                item["spec"].pop("verify")
            if item["kind"] == "Kustomization":
                item["spec"]["postBuild"] = {"substitute": {"name": "MANGLED"}}
                if package:
                    if item["metadata"]["name"] != "proxies":
                        continue
                    item["spec"].pop("dependsOn")
                    item["spec"]["path"] = "./"
            self.api.apply(self.path_of(item), item)

    def layers(self):
        return {item["metadata"]["name"]: item for item in self.api.get(self.kustomizations)["items"]}

    def layer(self, name):
        return self.api.get(f"{self.kustomizations}/{name}")

    def summary(self):
        return "\n".join(f"{self.namespace} {name}: {item.get('status', {}).get('lastAppliedRevision')} {ready(item).get('status')} "
                         f"{ready(item).get('message', '')[:300]}" for name, item in self.layers().items())

    def ask(self, path):
        """Does the same as `flux reconcile`; returns the value that the controller will confirm."""
        value = str(time.time_ns())
        self.api.patch(path, {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": value}}})
        return value

    def pull(self, revision):
        """Returns when source-controller has the artifact."""
        self.ask(self.source)
        self.cluster.until(f"source-controller has {revision}",
                           lambda: self.api.get(self.source).get("status", {}).get("artifact", {}).get("revision") == revision, 60)

    @contextlib.contextmanager
    def suspended(self, *names):
        """Flux leaves these Kustomizations alone for a while."""
        def suspend(is_suspended):
            for name in names:
                self.api.patch(f"{self.kustomizations}/{name}", {"spec": {"suspend": is_suspended}})

        suspend(True)
        try:
            yield
        finally:
            suspend(False)

    def pin(self, tag):
        """Has Flux apply the artifact with this tag."""
        self.api.patch(self.source, {"spec": {"ref": {"tag": tag}}})

    def until_pulled(self, tag):
        """Returns the revision of a tag once source-controller has it."""
        def revision():
            return self.api.get(self.source).get("status", {}).get("artifact", {}).get("revision", "")

        self.cluster.until(f"source-controller has {tag}", lambda: revision().startswith(f"{tag}@"), 60)
        return revision()

    def until_ready(self, revision, seconds=SYNC_SECONDS):
        """Returns when every Kustomization is Ready with a revision."""
        try:
            self.cluster.until(f"all Kustomizations of {self.namespace} are Ready", lambda: all(
                is_ready(item, revision) for item in self.layers().values()), seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.summary()}\n{self.runner.troubles[-3:]}") from None

    def until_failed(self, name):
        """Returns the message of a Kustomization once it is not healthy."""
        self.cluster.until(f"{name} of {self.namespace} is not healthy",
                           lambda: ready(self.layer(name)).get("reason") == "HealthCheckFailed", SYNC_SECONDS)
        condition = ready(self.layer(name))
        assert condition["status"] == "False", condition
        return condition["message"]

    def reconcile_all(self):
        """Has every Kustomization applied again, as at its interval."""
        asked = {name: self.ask(self.path_of(item)) for name, item in self.layers().items()}
        self.cluster.until("all Kustomizations are done again", lambda: all(
            item["status"].get("lastHandledReconcileAt") == asked[name] and ready(item)["status"] == "True"
            for name, item in self.layers().items()), SYNC_SECONDS)


def ready(item):
    """The condition Ready, if the controller has seen the object as it is."""
    found = [c for c in item.get("status", {}).get("conditions", []) if c["type"] == "Ready"]
    return found[0] if found and found[0].get("observedGeneration") == item["metadata"]["generation"] else {"status": "Unknown"}


def is_ready(item, revision):
    return ready(item)["status"] == "True" and item["status"].get("lastAppliedRevision") == revision
