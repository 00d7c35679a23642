"""The README's leaderboard: every reference agent on the held-out suite and on all words.

    python benchmarks/leaderboard.py [--agents random,solver,nano] [--suites wordle-heldout]
                                     [--out runs/leaderboard] [--samples 4] [--readme README.md]

Plays what is missing, prints a board a suite, and beside them what others have published under
protocols of their own; then writes that between the README's two markers. Games that are kept in
`--out` are not played again, so a stop loses nothing; those of other weights or of another version
of a suite lie in folders of their own and count no more.
"""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import click

from wordle_rl.agents.loading import load_agent
from wordle_rl.evaluation.evaluator import fingerprint
from wordle_rl.evaluation.suites import load_suite

AGENTS = "random,random-consistent,greedy-entropy,solver,nano,champion"
SUITES = "wordle-heldout,wordle-all"
STORE = "results.db"
BEGIN, END = "<!-- benchmarks/leaderboard.py -->", "<!-- end of the leaderboard -->"


def play(agent: str, suite: str, out: Path, samples: int) -> None:
    """Evaluate one agent on one suite into the store, in a process of its own."""
    whose = sha256(fingerprint(load_agent(agent)).encode()).hexdigest()[:8]
    of_what = load_suite(suite).suite_hash[:8]
    folder = out / f"{suite}-{of_what}" / f"{agent.replace('/', '_')}-{whose}"
    command = [sys.executable, "-m", "wordle_rl", "evaluate", agent, "--suite", suite]
    command += ["--samples", str(samples), "--out", str(folder), "--no-train-split"]
    subprocess.run([*command, "--store", str(out / STORE)], check=True, stdout=sys.stderr)


def boards(suites: list[str], out: Path) -> str:
    """The boards and what others have published, as markdown."""
    command = [sys.executable, "-m", "wordle_rl", "leaderboard", "--markdown"]
    command += [part for suite in suites for part in ("--suite", suite)]
    command += ["--store", str(out / STORE)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def rewrite(text: str, content: str) -> str:
    """A README with something else between its markers.

    Raises:
        ClickException: it does not have each marker once, in their order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in after or END in before + after:
        raise click.ClickException(f"the README needs {BEGIN!r} and then {END!r}, each once")
    return f"{before}{BEGIN}\n\n{content.strip()}\n\n{END}{after}"


@click.command()
@click.option("--agents", default=AGENTS, show_default=True)
@click.option("--suites", default=SUITES, show_default=True)
@click.option("--out", default="runs/leaderboard", type=click.Path(path_type=Path))
@click.option("--samples", default=0, show_default=True, help="Sampled games a secret.")
@click.option(
    "--readme",
    default="README.md",
    show_default=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
def main(agents: str, suites: str, out: Path, samples: int, readme: Path) -> None:
    """Play what is missing, print the boards and put them into the README."""
    rewrite(readme.read_text(encoding="utf-8"), "")  # fails before hours of play, not after
    for file in out.glob(f"{STORE}*"):  # made again from the games: these models and no others
        file.unlink()
    (out / STORE).with_suffix(".jsonl").unlink(missing_ok=True)
    for suite in suites.split(","):
        for agent in agents.split(","):
            play(agent, suite, out, samples)
    content = boards(suites.split(","), out)
    click.echo(content)
    text = rewrite(readme.read_text(encoding="utf-8"), content)
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
