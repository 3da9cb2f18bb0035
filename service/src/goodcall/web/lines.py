"""``POST /score`` with ``application/x-ndjson``: an item a line in, a line out, in order and in bounded memory.

Verdicts are written while items are still coming. Nothing is read while the caller does not take what is written, so a
caller reads and writes at the same time. A line that can't be scored gets a line that holds a problem, and the lines
after it are scored like any other.
"""

from collections.abc import AsyncIterator, Callable

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from goodcall.errors import MalformedInput
from goodcall.items import ItemVerdicts, decode_item, encode
from goodcall.rewards import DEFAULT_REWARD
from goodcall.types import Verdict
from goodcall.web.admission import Slot
from goodcall.web.batch import Batch
from goodcall.web.envelope import refuse_deeper_contexts
from goodcall.web.limits import Limits, refuse_completions_beyond
from goodcall.web.metrics import Metrics
from goodcall.web.problems import Problem, ProblemCode, RequestProblem
from goodcall.web.request_record import RequestRecord
from goodcall.web.wire import malformed

NDJSON = "application/x-ndjson"
REWARD_HEADER, DIGEST_HEADER = "goodcall-reward", "goodcall-digest"


class LineOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an ``application/x-ndjson`` request says in its query, since its body has no room for it."""

    reward: str = DEFAULT_REWARD
    assistant_prefix: str = ""
    explain: bool = False


def read_options(query: QueryParams) -> LineOptions:
    """The options in the query of a request.

    Raises:
        RequestProblem: there are others than these, or one twice.
    """
    try:
        if len(query.multi_items()) == len(query):
            return msgspec.convert(dict(query), LineOptions, strict=False)
    except msgspec.ValidationError:
        pass
    raise RequestProblem(
        ProblemCode.INVALID_REQUEST,
        "The query may have reward, assistant_prefix and explain (true or false), each once at most.",
    )


class LineProblem(msgspec.Struct):
    """What stands in place of the verdicts of a line that can't be scored."""

    problem: msgspec.Raw


async def split_lines(
    chunks: AsyncIterator[bytes], max_bytes: int, hold: Callable[[int], object] = int
) -> AsyncIterator[list[bytes | None]]:
    """The lines that each chunk of a body completes, without their ends; the last line may lack its own.

    Empty lines are left out. A line of more bytes than may be is None, and never held whole.

    Args:
        chunks: the body.
        max_bytes: what a line may have.
        hold: called with the bytes that are held from then on, more or less (below zero); may refuse them.
    """
    line, is_too_long, held = bytearray(), False, 0
    async for chunk in chunks:
        hold(len(chunk))
        held += len(chunk)
        lines: list[bytes | None] = []
        *ends, beginning = chunk.split(b"\n")
        for end in ends:
            line += end
            if is_too_long or len(line) > max_bytes:
                lines.append(None)
            elif line.strip():
                lines.append(bytes(line))
            line, is_too_long = bytearray(), False
        line += beginning
        if len(line) > max_bytes:
            line, is_too_long = bytearray(), True
        if lines:
            yield lines
        hold(len(line) - held)
        held = len(line)
    if is_too_long or line.strip():
        yield [None if is_too_long else bytes(line)]


class LineResponse(StreamingResponse):
    """A streamed answer to a request whose body is read meanwhile.

    The stock one waits for the caller to go away by reading from the request itself.
    """

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await self.stream_response(send)


class LineScorer:
    """Scores the lines of one request.

    Args:
        batch: scores the items.
        slot: the one of the batch.
        limits: those of a whole JSON body hold for each line.
        metrics: counts the verdicts.
        record: the one of the request.
    """

    def __init__(self, batch: Batch, slot: Slot, limits: Limits, metrics: Metrics, record: RequestRecord) -> None:
        self._batch = batch
        self._slot = slot
        self._limits = limits
        self._metrics = metrics
        self._record = record
        self._uncounted: list[Verdict] = []

    def respond(self, chunks: AsyncIterator[bytes]) -> Response:
        """The answer to a body; it is read while the answer is written."""
        reward = self._batch.reward
        self._record.reward = reward.id
        headers = {REWARD_HEADER: reward.id, DIGEST_HEADER: reward.digest}
        return LineResponse(self._answers(chunks), headers=headers, media_type=NDJSON)

    async def _answers(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            self._slot.hold_request()
            async for lines in split_lines(self._counted(chunks), self._limits.max_body_bytes, self._slot.hold_bytes):
                answers = b"".join([await self._answer(line) for line in lines])
                self._slot.rest()
                self._count()
                yield answers
        except ClientDisconnect:
            return
        except RequestProblem as problem:
            # There is no room to read on.
            yield self._in_place_of_verdicts(problem)
        finally:
            self._slot.release()
            self._record.wait_s = self._slot.wait_s
            self._metrics.observe_batch(self._slot.team.name, self._record.completions)

    async def _counted(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self._record.body_bytes += len(chunk)
            yield chunk

    async def _answer(self, line: bytes | None) -> bytes:
        try:
            async with self._slot.deadline():
                return encode(await self._score(line)) + b"\n"
        except RequestProblem as problem:
            return self._in_place_of_verdicts(problem)

    def _in_place_of_verdicts(self, problem: RequestProblem) -> bytes:
        self._metrics.count_problem(problem.code)
        body = Problem.of(problem, self._record.request_id).model_dump_json(exclude_none=True)
        return encode(LineProblem(msgspec.Raw(body.encode()))) + b"\n"

    async def _score(self, line: bytes | None) -> ItemVerdicts:
        if line is None:
            raise RequestProblem(ProblemCode.BODY_TOO_LARGE, f"A line may have {self._limits.max_body_bytes} bytes.")
        try:
            item = decode_item(line)
        except MalformedInput as error:
            raise malformed(error, "A line") from None
        refuse_completions_beyond(len(item.completions), self._limits)
        refuse_deeper_contexts([item], self._limits.max_json_depth, place="")
        self._slot.carry(len(item.completions))
        [scored] = await self._batch.score([item], place="")
        self._uncounted += scored.verdicts
        self._record.items += 1
        return scored

    def _count(self) -> None:
        verdicts, self._uncounted = self._uncounted, []
        self._record.completions += len(verdicts)
        self._record.nulls += self._metrics.count_verdicts(self._batch.reward.id, verdicts)
