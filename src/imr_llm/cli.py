"""The command line: `imr-llm COMMAND`. Data goes to stdout, progress and errors to stderr.

Exit status: 0 done; 1 some letters failed, or nothing was found where a result was required; 2 usage or
configuration; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from imr_llm import __version__
from imr_llm.argument_types import dollars, letters_at_once
from imr_llm.errors import ConfigurationError, ImrError
from imr_llm.evals.arguments import add_eval
from imr_llm.settings import Settings, read_settings

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status."""
    args = make_parser().parse_args(arguments)
    try:
        return _dispatch(args)
    except ConfigurationError as error:
        print(f"imr-llm: {error}", file=sys.stderr)
        return USAGE
    except ImrError as error:
        print(f"imr-llm: {error}", file=sys.stderr)
        return FAILED
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # the reader of our output (head, less) has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE
        print(f"imr-llm: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("imr-llm: interrupted; what was done is kept, run the same command again to go on", file=sys.stderr)
        return INTERRUPTED


def _dispatch(args: argparse.Namespace) -> int:
    from imr_llm import commands  # imports the whole program: not for --help and usage errors

    settings = read_settings(
        os.environ,
        library=args.library,
        model=getattr(args, "model", None),
        base_url=getattr(args, "base_url", None),
        extractor=getattr(args, "extractor", None),
        concurrency=getattr(args, "concurrency", None),
    )
    if args.command == "eval":
        return DONE if _load_eval()(args, settings) else FAILED
    command = getattr(commands, f"run_{args.command}")
    return DONE if command(args, settings) else FAILED


def _load_eval() -> Callable[[argparse.Namespace, Settings], bool]:
    try:
        from imr_llm.evals.commands import run_step
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"eval needs the package {error.name}: pip install 'imr-llm[eval]'") from error
    runner: Callable[[argparse.Namespace, Settings], bool] = run_step
    return runner


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(prog="imr-llm", description=_ABOUT)
    parser.add_argument("--version", action="version", version=f"imr-llm {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, about: str, *, json: bool = True) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument("--library", metavar="DIR", help="library directory (IMR_LIBRARY, ./imr-library)")
        if json:
            command.add_argument("--json", action="store_true", help="print JSON")
        return command

    demo = add("demo", "sample letters -> records -> index -> an answer, offline")
    demo.add_argument("--serve", action="store_true", help="open the page on the sample library afterwards")
    _add_extract(add("extract", "letters -> grounded reviews in the library"))

    index = add("index", "bring the vector index up to date with the records")
    index.add_argument("--rebuild", action="store_true", help="make it anew from the records")

    search = add("search", "the determinations that answer a question")
    search.add_argument("query", metavar="QUERY")
    search.add_argument("--limit", type=_count, default=20, metavar="N", help="hits to print, 0 for all (20)")
    search.add_argument("--explain", action="store_true", help="show how the question was understood, and near misses")
    _add_model_reader(search)

    similar = add("similar", "determinations like a letter, a denial or a draft request")
    similar.add_argument("file", metavar="FILE", help="a letter or text file, or - for stdin")
    similar.add_argument("--decision", choices=("upheld", "overturned", "partially_overturned"))
    similar.add_argument("--limit", type=_count, default=10, metavar="N", help="hits to print (10)")

    stats = add("stats", "counts, uphold and overturn rates with n and interval")
    stats.add_argument("query", metavar="QUERY", nargs="?", default="")
    stats.add_argument(
        "--by", metavar="FIELD", help="group by this field, e.g. category, drug, reason, specialty, year"
    )
    _add_model_reader(stats)

    show = add("show", "one review, by letter id prefix, case number or file name")
    show.add_argument("letter", metavar="LETTER")
    show.add_argument("--text", action="store_true", help="the letter's kept text, which all offsets count in")

    export = add("export", "determinations as a table (csv, parquet) or an object a line (jsonl)", json=False)
    export.add_argument("query", metavar="QUERY", nargs="?", default="")
    export.add_argument("--format", choices=("csv", "jsonl", "parquet"), default="csv")
    export.add_argument("--out", metavar="FILE", help="file to write (stdout)")
    _add_model_reader(export)

    add_eval(commands)

    serve = add("serve", "the page, its API and MCP tools", json=False)
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=_count, default=7860)

    doctor = add("doctor", "what is installed, configured and reachable; checks a library")
    doctor.add_argument("--repair", action="store_true", help="mend what can be mended: the index, the full-text index")
    return parser


def _add_model_reader(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--ask-model",
        action="store_true",
        help="have the configured model (IMR_MODEL) read words that the grammar left",
    )


_ABOUT = (
    "Independent medical review letters as structured, grounded, searchable determinations. "
    "Not legal or medical advice."
)


def _add_extract(extract: argparse.ArgumentParser) -> None:
    extract.add_argument("paths", metavar="PATH", nargs="*", help=".pdf .txt .zip .jsonl files, folders; - for a list of paths on stdin")  # fmt: skip
    extract.add_argument("--out", metavar="FILE.jsonl", help="also write the reviews here, a line each")
    extract.add_argument("--extractor", choices=("auto", "rules", "hybrid", "llm"))
    extract.add_argument("--model", metavar="M", help="model name at the endpoint, or a GGUF file to run here")
    extract.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible endpoint")
    extract.add_argument("--prompt", metavar="FILE", help="a prompt by name or path, instead of the extractor's own")
    extract.add_argument("--concurrency", type=letters_at_once, metavar="N", help="letters in the air at once (4)")
    extract.add_argument("--dry-run", action="store_true", help="count letters, tokens and cost; extract nothing")
    extract.add_argument("--max-cost", type=dollars, metavar="USD", help="begin no letter once this is spent")
    extract.add_argument("--retry-failed", action="store_true", help="the sources that failed before (PATH not needed)")
    extract.add_argument("--force", action="store_true", help="extract again what is already done")


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)
