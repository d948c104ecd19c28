#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tokens, and the admin listener."""
import json
import os
import tempfile
import unittest

from harness import PATIENCE, Engine, main
from http_cases import an_order, TRY


class Tokens(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def token_file(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_orders_with_a_token(self):
        with Engine(rules=TRY, settings={"http.token_file": self.token_file("token", "s3cret\n")}) as engine:
            answer = engine.post(an_order("token-1"))
            self.assertEqual((answer.status, answer.json["code"]), (401, "unauthorized"))
            self.assertIn("Bearer", answer.headers["www-authenticate"])
            self.assertEqual(engine.request("GET", "/stats").status, 401)
            self.assertEqual(engine.post(an_order("token-1"), authorization="Bearer wrong").status, 401)
            self.assertEqual(engine.post(an_order("token-1"), authorization="Bearer s3cret").status, 200)
            self.assertIn('"accepted"', engine.curl("-u", "any:s3cret", "-H", "Content-Type: application/json", "-d",
                                                    json.dumps(an_order("token-2")), "URL/orders"))
            for path in ("/livez", "/readyz", "/healthz", "/health", "/", "/openapi.json"):
                self.assertEqual(engine.request("GET", path).status, 200)
            self.assertEqual(engine.request("GET", "/metrics").status, 401)
            self.assertEqual(engine.request("GET", "/orders/token-1/retry").status, 405)

    def test_an_admin_token_on_the_one_listener(self):
        with Engine(rules=TRY, settings={"admin.token_file": self.token_file("admin", "adm1n")}) as engine:
            self.assertEqual(engine.post(an_order("token-1", verdict="held")).status, 200)
            self.assertEqual(engine.request("GET", "/metrics").status, 401)
            resolution = {"decision": "accepted", "by": "a", "reason": "b"}
            self.assertEqual(engine.request("POST", "/orders/token-1/resolve", resolution).status, 401)
            self.assertEqual(engine.request("POST", "/orders/token-1/resolve", resolution,
                                            {"Authorization": "Bearer adm1n"}).status, 200)
            self.assertEqual(engine.request("GET", "/metrics", None, {"Authorization": "Bearer adm1n"}).status, 200)

    def test_the_admin_listener_takes_the_admin_routes(self):
        settings = {"admin.listen": "127.0.0.1:0", "admin.token_file": self.token_file("admin", "adm1n"),
                    "http.token_file": self.token_file("token", "s3cret")}
        token, admin = {"Authorization": "Bearer s3cret"}, {"Authorization": "Bearer adm1n"}
        with Engine(rules=TRY, settings=settings) as engine:
            self.assertEqual(engine.request("POST", "/orders", an_order("split-1", verdict="held"), token).status, 200)
            for path in ("/metrics",):
                self.assertEqual(engine.request("GET", path, None, token).status, 404)
                self.assertEqual(engine.request("GET", path, None, token, port=engine.admin_port).status, 401)
                self.assertEqual(engine.request("GET", path, None, admin, port=engine.admin_port).status, 200)
            for path in ("/orders/split-1/retry", "/orders/split-1/resolve", "/rules/reload"):
                answer = engine.request("POST", path, {}, token)
                self.assertEqual(answer.status, 404)
                self.assertIn("admin listener", answer.json["detail"])
            self.assertEqual(engine.request("POST", "/orders", an_order("x"), admin, port=engine.admin_port).status, 405)
            for path in ("/orders", "/orders/split-1"):  # who resolves wants to look first
                self.assertEqual(engine.request("GET", path, None, token, port=engine.admin_port).status, 401)
                self.assertEqual(engine.request("GET", path, None, admin, port=engine.admin_port).status, 200)
            resolution = {"decision": "accepted", "by": "a", "reason": "b"}
            self.assertEqual(engine.request("POST", "/orders/split-1/resolve", resolution, admin,
                                            port=engine.admin_port).status, 200)
            self.assertEqual(engine.request("GET", "/stats", None, admin, port=engine.admin_port).status, 200)
            self.assertEqual(engine.request("GET", "/livez", port=engine.admin_port).status, 200)
            self.assertEqual(engine.request("POST", "/rules/reload", None, admin, port=engine.admin_port).status, 200)

    def assert_not_started(self, settings, *words):
        engine = Engine(rules=TRY, settings=settings)
        engine.spawn()
        self.addCleanup(engine.clean)
        self.assertEqual(engine.process.wait(PATIENCE), 78, engine.log)
        for word in words:
            self.assertIn(word, engine.log)

    def test_admin_routes_for_others_need_a_token(self):
        self.assert_not_started({"http.listen": "0.0.0.0:0"}, "not a loopback address", "admin.token_file")
        self.assert_not_started({"admin.listen": "0.0.0.0:0"}, "not a loopback address", "admin.token_file")
        for settings in ({"http.listen": "0.0.0.0:0", "admin.token_file": self.token_file("admin", "adm1n")},
                         {"http.listen": "0.0.0.0:0", "admin.listen": "127.0.0.1:0"}):
            with Engine(rules=TRY, settings=settings) as engine:
                self.assertEqual(engine.post(an_order()).status, 200)

    def test_bad_token_files_stop_the_start(self):
        self.assert_not_started({"http.token_file": self.token_file("empty", "\n")}, "empty")
        self.assert_not_started({"http.listen": "nowhere"}, "no address to listen on")


if __name__ == "__main__":
    main()
