"""A namespace of a cluster without Flux, to which the layers are applied in their order."""

import yaml
from api import Refused
from namespace import Namespace

JOB_SECONDS = 90


class Direct(Namespace):
    """Applies what `render --split` wrote for a namespace, as `kubectl apply --prune` would, one layer after the other."""

    def __init__(self, cluster, namespace, program, work):
        super().__init__(cluster, namespace, program)
        self.applied = {}
        self.api.apply(f"/api/v1/namespaces/{namespace}", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        self.run_pods(work)

    def apply(self, folder):
        """Applies the layers up to the first with a Job that fails; returns the runs of the Jobs."""
        begin, former, self.applied = len(self.runner.runs), self.applied, {}
        for layer in sorted(path for path in folder.iterdir() if path.is_dir()):
            for file in sorted(layer.glob("*.yaml")):
                for item in yaml.safe_load_all(file.read_text()):
                    if item and not item["apiVersion"].startswith("kustomize."):
                        self.put(item)
            if not self.until_jobs_ended():
                break
        else:
            for path in former.keys() - self.applied.keys():
                self.remove(path)
        return self.runner.runs[begin:]

    def put(self, item):
        path = self.path_of(item)
        try:
            self.api.apply(path, item)
        except Refused as refusal:
            if refusal.status != 422:
                raise
            # The fields of a Job cannot be changed.
            self.remove(path)
            self.api.apply(path, item)
        self.applied[path] = item

    def remove(self, path):
        self.api.delete(path, {"propagationPolicy": "Background"})
        self.cluster.until(f"{path} is gone", lambda: self.api.find(path) is None, 30)

    def until_jobs_ended(self):
        """Waits for the Jobs of the layers so far; false if one failed."""
        paths = [path for path, item in self.applied.items() if item["kind"] == "Job"]
        ended = {}

        def all_ended():
            for path in paths:
                conditions = self.api.get(path).get("status", {}).get("conditions", [])
                ended[path] = next((c["type"] for c in conditions if c["type"] in ("Complete", "Failed") and c["status"] == "True"), None)
            return all(ended.values())

        self.cluster.until(f"the Jobs of {self.namespace} have ended", lambda: not paths or all_ended(), JOB_SECONDS)
        return all(kind == "Complete" for kind in ended.values())
