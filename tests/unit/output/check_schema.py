# SPDX-License-Identifier: MIT
"""Writes a full result with the test program and checks it against docs/result.schema.json.

Uses the jsonschema package when this interpreter has it; the few keywords that the schema uses are checked here
as well, so that the test means something without it. The schema itself must refuse damaged results.
"""

import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile

KEYWORDS = {
    "$schema", "$id", "$defs", "$ref", "title", "description", "type", "properties", "required",
    "additionalProperties", "items", "enum", "const", "minimum", "minItems", "pattern", "oneOf",
}
TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
}


def errors_of(value, schema, root, path="$"):
    unknown = set(schema) - KEYWORDS
    assert not unknown, f"the checker does not know {unknown}"
    if "$ref" in schema:
        target = root
        for key in schema["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        yield from errors_of(value, target, root, path)
    if "oneOf" in schema:
        fits = sum(not list(errors_of(value, s, root, path)) for s in schema["oneOf"])
        if fits != 1:
            yield f"{path}: fits {fits} of oneOf"
    if "type" in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(TYPES[t](value) for t in types):
            yield f"{path}: {value!r} is no {types}"
            return
    if "const" in schema and value != schema["const"]:
        yield f"{path}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    if "minimum" in schema and TYPES["number"](value) and value < schema["minimum"]:
        yield f"{path}: {value} is too small"
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        yield f"{path}: {value!r} does not match {schema['pattern']}"
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{path}: too short"
        for i, item in enumerate(value):
            yield from errors_of(item, schema.get("items", {}), root, f"{path}[{i}]")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        rest = schema.get("additionalProperties", {})
        for key in schema.get("required", []):
            if key not in value:
                yield f"{path}: no {key}"
        for key, item in value.items():
            if key in properties:
                yield from errors_of(item, properties[key], root, f"{path}.{key}")
            elif rest is False:
                yield f"{path}: {key} is not in the schema"
            elif isinstance(rest, dict):
                yield from errors_of(item, rest, root, f"{path}.{key}")


def damaged(result):
    """Copies of the result, each wrong in one way."""

    def change(fn):
        bad = copy.deepcopy(result)
        fn(bad)
        return bad

    for key in result:
        yield change(lambda bad: bad.pop(key))
    yield change(lambda bad: bad.update(extra=1))
    yield change(lambda bad: bad.update(schema=1))
    yield change(lambda bad: bad["run"].update(started="yesterday"))
    yield change(lambda bad: bad["run"].update(exit_code="1"))
    yield change(lambda bad: bad["checks"][0].update(passes=-1))
    yield change(lambda bad: bad["thresholds"][0].pop("actual"))
    yield change(lambda bad: bad["summary"]["metrics"]["http_req_duration"].update(type="trend"))
    yield change(lambda bad: bad["summary"]["types"]["http_req_duration"].update(type="histogram"))
    yield change(lambda bad: bad["summary"]["requests"][0].pop("statuses"))
    yield change(lambda bad: bad["summary"]["requests"][0]["buckets"].append([1, 2]))
    yield change(lambda bad: bad["summary"]["metrics"]["http_req_duration"].pop("p(95)"))
    yield change(lambda bad: bad["series"]["http_reqs"]["points"][0].append("x"))
    yield change(lambda bad: bad["generator"].update(verdict="fine"))


def main(program, schema_path):
    schema = json.loads(pathlib.Path(schema_path).read_text())
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "result.json")
        subprocess.run([program, path], check=True)
        result = json.loads(path.read_text())
    found = list(errors_of(result, schema, schema))
    assert not found, "\n".join(found)
    for bad in damaged(result):
        assert list(errors_of(bad, schema, schema)), "the schema lets a damaged result pass"
    try:
        import jsonschema
    except ImportError:
        return
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema)
    validator(schema).validate(result)
    assert all(not validator(schema).is_valid(bad) for bad in damaged(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
