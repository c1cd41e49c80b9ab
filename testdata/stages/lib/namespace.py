"""A namespace whose pods are run."""

import json
import time

from api import path_of
from pods import PodRunner

CRON_SECONDS = 90


class Namespace:
    def __init__(self, cluster, namespace, program):
        self.cluster = cluster
        self.program = program
        self.api = cluster.api
        self.namespace = namespace
        self.all_jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self.by_hand = 0

    def run_pods(self, work):
        """Starts running the pods that the controllers create, as nodes would; a folder keeps their logs."""
        self.cluster.publish_authority(self.namespace)
        self.runner = PodRunner(self.cluster, self.namespace, self.program, work / self.namespace)

    def path_of(self, item):
        return path_of(item, self.namespace)

    def jobs(self):
        return {job["metadata"]["name"]: job for job in self.api.get(self.all_jobs)["items"]}

    def identities(self):
        return {name: job["metadata"]["uid"] for name, job in self.jobs().items()}

    def ended(self, name):
        """Whether a Job has ended."""
        return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in self.jobs()[name].get("status", {}).get("conditions", []))

    def cron_job(self):
        (cron,) = self.api.get(f"/apis/batch/v1/namespaces/{self.namespace}/cronjobs")["items"]
        return cron

    def ticks(self):
        """The runs that Kubernetes started on the CronJob's schedule."""
        prefix = f"{self.cron_job()['metadata']['name']}-"
        return [run for run in self.runner.runs if run.job.startswith(prefix)]

    def hold_ticks(self, held=True):
        """Has Kubernetes start no run on schedule, or starts them again."""
        self.api.patch(f"/apis/batch/v1/namespaces/{self.namespace}/cronjobs/{self.cron_job()['metadata']['name']}", {"spec": {"suspend": held}})

    def run_cron_job(self, expected=0, *more):
        """Does the same as `kubectl create job --from=cronjob/NAME`, with more arguments; returns the result of the run, which must have an exit
        status."""
        self.by_hand += 1
        name = f"by-hand-{self.by_hand}"
        cron = self.cron_job()
        cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"] += more
        self.api.create(self.all_jobs, {
            "apiVersion": "batch/v1", "kind": "Job", "spec": cron["spec"]["jobTemplate"]["spec"],
            "metadata": {"name": name, "annotations": {"cronjob.kubernetes.io/instantiate": "manual"}, "ownerReferences": [
                {"apiVersion": "batch/v1", "kind": "CronJob", "controller": True, **{k: cron["metadata"][k] for k in ("name", "uid")}}]},
        })
        self.cluster.until(f"{name} has ended", lambda: self.ended(name), CRON_SECONDS)
        run = [run for run in self.runner.runs if run.job == name][-1]
        assert run.status == expected, f"exit status {run.status}, not {expected}\n{run.output}"
        return result_of(run)


def result_of(run):
    """The result that a run printed."""
    lines = [line for line in run.output.splitlines() if line.startswith('{"result"')]
    assert lines, run.output
    return json.loads(lines[-1])
