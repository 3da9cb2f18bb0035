from pathlib import Path

import pytest

from with_vllm.runs import save_policy


@pytest.fixture(scope="session")
def policies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three policies: `one`, a clearly different `other`, and `untied`."""
    folder = tmp_path_factory.mktemp("policies")
    return {
        "one": save_policy(folder / "one", seed=1),
        "other": save_policy(folder / "other", seed=2),
        "untied": save_policy(folder / "untied", seed=3, tied=False),
    }
