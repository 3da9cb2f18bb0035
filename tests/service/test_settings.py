"""Settings: which source wins, and errors that name the nearest known key."""

import pytest
from typer.testing import CliRunner

from goodcall.cli.app import _app
from goodcall.web.settings import InvalidSettings, Settings, load_settings


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch):
    for key in Settings.model_fields:
        monkeypatch.delenv(f"GOODCALL_{key.upper()}", raising=False)


@pytest.fixture
def config(tmp_path):
    """Writes a settings file and gives its path."""

    def write(text):
        path = tmp_path / "goodcall.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_flags_go_before_the_environment_before_the_file_before_defaults(config, monkeypatch):
    path = config("port = 1\nmax_items = 1\nmax_completions = 1\n")
    monkeypatch.setenv("GOODCALL_PORT", "2")
    monkeypatch.setenv("GOODCALL_MAX_ITEMS", "2")
    settings = load_settings(path, port=3, host=None)
    assert (settings.port, settings.max_items, settings.max_completions) == (3, 2, 1)
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 1", "unknown setting prot; did you mean port?"),
        ("zzz = 1", "unknown setting zzz; known are host, port"),
        ("port = 70000", "setting port: Input should be less than or equal to 65535"),
        ("port = ", "can't be read as TOML"),
        ("workers = 0", "setting workers: Input should be greater than or equal to 1"),
        ("drain_delay_s = -1", "setting drain_delay_s: Input should be greater than or equal to 0"),
        ("request_deadline_s = 0", "setting request_deadline_s: Input should be greater than 0"),
        ("max_completions_in_flight = 0", "setting max_completions_in_flight: Input should be greater than 0"),
        ("key_file = 'keys'", "unknown setting key_file; did you mean keys_file?"),
        ("drain_delay_s = inf", "setting drain_delay_s: Input should be a finite number"),
    ],
)
def test_a_wrong_file_is_refused(config, text, message):
    with pytest.raises(InvalidSettings) as refused:
        load_settings(config(text))
    assert message in str(refused.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidSettings, match="there is no settings file"):
        load_settings(tmp_path / "nowhere.toml")


def test_a_misspelt_variable_is_refused_and_the_nearest_is_named(monkeypatch):
    monkeypatch.setenv("GOODCALL_MAX_ITEM", "5")
    with pytest.raises(InvalidSettings, match="GOODCALL_MAX_ITEM; did you mean GOODCALL_MAX_ITEMS"):
        load_settings()


def test_every_setting_says_what_it_is():
    assert all(field.description for field in Settings.model_fields.values())


def test_wrong_settings_end_serve_with_usage():
    result = CliRunner().invoke(_app, ["serve", "--port", "70000"])
    assert result.exit_code == 2
    assert "setting port" in result.stderr
