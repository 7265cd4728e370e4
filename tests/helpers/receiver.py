#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""receiver.py PORT FOLDER [CERT KEY]: a receiver of webhooks on 127.0.0.1 that does as it is told.

Each request is a line of JSON in FOLDER/requests. How it answers is the first line of FOLDER/mode, read anew each time:
ok | STATUS [RETRY-AFTER] | slow SECONDS | close | garbage | redirect URL | huge | refuse WORD (400 when the body has it)
| auth HEADER-VALUE (401 without it)
"""
import http.server
import json
import os
import socketserver
import ssl
import sys
import threading

port, folder = int(sys.argv[1]), sys.argv[2]
lock = threading.Lock()


def mode():
    try:
        with open(os.path.join(folder, "mode")) as f:
            return f.readline().split()
    except OSError:
        return ["ok"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def record(self, body, status):
        line = json.dumps({
            "path": self.path, "status": status, "headers": {k.lower(): v for k, v in self.headers.items()},
            "body": body.decode("utf-8", "backslashreplace")})
        with lock, open(os.path.join(folder, "requests"), "a") as f:
            f.write(line + "\n")

    def answer(self, status, text=b"thank you", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        m = mode() or ["ok"]
        if m[0] == "refuse":
            status = 400 if m[1].encode() in body else 200
        elif m[0] == "auth":
            status = 200 if self.headers.get("Authorization") == " ".join(m[1:]) else 401
        else:
            status = int(m[0]) if m[0].isdigit() else 200
        self.record(body, status if m[0] not in ("close", "garbage", "slow") else 0)
        if m[0] == "close":
            self.connection.close()
            self.close_connection = True
        elif m[0] == "garbage":
            self.connection.sendall(b"\x00\xff\x1b[31m this is no HTTP\r\n\r\n")
            self.close_connection = True
        elif m[0] == "slow":
            stop.wait(float(m[1]))
            self.close_connection = True
        elif m[0] == "redirect":
            self.answer(302, b"over there", [("Location", m[1])])
        elif m[0] == "huge":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * (8 << 20))
            stop.wait()
        else:
            extra = [("Retry-After", m[1])] if m[0].isdigit() and len(m) > 1 else []
            self.answer(status, b"thank you" if status < 300 else b"no \x1b[31m such thing\nmore", extra)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


stop = threading.Event()
server = Server(("127.0.0.1", port), Handler)
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
