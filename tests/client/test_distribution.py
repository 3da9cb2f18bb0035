"""What the distribution promises of itself: its names, its version, its one dependency, its README."""

import ast
import contextlib
import importlib.util
import io
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import goodcall_client

ROOT = Path(__file__).parents[2] / "client"
SOURCES = sorted((ROOT / "src" / "goodcall_client").glob("**/*.py"))


def test_all_is_what_is_public_in_alphabetical_order() -> None:
    public = [name for name in vars(goodcall_client) if not name.startswith("_")]
    assert goodcall_client.__all__ == sorted([*public, "__version__"])


def test_the_version_is_the_one_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert goodcall_client.__version__ == project["version"]
    assert f"[{project['version']}]" in (ROOT / "CHANGELOG.md").read_text()


def test_it_needs_httpx_and_the_standard_library_alone() -> None:
    imported = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add((node.module or "").partition(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"httpx", "orjson"}
    assert re.search(
        r"    import orjson\nexcept ModuleNotFoundError:", (SOURCES[0].parent / "_encoding.py").read_text()
    )


def test_without_orjson_the_standard_library_does_it(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "orjson", None)
    spec = importlib.util.find_spec("goodcall_client._encoding")
    assert spec
    assert spec.loader
    encoding = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(encoding)
    body = encoding.encode_batch({}, [{"ground_truth": b"1", "completions": ["a"]}])
    assert body == b'{"items":[{"ground_truth":1,"completions":["a"]}]}'
    assert encoding.decode(body) == json.loads(body)


def test_the_readme_example_prints_what_the_readme_shows(live: Any, fake_service: Any, faults: Any) -> None:
    def scored(answer: Any) -> None:
        for verdict, score in zip(answer["items"][0]["verdicts"], [1.0, 0.0], strict=True):
            verdict["score"] = score

    example, shown = re.findall(r"```(?:python)?\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1:3]
    printed = io.StringIO()
    with live(fake_service([faults.json(scored)])) as url, contextlib.redirect_stdout(printed):
        exec(example.replace("http://127.0.0.1:8000", url), {})  # noqa: S102
    assert printed.getvalue() == shown
