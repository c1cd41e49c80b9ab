"""The specs that the stages with Flux deploy."""

IMAGE = "ghcr.io/apigee-flux/apigee-flux"
# The Apigee organization and environment.
ORGANIZATION, ENVIRONMENT = "acme", "dev"


def environment(endpoint, namespace, name=ENVIRONMENT, image=":v0.1.0", schedule="0 0 1 1 *", timeout="20s", more=""):
    return f"""\
apiVersion: apigeeflux.dev/v1alpha1
kind: ApigeeEnvironment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  organization: {ORGANIZATION}
  endpoint: {endpoint}
  deployer: {{image: "{IMAGE}{image}", timeout: {timeout}}}
  reconcile: {{schedule: "{schedule}"}}
{more}"""


def proxy(namespace, name, path=None, more="target: https://mocktarget.apigee.net", policy=None):
    deploy = f"  deploy: {{deletionPolicy: {policy}}}\n" if policy else ""
    return f"""\
apiVersion: apigeeflux.dev/v1alpha1
kind: ApigeeProxy
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  basePath: {path or f"/v1/{name}"}
  {more}
{deploy}"""
