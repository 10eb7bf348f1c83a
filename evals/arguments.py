"""The parser of `imr-llm eval ...`; what the commands do is in commands.py."""

from __future__ import annotations

import argparse

from imr_llm.argument_types import dollars, letters_at_once


def add_eval(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `eval` and its own commands to the program's."""
    about = "gold sets, recorded runs, scores, comparisons, reports: how good an extractor or the search is"
    parser = commands.add_parser("eval", help=about, description=about)
    parser.set_defaults(library=None)
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")

    def add(name: str, about: str) -> argparse.ArgumentParser:
        step = steps.add_parser(name, help=about, description=about)
        step.add_argument("--json", action="store_true", help="print JSON")
        return step

    gold = add("gold", "a gold set by the independent regex reader, for what a regex can read for certain")
    gold.add_argument("paths", metavar="LETTERS", nargs="+", help=".pdf and .txt files, and folders of them")
    gold.add_argument("--out", metavar="GOLD.jsonl", help="file to write (stdout)")

    run = add("run", "an extractor over letters, every exchange with a model on record")
    run.add_argument("paths", metavar="LETTERS", nargs="+", help=".pdf .txt .zip .jsonl files, and folders of them")
    run.add_argument("--out", metavar="RUN", help="the run's folder (imr-runs/EXTRACTOR-MODEL-PROMPT)")
    run.add_argument("--extractor", choices=("auto", "rules", "hybrid", "llm"))
    run.add_argument("--model", metavar="M", help="model name at the endpoint, or a GGUF file to run here")
    run.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible endpoint")
    run.add_argument("--prompt", metavar="FILE", help="a prompt by name or path, instead of the extractor's own")
    run.add_argument("--concurrency", type=letters_at_once, metavar="N", help="letters in the air at once (4)")
    run.add_argument("--max-cost", type=dollars, metavar="USD", help="begin no letter once this is spent")

    score = add("score", "a run against a gold set; needs no model")
    score.add_argument("run", metavar="RUN")
    score.add_argument("--gold", metavar="GOLD.jsonl", required=True)
    score.add_argument("--out", metavar="SCORE.json", help="also keep the score, to be compared or reported later")

    compare = add("compare", "two scores field by field: gains and losses, with the letters behind them")
    compare.add_argument("before", metavar="A", help="a kept score, a baseline, or a run (then --gold is needed)")
    compare.add_argument("after", metavar="B", help="the same")
    compare.add_argument("--gold", metavar="GOLD.jsonl")
    compare.add_argument("--all", action="store_true", help="list every field, not only those that differ")

    report = add("report", "one self-contained HTML page and a Markdown file of a score")
    report.add_argument("score", metavar="SCORE", help="a kept score, or a run (then --gold is needed)")
    report.add_argument("--gold", metavar="GOLD.jsonl")
    report.add_argument("--against", metavar="SCORE", help="a score to compare with (a baseline, another run)")
    report.add_argument("--search", metavar="SEARCH.json", help="figures of `eval search --out` to be shown too")
    report.add_argument("--out", metavar="REPORT.html", default="imr-report.html", help="(imr-report.html); .md beside")

    search = add("search", "query sets over a library, beside plain Chroma dense search and BM25")
    search.add_argument("library_path", metavar="LIBRARY", help="a library, or a run's folder")
    search.add_argument("--gold", metavar="GOLD.jsonl", required=True, help="labels from which answers are derived")
    search.add_argument("--queries", metavar="FILE.yaml", action="append", help="a query set; may be given again")
    search.add_argument("--out", metavar="SEARCH.json", help="also keep the figures")

    models = add(
        "models", "rules, hybrid and llm of any models on the same letters: where each is better, and its cost"
    )
    models.add_argument("paths", metavar="LETTERS", nargs="+")
    models.add_argument("--gold", metavar="GOLD.jsonl", required=True)
    models.add_argument(
        "--arm",
        metavar="SPEC",
        action="append",
        required=True,
        help="'rules', 'hybrid model=M [base_url=URL] [prompt=P]', 'llm model=M ...', or a recorded run; once for each arm",
    )
    models.add_argument("--out", metavar="DIR", default="imr-runs/models", help="folder of the runs and scores")

    gate = add("gate", "the offline extractor and the search against the committed baselines; fails where one fell")
    gate.add_argument("--baselines", metavar="DIR", help="(evals/baselines)")
    gate.add_argument("--write", action="store_true", help="write the baselines anew instead (a commit of its own)")
