"""A pytest plugin that learns which tests reach what, and then meets each mutant with the tests that reach it.

mutmut has written all mutants of a function beside it, and asks at every call which of them is meant; so a process is
forked for each mutant, and what was imported and collected is there already. mutmut's own loop imports and collects for
each mutant anew, which takes ten times as long as the tests that then fail. It also takes what tests remember, and what
runs at import, from before the mutant was meant, so that such mutants seem to survive; here caches start empty, and a
mutant of what runs at import is met by a session of its own.
"""

import gc
import os
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from results import NO_TESTS, Results

LEARNING = "stats"
"""What mutmut calls the mutant that is none but lets functions say that they were called."""

EXAMPLES = 25
"""Cases that each property is tried on: every time the same, and a failing one is not made smaller."""

RECURSION_LIMIT = 1900
"""A call of a function that has mutants takes three frames instead of one; tests that mean to exceed the limit nest
2,000 deep."""

START_S = 30
"""CPU seconds that a mutant may take before its first test, for what is imported and collected anew."""

PATIENCE_S = 3
"""CPU seconds that a test may take with a mutant beside those that it took without, when one learned."""

MEMORY_BYTES = 4 << 30
"""Address space that a mutant may take: a loop without end can fill the memory long before its time is up."""

PROGRESS = 200
"""Mutants between two signs of life."""


class MutantLoop:
    """Learns, then forks.

    Args:
        results: what is known of the mutants; gets what is found out.
        children: processes at once.
    """

    def __init__(self, results: Results, children: int) -> None:
        self._results = results
        self._children = children
        self._durations: dict[str, float] = {}
        self._reached_by: defaultdict[str, list[pytest.Item]] = defaultdict(list)
        self._run_at_import: frozenset[str] = frozenset()
        self._forked: dict[int, str] = {}
        self._failed = False

    def pytest_configure(self) -> None:
        """Makes properties quick and the same in every run."""
        import hypothesis  # noqa: PLC0415 - pytest warns of plugins that were imported before it began

        sys.setrecursionlimit(RECURSION_LIMIT)
        hypothesis.settings.register_profile(
            "mutation",
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.settings.load_profile("mutation")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Quick tests first: a mutant is gone with the first that fails."""
        items.sort(key=lambda item: self._durations.get(item.nodeid, 0.0))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Meets all mutants; in the session of a single one, leaves it to pytest to run the tests."""
        if self._durations:
            return None
        self._run_at_import = frozenset(state()._stats)
        self._learn(session.items)
        if not self._failed:
            self._meet_all(session)
        return True

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """With a mutant, ends the process when the test takes much longer than without: a loop may have no end."""
        if duration_s := self._durations.get(item.nodeid):
            limit_s = int(time.process_time() + duration_s) + PATIENCE_S
            resource.setrlimit(resource.RLIMIT_CPU, (limit_s, resource.RLIM_INFINITY))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remembers that a test failed."""
        self._failed = self._failed or report.failed

    def _learn(self, items: list[pytest.Item]) -> None:
        """Runs every test without a mutant, sparing none the work that another has done."""
        clear = _caches()
        for item in items:
            for clear_cache in clear:
                clear_cache()
            state()._stats.clear()
            start = time.process_time()
            item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
            self._durations[item.nodeid] = time.process_time() - start
            for function in state()._stats:
                self._reached_by[function].append(item)
        for clear_cache in clear:
            clear_cache()

    def _meet_all(self, session: pytest.Session) -> None:
        set_mutant_under_test("")
        # A process that looks through all that this one holds would copy it.
        gc.freeze()
        mutants = self._results.open_mutants()
        for number, mutant in enumerate(mutants):
            if number % PROGRESS == 0:
                session.config.get_terminal_writer().write(f"\n{number:,} of {len(mutants):,} mutants", flush=True)
            function, _, _ = mutant.partition("__mutmut_")
            if function in self._run_at_import:
                arguments = session.config.invocation_params.args
                self._fork(mutant, partial(self._meet_in_new_session, arguments))
            elif items := self._reached_by[function]:
                items.sort(key=lambda item: self._durations[item.nodeid])
                self._fork(mutant, partial(self._meet, items))
            else:
                self._results.put(mutant, NO_TESTS)
        while self._forked:
            self._wait()

    def _fork(self, mutant: str, meet: Callable[[], bool]) -> None:
        """Lets another process meet a mutant: 1 if it was noticed."""
        while len(self._forked) >= self._children:
            self._wait()
        child = os.fork()
        if child:
            self._forked[child] = mutant
            return
        status = 1  # Whatever is raised instead of an answer, the mutant was noticed.
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (START_S, resource.RLIM_INFINITY))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
            set_mutant_under_test(mutant)
            status = int(meet())
        finally:
            os._exit(status)

    def _wait(self) -> None:
        child, status = os.wait()
        if mutant := self._forked.pop(child, None):
            self._results.put(mutant, os.waitstatus_to_exitcode(status))

    def _meet(self, items: list[pytest.Item]) -> bool:
        """Whether one of these tests notices the mutant."""
        items[0].config.pluginmanager.set_blocked("terminalreporter")
        for item in items:
            item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
            if self._failed:
                return True
        return False

    def _meet_in_new_session(self, arguments: Iterable[str]) -> bool:
        """Whether a test notices the mutant when everything is imported anew."""
        for module in _our_modules():
            del sys.modules[module.__name__]
        return pytest.main([*arguments, "-x"], plugins=[self]) != pytest.ExitCode.OK


def _caches() -> list[Callable[[], None]]:
    """What empties the memory of each function that remembers, in the verifier and in the tests."""
    return [
        value.cache_clear
        for module in _our_modules()
        for value in vars(module).values()
        if hasattr(value, "cache_clear") and value.__module__ == module.__name__ != "suites"
    ]


def _our_modules() -> list[ModuleType]:
    """The imported modules of the verifier and of its tests."""
    here = f"{Path.cwd()}{os.sep}"
    return [
        module for module in list(sys.modules.values()) if (getattr(module, "__file__", None) or "").startswith(here)
    ]
