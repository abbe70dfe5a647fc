# SPDX-License-Identifier: MIT
"""Archives: a test in one file, and how one is read that may come from anybody.

An archive is a zip file with the script, what it needs from its folder, and ``manifest.json``. The comment of the zip file is the
SHA-256 of the file without that comment. A checksum says that the archive is whole, and nothing of who has made it.
"""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import hashlib
import json
import os
import re
import stat
import struct
import tempfile
import typing
import unicodedata
import zipfile
import zlib

MANIFEST = "manifest.json"
REQUIREMENTS = "requirements.txt"
VERSION = 1

MEMBERS_MAX = 10_000
BYTES_MAX = 1 << 30  # of all files together
MANIFEST_MAX = 16 << 20
RATIO_MAX = 200  # of a file above RATIO_FROM; zip could reach 1000
RATIO_FROM = 1 << 20
_DIRECTORY_MAX = 4 << 20  # of the list of members; what zipfile makes of it takes much more memory
_NAME_MAX = 1000
_PIECE = 1 << 16

_END = struct.Struct("<4s4H2LH")  # the record at the end of a zip file
_COMMENT = re.compile(rb"sha256:([0-9a-f]{64})")


class ArchiveError(ValueError):
    """An archive that cannot be made or read.

    Attributes:
        hint: what can be done about it, or None.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@dataclasses.dataclass(frozen=True)
class ArchiveManifest:
    """What an archive says of itself.

    Attributes:
        version: of the format.
        entrypoint: name of the script.
        python_version: of the interpreter for which the archive was made, or "".
        dependencies: packages that the script imports, as ``name==version``.
        data_files: files that are no Python code.
        config: the plan of the test when the archive was made.
        sha256: checksum of the archive, or "" when it has none.
    """

    version: int = VERSION
    entrypoint: str = "script.py"
    python_version: str = ""
    dependencies: list[str] = dataclasses.field(default_factory=list)
    data_files: list[str] = dataclasses.field(default_factory=list)
    config: dict[str, typing.Any] = dataclasses.field(default_factory=dict)
    sha256: str = ""


def shown(name: object) -> str:
    """A name as it can be printed: what it came from may be hostile."""
    text = str(name)
    return repr(text if len(text) <= 120 else text[:120] + "...")


# ---- names ------------------------------------------------------------------------------------------------------------


def _mistake(name: str) -> str | None:
    """What is wrong with the name of a member."""
    path = name[:-1] if name.endswith("/") else name
    parts = path.split("/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "is absolute"
    if ".." in parts:
        return "leads out of the archive"
    if "\\" in name or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        return "has a character that no name of an archive has"
    if "" in parts or "." in parts or len(name) > _NAME_MAX or any(len(part.encode()) > 255 for part in parts):
        return "is no name of a file"
    return None


def _key(path: str) -> str:
    """Equal for names that some file system takes for one."""
    return unicodedata.normalize("NFC", path).casefold()


def check_names(names: collections.abc.Iterable[str]) -> None:
    """Refuses names that lead out of a folder, and names that cannot stand beside each other.

    Raises:
        ArchiveError: with the first one that cannot be.
    """
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        mistake = _mistake(name)
        if mistake:
            raise ArchiveError(f"the name {shown(name)} {mistake}")
        path = name.rstrip("/")
        own = folders if name.endswith("/") else files
        if _key(path) in own:
            other = own[_key(path)]
            raise ArchiveError(f"{shown(name)} is in it twice" if other == path else f"{shown(other)} and {shown(path)} are one name to some systems")
        own[_key(path)] = path
        parts = path.split("/")
        for end in range(1, len(parts)):
            parent = "/".join(parts[:end])
            if folders.setdefault(_key(parent), parent) != parent:
                raise ArchiveError(f"{shown(folders[_key(parent)])} and {shown(parent)} are one name to some systems")
    both = files.keys() & folders.keys()
    if both:
        raise ArchiveError(f"{shown(files[min(both)])} is both a file and a folder")


# ---- reading ----------------------------------------------------------------------------------------------------------


def _check_end(file: typing.BinaryIO) -> None:
    """Looks at the record at the end before zipfile makes an object of each member."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 65535 - _END.size, 0))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if size > BYTES_MAX:
        raise ArchiveError(f"it has more than {BYTES_MAX >> 20} MiB")
    if at < 0 or len(tail) - at < _END.size:
        raise ArchiveError("it is no zip file, or its end is missing")
    _, _, _, _, members, directory, _, _ = _END.unpack_from(tail, at)
    if tail[max(at - 20, 0) : at].startswith(b"PK\x06\x07") or members > MEMBERS_MAX or directory > _DIRECTORY_MAX:
        raise ArchiveError(f"it has more than {MEMBERS_MAX} files")


def _checksum(file: typing.BinaryIO, comment: bytes) -> str:
    """The SHA-256 of a zip file as it was before it had the comment."""
    digest = hashlib.sha256()
    left = file.seek(0, os.SEEK_END) - len(comment) - 2  # the last two bytes are the length of the comment
    file.seek(0)
    while left > 0 and (piece := file.read(min(left, _PIECE))):
        digest.update(piece)
        left -= len(piece)
    digest.update(b"\0\0")
    return digest.hexdigest()


def _check_member(info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    name = shown(info.orig_filename)
    if kind and kind != (stat.S_IFDIR if info.is_dir() else stat.S_IFREG):
        raise ArchiveError(f"{name} is {'a link' if kind == stat.S_IFLNK else 'no plain file'}")
    if info.flag_bits & 1:
        raise ArchiveError(f"{name} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArchiveError(f"{name} is compressed in a way that archives do not use")
    if info.file_size > RATIO_FROM and info.file_size > RATIO_MAX * max(info.compress_size, 1):
        raise ArchiveError(f"{name} would grow more than {RATIO_MAX} times")


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> collections.abc.Iterator[bytes]:
    """The bytes of a member, whose size may be a lie."""
    count = 0
    with archive.open(info) as file:
        while piece := file.read(_PIECE):
            count += len(piece)
            if count > most:
                raise ArchiveError(f"its files have more than {BYTES_MAX >> 20} MiB")
            yield piece
    if count != info.file_size:
        raise ArchiveError(f"{shown(info.filename)} is damaged")


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise ArchiveError(f"{MANIFEST}: {name} is no text")
    return value


def _texts(value: object, name: str) -> list[str]:
    if not isinstance(value, list):
        raise ArchiveError(f"{MANIFEST}: {name} is no list")
    return [_text(entry, name) for entry in value]


class Archive:
    """An archive that is open for reading, of which nothing has been believed yet.

    Args:
        path: of the archive.

    Raises:
        ArchiveError: it is hostile, damaged, or something else.
        OSError: it cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = open(path, "rb")
        try:
            self._open()
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, struct.error, EOFError, UnicodeError, OverflowError) as error:
            self._file.close()
            raise ArchiveError(f"it is no zip file, or a damaged one: {error}") from None
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def _open(self) -> None:
        _check_end(self._file)
        self._zip = zipfile.ZipFile(self._file)
        self._members = self._zip.infolist()
        check_names(info.orig_filename for info in self._members)
        for info in self._members:
            _check_member(info)
        if sum(info.file_size for info in self._members) > BYTES_MAX:
            raise ArchiveError(f"its files have more than {BYTES_MAX >> 20} MiB")
        sha256 = self._check_checksum()
        digests = self._read_all()
        self.manifest = self._read_manifest(digests, sha256)

    def _check_checksum(self) -> str:
        found = _COMMENT.fullmatch(self._zip.comment)
        if not found:
            return ""
        told = found[1].decode()
        if _checksum(self._file, self._zip.comment) != told:
            raise ArchiveError("its checksum is wrong: it was changed or damaged after it was made")
        return told

    def _read_all(self) -> dict[str, str]:
        """Reads everything once: so that nothing is written of what turns out to be wrong."""
        digests = {}
        left = BYTES_MAX
        for info in self._members:
            if info.is_dir():
                continue
            digest = hashlib.sha256()
            for piece in _pieces(self._zip, info, left):
                digest.update(piece)
                left -= len(piece)
            digests[info.filename] = digest.hexdigest()
        return digests

    def _read_manifest(self, digests: dict[str, str], sha256: str) -> ArchiveManifest:
        if MANIFEST not in digests:
            raise ArchiveError(f"it has no {MANIFEST}: it is no archive of a test")
        if self._zip.getinfo(MANIFEST).file_size > MANIFEST_MAX:
            raise ArchiveError(f"{MANIFEST} has more than {MANIFEST_MAX >> 20} MiB")
        try:
            told = json.loads(self._zip.read(MANIFEST))
        except (ValueError, RecursionError):
            raise ArchiveError(f"{MANIFEST} is no JSON") from None
        if not isinstance(told, dict):
            raise ArchiveError(f"{MANIFEST} is no JSON object")
        version = told.get("version", VERSION)
        if type(version) is not int or version != VERSION:
            raise ArchiveError(f"it has version {shown(version)} of the format, and this rampa reads version {VERSION}", "use a newer rampa")
        config = told.get("config", {})
        if not isinstance(config, dict):
            raise ArchiveError(f"{MANIFEST}: config is no object")
        self._check_digests(told.get("files"), digests)
        if "files" in told and not sha256:
            raise ArchiveError("its checksum is missing: it was changed or damaged after it was made")
        entrypoint = _text(told.get("entrypoint", "script.py"), "entrypoint")
        if entrypoint not in digests or not entrypoint.endswith(".py"):
            raise ArchiveError(f"its script {shown(entrypoint)} is not in it")
        return ArchiveManifest(
            version,
            entrypoint,
            _text(told.get("python_version", ""), "python_version"),
            _texts(told.get("dependencies", []), "dependencies"),
            _texts(told.get("data_files", []), "data_files"),
            config,
            sha256,
        )

    def _check_digests(self, told: object, digests: dict[str, str]) -> None:
        """Archives of rampa list their files; those of others may not."""
        if told is None:
            return
        if not isinstance(told, dict) or not all(isinstance(value, dict) for value in told.values()):
            raise ArchiveError(f"{MANIFEST}: files is no list of checksums")
        own = digests.keys() - {MANIFEST}
        for name in sorted(own ^ told.keys()):
            raise ArchiveError(f"{shown(name)} is {'not in its list of files' if name in own else 'missing'}")
        for name, value in told.items():
            if value.get("sha256") != digests[name]:
                raise ArchiveError(f"{shown(name)} is not the file that was put in: its checksum is wrong")

    def unpack(self, folder: str | os.PathLike[str]) -> None:
        """Writes the files below a folder, which is made when it is not there. When it fails, nothing new is left.

        Raises:
            OSError: a file cannot be written.
        """
        made: list[tuple[bool, str]] = []  # is it a folder?
        try:
            self._make_folder(os.fspath(folder), made)
            for info in self._members:
                path = os.path.join(folder, *info.filename.rstrip("/").split("/"))
                self._make_folder(path if info.is_dir() else os.path.dirname(path), made)
                if not info.is_dir():
                    self._write(info, path, made)
        except BaseException:
            for is_folder, path in reversed(made):
                with contextlib.suppress(OSError):
                    os.rmdir(path) if is_folder else os.unlink(path)
            raise

    def _make_folder(self, path: str, made: list[tuple[bool, str]]) -> None:
        missing = []
        while path and not os.path.isdir(path):
            missing.append(path)
            path = os.path.dirname(path)
        for one in reversed(missing):
            os.mkdir(one, 0o700)
            made.append((True, one))

    def _write(self, info: zipfile.ZipInfo, path: str, made: list[tuple[bool, str]]) -> None:
        is_new = not os.path.lexists(path)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if is_new:
            made.append((False, path))
        with open(file, "wb") as out:
            for piece in _pieces(self._zip, info, BYTES_MAX):
                out.write(piece)


# ---- writing ----------------------------------------------------------------------------------------------------------


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """The same content is the same bytes, whenever it is added. What shrinks too well for a reader is not compressed."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    shrinks = len(content) > RATIO_FROM and len(zlib.compress(content, 6)) * RATIO_MAX < len(content) + RATIO_MAX * 4096
    archive.writestr(info, content, zipfile.ZIP_STORED if shrinks else zipfile.ZIP_DEFLATED)


def write(path: str | os.PathLike[str], manifest: dict[str, typing.Any], contents: dict[str, bytes]) -> None:
    """Writes an archive, whole or not at all.

    Args:
        path: of the archive.
        manifest: what stands in its manifest, without the list of files.
        contents: name -> bytes of each file.

    Raises:
        ArchiveError: the files cannot be in one archive.
        OSError: it cannot be written.
    """
    if MANIFEST in contents:
        raise ArchiveError(f"a file of the test is called {MANIFEST}, as the list of the archive is", "give the file another name")
    check_names([*contents, MANIFEST])
    if len(contents) >= MEMBERS_MAX or sum(map(len, contents.values())) > BYTES_MAX:
        raise ArchiveError(f"there are more than {MEMBERS_MAX} files, or they have more than {BYTES_MAX >> 20} MiB")
    files = {name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in contents.items()}
    number, temporary = tempfile.mkstemp(prefix=".rampa-", dir=os.path.dirname(os.path.abspath(path)))
    try:
        with open(number, "w+b") as file:
            with zipfile.ZipFile(file, "w") as archive:
                for name, content in contents.items():
                    _add(archive, name, content)
                _add(archive, MANIFEST, json.dumps({**manifest, "files": files}, indent=2).encode())
            comment = f"sha256:{_checksum(file, b'')}".encode()
            file.seek(-2, os.SEEK_END)
            file.write(len(comment).to_bytes(2, "little") + comment)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
