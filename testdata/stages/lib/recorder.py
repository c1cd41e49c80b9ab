"""A proxy between a client and the sandbox that records every request and its response.

    with Sandbox() as sandbox, Recorder(sandbox.url) as recorder:
        client(recorder.url)                      # a client whose endpoint can be chosen
        client(**recorder.as_apigee(folder))      # one that knows only https://apigee.googleapis.com
        recorder.exchanges

It uses only Python's standard library (and `cryptography` for the certificate), so that it does not depend on the code that it tests.
"""

import dataclasses
import datetime
import http.client
import http.server
import json
import os
import pathlib
import ssl
import subprocess
import threading
import time

HOP_BY_HOP = {"connection", "proxy-connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "content-length"}
APIGEE = "apigee.googleapis.com"


@dataclasses.dataclass
class Exchange:
    method: str
    # The path and the query, as sent.
    target: str
    content_type: str
    body: bytes
    # The request had Content-Length or Transfer-Encoding.
    has_length: bool
    status: int
    answer_type: str
    answer: bytes
    # The time of the request, in seconds of a monotonic clock.
    at: float

    def __str__(self):
        return f"{self.method} {self.target} -> {self.status}"

    def answer_json(self):
        return json.loads(self.answer)


class Sandbox:
    """`apigee-flux sandbox` on a free port."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [os.environ["APIGEE_FLUX"], "sandbox", "--listen", "127.0.0.1:0", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://"), f"the sandbox did not start: {self.url!r}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Recorder:
    """Listens on a free port of this machine; `delay` seconds are added to each response, like the latency of a remote API."""

    def __init__(self, upstream, delay=0.0):
        self.upstream = upstream.removeprefix("http://")
        self.delay = delay
        self.exchanges = []
        self.tls = None
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"recorder": self}))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def news(self, since):
        """The exchanges after the first `since` ones."""
        return self.exchanges[since:]

    def as_apigee(self, folder):
        """Environment variables with which a client sends its HTTPS requests for Apigee's public host to the sandbox."""
        authority, chain = make_certificates(pathlib.Path(folder))
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(chain)
        return {
            "HTTPS_PROXY": self.url, "https_proxy": self.url,
            # The client reaches no host without the proxy.
            "NO_PROXY": "", "no_proxy": "",
            "SSL_CERT_FILE": str(authority), "NODE_EXTRA_CA_CERTS": str(authority), "REQUESTS_CA_BUNDLE": str(authority),
        }  # fmt: skip


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A response is one packet; Nagle's algorithm would delay small ones.
    disable_nagle_algorithm = True
    wbufsize = -1
    recorder = None

    def log_message(self, *_):
        pass

    def do_CONNECT(self):
        recorder = self.recorder
        if recorder.tls is None or self.path != f"{APIGEE}:443":
            self.send_error(403, f"only {APIGEE}:443 is served")
            return
        self.send_response(200, "Connection established")
        self.end_headers()
        self.wfile.flush()
        self.connection = recorder.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", -1)
        self.close_connection = False

    def forward(self):
        recorder = self.recorder
        at = time.monotonic()
        body = self.read_body()
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
        # A request without a length is forwarded without one: Google's front ends require it, so the sandbox must see the original request.
        if body or "content-length" in self.headers:
            headers["content-length"] = str(len(body))
        upstream = http.client.HTTPConnection(recorder.upstream, timeout=60)
        try:
            upstream.putrequest(self.command, self.path, skip_accept_encoding=True)
            for name, value in headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body or None)
            response = upstream.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            # The sandbox broke the connection; so does the proxy.
            self.close_connection = True
            return
        finally:
            upstream.close()
        time.sleep(recorder.delay)
        recorder.exchanges.append(
            Exchange(
                method=self.command, target=self.path, content_type=self.headers.get("content-type", ""), body=body,
                has_length="content-length" in self.headers or "transfer-encoding" in self.headers,
                status=response.status, answer_type=response.getheader("content-type", ""), answer=answer, at=at,
            )  # fmt: skip
        )
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        if response.status != 204:
            self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward

    def read_body(self):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body


def make_certificates(folder):
    """An authority and a certificate of Apigee's host, for this run only: the authority's file, and the chain with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.timezone.utc)

    def certificate(name, issuer, key, signer, *extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    constraints = (x509.BasicConstraints(ca=True, path_length=0), True)
    names = (x509.SubjectAlternativeName([x509.DNSName(APIGEE)]), False)
    issuer = "test authority"
    authority, chain = folder / "authority.pem", folder / "chain.pem"
    authority.write_bytes(certificate(issuer, issuer, authority_key, authority_key, constraints))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(certificate(APIGEE, issuer, key, authority_key, names) + private)
    return authority, chain
