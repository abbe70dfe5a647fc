# SPDX-License-Identifier: MIT
"""rampa.distributed.archive: archives of ours and of others, whole ones and hostile ones."""
from __future__ import annotations

import hashlib
import io
import json
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rampa import _archive
from rampa._archive_files import Collector
from rampa._archive_tool import differences, pack, public_plan
from rampa.distributed.archive import ArchiveError, ArchiveManifest, create_archive, extract_archive

SCRIPT = "async def default(worker): pass\n"
MANIFEST = {"version": 1, "entrypoint": "script.py", "dependencies": [], "data_files": []}


def in_the_references_way(path: Path, members: dict[str, bytes]) -> None:
    """As the reference does: zipfile alone, and a comment with the checksum of the file without it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = f"sha256:{digest}".encode()


def test_an_archive_of_the_reference(tmp_path: Path) -> None:
    path = tmp_path / "a.rampa"
    manifest = {**MANIFEST, "data_files": ["/home/joe/users.csv"], "dependencies": ["aiohttp>=3"]}
    members = {"script.py": SCRIPT.encode(), "data/users.csv": b"a,b\n", "requirements.txt": b"aiohttp>=3\n"}
    in_the_references_way(path, {**members, "manifest.json": json.dumps(manifest, indent=2).encode()})
    found = extract_archive(path, tmp_path / "deep" / "out")
    assert (found.entrypoint, found.dependencies, found.data_files) == ("script.py", ["aiohttp>=3"], ["/home/joe/users.csv"])
    assert len(found.sha256) == 64
    assert {name: (tmp_path / "deep/out" / name).read_bytes() for name in members} == members


def test_the_reference_reads_ours(tmp_path: Path) -> None:
    """What it does with an archive, in the words of the standard library."""
    (tmp_path / "load.py").write_text(SCRIPT)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/users.csv").write_text("a\n")
    (tmp_path / "users.csv").write_text("b\n")  # the same name in another folder
    path = create_archive(tmp_path / "load.py", tmp_path / "a.rampa", [tmp_path / "users.csv", tmp_path / "data/users.csv"], ["httpx", "yarl==1"])
    assert path == tmp_path / "a.rampa"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "out")
        told = json.loads(archive.read("manifest.json"))
        comment = archive.comment
    assert (told["version"], told["entrypoint"], told["dependencies"]) == (1, "script.py", ["httpx", "yarl==1"])
    assert told["data_files"] == ["data/users.csv", "data/data/users.csv"]
    assert (tmp_path / "out/script.py").read_text() == SCRIPT
    assert (tmp_path / "out/data/users.csv").read_text() == "b\n" and (tmp_path / "out/data/data/users.csv").read_text() == "a\n"
    assert (tmp_path / "out/requirements.txt").read_text() == "httpx\nyarl==1\n"
    whole = path.read_bytes()
    bare = whole[: -len(comment) - 2] + b"\0\0"
    assert comment.decode() == f"sha256:{hashlib.sha256(bare).hexdigest()}"
    assert str(tmp_path) not in whole.decode("latin-1")
    again = create_archive(tmp_path / "load.py", tmp_path / "b.rampa", [tmp_path / "users.csv", tmp_path / "data/users.csv"], ["httpx", "yarl==1"])
    assert again.read_bytes() == whole
    assert extract_archive(path, tmp_path / "ours") == ArchiveManifest(
        dependencies=["httpx", "yarl==1"], data_files=told["data_files"], sha256=comment.decode()[7:]
    )


def test_what_cannot_be_packed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="script not found"):
        create_archive(tmp_path / "no.py", tmp_path / "a.rampa")
    (tmp_path / "load.py").write_text(SCRIPT)
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "users.csv").write_text(name)
    (tmp_path / "x" / "load.py").write_text(SCRIPT)
    with pytest.raises(ArchiveError, match="two data files would be called 'data/users.csv'"):
        create_archive(tmp_path / "x/load.py", tmp_path / "a.rampa", [tmp_path / "x/users.csv", tmp_path / "y/users.csv"])
    assert not [path for path in tmp_path.iterdir() if "rampa" in path.name]


def test_much_that_is_equal_can_be_read_again(tmp_path: Path) -> None:
    (tmp_path / "load.py").write_text(SCRIPT)
    (tmp_path / "zeros").write_bytes(bytes(3 << 20))
    extract_archive(create_archive(tmp_path / "load.py", tmp_path / "a.rampa", [tmp_path / "zeros"]), tmp_path / "out")
    assert (tmp_path / "out/data/zeros").stat().st_size == 3 << 20


# ---- hostile ones -----------------------------------------------------------------------------------------------------

Change = Callable[[zipfile.ZipFile], None]


def member(name: str, content: bytes = b"x", mode: int = 0) -> Change:
    def change(archive: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo("placeholder")
        info.filename = info.orig_filename = name  # a name that zipfile would not write
        info.external_attr = mode << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, content)

    return change


def several(*changes: Change) -> Change:
    def change(archive: zipfile.ZipFile) -> None:
        for one in changes:
            one(archive)

    return change


HOSTILE = {
    "path-escape": (member("../evil.py"), "'../evil.py' leads out of the archive"),
    "escape-inside": (member("a/../../evil.py"), "leads out of the archive"),
    "absolute": (member("/tmp/evil.py"), "'/tmp/evil.py' is absolute"),
    "drive": (member("C:evil.py"), "is absolute"),
    "backslash": (member("..\\evil.py"), "no name of an archive has"),
    "control": (member("a\x1b[2Jb"), r"'a\x1b[2Jb' has a character"),
    "dot": (member("./evil.py"), "is no name of a file"),
    "empty-part": (member("a//evil.py"), "is no name of a file"),
    "long": (member("a" * 300), "is no name of a file"),
    "link": (member("etc", b"/etc", stat.S_IFLNK | 0o777), "'etc' is a link"),
    "device": (member("null", b"", stat.S_IFCHR | 0o666), "'null' is no plain file"),
    "twice": (several(member("a.csv"), member("a.csv")), "'a.csv' is in it twice"),
    "case": (several(member("A.csv"), member("a.csv")), "'A.csv' and 'a.csv' are one name"),
    "case-of-a-folder": (several(member("Data/a"), member("data/b")), "'Data' and 'data' are one name"),
    "composed": (several(member("\u00e9"), member("e\u0301")), "are one name"),
    "file-and-folder": (several(member("a"), member("a/b")), "'a' is both a file and a folder"),
    "bomb": (member("zeros", bytes(2 << 20)), "'zeros' would grow more than 200 times"),
    "many": (several(*(member(f"{i}", b"") for i in range(10_001))), "more than 10000 files"),
    "manifest-twice": (member("manifest.json", b"{}"), "'manifest.json' is in it twice"),
}


def refused(path: Path, tmp_path: Path) -> str:
    """What is said of an archive, of which nothing must be left."""
    with pytest.raises(ArchiveError) as caught:
        extract_archive(path, tmp_path / "out")
    assert not (tmp_path / "out").exists() and not (tmp_path / "evil.py").exists()
    assert "\x1b" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_members(tmp_path: Path, name: str) -> None:
    change, message = HOSTILE[name]
    path = tmp_path / "a.rampa"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")  # zipfile's own, of names that it has already
        archive.writestr("script.py", SCRIPT)
        archive.writestr("manifest.json", json.dumps(MANIFEST))
        change(archive)
    assert message in refused(path, tmp_path)


def test_a_size_that_is_a_lie(tmp_path: Path) -> None:
    path = tmp_path / "a.rampa"
    in_the_references_way(path, {"script.py": SCRIPT.encode(), "manifest.json": json.dumps(MANIFEST).encode(), "big": bytes(range(256)) * 9000})
    raw = bytearray(path.read_bytes())
    at = raw.rfind(b"PK\x01\x02")  # the entry of the last member
    raw[at + 24 : at + 28] = struct.pack("<L", 1000)
    path.write_bytes(raw.replace(b"sha256:", b"sha255:"))
    assert "damaged" in refused(path, tmp_path)


@pytest.mark.parametrize("limit", ["BYTES_MAX", "MANIFEST_MAX"])
def test_too_much_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    path = tmp_path / "a.rampa"
    in_the_references_way(path, {"script.py": SCRIPT.encode() * 50, "manifest.json": json.dumps(MANIFEST).encode()})
    monkeypatch.setattr(_archive, limit, 1000 if limit == "BYTES_MAX" else 20)
    assert "have more than" in refused(path, tmp_path) or "has more than" in refused(path, tmp_path)


MANIFESTS = {
    "no-json": (b"{", "manifest.json is no JSON"),
    "list": (b"[]", "is no JSON object"),
    "deep": (b"[" * 100_000, "is no JSON"),
    "newer": (b'{"version": 2}', "has version '2' of the format"),
    "entrypoint": (b'{"entrypoint": "other.py"}', "its script 'other.py' is not in it"),
    "entrypoint-outside": (b'{"entrypoint": "../../evil.py"}', "its script '../../evil.py' is not in it"),
    "entrypoint-type": (b'{"entrypoint": 5}', "entrypoint is no text"),
    "dependencies": (b'{"dependencies": {"a": 1}}', "dependencies is no list"),
    "config": (b'{"config": []}', "config is no object"),
    "files": (b'{"files": [1]}', "files is no list of checksums"),
    "file-missing": (b'{"files": {"script.py": {}, "b": {}}}', "'b' is missing"),
    "file-unlisted": (b'{"files": {}}', "'script.py' is not in its list of files"),
    "file-changed": (b'{"files": {"script.py": {"sha256": "0"}}}', "'script.py' is not the file that was put in"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests(tmp_path: Path, name: str) -> None:
    content, message = MANIFESTS[name]
    path = tmp_path / "a.rampa"
    in_the_references_way(path, {"script.py": SCRIPT.encode(), "manifest.json": content})
    assert message in refused(path, tmp_path)


def test_what_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.rampa"
    for content in (b"", b"PK", b"hello", b"PK\x05\x06" + bytes(18), b"PK\x05\x06" + b"\xff" * 18, bytes(70_000)):
        path.write_bytes(content)
        refused(path, tmp_path)


def test_every_cut_and_every_changed_byte_is_seen(tmp_path: Path) -> None:
    (tmp_path / "load.py").write_text(SCRIPT)
    path = create_archive(tmp_path / "load.py", tmp_path / "a.rampa")
    whole = path.read_bytes()
    for at in range(0, len(whole), 11):
        path.write_bytes(whole[:at])
        refused(path, tmp_path)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        refused(path, tmp_path)


def test_nothing_is_left_when_the_folder_cannot_be_filled(tmp_path: Path) -> None:
    path = tmp_path / "a.rampa"
    members = {"a/one": b"1", "b": b"2", "script.py": SCRIPT.encode(), "manifest.json": json.dumps(MANIFEST).encode()}
    in_the_references_way(path, members)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/b").symlink_to(tmp_path / "elsewhere")  # is not followed
    with pytest.raises(OSError):
        extract_archive(path, tmp_path / "out")
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["b"] and not (tmp_path / "elsewhere").exists()


# ---- what a script consists of ----------------------------------------------------------------------------------------


def test_what_a_script_needs(tmp_path: Path) -> None:
    home = tmp_path / "home"
    texts = {
        "load.py": "import os, json, helper, pkg.inner\nfrom names import space\nimport third_party_thing\nimport importlib\n"
        "importlib.import_module('by_name')\nopen('users.csv'); open('../secret.txt'); open('.env'); open('no/such/file')\n"
        "FOLDER / 'data' / 'rows.json'\nos.path.join(FOLDER, 'data', 'more.json')\nopen('" + str(tmp_path / "abs.txt") + "')\n"
        "raise SystemExit('it was executed')\n",
        "helper.py": "from other import thing\n",
        "other.py": "thing = 'other.txt'\n",
        "by_name.py": "",
        "unused.py": "",
        "pkg/__init__.py": "from . import inner\nfrom .deep import leaf\n",
        "pkg/inner.py": "",
        "pkg/deep/__init__.py": "",
        "pkg/deep/leaf.py": "import helper\n",
        "pkg/__pycache__/inner.py": "",
        "names/space.py": "import json\n",
        "users.csv": "",
        "other.txt": "",
        ".env": "TOKEN=secret",
        "data/rows.json": "",
        "data/more.json": "",
        "../secret.txt": "secret",
        "../abs.txt": "",
    }
    for name, text in texts.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    found = Collector(str(home / "load.py")).found
    kept_out = {"unused.py", ".env", "../secret.txt", "../abs.txt", "pkg/__pycache__/inner.py"}
    assert set(found.files) == texts.keys() - kept_out
    assert found.entrypoint == "load.py" and found.packages == {"third_party_thing"}
    assert found.left_out == {
        ".env": "its name begins with a dot",
        "../secret.txt": "it is outside the folder of the script",
        str(tmp_path / "abs.txt"): "its path is absolute",
    }
    plan = {"scenarios": {"a": {"vus": 1, "env": {"KEY": "s3cr3t"}}}, "env": {"TOKEN": "s3cr3t"}}
    left_out, names = pack(str(home / "load.py"), str(tmp_path / "a.rampa"), [str(home / ".env"), str(tmp_path / "secret.txt")], plan, "1.2")
    assert {".env", "secret.txt"} < set(names) and ".env" not in left_out
    manifest = extract_archive(tmp_path / "a.rampa", tmp_path / "out")
    assert (tmp_path / "out/pkg/deep/leaf.py").exists() and (tmp_path / "out/secret.txt").read_text() == "secret"
    assert manifest.config == {"scenarios": {"a": {"vus": 1, "env": {"KEY": "***"}}}, "env": {"TOKEN": "***"}}
    with pytest.raises(ArchiveError, match="there is no file"):
        Collector(str(home / "load.py")).include(str(home / "nothing"))


def test_a_link_to_elsewhere_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/load.py").write_text("open('key.txt')\n")
    (tmp_path / "key.txt").write_text("secret")
    (tmp_path / "home/key.txt").symlink_to(tmp_path / "key.txt")
    found = Collector(str(tmp_path / "home/load.py")).found
    assert list(found.files) == ["load.py"] and "key.txt" in found.left_out


def test_public_plan() -> None:
    assert public_plan({"scenarios": {}, "thresholds": {}}) == {"scenarios": {}, "thresholds": {}, "env": {}}


def test_what_differs_here() -> None:
    manifest = ArchiveManifest(python_version="2.7.18", dependencies=["pytest==0.1", "no-such-thing==1", "pytest", "\x1b[2J", "pytest==\x1b"])
    first, second, third = differences(manifest)
    assert "made with Python 2.7" in first and "pytest 0.1, and" in second and "needs no-such-thing, which is not installed" in third
    assert differences(ArchiveManifest()) == []


def test_checksum_of_nothing() -> None:
    assert _archive._checksum(io.BytesIO(b"ab\0\0"), b"") == hashlib.sha256(b"ab\0\0").hexdigest()
