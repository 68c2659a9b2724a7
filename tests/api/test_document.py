#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/api.md says what the server holds: its tables of fields are those of the OpenAPI document, which come from the rows that check the requests; every route is named.

    test_document.py MADRIGAL [--write]      --write puts the tables into the document
"""
import json
import os
import subprocess
import sys

from server import Checks

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "api.md")
HEADING = "## Fields\n"
ROUTES = ("/v2/generate/audio", "/v2/generate/audio/minimax/generate", "/v1/music_generation", "/v1/songs")
TEXTS = ("prompt", "lyrics")
check = Checks()


def code(names):
    return ", ".join("`%s`" % n for n in names)


def limits(s):
    """A field's kind and limits in words."""
    kind, low, high = s["type"], s.get("minLength", s.get("minimum")), s.get("maxLength", s.get("maximum"))
    if "enum" in s:
        return code(s["enum"])
    if kind == "boolean":
        return "true or false"
    if s.get("format") == "uri":
        return "an address, http or https"
    unit = " characters" if kind == "string" else ""
    span = "{:,}{}".format(high, unit) if high is not None else ""
    if kind == "string":
        return "%d to %s" % (low, span) if low and high else "at most " + span if high else "text"
    return ("{:,} to {}".format(low, span) if high is not None else "from {:,}".format(low)) + (", whole" if kind == "integer" else "")


def flat(schema, before=""):
    """(dotted name, schema, required) of every field that has a value of its own."""
    for name, s in schema["properties"].items():
        if "properties" in s:
            yield from flat(s, name + ".")
        elif name != "model":
            yield before + name, s, name in schema.get("required", [])


def models_of(document, path):
    for ref in document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["oneOf"]:
        yield document["components"]["schemas"][ref["$ref"].split("/")[-1]]


def model_rows(document):
    yield "| route | model | `prompt` | `lyrics` |\n|---|---|---|---|\n"
    for path in ROUTES:
        for schema in models_of(document, path):
            fields = {name: limits(s) + (", needed" if needed else "") for name, s, needed in flat(schema)}
            yield "| `%s` | %s | %s | %s |\n" % (path, code(schema["properties"]["model"].get("enum", [])), fields.get("prompt", ""), fields.get("lyrics", ""))


def field_rows(document):
    yield "| field | values | otherwise | what it is | taken by |\n|---|---|---|---|---|\n"
    rows, takers, everyone = {}, {}, 0
    for path in ROUTES:
        for schema in models_of(document, path):
            everyone += 1
            for name, s, needed in flat(schema):
                if name in TEXTS:
                    continue
                default = "needed" if needed else "`%s`" % json.dumps(s["default"]).strip('"') if "default" in s else ""
                row = "| `%s` | %s | %s | %s |" % (name, limits(s), default, s.get("description", ""))
                rows.setdefault(row, name)
                takers.setdefault(row, []).append("`%s`" % schema["properties"]["model"]["enum"][0])
    for row in sorted(rows, key=lambda r: (len(takers[r]) != everyone, rows[r])):
        who = takers[row]
        yield "%s %s |\n" % (row, "every model" if len(who) == everyone else ", ".join(dict.fromkeys(who)))


def section(document):
    return ("\nLengths are in characters (code points). `minimax-music` takes the lyrics as its `prompt`. With `is_instrumental` lyrics are not needed.\n\n"
            + "".join(model_rows(document)) + "\n" + "".join(field_rows(document)) + "\n")


def main():
    document = json.loads(subprocess.run([sys.argv[1], "serve", "--openapi"], capture_output=True, check=True).stdout)
    with open(DOCUMENT) as f:
        text = f.read()
    before, found, rest = text.partition("\n" + HEADING)
    inside, _, after = rest.partition("\n## ")
    if "--write" in sys.argv:
        with open(DOCUMENT, "w") as f:
            f.write(before + "\n" + HEADING + section(document) + "## " + after)
        return 0
    check(found, "docs/api.md has a section of fields")
    have, want = (inside + "\n").splitlines(), section(document).splitlines()
    for line in want:
        check(line in have, "docs/api.md lacks: " + line)
    for line in have:
        check(line in want, "docs/api.md has what no longer holds: " + line)
    for path in document["paths"]:
        name = path.replace("{rest}", "").rstrip("/") or "/"
        check(name in text, "docs/api.md names " + path)
    return check.end()


sys.exit(main())
