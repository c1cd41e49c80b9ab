"""A Kubernetes API without nodes, and Flux's controllers, all on loopback: real programs, built by `need_flux_tools`."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import yaml
from api import Api, Refused
from pods import NODE

TOKEN = "admin-of-a-test-on-loopback"
READY_SECONDS = 120


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Cluster:
    def __init__(self, bin_folder, work):
        self.bin = pathlib.Path(bin_folder)
        self.work = pathlib.Path(work)
        self.processes = []
        self.exits = []

    def __enter__(self):
        # So that a stage that is terminated leaves no processes behind.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        return self

    def __exit__(self, *_):
        for function in self.exits:
            function()
        # What they have is thrown away, and Flux's controllers would take many seconds to end.
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()

    def at_exit(self, function):
        """Has a function called before the programs end."""
        self.exits.append(function)

    def run(self, log, *command, **environment):
        """Starts a program that ends with the cluster."""
        with open(self.work / f"{log}.log", "ab") as out:
            process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       env={"PATH": os.environ["PATH"], "HOME": str(self.work), "TMPDIR": str(self.tmp()), **environment})
        self.processes.append(process)
        return process

    def end(self, process):
        """Ends a program earlier."""
        self.processes.remove(process)
        process.terminate()
        process.wait(10)

    def tmp(self):
        folder = self.work / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    def start(self):
        """etcd, kube-apiserver and the controllers for Jobs; returns when the API answers."""
        etcd, peer, port = free_port(), free_port(), free_port()
        keys = self.work / "keys"
        keys.mkdir()
        subprocess.run(["openssl", "genrsa", "-out", keys / "accounts.pem", "2048"], check=True, capture_output=True)
        (keys / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
        self.run("etcd", self.bin / "controlplane", "etcd", "--data-dir", self.work / "etcd", "--unsafe-no-fsync", "--log-level=warn",
                 f"--listen-client-urls=http://127.0.0.1:{etcd}", f"--advertise-client-urls=http://127.0.0.1:{etcd}",
                 f"--listen-peer-urls=http://127.0.0.1:{peer}", f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                 f"--initial-cluster=default=http://127.0.0.1:{peer}")
        self.run("kube-apiserver", self.bin / "controlplane", "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{etcd}",
                 "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--secure-port={port}", f"--cert-dir={keys}",
                 "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC",
                 f"--token-auth-file={keys / 'tokens.csv'}", "--service-account-issuer=https://kubernetes.default.svc",
                 f"--service-account-signing-key-file={keys / 'accounts.pem'}", f"--service-account-key-file={keys / 'accounts.pem'}")
        self.api = Api(port, TOKEN, keys / "apiserver.crt")
        self.kubeconfig = keys / "kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": f"https://{self.api.host}:{port}",
                                                      "certificate-authority": str((keys / "apiserver.crt").resolve())}}],
            "users": [{"name": "test", "user": {"token": TOKEN}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }))
        self.until("the API is ready", lambda: self.api.get("/readyz") == "ok", READY_SECONDS)
        self.run("controllers", self.bin / "controlplane", "controllers", KUBECONFIG=str(self.kubeconfig))
        self.until("the default ServiceAccount is there",
                   lambda: self.api.find("/api/v1/namespaces/default/serviceaccounts/default"), READY_SECONDS)
        self.api.create("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}})

    def publish_authority(self, namespace):
        """Does the same as the controller that gives every namespace the certificate of the API server's authority."""
        # The API server writes its own certificate, then that of the authority that it made for it.
        certificates = (self.work / "keys" / "apiserver.crt").read_text().split("-----BEGIN CERTIFICATE-----")
        self.api.apply(f"/api/v1/namespaces/{namespace}/configmaps/kube-root-ca.crt", {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt"},
            "data": {"ca.crt": "-----BEGIN CERTIFICATE-----" + certificates[-1]}})

    def until(self, what, holds, seconds):
        """Waits for a condition; an error of a server that is not ready counts as false."""
        end = time.monotonic() + seconds
        last = None
        while time.monotonic() < end:
            for process in self.processes:
                assert process.poll() is None, f"{process.args[0]} {process.args[1]} has ended with {process.returncode}, see its log"
            try:
                last = holds()
                if last:
                    return last
            except (OSError, Refused) as error:
                last = error
            time.sleep(0.2)
        raise AssertionError(f"not within {seconds} s: {what}; last: {last}")

    def start_flux(self, definitions, events):
        """Flux's controllers, with their own definitions. They send their events to an address."""
        for file in sorted(definitions):
            definition = yaml.safe_load(file.read_text())
            name = definition["metadata"]["name"]
            path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
            self.api.apply(path, definition)
            self.until(f"{name} is established", lambda: any(
                c["type"] == "Established" and c["status"] == "True" for c in self.api.get(path)["status"].get("conditions") or []), 30)
        storage = self.work / "storage"
        storage.mkdir()
        served = f"127.0.0.1:{free_port()}"
        flags = ("--enable-leader-election=false", "--log-level=info", "--watch-all-namespaces=true", f"--events-addr={events}")
        environment = {"KUBECONFIG": str(self.kubeconfig), "RUNTIME_NAMESPACE": "default"}
        self.run("source-controller", self.bin / "source-controller", *flags, f"--storage-path={storage}", f"--storage-addr={served}",
                 f"--storage-adv-addr={served}", f"--metrics-addr=127.0.0.1:{free_port()}", f"--health-addr=127.0.0.1:{free_port()}",
                 **environment)
        self.run("kustomize-controller", self.bin / "kustomize-controller", *flags, "--requeue-dependency=1s",
                 f"--metrics-addr=127.0.0.1:{free_port()}", f"--health-addr=127.0.0.1:{free_port()}", **environment)
