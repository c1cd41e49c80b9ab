"""A container registry on loopback with the artifacts that the test pushes, in the form in which `flux push artifact` pushes them."""

import hashlib
import http.server
import io
import json
import pathlib
import sys
import tarfile
import threading

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.cncf.flux.config.v1+json"
CONTENT = "application/vnd.cncf.flux.content.v1.tar+gzip"


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A controller that ends with the cluster breaks its connections off."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Registry:
    def __init__(self):
        self.blobs = {}
        self.tags = {}
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                content, kind = registry.answer(self.path)
                self.send_response(200 if content is not None else 404)
                content = content or b""
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Docker-Content-Digest", digest_of(content))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path):
        path = path.partition("?")[0]
        if path == "/v2/":
            return b"{}", "application/json"
        name, _, reference = path.rpartition("/")
        if name.endswith("/manifests"):
            repository = name.removeprefix("/v2/").removesuffix("/manifests")
            return self.blobs.get(self.tags.get((repository, reference), reference)), MANIFEST
        return self.blobs.get(reference), "application/octet-stream"

    def keep(self, content):
        digest = digest_of(content)
        self.blobs[digest] = content
        return {"digest": digest, "size": len(content)}

    def push(self, folder, repository, tags, annotations):
        """Pushes the files of a folder with some tags; returns the artifact's digest and its layer."""
        layer = {"mediaType": CONTENT, **self.keep(packed(pathlib.Path(folder)))}
        config = {"mediaType": CONFIG, **self.keep(b"{}")}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer], "annotations": annotations}
        kept = self.keep(json.dumps(manifest, sort_keys=True).encode())
        for tag in tags:
            self.tags[repository, tag] = kept["digest"]
        return kept["digest"], layer


def packed(folder):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, path.relative_to(folder), recursive=False)
    return out.getvalue()
