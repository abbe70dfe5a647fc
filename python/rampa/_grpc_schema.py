# SPDX-License-Identifier: MIT
"""What the messages of a server look like, so that scripts can write them as dicts. It stands on python3-protobuf."""

from __future__ import annotations

import base64
import difflib
import errno
import functools
import importlib
import itertools
import os
import re
import shutil
import subprocess
import tempfile
import typing
import warnings

from rampa._grpc_wire import one_line

_METHODS_COMPARED = 1000  # with a method that there is not
_METHODS_SHOWN = 20  # in an error
_NAME_SHOWN = 200  # characters
_ANY, _BYTES_VALUE = "google.protobuf.Any", "google.protobuf.BytesValue"
_IN_VALUE = (_ANY, _BYTES_VALUE)  # what an Any has as its "value", of what may have bytes
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
# The files of Protocol Buffers' own, by the modules of the package that have them.
_OWN_FILES = (
    "descriptor", "any", "api", "duration", "empty", "field_mask", "source_context", "struct", "timestamp", "type", "wrappers", "compiler.plugin",
)  # fmt: skip
SEVERAL_REQUESTS, SEVERAL_RESPONSES = 1, 2  # of the kind of a method
_CALLS = ("unary", "client_stream", "server_stream", "bidi")

_Path = typing.Union[str, "os.PathLike[str]"]


def protobuf(name: str) -> typing.Any:
    try:
        return importlib.import_module(f"google.protobuf.{name}")
    except ImportError as error:
        raise ImportError("messages as dicts need the package protobuf: apt install python3-protobuf, or pip install protobuf") from error


def _path(given: typing.Any, what: str) -> str:
    path = os.fspath(given) if isinstance(given, (str, os.PathLike)) else given
    if not isinstance(path, str):
        hint = f"; give them one by one: {what}(*files)" if isinstance(given, (list, tuple)) else ""
        raise TypeError(f"{what} takes paths as str, not {type(given).__name__}{hint}")
    return path


def _found(file: str, include: list[str]) -> str:
    """Where a file is: as it is given, or else in one of these folders, as protoc itself has it."""
    if not os.path.exists(file):
        for folder in include:
            if os.path.exists(os.path.join(folder, file)):
                return os.path.join(folder, file)
    return file


def _own_files() -> bytes:
    """A descriptor set of the files of Protocol Buffers' own, for a protoc that has come without them."""
    made = protobuf("descriptor_pb2").FileDescriptorSet()
    for name in _OWN_FILES:
        try:
            own = protobuf(f"{name}_pb2")
        except ImportError:  # the package has fewer of them
            continue
        own.DESCRIPTOR.CopyToProto(made.file.add())
    data: bytes = made.SerializeToString()
    return data


def _unread(error: OSError, name: str) -> OSError:
    """An error of its class that says what to do about it."""
    if error.errno == errno.EISDIR:
        what = "GrpcSchema takes files, and this is a folder: give those in it"
    elif error.errno == errno.ENOENT and not os.path.isabs(name):
        beside = f"os.path.join(os.path.dirname(__file__), {name!r})"
        what = f"GrpcSchema finds no such file in {os.getcwd()}, the working directory, or in include=; one beside the script is {beside}"
    else:
        what = f"GrpcSchema cannot read the file: {error.strerror}"
    return OSError(error.errno, what, name)


def _read(name: str, length: int = -1) -> bytes:
    try:
        with open(name, "rb") as file:
            return file.read(length)
    except OSError as error:
        raise _unread(error, name) from None


def _compile(files: list[str], include: list[str]) -> bytes:
    """The descriptor set of .proto files, made by protoc."""
    protoc = shutil.which("protoc")
    if protoc is None:
        raise ValueError("protoc, which reads .proto files, is not installed: apt install protobuf-compiler, or give a descriptor set")
    paths = [os.path.abspath(file) for file in files]
    beside = sorted({os.path.dirname(path) for path in paths})
    folders = dict.fromkeys([*(os.path.abspath(name) for name in include), *beside])  # a file counts as one of the first that it is below
    with tempfile.TemporaryDirectory() as folder:
        made, own = os.path.join(folder, "set"), os.path.join(folder, "own")
        with open(own, "wb") as written:
            written.write(_own_files())
        words = [protoc, *(f"-I{name}" for name in folders), f"--descriptor_set_in={own}", "--include_imports", f"--descriptor_set_out={made}"]
        done = subprocess.run([*words, *paths], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            hint = "; imports are looked for in the folders of the files, and in those of include=" if ": File not found" in done.stderr else ""
            raise ValueError(f"protoc cannot read {', '.join(files)}: {done.stderr.strip()}{hint}")
        with open(made, "rb") as file:
            return file.read()


class _Reader:
    """Reads messages of one type as dicts."""

    def __init__(self, kind: typing.Any, pool: typing.Any) -> None:
        self._kind = kind
        self._pool = pool

    def FromString(self, data: bytes, /) -> dict[str, typing.Any]:
        made: dict[str, typing.Any] = protobuf("json_format").MessageToDict(
            self._kind.FromString(data), preserving_proto_field_name=True, descriptor_pool=self._pool
        )
        return made


class _Method(typing.NamedTuple):
    """What a schema knows of a method."""

    request: typing.Any  # the class of requests
    reader: _Reader  # of responses
    response: str  # the name of their type
    kind: int


def _type_name(message: typing.Any) -> str:
    """The name of the type of a message, or of its class; empty: it is neither."""
    name = getattr(getattr(message, "DESCRIPTOR", None), "full_name", "")
    return name if isinstance(name, str) else ""


# ---- bytes in dicts --------------------------------------------------------------------------------------------------


def _entry(field: typing.Any) -> typing.Any:
    """The field of the values of a map; None: the field is no map."""
    kind = field.message_type
    return kind.fields_by_name["value"] if kind is not None and kind.GetOptions().map_entry else None


def _as_base64(value: typing.Any, field: typing.Any) -> typing.Any:
    """A value of a field of bytes, as JSON has it. json_format would take what is no base64, and leave out what it does not know."""
    if value is None:
        return None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if not isinstance(value, str):
        raise ValueError(f"the field {field.name} takes bytes, or base64 as a str, not {type(value).__name__}")
    bare = value.rstrip("=")
    if not _BASE64.fullmatch(value) or len(bare) % 4 == 1 or (bare != value and len(value) % 4):
        raise ValueError(f"the field {field.name} takes bytes, or base64 as a str, and {value[:40]!r} is no base64")
    return value


def _is_repeated(field: typing.Any) -> bool:
    known = getattr(field, "is_repeated", None)  # newer versions of the package have this one, and have no label
    return bool(field.label == field.LABEL_REPEATED if known is None else known)


@functools.lru_cache(maxsize=1000)
def _by_json_name(kind: typing.Any) -> dict[str, typing.Any]:
    return {field.json_name: field for field in kind.fields}


def _field_of(kind: typing.Any, name: typing.Any) -> typing.Any:
    """What json_format takes this name of a dict for: a JSON name, that of the field itself or of an extension. None: nothing."""
    if not isinstance(name, str):
        return None
    if kind.is_extendable and name.startswith("[") and name.endswith("]"):
        try:
            return kind.file.pool.FindExtensionByName(name[1:-1])
        except KeyError:
            return None
    return _by_json_name(kind).get(name) or kind.fields_by_name.get(name)


def _one_for_json(value: typing.Any, field: typing.Any) -> typing.Any:
    if field.message_type is not None:
        return _for_json(value, field.message_type)
    return _as_base64(value, field) if field.type == field.TYPE_BYTES else value


def _any_for_json(value: dict[typing.Any, typing.Any], pool: typing.Any) -> dict[typing.Any, typing.Any]:
    """The same of the message that an Any has: its fields stand beside "@type", or it is the "value" if JSON has a form of its own for it."""
    url = value.get("@type")
    try:
        kind = pool.FindMessageTypeByName(url.rpartition("/")[2]) if isinstance(url, str) else None
    except KeyError:
        kind = None
    if kind is None:
        return value
    if kind.full_name in _IN_VALUE:
        return {name: _for_json(part, kind) if name == "value" else part for name, part in value.items()}
    made = _for_json({name: part for name, part in value.items() if name != "@type"}, kind)
    return {"@type": url, **made}


def _for_json(value: typing.Any, kind: typing.Any) -> typing.Any:
    """A dict with bytes becomes one of JSON, in which they are base64. What is no such message stays, for json_format to refuse."""
    if kind.full_name == _BYTES_VALUE:
        return _as_base64(value, kind.fields_by_name["value"])
    if not isinstance(value, dict):
        return value
    if kind.full_name == _ANY:
        return _any_for_json(value, kind.file.pool)
    made: dict[typing.Any, typing.Any] = {}
    for name, part in value.items():
        field = _field_of(kind, name)
        made[name] = part
        if field is None or part is None:
            continue
        entry = _entry(field)
        if entry is not None and isinstance(part, dict):
            made[name] = {key: _one_for_json(one, entry) for key, one in part.items()}
        elif entry is None and not _is_repeated(field):
            made[name] = _one_for_json(part, field)
        elif entry is None and isinstance(part, (list, tuple)):
            made[name] = [_one_for_json(one, field) for one in part]
    return made


def _has_bytes(kind: typing.Any) -> bool:
    """Whether a message may have bytes, at any depth."""
    seen, wanted = set(), [kind]
    while wanted:
        kind = wanted.pop()
        if kind.full_name in seen:
            continue
        seen.add(kind.full_name)
        if kind.is_extendable:  # by anything
            return True
        for field in kind.fields:
            if field.type == field.TYPE_BYTES:
                return True
            if field.message_type is not None:
                wanted.append(field.message_type)
    return False


# ---- schemas ---------------------------------------------------------------------------------------------------------


class GrpcSchema:
    """The services and messages of a server. With it, requests may be dicts, and responses are: the JSON form of messages.

    Args:
        files: ``.proto`` files, which protoc reads, or descriptor sets, which it has made with ``--include_imports``. A relative
            path begins in the current folder, as that of ``open()`` does; a file that is not there is looked for in ``include``.
        include: folders in which ``.proto`` files find each other, beside those that the files are in.

    Raises:
        TypeError: a path is no str.
        ImportError: the package protobuf is not installed.
        OSError: a file cannot be read.
        ValueError: a file is no descriptor set, protoc refuses it, or is not installed.

    >>> GrpcSchema("/missing.pb")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] GrpcSchema cannot read the file: No such file or directory: '/missing.pb'
    """

    def __init__(self, *files: _Path, include: _Path | typing.Iterable[_Path] = ()) -> None:
        self._pool = protobuf("descriptor_pool").DescriptorPool()
        self._methods: dict[str, _Method] = {}
        self._services: list[str] = []
        self._with_bytes: dict[str, bool] = {}  # by the names of messages
        folders = [include] if isinstance(include, (str, os.PathLike)) else list(include)
        places = [_path(folder, "include=") for folder in folders]
        found = [_found(_path(file, "GrpcSchema"), places) for file in files]
        protos = [file for file in found if file.endswith(".proto")]
        for proto in protos:
            _read(proto, 0)  # whose error is clearer than that of protoc
        if protos:
            self._add(_compile(protos, places), ", ".join(protos))
        for file in found:
            if not file.endswith(".proto"):
                self._add(_read(file), file)

    def _add(self, data: bytes, name: str) -> None:
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always", RuntimeWarning)
                files = protobuf("descriptor_pb2").FileDescriptorSet.FromString(data).file
            if told:  # bytes are left over: then it is something else
                raise ValueError(str(told[0].message))
            if not files:
                raise ValueError("it has no files")
            for file in files:
                self._add_file(file)
        except (protobuf("message").DecodeError, TypeError, ValueError) as error:
            what = f"{name} is no descriptor set, as protoc --include_imports --descriptor_set_out makes it"
            raise ValueError(f"{what}: {one_line(error)} (the name of a .proto file ends in .proto)") from error

    def _add_file(self, file: typing.Any) -> None:
        """The descriptor of a file, behind those that it imports.

        Raises:
            ValueError: it contradicts itself or another one, or the package protobuf is too old for it.
        """
        try:
            self._pool.AddSerializedFile(file.SerializeToString())
        except (TypeError, ValueError) as error:
            raise ValueError(f"the file {file.name!r} cannot be used: {error}") from None
        package = f"{file.package}." if file.package else ""
        self._services += [package + service.name for service in file.service]

    @property
    def methods(self) -> list[str]:
        """All methods, as they are called."""
        return list(self._each_method())

    def _each_method(self) -> typing.Iterator[str]:
        for name in self._services:
            service = self._pool.FindServiceByName(name)
            yield from (f"/{service.full_name}/{method.name}" for method in service.methods)

    def _class_of(self, descriptor: typing.Any) -> typing.Any:
        factory = protobuf("message_factory")
        if hasattr(factory, "GetMessageClass"):
            return factory.GetMessageClass(descriptor)
        return factory.MessageFactory(self._pool).GetPrototype(descriptor)

    def _find(self, path: str) -> _Method | None:
        """What is known of a method; None: there is no such method."""
        known = self._methods.get(path)
        if known is not None:
            return known
        service, _, method = path.strip("/").rpartition("/")
        try:
            found = self._pool.FindServiceByName(service).methods_by_name[method]
        except KeyError:
            return None
        flags = protobuf("descriptor_pb2").MethodDescriptorProto()
        found.CopyToProto(flags)
        kind = SEVERAL_REQUESTS * flags.client_streaming | SEVERAL_RESPONSES * flags.server_streaming
        answer = found.output_type
        known = _Method(self._class_of(found.input_type), _Reader(self._class_of(answer), self._pool), answer.full_name, kind)
        self._methods[path] = known
        return known

    def _types(self, path: str) -> _Method:
        """The same of a method that there must be.

        Raises:
            ValueError: there is no such method.
        """
        known = self._find(path)
        if known is not None:
            return known
        some = list(itertools.islice(self._each_method(), _METHODS_COMPARED))
        near = difflib.get_close_matches("/" + path.strip("/"), [name for name in some if len(name) <= _NAME_SHOWN], 1)
        names = ", ".join(one_line(name, _NAME_SHOWN) for name in some[:_METHODS_SHOWN])
        more = " and others" if len(some) > _METHODS_SHOWN else ""
        hint = f"; did you mean {near[0]!r}?" if near else f"; it has {names or 'none'}{more}"
        raise ValueError(f"the schema has no method {path!r}{hint}")

    def _check(self, path: str, kind: int, response: typing.Any) -> None:
        """Whether a call of this kind, with this class of responses, fits the method, if it is known.

        Raises:
            TypeError: the class is that of another message.
            ValueError: the method is of another kind.
        """
        known = self._find(path)
        if known is None:
            return
        if known.kind != kind:
            requests = "several requests" if known.kind & SEVERAL_REQUESTS else "one request"
            responses = "several responses" if known.kind & SEVERAL_RESPONSES else "one response"
            raise ValueError(f"{path} has {requests} and {responses}: call it by {_CALLS[known.kind]}(), not by {_CALLS[kind]}()")
        given = _type_name(response)
        if given and given != known.response:
            raise TypeError(f"{path} answers with {one_line(known.response)}, and response= is {one_line(given)}")

    def _check_request(self, path: str, request: typing.Any) -> None:
        """Whether a message that a script has made is one of the method, if that is known.

        Raises:
            TypeError: it is another one.
        """
        given = _type_name(request)
        known = self._find(path) if given else None
        if known is not None and given != known.request.DESCRIPTOR.full_name:
            raise TypeError(f"{path} takes a message of {one_line(known.request.DESCRIPTOR.full_name)}, not one of {one_line(given)}")

    def _write(self, path: str, request: typing.Any, name: str = "the dict") -> bytes:
        """A dict as a message. ``name`` is what an error calls it."""
        json_format = protobuf("json_format")
        kind = self._types(path).request
        try:
            if self._may_have_bytes(kind.DESCRIPTOR):
                request = _for_json(request, kind.DESCRIPTOR)
            data: bytes = json_format.ParseDict(request, kind(), descriptor_pool=self._pool).SerializeToString()
        except (json_format.ParseError, protobuf("message").EncodeError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path}: {name} is no {one_line(kind.DESCRIPTOR.full_name)}: {one_line(error)}") from error
        return data

    def _may_have_bytes(self, kind: typing.Any) -> bool:
        found = self._with_bytes.get(kind.full_name)
        if found is None:
            found = self._with_bytes[kind.full_name] = _has_bytes(kind)
        return found

    def __repr__(self) -> str:
        return f"<GrpcSchema of {', '.join(self._services) or 'no service'}>"
