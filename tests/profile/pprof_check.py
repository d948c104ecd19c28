# SPDX-License-Identifier: MIT
"""Whether a profile keeps pprof's rules: what `protoc --decode` printed is read, and every rule that Go's and Parca's readers
have is looked at. Written against the rules, not against the encoder."""
import gzip
import re
import subprocess


def decode(data, schema):
    """The text that protoc makes of a gzipped profile, as dictionaries: each field is a list."""
    text = subprocess.run(["protoc", "--decode=ordo.pprof.Profile", f"--proto_path={schema.parent}", schema.name],
                          input=gzip.decompress(data), capture_output=True, check=True).stdout.decode()
    root, stack = {}, []
    message = root
    for line in text.splitlines():
        line = line.strip()
        if line.endswith("{"):
            inner = {}
            message.setdefault(line[:-1].strip(), []).append(inner)
            stack.append(message)
            message = inner
        elif line == "}":
            message = stack.pop()
        else:
            key, value = line.split(": ", 1)
            assert re.fullmatch(r"[a-z_]+", key), f"a field that the schema does not know: {line}"
            message.setdefault(key, []).append(scalar(value))
    assert not stack
    return root


def scalar(value):
    if value.startswith('"'):
        return value[1:-1].encode().decode("unicode_escape").encode("latin-1").decode()
    return value == "true" if value in ("true", "false") else int(value)


def one(message, field, default=0):
    return message.get(field, [default])[0]


def faults(profile):
    """Sentences; none when all is well."""
    found = []
    texts = profile.get("string_table", [])
    if not texts or texts[0] != "":
        found.append("string_table[0] is not empty")
    if len(set(texts)) != len(texts):
        found.append("a text stands twice in string_table")

    def text(message, field, where):
        if not 0 <= one(message, field) < len(texts):
            found.append(f"{where}: {field} is no text")

    for table in ("mapping", "location", "function"):
        ids = [one(entry, "id") for entry in profile.get(table, [])]
        if ids != list(range(1, len(ids) + 1)):
            found.append(f"ids of {table} do not count from 1: {ids}")
    types = profile.get("sample_type", [])
    if not types:
        found.append("no sample_type")
    for number, value_type in enumerate(types + profile.get("period_type", [])):
        text(value_type, "type", f"type {number}")
        text(value_type, "unit", f"type {number}")
        if one(value_type, "type") == 0 or one(value_type, "unit") == 0:
            found.append(f"type {number} has no name or no unit")
    if one(profile, "default_sample_type") not in [one(value_type, "type") for value_type in types]:
        found.append("default_sample_type is no sample_type")
    for number, comment in enumerate(profile.get("comment", [])):
        if not 0 <= comment < len(texts):
            found.append(f"comment {number} is no text")
    for mapping in profile.get("mapping", []):
        text(mapping, "filename", f"mapping {one(mapping, 'id')}")
        if one(mapping, "memory_start") >= one(mapping, "memory_limit"):
            found.append(f"mapping {one(mapping, 'id')} is empty")
        if not one(mapping, "has_functions", False):
            found.append(f"mapping {one(mapping, 'id')} lets tools look for symbols")
    for function in profile.get("function", []):
        for field in ("name", "system_name", "filename"):
            text(function, field, f"function {one(function, 'id')}")
    check_locations(profile, found)
    check_samples(profile, types, text, found)
    return found


def check_locations(profile, found):
    mappings = profile.get("mapping", [])
    for location in profile.get("location", []):
        where = f"location {one(location, 'id')}"
        mapping = one(location, "mapping_id")
        if mapping > len(mappings):
            found.append(f"{where} is of no mapping")
        elif mapping > 0:
            start, limit = one(mappings[mapping - 1], "memory_start"), one(mappings[mapping - 1], "memory_limit")
            if not start <= one(location, "address") < limit:
                found.append(f"{where} is not in its mapping")
        if not location.get("line"):
            found.append(f"{where} has no line")
        for line in location.get("line", []):
            if not 1 <= one(line, "function_id") <= len(profile.get("function", [])):
                found.append(f"{where} is of no function")
            if one(line, "line") < 0:
                found.append(f"{where} is before the first line")


def check_samples(profile, types, text, found):
    for number, sample in enumerate(profile.get("sample", [])):
        where = f"sample {number}"
        if len(sample.get("value", [])) != len(types):
            found.append(f"{where} has not one value a type")
        for location in sample.get("location_id", []):
            if not 1 <= location <= len(profile.get("location", [])):
                found.append(f"{where} has no such location")
        for label in sample.get("label", []):
            text(label, "key", where)
            text(label, "str", where)
            if one(label, "key") == 0 or one(label, "num") != 0 or (one(label, "str") == 0):
                found.append(f"{where} has a label that is no text")
