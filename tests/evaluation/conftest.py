"""A running service, two benchmarks in small, and an endpoint that knows the answers."""

import pytest

from evaluation.made_up_benchmarks import write_apibank, write_bfcl
from evaluation.standin_endpoint import read_questions, serve
from goodcall_trainer.service_process import service_command, service_process


@pytest.fixture(scope="session")
def service_url(tmp_path_factory):
    with service_process(service_command(), tmp_path_factory.mktemp("service") / "log") as url:
        yield url


@pytest.fixture(scope="session")
def bfcl(tmp_path_factory):
    return str(write_bfcl(tmp_path_factory.mktemp("benchmarks") / "bfcl"))


@pytest.fixture(scope="session")
def apibank(tmp_path_factory):
    return str(write_apibank(tmp_path_factory.mktemp("benchmarks") / "apibank"))


@pytest.fixture(scope="session")
def questions(bfcl, apibank):
    return (*read_questions("bfcl", bfcl), *read_questions("apibank", apibank))


@pytest.fixture
def endpoint(questions):
    with serve(questions) as stand_in:
        yield stand_in
