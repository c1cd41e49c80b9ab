"""Receives the events that Flux's controllers send to notification-controller, which turns them into alerts and commit statuses."""

import http.server
import json
import threading


class Events:
    """`heard` contains each event, the oldest first (Flux, "Events", `apis/event/v1beta1`)."""

    def __init__(self):
        self.heard = []
        events = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                events.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(202)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def errors(self, namespace, kind, name):
        return [event for event in self.heard if event["severity"] == "error" and
                (event["involvedObject"]["namespace"], event["involvedObject"]["kind"], event["involvedObject"]["name"]) == (namespace, kind, name)]
