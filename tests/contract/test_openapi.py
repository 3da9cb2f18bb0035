"""The contract that the repository keeps: it is the app's, and it is valid."""

import httpx
import pytest
import yaml
from openapi_spec_validator import validate

from goodcall.reasons import Reason
from goodcall.web.app import create_app
from goodcall.web.openapi import to_yaml
from goodcall.web.settings import Settings
from suites import REPOSITORY

KEPT = REPOSITORY / "openapi.yaml"


def test_the_kept_contract_is_that_of_the_app():
    """After a wanted change: ``make documents``."""
    assert KEPT.read_text(encoding="utf-8") == to_yaml(create_app(Settings()).openapi())


def test_the_contract_is_valid_openapi():
    validate(yaml.safe_load(KEPT.read_text(encoding="utf-8")))


async def test_the_service_shows_the_kept_contract():
    transport = httpx.ASGITransport(create_app(Settings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
        shown = (await http.get("/openapi.json")).json()
    assert shown == yaml.safe_load(KEPT.read_text(encoding="utf-8"))


def test_the_contract_says_every_reason_in_a_sentence():
    schemas = yaml.safe_load(KEPT.read_text(encoding="utf-8"))["components"]["schemas"]
    description = schemas["Verdict"]["properties"]["reason"]["description"]
    assert [reason for reason in Reason if f"`{reason.value}`: {reason.hint}" not in description] == []


@pytest.mark.parametrize("path", ["/score", "/rewards", "/livez", "/readyz", "/version", "/limits", "/metrics"])
def test_every_operation_can_answer_with_a_problem(path):
    operations = yaml.safe_load(KEPT.read_text(encoding="utf-8"))["paths"][path]
    for operation in operations.values():
        content = operation["responses"]["default"]["content"]
        assert list(content) == ["application/problem+json"]
