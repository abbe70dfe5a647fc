# SPDX-License-Identifier: MIT
"""What ``rampa archive`` and ``rampa run FILE.rampa`` ask of Python: a process that packs or unpacks an archive.

It answers on standard output: ``ok`` and some lines, or ``error``, a message and a hint, a line each. In place of ``error`` stands
``failed`` when nothing was wrong with what was asked, but the archive could not be written.
"""

from __future__ import annotations

import errno
import importlib.metadata
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import typing

from rampa._archive import REQUIREMENTS, VERSION, Archive, ArchiveError, ArchiveManifest, shown, write
from rampa._archive_files import Collector, versions

_HIDDEN = "***"
# A path that cannot be used is a mistake of who has given it. Anything else, such as a full disk, is not.
_OF_THE_PATH = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.ENAMETOOLONG}


class NotWritten(Exception):
    """The archive could not be written, and another path would not help."""


def public_plan(plan: dict[str, typing.Any]) -> dict[str, typing.Any]:
    """The plan without the values of ``env``, which may be secrets."""
    scenarios = {
        name: {**scenario, "env": dict.fromkeys(scenario.get("env") or {}, _HIDDEN)} for name, scenario in plan.get("scenarios", {}).items()
    }
    return {**plan, "env": dict.fromkeys(plan.get("env") or {}, _HIDDEN), "scenarios": scenarios}


def pack(script: str, output: str, include: list[str], plan: dict[str, typing.Any], version: str) -> tuple[dict[str, str], list[str]]:
    """Makes the archive of a script.

    Returns:
        What was left out, with the reasons, and the names of the files.

    Raises:
        ArchiveError: something is wrong with the script, a file or a path.
        NotWritten: the disk is full, for example.
    """
    collector = Collector(script)
    for path in include:
        collector.include(path)
    found = collector.found
    contents = {}
    for name in [found.entrypoint, *sorted(found.files.keys() - {found.entrypoint})]:
        if os.path.realpath(found.files[name]) == os.path.realpath(output):
            continue
        with open(found.files[name], "rb") as file:
            contents[name] = file.read()
    dependencies = versions(found.packages)
    if dependencies and REQUIREMENTS not in contents:
        contents[REQUIREMENTS] = "".join(f"{line}\n" for line in dependencies).encode()
    manifest = {
        "version": VERSION,
        "entrypoint": found.entrypoint,
        "python_version": ".".join(map(str, sys.version_info[:3])),
        "rampa_version": version,
        "dependencies": dependencies,
        "data_files": [name for name in contents if not name.endswith((".py", ".so")) and name != REQUIREMENTS],
        "config": public_plan(plan),
    }
    try:
        write(output, manifest, contents)
    except OSError as error:
        text = f"the archive {shown(output)} cannot be written: {error.strerror}"
        if error.errno not in _OF_THE_PATH:
            raise NotWritten(text) from error
        raise ArchiveError(text, "make the folder first (mkdir -p)" if error.errno == errno.ENOENT else None) from error
    return found.left_out, list(contents)


def differences(manifest: ArchiveManifest) -> list[str]:
    """What is not here as it was where the archive was made."""
    found = []
    own = ".".join(map(str, sys.version_info[:2]))
    told = re.match(r"\d{1,3}\.\d{1,3}", manifest.python_version)
    if told and told[0] != own:
        found.append(f"the archive was made with Python {told[0]}, and this is Python {own}")
    for line in manifest.dependencies[:100]:
        match = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]{0,99})(?:==([A-Za-z0-9.+!_-]{1,60})$)?", line)
        if not match:
            continue
        try:
            here = importlib.metadata.version(match[1])
        except importlib.metadata.PackageNotFoundError:
            found.append(f"the script of the archive needs {match[1]}, which is not installed")
            continue
        if match[2] and here != match[2]:
            found.append(f"the archive was made with {match[1]} {match[2]}, and {here} is installed")
    return found


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr, flush=True)


def _answer(*lines: str) -> None:
    for line in lines:
        print(line.replace("\n", " "))
    sys.stdout.flush()


def _pack(version: str, script: str, output: str, include: list[str]) -> None:
    left_out, names = pack(script, output, include, json.load(sys.stdin), version)
    for name, reason in sorted(left_out.items()):
        _warn(f"{shown(name)} is left out, for {reason}; --include takes it")
    _answer("ok", str(len(names)))


def _unpack(path: str) -> None:
    """Keeps the files until standard input ends: also when the program that has asked for them is killed."""
    with Archive(path) as archive:
        folder = tempfile.mkdtemp(prefix="rampa-archive-")
        try:
            try:
                archive.unpack(folder)
            except OSError as error:
                raise ArchiveError(f"it cannot be unpacked into {folder}: {error.strerror}", "TMPDIR names another folder for it") from error
            for text in differences(archive.manifest):
                _warn(text)
            _answer("ok", folder, archive.manifest.entrypoint)
            os.dup2(2, 1)  # the end of the answer
            sys.stdin.buffer.read()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def main(words: list[str]) -> int:
    """Does one task, and says on standard output what has become of it.

    Args:
        words: ``pack VERSION SCRIPT ARCHIVE INCLUDED...`` or ``unpack ARCHIVE``.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the end of standard input ends it
    try:
        if words[0] == "pack":
            _pack(words[1], words[2], words[3], words[4:])
        else:
            _unpack(words[1])
    except ArchiveError as error:
        _answer("error", str(error), error.hint or "")
        return 1
    except NotWritten as error:
        _answer("failed", str(error), "")
        return 1
    except OSError as error:
        _answer("error", f"{shown(error.filename)}: {error.strerror}" if error.filename else str(error), "")
        return 1
    return 0
