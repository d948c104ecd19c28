#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a command beside a real HTTP server that takes what Pyroscope takes at /ingest, and nothing else.

    pyroscope_server.py COMMAND [ARG ...]

It is steered as webhook_server.py is. What is not as Pyroscope wants it is answered 400 with a sentence: the query, the form, the
profile, the sample types. Of each profile that it took, numbered from 1, the folder has `n.profile` (the bytes as they came)
and `n.json` (its name, labels, times, sample rate, tenant, sample types), and `received` a line "n from until".
"""
import gzip
import json
import os
import re
import sys
import urllib.parse

import webhook_server

PATH = "/pyro"
UNITS = {"samples", "objects", "bytes"}


class Refused(Exception):
    pass


def need(condition, message):
    if not condition:
        raise Refused(message)


def read_name(name):
    """service{key=value,...}, as Pyroscope reads it."""
    match = re.fullmatch(r"([A-Za-z0-9_./-]+)(?:\{(.*)\})?", name)
    need(match is not None, f"name: {name!r} is no service with labels")
    labels = {}
    for label in match.group(2).split(",") if match.group(2) else []:
        key, equals, value = label.partition("=")
        need(equals and re.fullmatch(r"[A-Za-z0-9_.]+", key) and key != "__name__", f"name: {label!r} is no label")
        need(key not in labels, f"name: {key!r} is there twice")
        labels[key] = value
    return match.group(1), labels


def read_query(text):
    query = urllib.parse.parse_qs(text, strict_parsing=True, keep_blank_values=True)
    need(all(len(values) == 1 for values in query.values()), "query: a parameter is there twice")
    query = {key: values[0] for key, values in query.items()}
    unknown = set(query) - {"name", "from", "until", "sampleRate", "spyName"}
    need(not unknown, f"query: unknown: {unknown}")  # with format=pprof, a form would be taken for a profile
    for key in ("from", "until"):
        need(re.fullmatch(r"[0-9]{10}", query.get(key, "")), f"query: {key} is no time in seconds")
    need(query.get("spyName") == "ordo", "query: spyName")
    service, labels = read_name(query.get("name", ""))
    rate = query.get("sampleRate")
    need(rate is None or re.fullmatch(r"[1-9][0-9]*", rate), "query: sampleRate")
    return {"service": service, "labels": labels, "from": int(query["from"]), "until": int(query["until"]),
            "rate": rate and int(rate)}


def read_form(content_type, body):
    """The files of the form, by the names of their fields."""
    match = re.fullmatch(r"multipart/form-data; boundary=([0-9A-Za-z'()+_,./:=?-]{1,70})", content_type)
    need(match is not None, f"Content-Type: {content_type!r} is no form")
    limit = b"--" + match.group(1).encode()
    need(body.startswith(limit + b"\r\n") and body.endswith(b"\r\n" + limit + b"--\r\n"), "the form does not begin or end")
    files = {}
    for part in body[len(limit) + 2:-len(limit) - 6].split(b"\r\n" + limit + b"\r\n"):
        head, blank, content = part.partition(b"\r\n\r\n")
        field = re.search(rb'^Content-Disposition: form-data; name="([a-z_]+)"; filename="[^"]+"(\r\n|$)', head)
        need(blank and field, f"the form has a part that is no file: {head!r}")
        need(field.group(1).decode() not in files, "the form has a file twice")
        files[field.group(1).decode()] = content
    return files


def read_sample_types(text):
    config = json.loads(text)
    for name, fields in config.items():
        need(fields.get("units") in UNITS and fields.get("aggregation") in ("sum", "average"), f"sample type {name}: {fields}")
        need(set(fields) <= {"units", "aggregation", "display-name", "sampled"}, f"sample type {name}: {fields}")
    return config


class Handler(webhook_server.Handler):
    def receive(self, number, body):
        try:
            parts = urllib.parse.urlsplit(self.path)
            need(parts.path == PATH + "/ingest", f"{parts.path} is not where profiles are taken")
            entry = read_query(parts.query)
            files = read_form(self.headers["Content-Type"], body)
            need("profile" in files and set(files) <= {"profile", "sample_type_config"}, f"the form has {set(files)}")
            need(files["profile"], "the profile is empty")
            if "sample_type_config" in files:
                entry["sample_types"] = read_sample_types(files["sample_type_config"])
            entry["tenant"] = self.headers.get("X-Scope-OrgID")
            if self.server.is_strict:
                gzip.decompress(files["profile"])
        except (Refused, ValueError, OSError) as error:
            self.text = str(error).encode()
            return ["400"]
        self.server.taken += 1
        self.write(f"{self.server.taken}.profile", "wb", files["profile"])
        self.write(f"{self.server.taken}.json", "w", json.dumps(entry))
        self.write("received", "a", f"{self.server.taken} {entry['from']} {entry['until']}\n")
        return None


def serving(begins=True, is_strict=True):
    """is_strict: profiles are unpacked, too."""
    return webhook_server.serving(Handler, begins, taken=0, is_strict=is_strict)


def main():
    with serving(is_strict=False) as server:
        return webhook_server.run(server, PATH)


if __name__ == "__main__":
    sys.exit(main())
