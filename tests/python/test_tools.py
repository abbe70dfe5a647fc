# SPDX-License-Identifier: MIT
"""Each check of tools/ is content with a good tree and names what is wrong in a bad one."""
from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent.parent.parent / "tools"

TABLE = """# Architecture
| room | may use | holds |
|---|---|---|
| base | - | ground |
| loop | base | waits |
| net | base loop | talks |
| python | base loop net | hosts |

| another | table |
|---|---|
| nothing | to check |
"""

Tree = Callable[[dict[str, str]], Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A tree of the given files, with the table of rooms unless they bring their own."""

    def write(files: dict[str, str]) -> Path:
        for name, text in {"docs/architecture.md": TABLE, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def run(tool: str, *args: Path | str) -> tuple[int, str]:
    done = subprocess.run([TOOLS / tool, *args], capture_output=True, text=True, timeout=60)
    assert done.stderr == "", done.stderr
    return done.returncode, done.stdout


def refused(tool: str, root: Path, *parts: str) -> None:
    code, said = run(tool, root)
    assert code == 1, said
    assert len(said.splitlines()) == 1, said
    for part in parts:
        assert part in said


GOOD_ROOMS = {
    "src/base/a.h": "#include <stdint.h>\n",
    "src/net/n.c": '#include "net/n.h"\n#include "base/a.h"\n#include <sys/socket.h>\n',
    "src/net/n.h": '#include "loop/l.h"\n',
    "src/net/meson.build": "rp_net = static_library('rp_net', 'n.c', link_with: [rp_loop, rp_base])  # not rp_python\n",
    "src/python/p.c": "#include <Python.h>\n",
    "tests/unit/net/meson.build": "executable('net_test', 'net_test.c', link_with: [rp_net, rp_loop])\n",
    "tests/unit/net/net_test.c": '#include "net/n.h"\n#include "helper.h"\n',
}


def test_rooms_good(tree: Tree) -> None:
    assert run("check-rooms", tree(GOOD_ROOMS)) == (0, "")


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("src/loop/l.c", '\n#include "net/n.h"\n', ["src/loop/l.c:2:", "loop includes net/n.h"]),
        ("src/loop/l.c", '#  include "net/n.h"\n', ["loop includes net/n.h"]),
        ("src/loop/sub/deep.c", '#include "net/n.h"\n', ["src/loop/sub/deep.c:1:"]),
        ("src/loop/l.h", "#include <net/n.h>\n", ["room/file.h"]),
        ("src/loop/l.c", '#include "l.h"\n', ["room/file.h"]),
        ("src/loop/l.c", "#include <Python.h>\n", ["Python.h"]),
        ("src/loop/meson.build", "\nx(link_with: [rp_base, rp_net])\n", ["src/loop/meson.build:2:", "rp_net"]),
        ("tests/unit/loop/meson.build", "link_with: [rp_net]\n", ["tests/unit/loop", "rp_net"]),
        ("tests/unit/loop/loop_test.c", '#include "net/n.h"\n', ["tests/unit/loop", "net/n.h"]),
        ("src/extra/e.c", "\n", ["src/extra", "does not name"]),
        ("docs/architecture.md", TABLE.replace("| loop | base |", "| loop | base net |"), ["net", "not a room above"]),
        ("docs/architecture.md", TABLE.replace("| loop | base |", "| loop | base sky |"), ["sky"]),
        ("docs/architecture.md", TABLE.replace("| python |", "| net | - | again |\n| python |"), ["twice"]),
    ],
)
def test_rooms_bad(tree: Tree, name: str, text: str, parts: list[str]) -> None:
    good = {k: v for k, v in GOOD_ROOMS.items() if "architecture" not in name or k.startswith("src/base")}
    refused("check-rooms", tree({**good, name: text}), *parts)


ORDERED = TABLE.replace("| python | base loop net | hosts |", "| python | base loop net | hosts: python/drive python/api python/bridge |")
FOLDERS = {
    "docs/architecture.md": ORDERED,
    "src/base/a.h": "",
    "src/python/drive/d.h": "#include <Python.h>\n",
    "src/python/drive/d.c": '#include "python/drive/d.h"\n#include "base/a.h"\n',
    "src/python/api/a.h": '#include "python/drive/d.h"\n',
    "src/python/bridge/b.c": '#include "python/api/a.h"\n#include "python/drive/d.h"\n#include "python/bridge/b.h"\n',
    "src/python/bridge/b.h": "",
    "tests/unit/python/test.c": '#include "python/bridge/b.h"\n',
}


def test_folders_good(tree: Tree) -> None:
    assert run("check-rooms", tree(FOLDERS)) == (0, "")


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        (
            "src/python/drive/d.c",
            '\n#include "python/api/a.h"\n',
            ["src/python/drive/d.c:2:", "python/drive includes python/api/a.h"],
        ),
        ("src/python/drive/d.h", '#include "python/bridge/b.h"\n', ["python/drive includes python/bridge/b.h", "above"]),
        ("src/python/api/deep/x.c", '#include "python/bridge/b.h"\n', ["python/api includes python/bridge/b.h"]),
        ("src/python/api/a.h", '#include "net/n.h"\n#include "python/bridge/b.h"\n', ["a.h:2:", "python/bridge/b.h"]),
        ("src/python/loose.c", "", ["src/python/loose.c", "stands in none"]),
        ("src/python/extra/e.c", "", ["python/extra", "does not order"]),
        ("docs/architecture.md", ORDERED.replace("python/drive", "python/gone python/drive"), ["python/gone", "no folder"]),
    ],
)
def test_folders_bad(tree: Tree, name: str, text: str, parts: list[str]) -> None:
    refused("check-rooms", tree({**FOLDERS, name: text}), *parts)


PRIVATE = {
    "src/net/net_internal.h": '#include "base/a.h"\n',
    "src/net/n.c": '#include "net/net_internal.h"\n',
    "src/net/tcp/tcp_internal.h": "",
    "src/net/tcp/t.c": '#include "net/tcp/tcp_internal.h"\n',
    "src/python/p.c": '#include "net/n.h"\n',
    "tests/unit/net/n_test.c": '#include "net/net_internal.h"\n#include "net/tcp/tcp_internal.h"\n',
    "tests/unit/python/p_test.c": '#include "net/net_internal.h"\n',
    "bench/b.c": '#include "net/n.h"\n',
}


def test_private_headers_good(tree: Tree) -> None:
    assert run("check-rooms", tree(PRIVATE)) == (0, "")


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("src/python/p.c", '\n#include "net/net_internal.h"\n', ["src/python/p.c:2:", "private to src/net"]),
        ("src/net/n.c", '#include "net/tcp/tcp_internal.h"\n', ["private to src/net/tcp"]),
        ("src/net/tcp/t.c", '#include "net/net_internal.h"\n', ["src/net/tcp/t.c:1:", "private to src/net"]),
        ("tests/unit/loop/l_test.c", '#include "net/net_internal.h"\n', ["loop includes", "may not use net"]),
        ("bench/b.c", '#include "net/net_internal.h"\n', ["bench/b.c:1:", "private to src/net"]),
        ("tests/fuzz/f.c", '#include "net/net_internal.h"\n', ["tests/fuzz/f.c:1:", "private to src/net"]),
        ("src/net/internal.h", "", ["src/net/internal.h:1:", "called net_internal.h"]),
        ("src/net/dns_internal.h", "", ["called net_internal.h"]),
        ("src/net/tcp/net_internal.h", "", ["called tcp_internal.h"]),
        ("src/net/net_private.h", "", ["called net_internal.h"]),
    ],
)
def test_private_headers_bad(tree: Tree, name: str, text: str, parts: list[str]) -> None:
    refused("check-rooms", tree({**PRIVATE, name: text}), *parts)


def test_rooms_without_a_table(tree: Tree) -> None:
    refused("check-rooms", tree({"docs/architecture.md": "# Nothing\n"}), "no table of rooms")


def calls(name: str, *others: str) -> str:
    return f"void rp_{name}(void)\n{{\n" + "".join(f"    rp_{other}();\n" for other in others) + "}\n"


CIRCLE = {"src/net/a.c": calls("a", "b"), "src/net/b.c": calls("b", "c"), "src/net/c.c": calls("c", "a")}


def test_circles_good(tree: Tree) -> None:
    text = "/* rp_a() */ const char *text = \"rp_a()\";\n" + calls("base")
    assert run("check-circles", tree({**CIRCLE, "src/base/d.c": text, "src/net/e.c": calls("e", "a", "base")})) == (0, "")


@pytest.mark.parametrize(
    ("files", "parts"),
    [
        ({**CIRCLE, "src/net/c.c": calls("c", "d"), "src/net/d.c": calls("d", "a")}, ["src/net/a.c:1:", "4 files"]),
        ({**CIRCLE, "src/net/c.c": calls("c"), "src/base/d.c": calls("d", "a"), "src/net/a.c": calls("a", "d")}, ["several"]),
        ({"src/coordinator/a.c": calls("a", "b"), "src/coordinator/b.c": calls("b", "a")}, ["src/coordinator/a.c", "none"]),
    ],
)
def test_circles_bad(tree: Tree, files: dict[str, str], parts: list[str]) -> None:
    code, said = run("check-circles", tree(files))
    assert code == 1 and all(part in said.splitlines()[0] for part in parts), said
    assert "rp_a" in said or "rp_b" in said


def c_function(lines: int, head: str = "static int f(void)") -> str:
    return f"{head}\n{{\n" + "    x();\n" * (lines - 3) + "}\n"


def test_sizes_at_the_limit(tree: Tree) -> None:
    files = {
        "src/base/a.c": c_function(80),
        "src/base/b.c": "int x;\n" * 500,
        "src/base/table.c": "static const int t[] = {\n" + "    1,\n" * 100 + "};\n",
        "src/base/type.h": "struct s {\n" + "    int x;\n" * 100 + "};\n",
        "src/base/macro.c": "#define F(x) \\\n" + "    g(x); \\\n" * 100 + "    h(x) {\n" + c_function(10),
        "tools/t.py": "def f():\n" + "    x = 1\n" * 79,
        "build/long.c": "int x;\n" * 600,
        "build-x/long.c": "int x;\n" * 600,
    }
    assert run("check-sizes", tree(files)) == (0, "")


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("src/base/a.c", c_function(81), ["src/base/a.c:1:", "f has 81 lines"]),
        ("src/base/a.c", "int y = 1;\n\n" + c_function(81), ["src/base/a.c:3:"]),
        ("src/base/a.c", c_function(81, "RP_PRINTF(1, 2) void\nlog_it(const char *fmt, ...)"), [":2:", "log_it"]),
        ("src/base/a.c", c_function(81, 'static int g(int (*cb)(void), char c /* ){ " */)'), ["g has 81"]),
        ("src/base/a.c", 'char *s = "{{{";\nchar c = \'{\';\n// {\n' + c_function(81), [":4:"]),
        ("src/base/a.c", "#if X\nint h(int a) {\n#else\nint h(void) {\n#endif\n}\n" + c_function(81), [":7:", "f has"]),
        ("src/base/a.c", "int x;\n" * 501, ["501 lines"]),
        ("tools/t.py", "class C:\n    async def m(self):\n" + "        x = 1\n" * 80, [":2:", "m has 81"]),
        ("tools/check-it", "#!/usr/bin/python3\n" + "x = 1\n" * 500, ["501 lines"]),
        ("tools/size-exceptions.txt", "src/base/gone.c it was long\n", ["not needed any more"]),
    ],
)
def test_sizes_bad(tree: Tree, name: str, text: str, parts: list[str]) -> None:
    refused("check-sizes", tree({name: text}), *parts)


def test_sizes_exceptions(tree: Tree) -> None:
    files = {"src/base/a.c": c_function(81), "src/base/b.c": "int x;\n" * 501}
    reasons = "# why\nsrc/base/a.c:f a state table\nsrc/base/b.c generated\n"
    assert run("check-sizes", tree({**files, "tools/size-exceptions.txt": reasons})) == (0, "")
    refused("check-sizes", tree({"tools/size-exceptions.txt": reasons.replace(" generated", "")}), "no reason")


BANNED = [
    "strcpy(a, b);", "strcat(a, b);", "sprintf(a, b);", "x = atoi(s);", "strtok(a, b);", "gets(a);", "p = alloca(9);",
    "t = localtime(&now);", "gettimeofday(&tv, NULL);", "clock_gettime(CLOCK_REALTIME, &ts);", "p = malloc (9);",
    "p = strdup(s);",
]  # fmt: skip


@pytest.mark.parametrize("statement", BANNED)
def test_banned(tree: Tree, statement: str) -> None:
    refused("check-banned", tree({"src/net/n.c": f"void f(void)\n{{\n    {statement}\n}}\n"}), "src/net/n.c:3:")


def test_banned_good(tree: Tree) -> None:
    text = """/* strcpy(a, b) */
    x = "sprintf(a)"; // atoi(s)
    rp_strdup(s); snprintf(a, 1, "b"); self->gets(a); vtable.malloc(1); my_malloc(2); localtime_r(&a, &b);
    int gets; clock_gettime(CLOCK_REALTIME_COARSE, &ts);
    """
    files = {"src/net/n.c": text, "src/base/alloc.c": "p = malloc(1);", "tests/t.c": "p = malloc(1);"}
    assert run("check-banned", tree(files)) == (0, "")


GOOD_HEADER = "#pragma once\n#include <stdint.h>\nstruct s {\n    uint8_t x;\n};\n"


def test_headers_good(tree: Tree) -> None:
    files = {
        "src/base/a.h": GOOD_HEADER,
        "src/net/n.h": '#pragma once\n#include "base/a.h"\nstruct t {\n    struct s s;\n};\n',
        "include/rampa/r.h": GOOD_HEADER,
    }
    assert run("check-headers", tree(files)) == (0, "")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("src/net/n.h", GOOD_HEADER.replace("#include <stdint.h>\n", ""), "uint8_t"),
        ("src/net/n.h", GOOD_HEADER.replace("#pragma once\n", ""), "redefinition"),
        ("src/net/n.h", '#pragma once\n#include "base/gone.h"\n', "base/gone.h"),
        ("include/rampa/r.h", "#pragma once\nvoid f(int class);\n", "g++"),
    ],
)
def test_headers_bad(tree: Tree, name: str, text: str, said: str) -> None:
    code, output = run("check-headers", tree({name: text, "src/base/good.h": GOOD_HEADER}))
    assert code == 1
    assert f"{name}: does not compile alone" in output
    assert said in output
    assert "good.h" not in output


@pytest.mark.parametrize(
    ("test", "counts"),
    [
        ({"stdout": "1..3\nok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP no network\n", "result": "FAIL"}, "1 1 1"),
        ({"stdout": "1..2\nok 1 - a\nok 2 - b\n", "result": "OK"}, "2 0 0"),
        ({"stdout": "1..2\nok 1 - a\n", "result": "FAIL"}, "1 1 0"),  # it crashed on the way
        ({"stdout": "ok 1 - a\n", "result": "TIMEOUT"}, "1 1 0"),
        ({"stdout": "", "result": "OK"}, "1 0 0"),  # a program that is one case
        ({"stdout": "", "result": "FAIL"}, "0 1 0"),
        ({"stdout": "", "result": "SKIP"}, "0 0 1"),
    ],
)
def test_tally_meson(tmp_path: Path, test: dict[str, str], counts: str) -> None:
    path = tmp_path / "testlog.json"
    path.write_text(json.dumps({"name": "unit", "returncode": 0, **test}) + "\n")
    assert run("tally", "meson", str(path)) == (0, counts + "\n")
    shown = run("tally", "--show", "meson", str(path))[1]
    assert ("--- unit" in shown) == (counts.split()[1] != "0")


def test_tally_junit(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(
        '<testsuites><testsuite><testcase classname="m" name="good"/>'
        '<testcase classname="m" name="bad"><failure message="short">long text</failure></testcase>'
        '<testcase classname="m" name="broken"><error message="in setup"/></testcase>'
        '<testcase classname="m" name="left"><skipped/></testcase></testsuite></testsuites>'
    )
    code, output = run("tally", "--show", "junit", str(path))
    assert code == 0
    assert output.splitlines()[-1] == "1 2 1"
    for text in ("m::bad", "long text", "m::broken", "in setup"):
        assert text in output


def test_tally_without_results(tmp_path: Path) -> None:
    assert run("tally", "junit", str(tmp_path / "gone.xml")) == (0, "0 1 0\n")


# ---- docs-site ------------------------------------------------------------------------------------------------------

SITE = {
    "README.md": "# A\n\n![picture](docs/p.png) [all](docs/README.md), [one](examples/one.py), [they](examples)\n",
    "CHANGELOG.md": "# Changes\n",
    "LICENSE": "free\n",
    "docs/README.md": "# Pages\n\n| start | |\n|---|---|\n| [the start](../README.md) | one |\n| [architecture.md](architecture.md) | two |\n",
    "docs/p.png": "",
    "docs/architecture.md": "# B\n\n## What `it` is: a_b\n\n- an item\n\n      code\n\n- another [up](#what-it-is-a_b)\n\nA table:\n| a |\n|---|\n| b |\n",
    "examples/one.py": '"""Does one thing."""\n',
}


def site_of(root: Path) -> tuple[int, str]:
    pytest.importorskip("mkdocs", reason="./dev setup docs installs it")
    done = subprocess.run([TOOLS / "docs-site", root], capture_output=True, text=True, timeout=60)
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_the_site_of_the_pages(tree: Tree) -> None:
    root = tree(SITE)
    assert site_of(root) == (0, "")
    text = (root / "build-docs/site/docs/architecture.html").read_text()
    assert 'id="what-it-is-a_b"' in text
    assert text.count("<li>\n<p>an") == 2 and "<code>code\n</code>" in text and "<td>b</td>" in text
    text = (root / "build-docs/site/index.html").read_text()
    assert '<a href="examples/index.html#onepy">' in text and ">\n        The start\n" in text
    assert "Does one thing." in (root / "build-docs/site/examples/index.html").read_text()


def test_what_the_site_must_not_have(tree: Tree) -> None:
    bad = "# B\n\n[no heading](#nothing) <img src='//example.com/p.png'> <a href='gone.html'>no page</a>\n"
    code, said = site_of(tree(SITE | {"docs/architecture.md": bad}))
    assert code == 1
    assert [line.partition(": ")[2] for line in said.splitlines()] == [
        "the link #nothing leads to no heading of its page",
        "loads //example.com/p.png from another server",
        "the link gone.html leads to no file",
    ]
    code, said = site_of(tree(SITE | {"docs/architecture.md": "# B\n\n[no page](gone.md)\n"}))
    assert code == 1 and "gone.md" in said and "Aborted" in said
