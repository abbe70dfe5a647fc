# SPDX-License-Identifier: MIT
"""What rampa asks a server by the services that gRPC itself defines: what the services look like, and how well they are.

Their messages are read and written here, so that only who wants dicts needs the package protobuf.
"""

from __future__ import annotations

import asyncio
import collections.abc
import functools
import graphlib
import importlib
import re
import time
import typing

from rampa._grpc_calls import GrpcStatus, GrpcStream
from rampa._grpc_schema import GrpcSchema, protobuf
from rampa._grpc_wire import one_line, shown_url
from rampa.errors import GrpcError

REFLECTION_DEADLINE = 30.0  # seconds, for all questions on one service
_TIMEOUT = 1050  # the error code of a call whose deadline has passed
_FILES_MAX = 2048  # that a service may be made of
_BYTES_MAX = 32 << 20  # of all of them
_FIELDS_MAX = 1 << 16  # of a message, each of which takes time
_SERVICES_SHOWN = 20  # in an error
_NAME_SHOWN = 100  # characters
# The names of the same service, the newest first.
_REFLECTION = (
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
)

# The fields of the messages: reflection.proto of gRPC.
_ASK_FILE, _ASK_SYMBOL, _ASK_SERVICES = 3, 4, 7
_FILES, _SERVICES, _ERROR = 4, 6, 7

_Ask = collections.abc.Callable[[float, str], GrpcStream]
_Failure = collections.abc.Callable[[], Exception]


class _Late(functools.partial[GrpcError]):
    """The failure of one whose patience ran out: it says nothing about the server to others."""


# ---- messages --------------------------------------------------------------------------------------------------------


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


def text_field(number: int, text: str) -> bytes:
    data = text.encode()
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _read_varint(data: bytes, pos: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if pos >= len(data) or shift > 63:
            raise ValueError("a number is cut off, or too long")
        byte = data[pos]
        pos += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, pos


def fields(data: bytes) -> collections.abc.Iterator[tuple[int, typing.Any]]:
    """The fields of a message: numbers and bytes.

    Raises:
        ValueError: it is no message, or it has too many fields.
    """
    pos = count = 0
    while pos < len(data):
        count += 1
        if count > _FIELDS_MAX:
            raise ValueError(f"a message has more than {_FIELDS_MAX} fields")
        key, pos = _read_varint(data, pos)
        kind = key & 7
        if kind == 0:
            number, pos = _read_varint(data, pos)
            yield key >> 3, number
            continue
        if kind == 2:
            size, pos = _read_varint(data, pos)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field has the wire type {kind}")
        if size > len(data) - pos:
            raise ValueError("a field is cut off")
        yield key >> 3, data[pos : pos + size]
        pos += size


def _field(data: bytes, number: int, default: typing.Any) -> typing.Any:
    """The last of the fields with this number."""
    found = [value for key, value in fields(data) if key == number]
    if found and type(found[-1]) is not type(default):
        raise ValueError(f"field {number} has another type")
    return found[-1] if found else default


def _all(data: bytes, number: int) -> list[bytes]:
    return [value for key, value in fields(data) if key == number and isinstance(value, bytes)]


# ---- health ---------------------------------------------------------------------------------------------------------

HEALTH_CHECK, HEALTH_WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"
_HEALTH = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")


def health_request(service: str) -> bytes:
    if not isinstance(service, str):
        raise TypeError(f"service: a str such as 'package.Service' is expected, not {type(service).__name__}")
    return text_field(1, service) if service else b""


class HealthStatus:
    """Reads the answers of the health service."""

    @staticmethod
    def FromString(data: bytes, /) -> str:
        try:
            number: int = _field(data, 1, 0)
        except ValueError:
            number = 0
        return _HEALTH[number] if number < len(_HEALTH) else "UNKNOWN"


# ---- reflection ------------------------------------------------------------------------------------------------------


class _Refused(Exception):
    """The server does not give what it is asked for."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text


async def _ask(s: GrpcStream, number: int, text: str) -> bytes | None:
    """One question, and the answer. None: the call has ended instead."""
    await s.send(text_field(number, text))
    answer: bytes | None = await s.receive()
    if answer is not None:
        error = _field(answer, _ERROR, b"")
        if error:
            raise _Refused(_field(error, 1, 0), _field(error, 2, b"").decode("utf-8", "replace"))
    return answer


def _local_file(name: str) -> bytes | None:
    """A file of Protocol Buffers' own, which some servers leave out."""
    if not re.fullmatch(r"google/protobuf/(?:compiler/)?[a-z0-9_]{1,64}\.proto", name):
        return None
    try:
        module = importlib.import_module(name[: -len(".proto")].replace("/", ".") + "_pb2")
        data: bytes = module.DESCRIPTOR.serialized_pb
    except (ImportError, AttributeError):
        return None
    return data


class _Files:
    """The descriptors of files, as they come from a server: those beside what is known already."""

    def __init__(self, known: collections.abc.Set[str]) -> None:
        self._known = known
        self.found: dict[str, typing.Any] = {}
        self._wanted: list[str] = []
        self._bytes = 0

    def take(self, answer: bytes) -> None:
        given = _all(_field(answer, _FILES, b""), 1)
        if not given:
            raise ValueError("it has no file")
        self._bytes += sum(map(len, given))
        self._check(len(given))
        for data in given:
            self.note(data)

    def note(self, data: bytes) -> None:
        try:
            file = protobuf("descriptor_pb2").FileDescriptorProto.FromString(data)
        except protobuf("message").DecodeError as error:
            raise ValueError(f"a file is no descriptor: {error}") from None
        if not all(isinstance(name, str) for name in (file.name, *file.dependency)):
            raise ValueError("a file has a name that is no UTF-8")
        if file.name in self.found or file.name in self._known:
            return
        self.found[file.name] = file
        self._wanted += file.dependency
        self._check(max(len(self.found), len(file.dependency)))

    def _check(self, count: int) -> None:
        if count > _FILES_MAX or self._bytes > _BYTES_MAX:
            raise ValueError(f"the service is made of more than {_FILES_MAX} files, or of more than {_BYTES_MAX >> 20} MiB")

    def missing(self) -> str | None:
        """One that another one imports."""
        while self._wanted:
            name = self._wanted.pop()
            if name not in self.found and name not in self._known:
                return name
        return None

    def sorted(self) -> collections.abc.Iterator[typing.Any]:
        """Each behind those that it imports."""
        imports = {name: set(file.dependency) & self.found.keys() for name, file in self.found.items()}
        try:
            for name in graphlib.TopologicalSorter(imports).static_order():
                yield self.found[name]
        except graphlib.CycleError as error:
            names = sorted(set(error.args[1]))[:_SERVICES_SHOWN]
            raise ValueError(f"these files import each other: {', '.join(one_line(name, _NAME_SHOWN) for name in names)}") from None


class ReflectedSchema(GrpcSchema):
    """A schema that the server is asked for: once for each service, by the first of the VUs of this process that calls it."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = shown_url(url)
        self._way = _REFLECTION[0]  # the one that the server knows
        self._known: set[str] = set()  # services
        self._files: set[str] = set()  # in the pool
        self._asking: dict[str, asyncio.Future[_Failure | None]] = {}

    @staticmethod
    def _service_of(path: str) -> str:
        return path.strip("/").rpartition("/")[0]

    def knows(self, path: str) -> bool:
        """Whether nothing has to be asked for a call of this method, or it is none."""
        service = self._service_of(path)
        return path in self._methods or not service or service in self._known

    async def learn(self, ask: _Ask, path: str, patience: float) -> None:
        """Asks for the service of a method, unless it is known. ``ask`` makes a call that is in no metric, and ends after so many seconds.

        It takes no longer than ``patience``, in seconds.

        Raises:
            rampa.errors.GrpcError: the server has no reflection, or does not answer.
            ValueError: it has no such service.
        """
        service = self._service_of(path)
        until = time.monotonic() + patience
        while service not in self._known:
            left = until - time.monotonic()
            asking = self._asking.get(service)
            if left <= 0:
                failure: _Failure | None = self._late(self._way, patience)
            elif asking is None:
                failure = await self._fetch(ask, service, left)
            else:
                failure = await self._wait(asking, left)
            if isinstance(failure, _Late):
                raise self._late(failure.args[0], patience)()  # which names all of the time
            if failure is not None:
                raise failure()
            # Else it is known, or who has asked was interrupted, or less patient.

    async def _wait(self, asking: asyncio.Future[_Failure | None], patience: float) -> _Failure | None:
        """For what another VU asks, which may be more patient."""
        try:
            async with asyncio.timeout(patience):
                return await asyncio.shield(asking)
        except TimeoutError:
            return self._late(self._way, patience)

    async def _fetch(self, ask: _Ask, service: str, patience: float) -> _Failure | None:
        asking: asyncio.Future[_Failure | None] = asyncio.get_running_loop().create_future()
        self._asking[service] = asking
        failure: _Failure | None = None
        try:
            failure = await self._ask_for(ask, service, patience)
        finally:
            del self._asking[service]
            asking.set_result(None if isinstance(failure, _Late) else failure)
        return failure

    async def _ask_for(self, ask: _Ask, service: str, patience: float) -> _Failure | None:
        """By the newest of the names of reflection that the server knows."""
        ways = list(_REFLECTION[_REFLECTION.index(self._way) :])
        until = time.monotonic() + patience
        while True:
            way = ways.pop(0)
            left = until - time.monotonic()
            if left <= 0:
                return self._late(way, patience)
            async with ask(left, way) as s:
                try:
                    files = await self._files_of(s, service)
                    if files is not None:
                        self._add_files(files, service)
                        self._known.add(service)
                        self._way = way
                        return None
                except _Refused as refused:
                    if refused.status == GrpcStatus.NOT_FOUND:
                        return functools.partial(ValueError, await self._unknown(s, service))
                    return self._failure(way, refused.status or GrpcStatus.UNKNOWN, refused.text, 0)
                except ValueError as error:
                    return self._failure(way, GrpcStatus.INTERNAL, f"its answer cannot be used: {error}", 0)
            if not ways or s.status_code != GrpcStatus.UNIMPLEMENTED:
                break
        if s.status_code == GrpcStatus.UNIMPLEMENTED:
            text = "it has no reflection; give schema= with .proto files or a descriptor set"
            return self._failure(way, GrpcStatus.UNIMPLEMENTED, text, s.error_code)
        if s.status_code == GrpcStatus.DEADLINE_EXCEEDED:
            return self._late(way, patience)
        return self._failure(way, s.status_code or GrpcStatus.UNKNOWN, s.details or "the answer has ended", s.error_code)

    def _failure(self, way: str, status: int, text: str, error_code: int) -> _Failure:
        known = GrpcStatus(status) if 0 < status <= GrpcStatus.UNAUTHENTICATED else GrpcStatus.UNKNOWN
        return functools.partial(GrpcError, way, int(known), known.name, self._said(text), error_code)

    def _late(self, way: str, patience: float) -> _Late:
        status = GrpcStatus.DEADLINE_EXCEEDED
        return _Late(GrpcError, way, int(status), status.name, self._said(f"it has not answered within {patience:g} s"), _TIMEOUT)

    def _said(self, text: str) -> str:
        return f"reflection of {self._url}: {one_line(text)}"

    async def _unknown(self, s: GrpcStream, service: str) -> str:
        """What to say of a service that the server does not know."""
        try:
            answer = await _ask(s, _ASK_SERVICES, "")
            names = [_field(one, 1, b"").decode("utf-8", "replace") for one in _all(_field(answer or b"", _SERVICES, b""), 1)]
        except (_Refused, ValueError):
            names = []
        more = f", and {len(names) - _SERVICES_SHOWN} more" if len(names) > _SERVICES_SHOWN else ""
        named = ", ".join(one_line(name, _NAME_SHOWN) for name in sorted(names)[:_SERVICES_SHOWN])
        return f"{self._url} has no service {service!r}; it has {named or 'none that it names'}{more}"

    async def _files_of(self, s: GrpcStream, service: str) -> _Files | None:
        """The file of a service, and all that it imports and is not known yet. None: the call has ended instead."""
        files = _Files(self._files)
        answer = await _ask(s, _ASK_SYMBOL, service)
        if answer is None:
            return None
        files.take(answer)
        while (missing := files.missing()) is not None:
            local = _local_file(missing)
            if local is not None:
                files.note(local)
                continue
            try:
                answer = await _ask(s, _ASK_FILE, missing)
            except _Refused as refused:
                raise ValueError(f"it does not give the file {missing!r:.{_NAME_SHOWN}}, which another one imports: {refused.text}") from None
            if answer is None:
                return None
            files.take(answer)
            if missing not in files.found:
                raise ValueError(f"asked for the file {missing!r:.{_NAME_SHOWN}}, it gives another one")
        return files

    def _add_files(self, files: _Files, service: str) -> None:
        for file in files.sorted():
            self._add_file(file)
            self._files.add(file.name)
        try:
            self._pool.FindServiceByName(service)
        except KeyError:
            raise ValueError(f"the files that it gives for {service!r} do not have it") from None

    def __repr__(self) -> str:
        return f"<GrpcSchema of {self._url}>"
