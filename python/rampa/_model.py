# SPDX-License-Identifier: MIT
"""What the classes of :mod:`rampa.config` are made of: objects with a fixed set of fields that scripts read, change and copy.

A field keeps what it was given as far as that can be understood: text that is a whole number becomes one, a dict for a nested
object becomes that object. What cannot be understood stays as it is, so that the plan can refuse all of it at once, with lines.
"""

from __future__ import annotations

import ast
import collections.abc
import copy
import datetime
import difflib
import inspect
import json
import math
import sys
import typing

Given = typing.TypeVar("Given")
Read = typing.TypeVar("Read")
_M = typing.TypeVar("_M", bound="Model")


def _as_it_is(value: typing.Any) -> typing.Any:
    return value


class Field(typing.Generic[Given, Read]):
    """A field of a class: what may be given to it, and what is read from it.

    Args:
        accept: makes what is kept of what is given.
        show: makes what is read of what is kept.
        default: makes what is read when nothing was given, anew for each object.
        is_derived: whether the plan may take something else than the default, so that a dump must not give it.
    """

    def __init__(
        self,
        accept: collections.abc.Callable[[typing.Any], typing.Any] = _as_it_is,
        show: collections.abc.Callable[[typing.Any], typing.Any] = _as_it_is,
        default: collections.abc.Callable[[], typing.Any] = lambda: None,
        is_derived: bool = False,
    ) -> None:
        self.accept = accept
        self.show = show
        self.default = default
        self.is_derived = is_derived
        self.name: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @typing.overload
    def __get__(self, instance: None, owner: type) -> Field[Given, Read]: ...
    @typing.overload
    def __get__(self, instance: Model, owner: type) -> Read: ...

    def __get__(self, instance: Model | None, owner: type) -> typing.Any:
        if instance is None:
            return self
        if self.name in instance._values:
            return self.show(instance._values[self.name])
        if self.name not in instance._defaults:  # kept, because a list or a dict may be changed in place
            instance._defaults[self.name] = self.default()
        return instance._defaults[self.name]

    def __set__(self, instance: Model, value: Given) -> None:
        instance._put(self.name, value)


def place() -> tuple[str, int]:
    """File and line of the code that called into this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("rampa."):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


class Model:
    """An object with fields. It remembers where it was made, so that errors can name the line."""

    __signature__: typing.ClassVar[inspect.Signature]
    _table: typing.ClassVar[dict[str, Field[typing.Any, typing.Any]]]
    _values: dict[str, typing.Any]
    _defaults: dict[str, typing.Any]
    _unknown: dict[str, typing.Any]
    _file: str
    _line: int

    def __init_subclass__(cls) -> None:
        cls._table = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        if "__init__" not in vars(cls):
            cls.__signature__ = inspect.Signature(field_parameters(cls))  # for help() and editors

    def __init__(self, **fields: typing.Any) -> None:
        self._reset(*place())
        for name, value in fields.items():
            if name in self._table:
                self._put(name, value)
            else:
                self._unknown[name] = value  # refused when the plan is checked, with the others

    def _put(self, name: str, value: typing.Any) -> None:
        self._values.pop(name, None)
        self._defaults.pop(name, None)
        if value is not None:  # None is the same as not given
            self._values[name] = self._table[name].accept(value)

    def _reset(self, file: str, line: int) -> None:
        self._values, self._defaults, self._unknown = {}, {}, {}
        self._file, self._line = file, line

    if not typing.TYPE_CHECKING:

        def __getattr__(self, name: str) -> typing.Any:
            raise AttributeError(name if name.startswith("_") else self._no_field(name))

        def __setattr__(self, name: str, value: typing.Any) -> None:
            if not name.startswith("_") and name not in self._table:
                raise AttributeError(self._no_field(name))
            object.__setattr__(self, name, value)

    def _no_field(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._table, 1)
        return f"{type(self).__name__} has no field {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")

    def _given(self) -> dict[str, typing.Any]:
        """What is kept of each field that was given, and of each default that was changed in place."""
        changed = {name: value for name, value in self._defaults.items() if value != self._table[name].default()}
        return {**{name: value for name, value in changed.items() if name not in self._values}, **self._values}

    @property
    def model_fields_set(self) -> set[str]:
        """The names of the fields that were given."""
        return set(self._given())

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: collections.abc.Iterable[str] | None = None,
        exclude: collections.abc.Iterable[str] | None = None,
        exclude_unset: bool = False,
        exclude_none: bool = False,
    ) -> dict[str, typing.Any]:
        """The fields as a dict, nested objects as dicts too; ``model_validate()`` reads it back.

        Args:
            mode: ``"python"``, with durations as timedelta, or ``"json"``, with durations as text.
            include: names of the only fields to give, or None for all.
            exclude: names of fields to leave out.
            exclude_unset: whether to leave out what was not given.
            exclude_none: whether to leave out what is None.
        """
        given = self._given()
        names = [name for name in self._table if include is None or name in set(include)]
        dumped = {}
        for name in names:
            if name in set(exclude or ()) or (exclude_unset and name not in given):
                continue
            value = getattr(self, name) if name in given or not self._table[name].is_derived else None
            if not (exclude_none and value is None):
                dumped[name] = _dump(value, mode, exclude_unset, exclude_none)
        return dumped

    def model_dump_json(self, *, exclude_unset: bool = False, exclude_none: bool = False) -> str:
        """The same as JSON text.

        Args:
            exclude_unset: whether to leave out what was not given.
            exclude_none: whether to leave out what is None.
        """
        return json.dumps(self.model_dump(mode="json", exclude_unset=exclude_unset, exclude_none=exclude_none))

    def model_copy(self: _M, *, update: collections.abc.Mapping[str, typing.Any] | None = None, deep: bool = False) -> _M:
        """Another object with the same values.

        Args:
            update: fields that get other values.
            deep: whether to copy lists, dicts and nested objects too; else both objects share them.

        Raises:
            AttributeError: update has a name that is no field.
        """
        made = type(self).__new__(type(self))
        made._reset(self._file, self._line)
        values = self._given()
        made._values.update(copy.deepcopy(values) if deep else values)
        made._unknown.update(self._unknown)
        for name, value in (update or {}).items():
            if name not in self._table:
                raise AttributeError(self._no_field(name))
            made._put(name, value)
        return made

    def __copy__(self: _M) -> _M:
        return self.model_copy()

    @classmethod
    def model_validate(cls: type[_M], value: typing.Any) -> _M:
        """An object of this class.

        Args:
            value: one, which is given back, or a dict of its fields.

        Raises:
            ValueError: value is neither, or a field is missing.
        """
        if isinstance(value, cls):
            return value
        if not isinstance(value, collections.abc.Mapping):
            raise ValueError(f"{cls.__name__} is made of a dict of its fields, not of {value!r}")
        try:
            return cls(**value)
        except TypeError as error:
            raise ValueError(str(error)) from None

    def _shown(self) -> dict[str, typing.Any]:
        return {name: getattr(self, name) for name in self._given()} | self._unknown

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._shown() == self._shown()  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._shown().items())})"


def field_parameters(kind: type[Model]) -> list[inspect.Parameter]:
    """The fields of a class as parameters of a signature. Each is annotated with what may be given.

    Args:
        kind: the class.
    """
    parameters = []
    for name, annotation in inspect.get_annotations(kind).items():
        if name in kind._table:
            given = ast.unparse(ast.parse(annotation, mode="eval").body.slice.elts[0])  # type: ignore[attr-defined]
            parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=given))
    return parameters


def _text_of_time(time: datetime.timedelta) -> str:
    microseconds = time // datetime.timedelta(microseconds=1)
    whole, rest = divmod(microseconds, 1_000_000)
    return f"{whole}s" if rest == 0 else f"{microseconds}us"


def _dump(value: typing.Any, mode: str, exclude_unset: bool, exclude_none: bool) -> typing.Any:
    if isinstance(value, Model):
        return value.model_dump(mode=mode, exclude_unset=exclude_unset, exclude_none=exclude_none)
    if isinstance(value, datetime.timedelta) and mode == "json":
        return _text_of_time(value)
    if isinstance(value, dict):
        return {key: _dump(item, mode, exclude_unset, exclude_none) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_dump(item, mode, exclude_unset, exclude_none) for item in value]
    return value


def as_json(value: typing.Any) -> typing.Any:
    """A value of the configuration as plain JSON; what JSON has no word for becomes its repr, to be refused by name.

    Args:
        value: of a field.
    """
    if isinstance(value, Model):
        return {k: as_json(v) for k, v in {**value._given(), **value._unknown}.items()}
    if isinstance(value, datetime.timedelta):
        return f"{value // datetime.timedelta(microseconds=1)}us"
    if isinstance(value, dict):
        return {str(k): as_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(v) for v in value]
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return repr(value)
