"""``goodcall rewards`` and ``goodcall config show``: what there is, and where it comes from."""

import json

import pytest

from command_line import goodcall
from goodcall.rewards import CATALOGUE
from goodcall.web.catalogue import Catalogue, RewardEntry
from goodcall.web.settings import Settings


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch):
    for key in Settings.model_fields:
        monkeypatch.delenv(f"GOODCALL_{key.upper()}", raising=False)


def test_the_catalogue_is_listed_as_the_service_shows_it():
    assert json.loads(goodcall("rewards", "--json").stdout) == Catalogue.current().model_dump(mode="json")
    table = goodcall("rewards").stdout
    assert [reward_id for reward_id in CATALOGUE if reward_id not in table] == []
    assert "the default is tool_n1/hardened@1" in table


@pytest.mark.parametrize("name", ["tool_n1/hardened", "tool_n1/hardened@1"])
def test_one_reward_is_shown_whole(name):
    entry = RewardEntry.of(CATALOGUE["tool_n1/hardened@1"])
    assert json.loads(goodcall("rewards", name, "--json").stdout) == entry.model_dump(mode="json")
    shown = "".join(goodcall("rewards", name).stdout.split())
    assert entry.digest in shown
    assert "arXiv2505.00024" in shown


def test_each_setting_says_where_it_comes_from(tmp_path, monkeypatch):
    path = tmp_path / "goodcall.toml"
    path.write_text("port = 1\nmax_items = 1\nmax_completions = 1\n", encoding="utf-8")
    monkeypatch.setenv("GOODCALL_PORT", "2")
    monkeypatch.setenv("GOODCALL_MAX_ITEMS", "2")
    result = goodcall("config", "show", "--config", path, "--port", "3", "--json")
    shown = json.loads(result.stdout)
    assert shown["port"] == {"value": 3, "origin": "flag"}
    assert shown["max_items"] == {"value": 2, "origin": "env"}
    assert shown["max_completions"] == {"value": 1, "origin": "file"}
    assert shown["host"] == {"value": "127.0.0.1", "origin": "default"}
    assert list(shown) == list(Settings.model_fields)


def test_the_table_of_settings_holds_every_one():
    text = goodcall("config", "show").stdout
    assert [key for key in Settings.model_fields if key not in text] == []
    assert "default" in text


def test_wrong_settings_are_refused_with_the_nearest_name(tmp_path):
    path = tmp_path / "goodcall.toml"
    path.write_text("prot = 1", encoding="utf-8")
    result = goodcall("config", "show", "--config", path)
    assert result.exit_code == 2
    assert "goodcall config: unknown setting prot; did you mean port?" in result.stderr
