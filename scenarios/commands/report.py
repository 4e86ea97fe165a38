"""`lab report`: a recorded run as one page to read, print and send."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

EXAMPLES = """\
{lab}                           the last run, as report.html
{lab} run.jsonl -o run.html     a journal of your own
{lab} run.jsonl -o - | gzip     to wherever you like

The page is one file: it needs no network and no script, and reads well on a phone and on paper."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "journal", metavar="JOURNAL", nargs="?", type=Path, help="what a run recorded (default: the last run)"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("report.html"),
        metavar="FILE",
        help="default: report.html; - for stdout",
    )


@contextmanager
def reading(stream: TextIO) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal while a journal is read: a long one takes minutes."""
    from rich.progress import Progress

    from scenarios.boards.terminal import console_for, takes_over

    with Progress(console=console_for(stream), transient=True, disable=not takes_over(stream)) as bar:
        task = bar.add_task("reading", total=1.0)
        yield lambda share: bar.update(task, completed=share)


def main(args: argparse.Namespace) -> int:
    import sys

    from scenarios.errors import LabError
    from scenarios.recording import newest_run
    from scenarios.reports.numbers import read

    try:
        from scenarios.reports import page
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise LabError("a report needs matplotlib: pip install 'session-lab[reports]'") from None
    journal = args.journal or newest_run()
    with reading(sys.stderr) as told:
        numbers = read(str(journal), told)
    text = page.render(numbers)
    if str(args.output) == "-":
        sys.stdout.write(text)
    else:
        page.write(text, args.output)
        print(f"Wrote {args.output} from {journal.name}")
    if numbers.cut:
        raise LabError(f"{numbers.cut} (the report says so too)")
    return 0
