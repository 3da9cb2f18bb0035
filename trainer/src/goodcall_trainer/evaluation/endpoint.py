"""Answers by any OpenAI-compatible endpoint: chat completions, where the server holds the template, or plain ones.

A request that fails is made again with growing pauses until the deadline of its answer, and whoever waits is told why.
Whatever goes wrong for good is an exception, and never an answer. What was answered by then is kept.
"""

import asyncio
import random
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from goodcall_trainer.evaluation.answers import PROMPT_TOO_LONG, Answer
from goodcall_trainer.evaluation.conversation import read_message, wire_messages, wire_tools
from goodcall_trainer.evaluation.engine import Keep, Prompt
from goodcall_trainer.evaluation.failures import EndpointFailed
from goodcall_trainer.evaluation.questions import Question
from goodcall_trainer.evaluation.settings import AnswerSettings
from goodcall_trainer.row import Row
from goodcall_trainer.tool_n1_prompt import tool_n1_messages

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_TRANSIENT = frozenset({408, 409, 425, 429})
_TOO_LONG = frozenset({400, 413, 422})
_NO_ROOM = re.compile(r"context.?(length|size|window)", re.IGNORECASE)
"""In a refusal of all servers that are known when prompt and answer are longer than the model takes."""
_SHOWN = 300
_NOTICE_EVERY_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where questions are sent, and how patiently."""

    url: str
    """The base of the paths, usually ending in `/v1`."""
    model: str
    """The model's name there."""
    concurrency: int = 16
    """The most questions under way at once."""
    deadline_s: float = 600.0
    """The longest that one answer may take, with all attempts."""
    attempt_timeout_s: float = 300.0
    """The longest that one request may go unanswered before it is made again."""
    api_key: str | None = None
    """Sent as `Authorization: Bearer …`; never shown."""


@dataclass(frozen=True, slots=True)
class Form:
    """What is sent for a question, and how the answer is read."""

    path: str
    body: Callable[[Row], dict[str, Any]]
    read: Callable[[Mapping[str, Any], Row], Any]
    """The completion in a choice; raises ValueError where there is none."""


def chat_form(prompt: Prompt) -> Form:
    """Chat completions: the paper's system message, or the tools as a field of the request."""

    def paper(row: Row) -> dict[str, Any]:
        return {"messages": wire_messages(tool_n1_messages(row, reasoning=True))}

    def with_tools(row: Row) -> dict[str, Any]:
        tools = {"tools": wire_tools(row.tools)} if row.tools else {}
        return {"messages": wire_messages(row.messages), **tools}

    return Form(
        "/chat/completions",
        paper if prompt is Prompt.PAPER else with_tools,
        lambda choice, row: read_message(choice.get("message"), row.tools),
    )


def completions_form(render: Callable[[Row], str]) -> Form:
    """Plain completions of prompts that are rendered here."""

    def read(choice: Mapping[str, Any], _: Row) -> str:
        text = choice.get("text")
        if not isinstance(text, str):
            raise ValueError("no text")  # noqa: TRY004 - what came is wrong, not what was passed
        return text

    return Form("/completions", lambda row: {"prompt": render(row)}, read)


class EndpointEngine:
    """Asks an endpoint, many questions at a time; `notice` is told now and then of requests that failed."""

    def __init__(
        self,
        endpoint: Endpoint,
        form: Form,
        *,
        prompt: Prompt,
        max_tokens: int,
        assistant_prefix: str = "",
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._endpoint = endpoint
        self._form = form
        self._max_tokens = max_tokens
        self._notice = notice
        self._silent_until = 0.0
        self.assistant_prefix = assistant_prefix
        self.settings: AnswerSettings = {
            "engine": form.path.removeprefix("/"),
            "url": endpoint.url,
            "model": endpoint.model,
            "prompt": prompt.value,
            "assistant_prefix": assistant_prefix,
            "max_tokens": max_tokens,
        }

    def answer(self, questions: Sequence[Question], answered: Collection[str], keep: Keep) -> None:
        """Answers what is not answered, each answer kept as it comes.

        Raises:
            EndpointFailed: one could not be had; the others under way are given up.
        """
        unanswered = [question for question in questions if question.key not in answered]
        asyncio.run(self._answer_all(unanswered, keep))

    async def _answer_all(self, questions: Sequence[Question], keep: Keep) -> None:
        key = self._endpoint.api_key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=self._endpoint.concurrency)
        # As the service's client does: a proxy of the environment is a trap where the endpoint is on this machine.
        async with httpx.AsyncClient(headers=headers, limits=limits, trust_env=False) as client:
            left = iter(questions)
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self._endpoint.concurrency):
                        group.create_task(self._answer_from(client, left, keep))
            except BaseExceptionGroup as failures:
                first = failures.exceptions[0]
            else:
                return
        raise first

    async def _answer_from(self, client: httpx.AsyncClient, left: Iterator[Question], keep: Keep) -> None:
        for question in left:
            keep(question, await self._answer_one(client, question))

    async def _answer_one(self, client: httpx.AsyncClient, question: Question) -> Answer:
        """The answer to one question, from as many attempts as there is time for."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._endpoint.deadline_s
        attempts = 0
        while True:
            attempts += 1
            try:
                return await self._attempt(client, question, ends_at - loop.time())
            except _AttemptFailed as failure:
                pause_s = failure.asked_s or random.uniform(0, _longest_pause_s(attempts))
                if loop.time() + pause_s >= ends_at:
                    raise EndpointFailed(
                        f"{self._url} gave no answer to {question.key} within {self._endpoint.deadline_s:g} s "
                        f"({attempts} attempts): {failure}"
                    ) from None
                self._tell(failure)
            await asyncio.sleep(pause_s)

    def _tell(self, failure: Exception) -> None:
        """Says what is wrong, and that it is not the end; not more often than anybody can read."""
        if time.monotonic() >= self._silent_until:
            self._silent_until = time.monotonic() + _NOTICE_EVERY_S
            self._notice(f"{self._url}: {failure}; asking again, each question for {self._endpoint.deadline_s:g} s")

    async def _attempt(self, client: httpx.AsyncClient, question: Question, left_s: float) -> Answer:
        """One answer: where the model has no room for the longest, the longest of half that length, and so on."""
        for max_tokens in _halves(self._max_tokens):
            response = await self._post(client, question, max_tokens, left_s)
            if not _has_no_room(response):
                self._raise_for_status(response, question)
                return self._read(response, question)
        return Answer(completion=None, fault=PROMPT_TOO_LONG)

    async def _post(
        self, client: httpx.AsyncClient, question: Question, max_tokens: int, left_s: float
    ) -> httpx.Response:
        body = {
            "model": self._endpoint.model,
            "temperature": 0.0,
            "max_tokens": max_tokens,
            **self._form.body(question.row),
        }
        limit_s = min(self._endpoint.attempt_timeout_s, left_s)
        try:
            async with asyncio.timeout(limit_s):
                return await client.post(self._url, json=body, timeout=None)
        except TimeoutError:
            raise _AttemptFailed(f"no answer within {limit_s:.1f} s") from None
        except httpx.RequestError as error:
            raise _AttemptFailed(f"{type(error).__name__}: {error}".removesuffix(": ")) from None

    def _raise_for_status(self, response: httpx.Response, question: Question) -> None:
        if response.is_success:
            return
        said = f"{response.status_code} {_said(response)}"
        if response.is_server_error or response.status_code in _TRANSIENT:
            raise _AttemptFailed(said, asked_s=_asked_to_wait_s(response))
        raise EndpointFailed(f"{self._url} refused {question.key}: {said}")

    def _read(self, response: httpx.Response, question: Question) -> Answer:
        try:
            [choice] = response.json()["choices"]
            completion = self._form.read(choice, question.row)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _AttemptFailed(f"an answer that is none of this API: {response.text[:_SHOWN]}") from None
        return Answer(completion=completion, truncated=choice.get("finish_reason") == "length")

    @property
    def _url(self) -> str:
        return self._endpoint.url.rstrip("/") + self._form.path


class _AttemptFailed(Exception):
    """One request came to nothing, and another may do better."""

    def __init__(self, cause: str, *, asked_s: float | None = None) -> None:
        super().__init__(cause)
        self.asked_s = asked_s


def _halves(tokens: int) -> Iterator[int]:
    """The number and its halves down to 1."""
    while tokens:
        yield tokens
        tokens //= 2


def _has_no_room(response: httpx.Response) -> bool:
    return response.status_code in _TOO_LONG and _NO_ROOM.search(_said(response)) is not None


def _longest_pause_s(attempts: int) -> float:
    return float(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(attempts - 1, 32)))


def _asked_to_wait_s(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "").strip()
    return float(value) if value.isascii() and value.isdigit() else None


def _said(response: httpx.Response) -> str:
    """The server's own words, cut short."""
    try:
        error = response.json().get("error", "")
        words = error.get("message", "") if isinstance(error, dict) else error
    except (ValueError, AttributeError):
        words = response.text
    return str(words or response.reason_phrase)[:_SHOWN]
