"""An evaluation from start to end: what is missing is asked, everything is judged, and the result is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from goodcall_client import Client
from goodcall_trainer.evaluation.answers import Answer, AnswerFile, missing, sole_writer
from goodcall_trainer.evaluation.engine import Engine
from goodcall_trainer.evaluation.judging import judge
from goodcall_trainer.evaluation.questions import Benchmark, Question
from goodcall_trainer.evaluation.result import Result, result_of, write_result
from goodcall_trainer.evaluation.settings import claim_folder, settings_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What is asked, of whom, and where it is kept."""

    benchmarks: Sequence[Benchmark]
    engine: Engine
    out: Path
    limit: int | None = None
    """The most questions of a category that are asked; None asks all."""

    def questions(self) -> list[Question]:
        return [question for benchmark in self.benchmarks for question in benchmark.first(self.limit)]


def run(evaluation: Evaluation, client: Client, show: Callable[[int], None]) -> Result:
    """The result, which is also written to the folder; `show` is told how many questions have an answer.

    Raises:
        SettingsDiffer, AnswersUnusable: the folder holds another evaluation, or one that is under way.
        EndpointFailed, CheckpointUnusable: there is no answer to a question. Those that there are were kept.
        GoodcallError: the service gave no verdicts. All answers were kept.
    """
    engine, questions = evaluation.engine, evaluation.questions()
    evaluation.out.mkdir(parents=True, exist_ok=True)
    path = evaluation.out / "answers.jsonl"
    with sole_writer(path):
        claim_folder(evaluation.out / "settings.json", engine.settings, answered=path.stat().st_size > 0)
        with AnswerFile(path, settings_digest(engine.settings), questions) as file:
            _ask(engine, questions, file, show)
            judgements = judge(client, questions, file.answers, assistant_prefix=engine.assistant_prefix)
        result = result_of(evaluation.benchmarks, judgements, engine.settings, evaluation.limit)
        write_result(evaluation.out, result, judgements.judged)
    return result


def _ask(engine: Engine, questions: Sequence[Question], file: AnswerFile, show: Callable[[int], None]) -> None:
    """Has what is missing answered; each answer is kept as it comes."""
    show(len(file.answers))

    def keep(question: Question, answer: Answer) -> None:
        file.keep(question, answer)
        show(len(file.answers))

    if missing(questions, file.answers):
        engine.answer(questions, frozenset(file.answers), keep)
