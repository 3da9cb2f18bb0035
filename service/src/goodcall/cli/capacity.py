"""``goodcall capacity``: replicas for a training run, and what an autoscaler makes of its bursts."""

import json
from dataclasses import asdict
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.table import Table

from goodcall.capacity.autoscaler import DOWN, UP, Metric, Policy, Rules, Settings, Target
from goodcall.capacity.costs import DOCUMENTED, Costs
from goodcall.capacity.measure import service_us, verifier_us
from goodcall.capacity.plan import Plan, TrainingLoad, Unreachable, Wanted
from goodcall.capacity.plan import plan as make_plan
from goodcall.capacity.simulation import Bursts, Outcome, Pods
from goodcall.capacity.simulation import simulate as run_simulation
from goodcall.cli.failures import THRESHOLD_MISSED, CommandFailed, EnvironmentFailed
from goodcall.cli.tables import add_number_column, add_text_column, plain_table

capacity = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="Reckon replicas for a training run, and simulate the autoscaler under its bursts.",
)

_Prompts: TypeAlias = Annotated[
    int, typer.Option(min=1, metavar="N", help="Prompts of a step of one run; each gets a group of completions.")
]
_Group: TypeAlias = Annotated[int, typer.Option(min=1, metavar="N", help="Completions of a prompt.")]
_StepS: TypeAlias = Annotated[
    float, typer.Option("--step-s", min=1e-3, metavar="S", help="Seconds from one step to the next.")
]
_Runs: TypeAlias = Annotated[int, typer.Option(min=1, metavar="N", help="Training runs that share the service.")]
_Bytes: TypeAlias = Annotated[int, typer.Option(min=1, metavar="N", help="Bytes of a completion, on the mean.")]
_Clients: TypeAlias = Annotated[int, typer.Option(min=1, metavar="N", help="Processes of a run that send.")]
_InFlight: TypeAlias = Annotated[
    int, typer.Option(min=1, metavar="N", help="Requests that each of them has under way at most (max_in_flight).")
]
_Cores: TypeAlias = Annotated[int, typer.Option(min=1, metavar="N", help="Cores of a replica, each with a worker.")]
_CostUs: TypeAlias = Annotated[
    float | None,
    typer.Option(
        min=1e-3,
        metavar="US",
        help="CPU µs of the service for a completion.",
        show_default="as docs/benchmarks.md has it",
    ),
]
_AsJSON: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]


@capacity.callback()
def _root() -> None:
    """Reckon replicas for a training run, and simulate the autoscaler under its bursts."""


@capacity.command()
def plan(  # noqa: PLR0913 - one parameter an option
    *,
    prompts: _Prompts = 1024,
    group: _Group = 8,
    step_s: _StepS = 60,
    runs: _Runs = 1,
    completion_bytes: _Bytes = 1400,
    clients: _Clients = 1,
    in_flight: _InFlight = 4,
    network_gbit_s: Annotated[
        float, typer.Option("--network-gbit-s", min=1e-3, metavar="N", help="Of one client, in Gbit a second.")
    ] = 10,
    cores: _Cores = 2,
    utilisation: Annotated[
        float, typer.Option(min=0.01, max=1, metavar="SHARE", help="Of all cores on the mean, at most.")
    ] = 0.6,
    wait_s: Annotated[
        float,
        typer.Option("--wait-s", min=1e-3, metavar="S", help="From a step's completions to its last verdict, at most."),
    ] = 1,
    least: Annotated[int, typer.Option(min=1, metavar="N", help="Replicas at least, so that one can be away.")] = 2,
    cost_us: _CostUs = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Time the verifier in this process now, and reckon with that.")
    ] = False,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Time a running service, and reckon with that.")
    ] = None,
    api_key: Annotated[str | None, typer.Option(metavar="KEY", help="For --url.", show_default=False)] = None,
    as_json: _AsJSON = False,
) -> None:
    """Reckon the replicas of a service that a training run needs.

    A step ends with all of its completions at once, so two things are asked for: enough cores for the mean, and enough
    at once for the burst. The wait is the worst that arithmetic allows, all runs in step with each other.

    Exit code 1: no number of replicas keeps the wait; the message says what would.
    """
    load = TrainingLoad(
        prompts=prompts,
        group=group,
        step_s=step_s,
        runs=runs,
        completion_bytes=completion_bytes,
        clients=clients,
        in_flight=in_flight,
        network_gbit_s=network_gbit_s,
    )
    costs, source = _costs(cost_us, measure=measure, url=url, load=load, api_key=api_key)
    try:
        found = make_plan(load, Wanted(cores=cores, utilisation=utilisation, wait_s=wait_s, least=least), costs)
    except Unreachable as error:
        typer.echo(f"goodcall capacity: {error}.", err=True)
        if as_json:
            typer.echo(json.dumps({"replicas": None, "costs": asdict(costs), "costs_from": source}))
        raise typer.Exit(THRESHOLD_MISSED) from None
    if as_json:
        typer.echo(json.dumps({**asdict(found), "costs": asdict(costs), "costs_from": source}))
    else:
        Console(highlight=False).print(_plan_table(found, cores, source))


def _costs(
    cost_us: float | None, *, measure: bool, url: str | None, load: TrainingLoad, api_key: str | None
) -> tuple[Costs, str]:
    if sum((cost_us is not None, measure, url is not None)) > 1:
        raise CommandFailed("--cost-us, --measure and --url each say what scoring costs; keep one of them")
    length = int(load.completion_bytes)
    if cost_us is not None:
        return DOCUMENTED.flat(cost_us), "given"
    if measure:
        return DOCUMENTED.flat(verifier_us(length, load.group)), "the verifier in this process, without HTTP"
    if url is not None:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise CommandFailed("--url must begin with http:// or https://")
        try:
            return DOCUMENTED.flat(service_us(url, length, load.group, api_key)), f"wall time of {url}"
        except OSError as error:
            raise EnvironmentFailed(f"{url} can't be timed: {error}") from None
    return DOCUMENTED, "docs/benchmarks.md"


def _plan_table(found: Plan, cores: int, source: str) -> Table:
    table = plain_table(f"{found.replicas} replicas with {cores} cores each")
    add_text_column(table, "what")
    add_number_column(table, "")
    for name, value in (
        ("replicas that the mean load asks for", f"{found.for_load:,}"),
        ("replicas that the wait asks for", f"{found.for_wait:,}"),
        ("completions of a step, all runs", f"{found.completions_per_step:,}"),
        ("completions a second", f"{found.completions_per_s:,.0f}"),
        (f"CPU µs for a completion ({source})", f"{found.cpu_us:.2f}"),
        ("cores busy on the mean", f"{found.utilisation:.1%}"),
        ("wait of a step, s", f"{found.wait_s:.3f}"),
        ("  clients encode and read", f"{found.client_s:.3f}"),
        ("  bytes are on their way", f"{found.wire_s:.3f}"),
        ("  the service scores", f"{found.service_s:.3f}"),
        ("wait, of a step", f"{found.share_of_step:.2%}"),
    ):
        table.add_row(name, value)
    return table


@capacity.command()
def simulate(  # noqa: PLR0913 - one parameter an option
    *,
    prompts: _Prompts = 1024,
    group: _Group = 8,
    step_s: _StepS = 60,
    runs: _Runs = 1,
    completion_bytes: _Bytes = 1400,
    clients: _Clients = 1,
    in_flight: _InFlight = 4,
    cores: _Cores = 2,
    cost_us: _CostUs = None,
    metric: Annotated[Metric, typer.Option(help="What the autoscaler looks at.")] = Metric.CPU,
    target: Annotated[
        float | None,
        typer.Option(
            min=1e-6, metavar="N", help="Its mean over pods.", show_default="0.7 of the CPU; 8192 completions in flight"
        ),
    ] = None,
    min_replicas: Annotated[int, typer.Option(min=1, metavar="N")] = 2,
    max_replicas: Annotated[int, typer.Option(min=1, metavar="N")] = 20,
    up_window_s: Annotated[
        float, typer.Option("--up-window-s", min=0, max=3600, metavar="S", help="scaleUp.stabilizationWindowSeconds")
    ] = UP.stabilisation_s,
    down_window_s: Annotated[
        float,
        typer.Option("--down-window-s", min=0, max=3600, metavar="S", help="scaleDown.stabilizationWindowSeconds"),
    ] = DOWN.stabilisation_s,
    up_pods: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Pods more in 15 s at most.",
            show_default="twice as many, or four more if that is more",
        ),
    ] = None,
    start_s: Annotated[float, typer.Option("--start-s", min=0, metavar="S", help="Until a new pod is ready.")] = 20,
    window_s: Annotated[
        float, typer.Option("--window-s", min=0, metavar="S", help="What the metric is the mean of.")
    ] = 30,
    minutes: Annotated[float, typer.Option(min=1, max=1440, metavar="N", help="Simulated.")] = 60,
    as_json: _AsJSON = False,
) -> None:
    """Simulate a HorizontalPodAutoscaler under the bursts of a training run.

    Every step sends all of its completions at once; the autoscaler looks every 15 seconds and follows the algorithm of
    the Kubernetes documentation. No chance is in it: the same options give the same figures.
    """
    if max_replicas < min_replicas:
        raise CommandFailed("--max-replicas is less than --min-replicas")
    costs = DOCUMENTED if cost_us is None else DOCUMENTED.flat(cost_us)
    value = target if target is not None else (0.7 if metric is Metric.CPU else 8192)
    settings = Settings(
        targets=(Target(metric=metric, value=value),),
        min_replicas=min_replicas,
        max_replicas=max_replicas,
        up=Rules(stabilisation_s=up_window_s, policies=(Policy(pods=up_pods),) if up_pods else UP.policies),
        down=Rules(stabilisation_s=down_window_s, policies=DOWN.policies),
    )
    load = TrainingLoad(
        prompts=prompts,
        group=group,
        step_s=step_s,
        completion_bytes=completion_bytes,
        clients=clients,
        in_flight=in_flight,
    )
    outcome = run_simulation(
        [Bursts.of(load, costs)] * runs,
        Pods(cores=cores, start_s=start_s, window_s=window_s),
        settings,
        minutes * 60,
        min_replicas,
    )
    if not outcome.waits_s:
        raise CommandFailed("no step ends within so short a time; simulate more --minutes")
    shown = _outcome(outcome)
    if as_json:
        typer.echo(json.dumps(shown))
        return
    table = plain_table(f"{minutes:g} simulated minutes")
    add_text_column(table, "what")
    add_number_column(table, "")
    for name, figure in shown.items():
        table.add_row(name.replace("_", " "), f"{figure:,.3f}" if isinstance(figure, float) else f"{figure:,}")
    Console(highlight=False).print(table)


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "completions": outcome.scored,
        "steps": len(outcome.waits_s),
        "wait_s_mean": sum(outcome.waits_s) / len(outcome.waits_s),
        "wait_s_first": outcome.waits_s[0],
        "wait_s_last": outcome.waits_s[-1],
        "wait_s_longest": max(outcome.waits_s),
        "replicas_mean": outcome.mean_replicas,
        "replicas_most": max(replicas for _, replicas in outcome.replicas),
        "scalings": len(outcome.replicas) - 1,
    }
