"""Snapshots of values: as of the moment, bounded, and taken without running code of the value."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import pathlib
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, NoReturn

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baserun._atoms import Described, RawJSON
from baserun._error_text import MESSAGE_LIMIT, describe_error
from baserun._values import BREADTH_LIMIT, DEPTH_LIMIT, NODE_LIMIT, key_text, snapshot

CALLS: list[str] = []
"""Names of the hooks of hostile objects that were called."""
HOOKS = (
    "__repr__",
    "__str__",
    "__len__",
    "__iter__",
    "__eq__",
    "__ne__",
    "__bool__",
    "__getattr__",
    "__getattribute__",
    "__getitem__",
    "__contains__",
    "__format__",
    "__reduce__",
    "__reduce_ex__",
    "__copy__",
    "__deepcopy__",
    "__int__",
    "__index__",
    "__float__",
    "__bytes__",
    "__length_hint__",
    "__reversed__",
    "__next__",
    "__call__",
    "__sizeof__",
    "__dir__",
    "__lt__",
    "__fspath__",
    "__instancecheck__",
    "__subclasscheck__",
    "items",
    "keys",
    "values",
    "get",
    "copy",
    "encode",
    "model_dump",
    "dict",
    "isoformat",
    "utcoffset",
)


def hook(name: str) -> Callable[..., NoReturn]:
    def run(*args: object, **kwargs: object) -> NoReturn:
        CALLS.append(name)
        time.sleep(0.01)
        raise RuntimeError(name)

    return run


def hostile_namespace() -> dict[str, Any]:
    """Return a class body whose every hook notes its call and raises."""
    traps: dict[str, Any] = {name: hook(name) for name in HOOKS}
    traps["__class__"] = property(hook("__class__"))
    traps["__hash__"] = hook("__hash__")
    return traps


HostileMeta = type(
    "HostileMeta",
    (type,),
    {name: hook(f"meta {name}") for name in ("__eq__", "__hash__", "__getattribute__", "__repr__")},
)


def hostile(*bases: type, **extra: Any) -> type:
    return type("Hostile", bases, hostile_namespace() | extra)


def with_descriptors(cls: Any) -> object:
    return cls.__new__(cls)


def called_class(self: object) -> type:
    CALLS.append("__class__")
    return dict


def called_dictionary(self: object) -> dict[str, Any]:
    CALLS.append("__dict__")
    return {}


Liar = type("Liar", (), {"__class__": property(called_class)})
"""Its `__class__` claims that it is a dict."""
FakeDictionary = type("FakeDictionary", (), {"__dict__": property(called_dictionary), "__dataclass_fields__": ()})
"""Its `__dict__` is a property."""


def test_the_traps_work() -> None:
    """Hostile objects note calls of their hooks; otherwise the tests below would prove nothing."""
    for value in (zoo()["object"], zoo()["str"], zoo()["list"]):
        CALLS.clear()
        with pytest.raises(RuntimeError):
            repr(value)
        assert CALLS == ["__repr__"]

    CALLS.clear()
    assert isinstance(zoo()["liar"], dict)
    assert CALLS == ["__class__"]


def zoo() -> dict[str, object]:
    """Return one of each kind of hostile object."""
    made: dict[str, object] = {
        "object": with_descriptors(hostile(object)),
        "liar": Liar(),
        "fake __dict__": FakeDictionary(),
        "hostile class": HostileMeta("Hostile", (), {}),
        "of a hostile class": type.__call__(HostileMeta("Hostile", (), hostile_namespace())),
        "str": str.__new__(hostile(str), "text"),
        "int": int.__new__(hostile(int), 7),
        "float": float.__new__(hostile(float), 1.5),
        "bytes": bytes.__new__(hostile(bytes), b"data"),
        "zone": datetime.datetime(2026, 1, 1, tzinfo=type.__call__(hostile(datetime.tzinfo))),
        "datetime": datetime.datetime.__new__(hostile(datetime.datetime), 2026, 1, 1),
        "error": BaseException.__new__(hostile(Exception), "message"),
        "decimal": decimal.Decimal.__new__(hostile(decimal.Decimal), "1.5"),
    }
    items: list[int] = list.__new__(hostile(list))
    list.append(items, 1)
    pairs: dict[str, int] = dict.__new__(hostile(dict))
    dict.__setitem__(pairs, "a", 1)
    record = with_descriptors(
        dataclasses.dataclass(eq=False, repr=False)(type("Hostile", (), {"__annotations__": {"a": int}, "a": 0}))
    )
    object.__setattr__(record, "a", with_descriptors(hostile(object)))
    made |= {
        "list": items,
        "dict": pairs,
        "record": record,
        "tuple": tuple.__new__(hostile(tuple), (1, 2)),
        "set": set.__new__(hostile(set)),
    }
    return made


@pytest.fixture(autouse=True)
def _no_calls() -> Iterator[None]:
    CALLS.clear()
    yield
    CALLS.clear()


@pytest.mark.parametrize("name", zoo())
@pytest.mark.parametrize(
    "wrap", [lambda it: it, lambda it: [it], lambda it: {"key": it}, lambda it: {"deep": [({"a": it},)]}]
)
def test_no_foreign_code_runs(name: str, wrap: Callable[[object], object]) -> None:
    """A snapshot calls no hook of the object, at any depth."""
    value = wrap(zoo()[name])
    CALLS.clear()

    copy, size = snapshot(value)

    assert CALLS == []
    assert size > 0
    assert "not recorded" not in repr(copy)


def test_keys_of_foreign_types_are_not_asked() -> None:
    """Objects as keys are described without calling their hash, comparison or repr."""

    class Key:
        def __hash__(self) -> int:
            CALLS.append("__hash__")
            return 1

        def __eq__(self, other: object) -> bool:
            CALLS.append("__eq__")
            return self is other

        def __repr__(self) -> str:
            CALLS.append("__repr__")
            return "key"

    value = {Key(): 1, Key(): 2, "plain": 3}
    CALLS.clear()

    copy, _ = snapshot(value)

    assert CALLS == []
    assert isinstance(copy, dict)
    name = "<test_values.test_keys_of_foreign_types_are_not_asked.<locals>.Key>"
    assert [key.replace(Key.__module__, "test_values") for key in copy] == [name, f"{name} (2)", "plain"]


def test_methods_of_class_names_are_not_called() -> None:
    """A class whose name is a hostile str is described by the plain text of that name."""
    name: str = str.__new__(hostile(str), "Clever")
    cls = type("Plain", (), {"__module__": "shop"})
    type.__dict__["__qualname__"].__set__(cls, name)
    CALLS.clear()

    copy, _ = snapshot([cls(), cls])

    assert CALLS == []
    assert copy == [Described("<shop.Clever>"), Described("<class shop.Clever>")]


def test_subclasses_of_builtins_keep_their_content() -> None:
    """The content of subclasses of builtins is kept, without calling their methods."""
    made = zoo()

    copies = {
        name: snapshot(made[name])[0]
        for name in ("str", "int", "float", "bytes", "list", "dict", "tuple", "set", "decimal")
    }

    assert copies == {
        "str": "text",
        "int": 7,
        "float": 1.5,
        "bytes": b"data",
        "list": [1],
        "dict": {"a": 1},
        "tuple": [1, 2],
        "set": [],
        "decimal": "1.5",
    }


def test_later_changes_do_not_matter() -> None:
    """Changes that the caller makes to its containers afterwards do not change the snapshot."""
    messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]
    arguments = {"messages": messages, "data": bytearray(b"ab")}

    copy, _ = snapshot(arguments)
    messages[0]["content"][0]["text"] = "changed"
    messages.append("new")
    arguments["data"] = bytearray(b"zz")

    assert copy == {"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}], "data": b"ab"}


def test_long_strings_are_not_copied() -> None:
    """A long string is kept by reference, and its size counted."""
    text = "x" * 10_000_000

    copy, size = snapshot({"prompt": [text]})

    assert isinstance(copy, dict)
    assert copy["prompt"][0] is text
    assert 10_000_000 < size < 10_001_000


def test_cycles_are_marked() -> None:
    """A container inside itself is replaced by a mark, and one that is used twice is not."""
    shared = {"a": [1]}
    value: dict[str, Any] = {"one": shared, "two": shared}
    value["self"] = value

    copy, _ = snapshot(value)

    assert copy == {"one": {"a": [1]}, "two": {"a": [1]}, "self": Described("[cut: contains itself]")}


def test_depth_is_bounded() -> None:
    """100,000 nested lists are cut at `DEPTH_LIMIT`."""
    value: Any = "core"
    for _ in range(100_000):
        value = [value]

    copy, _ = snapshot(value)
    depth = 0
    while isinstance(copy, list):
        copy, depth = copy[0], depth + 1
    while isinstance(value, list):  # taken apart by hand: its deallocation would recurse
        value = value.pop()

    assert depth == DEPTH_LIMIT
    assert copy == Described(f"[cut: nested deeper than {DEPTH_LIMIT}]")


def test_breadth_is_bounded() -> None:
    """A long list keeps its first `BREADTH_LIMIT` items and the number of the others."""
    copy, _ = snapshot(list(range(1_000_000)))

    assert copy == [*range(BREADTH_LIMIT), Described(f"[cut: {1_000_000 - BREADTH_LIMIT:,} more]")]


def nodes(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(nodes(item) for item in value.values())
    return 1 + sum(nodes(item) for item in value) if isinstance(value, list) else 1


@pytest.mark.parametrize(
    "value",
    [
        [[[0] * 100 for _ in range(100)] for _ in range(100)],
        {str(index): {"a": [{}] * 5} for index in range(BREADTH_LIMIT)},
        [object() for _ in range(BREADTH_LIMIT)],
        [{"role": "user", "content": [{"type": "text"}]} for _ in range(BREADTH_LIMIT)],
    ],
    ids=["lists", "dicts", "objects", "messages"],
)
def test_total_is_bounded(value: object) -> None:
    """A value of any shape is cut after about `NODE_LIMIT` items, and the cut is marked."""
    copy, _ = snapshot(value)

    assert nodes(copy) <= NODE_LIMIT + 2 * BREADTH_LIMIT
    assert "[cut: " in repr(copy)


@dataclasses.dataclass
class Place:
    name: str
    tags: list[str]


@dataclasses.dataclass(slots=True)
class SlottedPlace:
    name: str
    tags: list[str]


class Struct(msgspec.Struct):
    name: str
    tags: list[str]


@pytest.mark.parametrize("make", [Place, SlottedPlace, Struct])
def test_records_are_walked(make: Callable[..., object]) -> None:
    """Dataclasses and structs are recorded field by field."""
    tags = ["a"]

    copy, _ = snapshot([make(name="here", tags=tags)])
    tags.append("b")

    assert copy == [{"name": "here", "tags": ["a"]}]


def test_models_are_walked() -> None:
    """Pydantic models are recorded with their extra fields, and secrets in them are not unwrapped."""
    pydantic = pytest.importorskip("pydantic")  # comes with the extra openai
    fields = {"name": (str, ...), "secret": (pydantic.SecretStr, ...)}
    model = pydantic.create_model("Model", __config__=pydantic.ConfigDict(extra="allow"), **fields)

    copy, _ = snapshot(model(name="here", secret="x", more=1))

    assert copy == {"name": "here", "secret": Described("<pydantic.types.SecretStr>"), "more": 1}


class Color(enum.Enum):
    RED = "red"


class Moment(datetime.datetime):
    pass


class Named(uuid.UUID):
    pass


class Folder(type(pathlib.Path())):  # type: ignore[misc]
    pass


UTC = datetime.UTC


class Point(NamedTuple):
    x: int
    y: int


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Color.RED, "red"),
        (Moment(2026, 1, 2, tzinfo=UTC), datetime.datetime(2026, 1, 2, tzinfo=UTC)),
        (datetime.date(2026, 1, 2), datetime.date(2026, 1, 2)),
        (datetime.timedelta(seconds=1.5), datetime.timedelta(seconds=1.5)),
        (Named(int=1), uuid.UUID(int=1)),
        (decimal.Decimal("1.10"), decimal.Decimal("1.10")),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.deque([1, 2], maxlen=2), [1, 2]),
        (Point(1, 2), [1, 2]),
        (frozenset({1}), [1]),
        (bytearray(100_000), Described("<bytearray of 100,000 bytes>")),
        (memoryview(b"abc"), Described("<memoryview of 3 bytes>")),
        (ValueError("no", 1), "<ValueError: no, 1>"),
        (Color, Described(f"<class {__name__}.Color>")),
        (nodes, Described("<function nodes>")),
        (object(), Described("<object>")),
        ({None: 1, True: 2, 1.5: 3, (1, "a"): 4}, {"null": 1, "true": 2, "1.5": 3, "1, a": 4}),
    ],
)
def test_known_types(value: object, kept: object) -> None:
    """Small types of the standard library are kept, others described."""
    copy, _ = snapshot(value)

    assert copy == kept
    assert type(copy) is type(kept)


def test_raw_json_is_kept() -> None:
    """Raw JSON stays unparsed."""
    copy, size = snapshot({"body": msgspec.Raw(b"[1,2]")})

    assert isinstance(copy, dict)
    assert type(copy["body"]) is RawJSON
    assert copy["body"].data == b"[1,2]"
    assert size > 5


def test_keys_of_huge_integers_are_described() -> None:
    """A key that is an integer too long for Python to convert to text is described."""
    assert key_text(10**5000) == "<int of 16,610 bits>"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


def as_lists(value: object) -> object:
    if isinstance(value, dict):
        return {key: as_lists(item) for key, item in value.items()}
    return [as_lists(item) for item in value] if isinstance(value, list | tuple) else value


@given(values)
def test_small_values_are_kept_whole(value: object) -> None:
    """Builtin values within the limits come out equal, with tuples as lists."""
    copy, _ = snapshot(value)

    assert copy == as_lists(value)


class AskedError(Exception):
    def __str__(self) -> str:
        return "asked " + "x" * 20_000


class RefusingError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


class WrongError(Exception):
    def __str__(self) -> str:
        return 5  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("error", "described"),
    [
        (ValueError(), ("ValueError", None)),
        (ValueError("bad"), ("ValueError", "bad")),
        (ValueError("bad", 1), ("ValueError", "('bad', 1)")),
        (KeyError("name"), ("KeyError", "'name'")),
        (FileNotFoundError(2, "No such file", "a.txt"), ("FileNotFoundError", "[Errno 2] No such file: 'a.txt'")),
        (AskedError(), ("AskedError", "asked " + "x" * (MESSAGE_LIMIT - 6))),
        (RefusingError("why", 3), ("RefusingError", "why, 3")),
        (WrongError("why"), ("WrongError", "why")),
        (ValueError("x" * 20_000), ("ValueError", "x" * MESSAGE_LIMIT)),
    ],
)
def test_errors_are_described(error: BaseException, described: tuple[str, str | None]) -> None:
    """An error is described by its type and its message, cut, or by its arguments if it has no usable message."""
    assert describe_error(error) == described


@pytest.mark.parametrize("name", zoo())
@pytest.mark.parametrize(
    "make", [ValueError, KeyError, lambda it: OSError(1, "x", it), lambda it: RefusingError("a", it), ImportError]
)
def test_methods_of_error_arguments_are_not_called(name: str, make: Callable[[object], BaseException]) -> None:
    """Describing an error runs no code of the objects that it carries."""
    error = make(zoo()[name])
    CALLS.clear()

    _, message = describe_error(error)

    assert CALLS == []
    assert message
