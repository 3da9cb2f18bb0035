"""Who may ask for what.

Where keys are in force, every path needs a team's key, except those that show nobody anything of another: the probes,
the catalogue, the limits and the versions. ``/metrics`` tells of all teams, so it needs an operator's key, which in
turn scores nothing.
"""

from fastapi import Request

from goodcall.web.keys import EVERYONE, Key
from goodcall.web.problems import ProblemCode, RequestProblem

OPEN_PATHS = frozenset({"/livez", "/readyz", "/version", "/limits", "/rewards", "/rewards/{family}/{variant}"})
OPERATORS_PATHS = frozenset({"/metrics"})

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="goodcall"'}


async def authenticate(request: Request) -> None:
    """Lets a request pass that may ask for its path; ``request.state.team`` says whose it is where that matters, and
    ``request.state.teams`` what teams there are.

    Raises:
        RequestProblem: it shows no key that is in force, or one that is for other things.
    """
    path, key_file = request.scope["route"].path, request.app.state.key_file
    if key_file is None:
        request.state.team, request.state.teams = EVERYONE, {EVERYONE.name}
    elif path not in OPEN_PATHS:
        ring = key_file.ring()
        key = ring.find(_token(request))
        if key is None:
            raise RequestProblem(
                ProblemCode.UNAUTHORIZED,
                "Send a key of this service as Authorization: Bearer KEY, or as X-Api-Key: KEY.",
                headers=_CHALLENGE,
            )
        _refuse_wrong_kind(key, path)
        if key.team is not None:
            request.state.team, request.state.teams = ring.teams[key.team], ring.teams.keys()


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")


def _refuse_wrong_kind(key: Key, path: str) -> None:
    if path in OPERATORS_PATHS and key.team is not None:
        raise RequestProblem(ProblemCode.FORBIDDEN, "This path tells of all teams: it needs an operator's key.")
    if path not in OPERATORS_PATHS and key.team is None:
        raise RequestProblem(ProblemCode.FORBIDDEN, "An operator's key has no team to score for: use a team's key.")
