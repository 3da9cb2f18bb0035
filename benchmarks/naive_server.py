"""The server to compare with: as a competent team writes one in an afternoon, with the usual tools.

FastAPI with pydantic models, one completion a request, ``jsonschema`` for the arguments, the plain scorer for the rest.
"""

import json
from typing import Any, Literal

from fastapi import FastAPI
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from benchmarks import plain_scorer, uvicorn_runner


class Function(BaseModel):
    """What may be called."""

    name: str
    description: str = ""
    parameters: dict[str, Any]


class Tool(BaseModel):
    """A tool in OpenAI form."""

    type: Literal["function"] = "function"
    function: Function


class Call(BaseModel):
    """One expected call."""

    name: str
    arguments: dict[str, Any]


class Question(BaseModel):
    """One completion with its task."""

    tools: list[Tool]
    ground_truth: list[Call]
    completion: str


class Answer(BaseModel):
    """Its score."""

    score: float
    reason: str


app = FastAPI()


@app.post("/score")
async def score(question: Question) -> Answer:
    """1 for the expected calls, if they fit their tools; else 0."""
    expected = json.dumps([call.model_dump() for call in question.ground_truth])
    if plain_scorer.score(question.completion, expected) == 0:
        return Answer(score=0.0, reason="mismatch")
    schemas = {tool.function.name: tool.function.parameters for tool in question.tools}
    for call in question.ground_truth:  # which the completion's calls equal, as the scorer has found
        if not Draft202012Validator(schemas[call.name]).is_valid(call.arguments):
            return Answer(score=0.0, reason="schema")
    return Answer(score=1.0, reason="ok")


if __name__ == "__main__":
    uvicorn_runner.run(app)
