"""A service with a pod's settings stays within the pod's memory, whatever it is sent at once."""

import asyncio
import json
import re
from pathlib import Path

import httpx

from command_line import TIMEOUT_S, call, completion, goodcall, item
from deploy.manifests import render
from deploy.quantities import amount
from deploy.tools import installed
from serving import serving

TEAMS = 4
# Nearly as long as a completion may be; the one emoji makes Python keep all of it at four bytes a character.
DEAR = "x" * 1_000_000 + "\N{GRINNING FACE}"


def test_the_dearest_bodies_of_several_teams_at_once_fit_into_a_pod(tmp_path):
    installed("uv")
    prod = render("overlays/prod")
    limit = amount(prod.the("Deployment")["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"])
    settings = dict(prod.the("ConfigMap", "goodcall-settings")["data"])
    settings |= {
        "GOODCALL_HOST": "127.0.0.1",
        "GOODCALL_KEYS_FILE": str(tmp_path / "keys"),
        "GOODCALL_DRAIN_DELAY_S": "0",
    }
    del settings["GOODCALL_PORT"]
    keys = [goodcall("keys", "create", f"team-{n}", "--file", tmp_path / "keys").stdout.strip() for n in range(TEAMS)]
    with serving(**settings) as (process, url):
        statuses = asyncio.run(_flood(url, keys))
        peak = (
            int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8"))[1])
            * 1024
        )
    assert set(statuses) <= {200, 429, 503}
    assert set(statuses) & {429, 503}, "nothing was refused, so it was not full"
    assert peak < limit


async def _flood(url, keys):
    """The answers to a cache's fill of tasks from each team, and then to more large bodies than are let in at once."""
    tools = [{"name": f"tool_{n}", "description": "d" * 8000, "parameters": {"type": "object"}} for n in range(4000)]
    tasks = json.dumps({"items": [item(completion(call()), tools=[tool], ground_truth=[]) for tool in tools]})
    large = json.dumps({"items": [item(*[DEAR] * 60)]}, ensure_ascii=False)
    async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_S) as http:

        async def send(key, body):
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
            return (await http.post(f"{url}/score", content=body.encode(), headers=headers)).status_code

        filled = [await send(key, tasks) for key in keys]
        assert filled == [200] * len(keys)
        return await asyncio.gather(*(send(key, large) for key in keys * 3))
