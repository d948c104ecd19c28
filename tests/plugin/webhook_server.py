#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a command beside a real HTTP server that takes webhooks.

    webhook_server.py COMMAND [ARG ...]

In the arguments, @URL@ becomes the server's address and @DIR@ a folder. The server writes into the folder:
`received`, the bodies of all requests that it answered 2xx, and for the n-th request `n.head` (its headers)
and `n.body`. Each request takes one line off the file `plan`: a status, then headers as Name=value; or
`hang`, which gives no answer; or `drop`, which closes the connection. Without a plan the answer is 204, or
503 while a file `fail` is there. While a file `hold` is there, requests wait before they take their line; one whose client
has gone by then never came.
"""
import contextlib
import http.server
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def is_gone(self):
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    text = b"answer \x01 of the \"receiver\"\n"

    def receive(self, number, body):
        """Takes the body; another step where it cannot."""
        self.write("received", "ab", body)

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
        if os.path.exists(os.path.join(self.server.folder, "hold")):
            self.write("holding", "wb", b"")
            while os.path.exists(os.path.join(self.server.folder, "hold")) and not self.server.ended.wait(0.005):
                pass
            if self.is_gone():
                self.close_connection = True
                return
        with self.server.lock:
            self.server.requests += 1
            number = self.server.requests
            step = self.next_step()
            if step[0].startswith("2"):
                step = self.receive(number, body) or step
            self.write(f"{number}.body", "wb", body)
            self.write(f"{number}.head", "wb", (self.path + "\n" + str(self.headers)).encode())
        if step[0] == "hang":
            self.server.ended.wait()
        if step[0] in ("hang", "drop"):
            self.close_connection = True
            return
        text = b"" if step[0] == "204" else self.text
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


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    thread = None

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # clients may leave
            super().handle_error(request, client_address)

    def begin(self):
        """Until then connections are refused."""
        self.server_activate()
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def write(self, name, text):
        """A file of its folder."""
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
            file.write(text)


@contextlib.contextmanager
def serving(handler, begins=True, **attributes):
    """A server that runs meanwhile, with its `folder`, and with those attributes."""
    server = Server(("127.0.0.1", 0), handler, bind_and_activate=False)
    server.server_bind()
    server.folder, server.requests = tempfile.mkdtemp(prefix="ordo-webhook-"), 0
    server.lock, server.ended = threading.Lock(), threading.Event()
    for name, value in attributes.items():
        setattr(server, name, value)
    if begins:
        server.begin()
    try:
        yield server
    finally:
        server.ended.set()
        if server.thread is not None:
            server.shutdown()
        server.server_close()
        shutil.rmtree(server.folder, ignore_errors=True)


def run(server, path):
    """Runs the command of the arguments."""
    url = f"http://127.0.0.1:{server.server_port}{path}"
    command = [arg.replace("@URL@", url).replace("@DIR@", server.folder) for arg in sys.argv[1:]]
    return subprocess.call(command, env={**os.environ, "no_proxy": "*", "NO_PROXY": "*"})


def main():
    with serving(Handler) as server:
        return run(server, "/hook")


if __name__ == "__main__":
    sys.exit(main())
