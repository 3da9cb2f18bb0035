"""The report: one HTML file that needs nothing else, with the numbers, what they mean, and what they don't.

Readable on a telephone and in dark mode; no script, no font and no image from elsewhere.
"""

from collections.abc import Iterable, Mapping
from html import escape
from string import Template

from goodcall_trainer.demo.charts import heldout_chart, reasons_chart, reward_chart
from goodcall_trainer.demo.demonstrations import HABITS, SLIPS
from goodcall_trainer.demo.evaluate import Evaluation, Judged
from goodcall_trainer.demo.outcome import Outcome, package_versions
from goodcall_trainer.prompt import render_prompt

SHOWN_QUERIES = 10
"""Queries of which the completions before and after are shown: twenty in all."""


def render_report(outcome: Outcome) -> str:
    """The whole page."""
    config = outcome.config
    return PAGE.substitute(
        seed=config.seed,
        verdict=_in_one_sentence(outcome),
        results=_results(outcome),
        heldout_chart=heldout_chart(outcome.evaluations),
        reward_chart=reward_chart(outcome.training_rewards),
        reasons_chart=reasons_chart(outcome.evaluations),
        measurements=_measurements(outcome.evaluations),
        parameters=f"{outcome.parameters / 1e6:.2f}",
        demonstrations=config.sft_rows,
        habit_share=f"{config.habit_share:.0%}",
        habits=_names(f"{tool} ({habit.__name__.replace('_', ' ')})" for tool, habit in HABITS.items()),
        slip_share=f"{config.slip_share:.0%}",
        slips=_names(slip.__name__.replace("_", " ") for slip in SLIPS),
        rows=config.heldout_rows,
        standard_error=f"{0.5 / config.heldout_rows**0.5:.2f}",
        queries=min(SHOWN_QUERIES, config.heldout_rows),
        completions=_completions(outcome),
        about=_about(outcome),
    )


def _in_one_sentence(outcome: Outcome) -> str:
    before, after = outcome.before, outcome.after
    return (
        f"In {after.step} steps of GRPO, sampled exact match on {outcome.config.heldout_rows} held-out queries "
        f"went from {before.sampled_accuracy:.0%} to {after.sampled_accuracy:.0%}, and greedy exact match from "
        f"{before.greedy_accuracy:.0%} to {after.greedy_accuracy:.0%}."
    )


def _results(outcome: Outcome) -> str:
    before, after = outcome.before, outcome.after
    rows = (
        ("greedy", before.greedy_accuracy, after.greedy_accuracy),
        ("sampled", before.sampled_accuracy, after.sampled_accuracy),
    )
    return "".join(
        f"<tr><th scope=row>{name}<td>{start:.3f}<td>{end:.3f}<td>{end - start:+.3f}" for name, start, end in rows
    )


def _measurements(evaluations: Iterable[Evaluation]) -> str:
    return "".join(
        f"<tr><td>{e.step}<td>{e.greedy_accuracy:.3f}<td>{e.sampled_accuracy:.3f}<td>{_counts(e.sampled_reasons)}"
        for e in evaluations
    )


def _counts(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{escape(reason)} {count}" for reason, count in reasons.items())


def _completions(outcome: Outcome) -> str:
    """For each of the first queries its prompt, and what the policy sampled before and after GRPO."""
    pairs = list(zip(outcome.before.sampled, outcome.after.sampled, strict=True))[:SHOWN_QUERIES]
    return "".join(
        f"<article><h3>{escape(before.row.query)}</h3>"
        f"<details><summary>prompt</summary><pre>{escape(render_prompt(before.row))}</pre></details>"
        f"{_completion('before', before)}{_completion('after', after)}</article>"
        for before, after in pairs
    )


def _completion(when: str, judged: Judged) -> str:
    verdict = judged.verdict
    mark = "right" if verdict.score == 1.0 else "wrong"
    score = "no score" if verdict.score is None else f"{verdict.score:g}"
    return (
        f"<p class=verdict>{when} <b class={mark}>{score}</b> {escape(verdict.reason)}</p>"
        f"<pre class=completion>{escape(judged.completion)}</pre>"
    )


def _about(outcome: Outcome) -> str:
    facts = {
        "reward": f"{outcome.config.reward} {outcome.after.digest}",
        "wall time": ", ".join(f"{phase} {seconds:.0f} s" for phase, seconds in outcome.seconds.items()),
        "versions": ", ".join(f"{package} {number}" for package, number in package_versions().items()),
    }
    return "".join(f"<dt>{name}<dd>{escape(fact)}" for name, fact in facts.items())


def _names(names: Iterable[str]) -> str:
    return escape(", ".join(names))


PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Goodcall demo, seed $seed</title>
<style>
:root { color-scheme: light dark; --ink: #1d2127; --paper: #fdfdfc; --faint: #8883; --right: #257a45; --wrong: #b13c3b }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e6ea; --paper: #16181c; --right: #6fcf8f; --wrong: #f08a86 }
}
body { color: var(--ink); background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem;
  margin: 0 auto; padding: 1rem }
h1, h2, h3 { line-height: 1.2 }
h3 { font-size: 1rem; margin: 0 0 .5rem }
svg { width: 100%; height: auto; display: block }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--faint) }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--faint); padding: .5rem; border-radius: .25rem;
  margin: .25rem 0; font-size: .85rem }
article { border-top: 1px solid var(--faint); padding: 1rem 0 }
.verdict { margin: .5rem 0 0 }
.right { color: var(--right) }
.wrong { color: var(--wrong) }
dt { font-weight: 600 }
dd { margin: 0 0 .5rem; overflow-wrap: anywhere }
</style>
</head>
<body>
<h1>Goodcall demo, seed $seed</h1>
<p>$verdict</p>
<div class="wide"><table><thead><tr><th>decoding<th>before<th>after<th>rise</thead><tbody>$results</tbody></table></div>

<h2>What this is, and what it is not</h2>
<p>It is sharpening. The warm-up taught the policy right calls and, on purpose, wrong ones; GRPO made it stop doing
what the service scores 0. Most of the rise is the suppression of demonstrated mistakes: the policy could already do,
some of the time, what it now does most of the time. It learnt no new skill.</p>
<p>Held out means query strings that occur nowhere in training. Their tools, phrasings and values do occur there. So
these numbers say nothing about new tools or new ways of asking, and nothing of the gains that Tool-N1's paper reports
for real policies may be read off one of $parameters million parameters. Every task wants exactly one call.</p>
<p>What it does show: rollouts went to a live service, its verdicts came back as rewards, and the same verdicts measured
the result. The settings were chosen on runs of this very demo, on held-out queries like these. With $rows
queries the standard error of a share is at most $standard_error.</p>

<h2>How the warm-up was made noisy</h2>
<p>The policy saw $demonstrations demonstrations with sound reasoning, many of them with a flaw in the call. Flaws are
of two kinds. In $habit_share of the demonstrations of two tools it is always the same one, a habit: $habits. The
warmed-up policy makes it even when decoding greedily, since it is the likeliest answer; that is where most of the
greedy rise comes from. Of all other demonstrations $slip_share have a slip, each kind equally often: $slips.</p>

<h2>Held-out accuracy</h2>
$heldout_chart
<details><summary>all measurements</summary><div class="wide"><table>
<thead><tr><th>step<th>greedy<th>sampled<th>reasons (sampled)</thead><tbody>$measurements</tbody>
</table></div></details>

<h2>Training reward</h2>
$reward_chart

<h2>Why completions were wrong</h2>
$reasons_chart

<h2>Twenty completions</h2>
<p>Sampled at temperature 1 for the first $queries held-out queries, before and after GRPO, with the score and the
reason that the service gave.</p>
$completions

<h2>About this run</h2>
<dl>$about</dl>
</body>
</html>
""")
