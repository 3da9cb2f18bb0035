"""Changes the verifier in thousands of small ways and counts how many of the changes the tests notice.

``make mutants`` runs it. mutmut makes the mutants, in a copy of the sources, because it writes them beside the
originals. At the end stands a table in Markdown and the list of the survivors; the exit code is 1 when fewer than 90 %
were noticed, 3 when the tests fail without any mutant. To look at one:
``cd .venv/mutation && ../test/bin/mutmut show NAME``.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Collection
from pathlib import Path

import pytest
from mutant_loop import LEARNING, MutantLoop
from mutmut.configuration import config
from mutmut.mutation.data import MutantLineSpans, SourceFileMutationData
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.utils.format_utils import get_mutant_name
from results import Results

REPOSITORY = Path(__file__).parent.parent.parent
WORKSPACE = REPOSITORY / ".venv" / "mutation"
THRESHOLD = 0.9

LEFT_ALONE = ("web/*", "cli/*", "bulk/*", "capacity/*", "__main__.py")
"""What is not the verifier."""

TESTS = (
    "test_bfcl.py",
    "test_call_dialects.py",
    "test_conformance.py",
    "test_endpoints.py",
    "test_explanations.py",
    "test_golden.py",
    "test_items.py",
    "test_json_schema_suite.py",
    "test_lines.py",
    "test_matching.py",
    "test_mutations.py",
    "test_problems.py",
    "test_python_calls.py",
    "test_pythonic_types.py",
    "test_reward_hacking.py",
    "test_schema_bounds.py",
    "test_scoring.py",
    "test_strict_json.py",
    "test_tool_dialects.py",
    "test_toolrl.py",
    "test_toolrl_dialect.py",
)
"""Everything that tests the verifier in this process, without ``test_oracle`` and ``test_real_tasks``, which go through
tens of thousands of cases."""

QUICK = "not (one_pass or half_a_megabyte or come_to_an_end or of_bfcl or takes_long)"
"""Without the tests of how long something takes, and two that read nearly 9,000 tools each."""

PLUGINS = ("no:cacheprovider", "no:cov", "no:xdist", "no:unraisableexception", "no:threadexception")


def build(workspace: Path) -> None:
    """A copy of what is mutated, configured for mutmut; what an earlier run left is gone."""
    shutil.rmtree(workspace, ignore_errors=True)
    # Without the compiled part: what it judges would reach no mutant.
    ignored = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(REPOSITORY / "service" / "src", workspace / "src", ignore=ignored)
    # The tests look for the suites that others wrote beside the folder that holds them.
    (workspace / "shared").symlink_to(REPOSITORY.parent / "shared")
    left_alone = [f"src/goodcall/{pattern}" for pattern in LEFT_ALONE]
    mutmut = f'\n[tool.mutmut]\nsource_paths = ["src"]\ndo_not_mutate = {left_alone}\ntrack_dependencies = false\n'
    configuration = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8") + mutmut
    for folder in (workspace, workspace / "mutants"):
        folder.mkdir(exist_ok=True)
        (folder / "pyproject.toml").write_text(configuration, encoding="utf-8")


def make_mutants(workspace: Path, only: Collection[str] | None) -> None:
    """Writes all mutants of the copy, each function beside its own."""
    os.chdir(workspace)
    shutil.copytree("src", "mutants/src")
    for path in filter(config().should_mutate, Path("src").rglob("*.py")):
        if only and ".".join(path.with_suffix("").parts[2:]) not in only:
            continue
        mutated = mutate_file_contents(str(path), path.read_text(encoding="utf-8"))
        (Path("mutants") / path).write_text(mutated.code, encoding="utf-8")
        outcomes = SourceFileMutationData(path=path)
        outcomes.exit_code_by_key = {get_mutant_name(path, name): None for name in mutated.mutant_names}
        outcomes.save()
        MutantLineSpans(path=path, span_by_function_name=mutated.line_span_by_function_name).save()


def meet_mutants(workspace: Path, results: Results, children: int) -> int:
    """Runs the tests as they are now with each mutant that nobody has met; the exit code of pytest."""
    os.chdir(workspace / "mutants")
    shutil.rmtree("tests", ignore_errors=True)
    shutil.copytree(REPOSITORY / "tests", "tests", ignore=shutil.ignore_patterns("__pycache__"))
    # Mutants of what runs at import are imported anew, and take longer to compile than to test.
    sys.dont_write_bytecode = False
    sys.path.insert(0, str(Path("src").absolute()))
    set_mutant_under_test(LEARNING)
    plugins = [word for plugin in PLUGINS for word in ("-p", plugin)]
    tests = [f"tests/service/{name}" for name in TESTS]
    return pytest.main(
        ["-q", "--tb=native", "--rootdir=.", "-k", QUICK, *plugins, *tests], plugins=[MutantLoop(results, children)]
    )


def main() -> int:
    """0, or 1 when too few mutants were noticed, 3 when the tests fail without one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=os.cpu_count(), help="processes at once")
    parser.add_argument(
        "--workspace", type=Path, default=WORKSPACE, help="a folder for the copy; what it holds is lost"
    )
    parser.add_argument(
        "--survivors", action="store_true", help="only those of the last run, with the tests as they are"
    )
    parser.add_argument("--only", nargs="+", metavar="MODULE", help="such as schemas or rewards.tool_n1; else all")
    options = parser.parse_args()
    workspace = options.workspace.absolute()
    if not options.survivors:
        build(workspace)
        make_mutants(workspace, options.only)
    results = Results(workspace / "mutants" / "src")
    for mutant in results.survivors():
        results.put(mutant, None)
    if meet_mutants(workspace, results, options.children) != pytest.ExitCode.OK:
        return 3
    sys.stdout.write(f"\n{results.table()}\n" + "".join(f"{mutant}\n" for mutant in sorted(results.survivors())))
    return 0 if results.share() >= THRESHOLD else 1


if __name__ == "__main__":
    sys.exit(main())
