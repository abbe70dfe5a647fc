# SPDX-License-Identifier: MIT
"""What the messages of a server look like, so that scripts can write them as dicts. It stands on python3-protobuf."""

from __future__ import annotations

import difflib
import errno
import importlib
import itertools
import os
import shutil
import stat
import subprocess
import tempfile
import typing
import warnings

from rampa._grpc_wire import one_line

_METHODS_COMPARED = 1000  # with a method that there is not
_METHODS_SHOWN = 20  # in an error
_NAME_SHOWN = 200  # characters

_Path = typing.Union[str, "os.PathLike[str]"]


def protobuf(name: str) -> typing.Any:
    try:
        return importlib.import_module(f"google.protobuf.{name}")
    except ImportError as error:
        raise ImportError("messages as dicts need the package protobuf: apt install python3-protobuf, or pip install protobuf") from error


def _compile(files: list[str], include: list[str]) -> bytes:
    """The descriptor set of .proto files, made by protoc."""
    protoc = shutil.which("protoc")
    if protoc is None:
        raise ValueError("protoc, which reads .proto files, is not installed: apt install protobuf-compiler, or give a descriptor set")
    folders = include or sorted({os.path.dirname(os.path.abspath(file)) for file in files})
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, "set")
        words = [protoc, *(f"-I{name}" for name in folders), "--include_imports", f"--descriptor_set_out={made}", *files]
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise ValueError(f"protoc cannot read {', '.join(files)}: {done.stderr.strip()}")
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


class GrpcSchema:
    """The services and messages of a server. With it, requests may be dicts, and responses are: the JSON form of messages.

    Args:
        files: ``.proto`` files, which protoc reads, or descriptor sets, which it has made with ``--include_imports``.
        include: the folders in which ``.proto`` files find each other; without it those that the files are in.

    Raises:
        ImportError: the package protobuf is not installed.
        OSError: a file cannot be read.
        ValueError: a file is no descriptor set, protoc refuses it, or is not installed.

    >>> GrpcSchema("missing.pb")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'missing.pb'
    """

    def __init__(self, *files: _Path, include: typing.Iterable[_Path] = ()) -> None:
        self._pool = protobuf("descriptor_pool").DescriptorPool()
        self._methods: dict[str, tuple[typing.Any, _Reader]] = {}
        self._services: list[str] = []
        protos = [os.fspath(file) for file in files if os.fspath(file).endswith(".proto")]
        for proto in protos:
            if stat.S_ISDIR(os.stat(proto).st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), proto)
        if protos:
            self._add(_compile(protos, [os.fspath(folder) for folder in include]), ", ".join(protos))
        for file in files:
            if not os.fspath(file).endswith(".proto"):
                with open(file, "rb") as opened:
                    self._add(opened.read(), os.fspath(file))

    def _add(self, data: bytes, name: str) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)  # of bytes that are left over: then it is something else
                files = protobuf("descriptor_pb2").FileDescriptorSet.FromString(data).file
            if not files:
                raise ValueError("it has no files")
            for file in files:
                self._add_file(file)
        except (protobuf("message").DecodeError, RuntimeWarning, TypeError, ValueError) as error:
            raise ValueError(f"{name} is no descriptor set, as protoc --include_imports --descriptor_set_out makes it: {error}") from error

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

    def _types(self, path: str) -> tuple[typing.Any, _Reader]:
        """The class of requests, and the reader of responses, of a method."""
        known = self._methods.get(path)
        if known is not None:
            return known
        service, _, method = path.strip("/").rpartition("/")
        try:
            found = self._pool.FindServiceByName(service).methods_by_name[method]
        except KeyError:
            some = list(itertools.islice(self._each_method(), _METHODS_COMPARED))
            near = difflib.get_close_matches("/" + path.strip("/"), [name for name in some if len(name) <= _NAME_SHOWN], 1)
            names = ", ".join(one_line(name, _NAME_SHOWN) for name in some[:_METHODS_SHOWN])
            more = " and others" if len(some) > _METHODS_SHOWN else ""
            hint = f"; did you mean {near[0]!r}?" if near else f"; it has {names or 'none'}{more}"
            raise ValueError(f"the schema has no method {path!r}{hint}") from None
        types = (self._class_of(found.input_type), _Reader(self._class_of(found.output_type), self._pool))
        self._methods[path] = types
        return types

    def _has_stream(self, path: str) -> bool:
        """Whether a method has any number of responses."""
        self._types(path)
        service, _, method = path.strip("/").rpartition("/")
        made = protobuf("descriptor_pb2").MethodDescriptorProto()
        self._pool.FindServiceByName(service).methods_by_name[method].CopyToProto(made)
        found: bool = made.server_streaming
        return found

    def _write(self, path: str, request: typing.Any, name: str = "the dict") -> bytes:
        """A dict as a message. ``name`` is what an error calls it."""
        json_format = protobuf("json_format")
        kind = self._types(path)[0]
        try:
            data: bytes = json_format.ParseDict(request, kind(), descriptor_pool=self._pool).SerializeToString()
        except (json_format.ParseError, protobuf("message").EncodeError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{path}: {name} is no {one_line(kind.DESCRIPTOR.full_name)}: {one_line(error)}") from error
        return data

    def __repr__(self) -> str:
        return f"<GrpcSchema of {', '.join(self._services) or 'no service'}>"
