#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a command beside a real HTTP server that takes webhooks.

    webhook_server.py COMMAND [ARG ...]

In the arguments, @URL@ becomes the server's address and @DIR@ a folder. The server writes into the folder:
`received`, the bodies of all requests that it answered 2xx, and for the n-th request `n.head` (its headers)
and `n.body`. Each request takes one line off the file `plan`: a status, then headers as Name=value; or
`hang`, which gives no answer; or `drop`, which closes the connection. Without a plan the answer is 204, or
503 while a file `fail` is there.
"""
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def next_step(self):
        path = os.path.join(self.server.folder, "plan")
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                steps = file.read().splitlines()
            if steps:
                with open(path + ".new", "w", encoding="ascii") as file:
                    file.write("".join(step + "\n" for step in steps[1:]))
                os.rename(path + ".new", path)
                return steps[0].split()
        return ["503" if os.path.exists(os.path.join(self.server.folder, "fail")) else "204"]

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.requests += 1
            number = self.server.requests
            step = self.next_step()
            if step[0].startswith("2"):
                self.write("received", "ab", body)
            self.write(f"{number}.body", "wb", body)
            self.write(f"{number}.head", "wb", (self.path + "\n" + str(self.headers)).encode())
        if step[0] == "hang":
            self.server.ended.wait()
        if step[0] in ("hang", "drop"):
            self.close_connection = True
            return
        text = b"" if step[0] == "204" else b"answer \x01 of the \"receiver\"\n"
        self.send_response(int(step[0]))
        for header in step[1:]:
            self.send_header(*header.split("=", 1))
        if step[0] != "204":
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def write(self, name, mode, data):
        with open(os.path.join(self.server.folder, name), mode) as file:
            file.write(data)


def main():
    folder = tempfile.mkdtemp(prefix="ordo-webhook-")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.folder, server.requests = folder, 0
    server.lock, server.ended = threading.Lock(), threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hook"
    command = [arg.replace("@URL@", url).replace("@DIR@", folder) for arg in sys.argv[1:]]
    try:
        return subprocess.call(command, env={**os.environ, "no_proxy": "*", "NO_PROXY": "*"})
    finally:
        server.ended.set()
        server.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
