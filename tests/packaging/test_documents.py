"""What the documents show is what happens."""

import contextlib
import io
import re
import subprocess
import sys

import pytest

from suites import REPOSITORY

EXAMPLE = re.compile(r"```python\n(.*?)```\n\n```\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("document", ["README.md", "service/README.md"])
def test_the_first_example_prints_what_is_shown(document):
    code, shown = EXAMPLE.search((REPOSITORY / document).read_text(encoding="utf-8")).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, document, "exec"), {})  # noqa: S102
    assert printed.getvalue() == shown


def test_the_readme_opens_with_one_sentence_and_a_six_line_example():
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    title, sentence, rest = text.split("\n\n", 2)
    assert title == "# Goodcall"
    assert sentence.count("\n") == 0
    assert rest.startswith("```python\n")
    assert len(EXAMPLE.search(text)[1].splitlines()) == 6


def test_the_document_of_reasons_is_that_of_the_code():
    """After a wanted change: ``make documents``."""
    script = REPOSITORY / "docs" / "write_reasons.py"
    written = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout
    assert (REPOSITORY / "docs" / "reasons.md").read_text(encoding="utf-8") == written


@pytest.mark.parametrize("command", ["make demo", "make test", "make oracle"])
def test_the_commands_of_the_readme_are_targets(command):
    assert command in (REPOSITORY / "README.md").read_text(encoding="utf-8")
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert f"\n{command.removeprefix('make ')}:" in makefile
