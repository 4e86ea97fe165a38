"""What `lab load` prints: a line every few seconds, and tables at the end. Pure; fits 80 columns."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scenarios import checks
from scenarios.boards.words import clock, count, counted, interval, percent
from scenarios.felt import Felt
from scenarios.intervals import wilson
from scenarios.swarm.wanted import Bounds, Load

HEAD = "   time   users   requests/s   p95 ms   logged out    theory   failed"
LONGEST_NAME = 24
WIDTH = 80
SOMEWHERE = "the shop"
"""What locust's users call the server that answered, where answers do not name it."""


def felt_in(line: Mapping[str, Any]) -> Felt:
    """Everything that the users felt until this line of locust's."""
    return total(line["tally"]["servers"].values())


def total(counts: Iterable[Mapping[str, int]]) -> Felt:
    felt = Felt()
    for one in counts:
        felt.add(Felt(**one))
    return felt


def row(elapsed: float, since_seconds: float, line: Mapping[str, Any], before: Felt, law: float | None) -> str:
    """One live line; its rates are those since `before`, so many seconds ago."""
    now = felt_in(line)
    since = now.since(before)
    rate = since.logged_out / since.with_session if since.with_session else None
    cells = (
        f"{clock(elapsed):>7}",
        f"{line['users']:>7,}",
        f"{since.requests / since_seconds:>12,.0f}",
        f"{line['p95']:>8,}",
        f"{percent(rate):>12}",
        f"{percent(law):>9}",
        f"{now.failed + now.unavailable:>8,}",
    )
    return " ".join(cells)


def rate_lines(felt: Felt, laws: Sequence[float | None], setting: str, holds_when: str) -> list[str]:
    """The measurement, the theory under it, and what theory takes for granted where the two do not agree."""
    rate = felt.logged_out / felt.with_session if felt.with_session else None
    measured = f"{percent(rate):>7}   {count(felt.logged_out)} of {counted(felt.with_session, 'request')} with an ID"
    if rate is not None:
        measured += f" (95 %: {interval(wilson(felt.logged_out, felt.with_session))})"
    known = sorted({law for law in laws if law is not None})
    if not known:
        theory = f"{'-':>7}   nobody knows the servers behind this address"
    elif len(known) == 1:
        theory = f"{percent(known[0]):>7}   {setting}"
    else:
        theory = f"{percent(known[0]):>7} to {percent(known[-1])}   as the cluster changed"
    said = [f"logged out {measured}", f"theory     {theory}"]
    if len(known) == 1 and felt.with_session and not agrees(felt, known[0]):
        said += wrap(f"It does not agree. The law holds when {holds_when}.", WIDTH - 11, "           ")
    return said


def agrees(felt: Felt, law: float) -> bool:
    """As in every verdict of the lab (scenarios/checks.py)."""
    return checks.rate("logout rate", felt.logged_out, felt.with_session, law).passed


def wrap(text: str, width: int, indent: str) -> list[str]:
    return [indent + line for line in textwrap.wrap(text, width)]


def balancer_line(felt: Felt, counters: Mapping[str, int], own_users: int) -> str:
    """The other counter of the same traffic, to which the lab's own users may have added theirs."""
    if all(counters[name] == getattr(felt, name) for name in ("requests", "with_session", "logged_out")):
        return f"balancer   the same to the last one: {counted(felt.requests, 'request')}"
    more = (
        f"balancer   {count(counters['logged_out'])} of {count(counters['with_session'])} with a session ID, "
        f"{counted(counters['requests'], 'request')}"
    )
    if own_users:
        return (
            f"{more}:\n           the lab's own {counted(own_users, 'user')} clicked too (lab users 0 sends them home)"
        )
    return f"{more}: more than locust knows of"


def table(first: str, counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Rows by what `first` says, in the order of their names."""
    head = f"{first:{LONGEST_NAME}} {'requests':>10} {'with an ID':>12} {'logged out':>12} {'rate':>8}"
    rows = [head]
    for name in sorted(counts, key=by_number):
        felt = Felt(**counts[name])
        rate = felt.logged_out / felt.with_session if felt.with_session else None
        rows.append(
            f"{(name or '(no server)')[:LONGEST_NAME]:{LONGEST_NAME}} {felt.requests:>10,} {felt.with_session:>12,} "
            f"{felt.logged_out:>12,} {percent(rate):>8}"
        )
    return rows


def by_number(name: str) -> tuple[str, int, str]:
    """server-2 before server-10."""
    stem, _, number = name.rpartition("-")
    return (stem, int(number), "") if number.isdecimal() else (name, 0, name)


def harm_lines(felt: Felt, line: Mapping[str, Any]) -> list[str]:
    """What else went wrong, and how long answers took."""
    lost = f"{counted(felt.carts_gone, 'cart')} and {counted(felt.orders_lost, 'order')} lost"
    return [
        f"also       {lost}, {counted(felt.somebody_else, 'page')} of somebody else",
        f"answers    median {line['p50']} ms, p95 {line['p95']} ms; "
        f"{counted(felt.failed + felt.unavailable, 'request')} failed",
    ]


def eyes(told: Mapping[str, int]) -> list[str]:
    """How users knew that they were logged out, where the pages did not say so."""
    if told.get("page"):
        return []
    if told.get("header"):
        return ["", "The pages are not the lab's: what counts here is their Session-Outcome header."]
    if told.get("sight"):
        return [
            "",
            "This is no lab, it says of no session what became of it. Counted by the users'",
            "own eyes: a session ID was shown, and the login page came all the same.",
        ]
    return []


def written(load: Load) -> list[str]:
    """Where locust's own reports are, if any were asked for."""
    said = [f"Locust's report: {load.html}"] if load.html is not None else []
    said += [f"Locust's statistics: {load.csv}_stats.csv and others"] if load.csv is not None else []
    return ["", *said] if said else []


def broken(bounds: Bounds, last: Mapping[str, Any] | None) -> list[str]:
    """The bounds that were broken, in words. What was not measured is not within bounds."""
    if last is None:
        return [] if bounds == Bounds(None, None) else ["nothing was measured: nobody has clicked"]
    felt, found = felt_in(last), []
    if bounds.max_logout_rate is not None:
        rate = felt.logged_out / felt.with_session if felt.with_session else None
        if rate is None:
            found.append("nothing was measured: no request carried a session ID")
        elif rate > bounds.max_logout_rate:
            found.append(f"{percent(rate)} logged out; at most {percent(bounds.max_logout_rate)} were allowed")
    if bounds.max_p95 is not None:
        if felt.requests == felt.failed:
            found.append("nothing was measured: no request was answered")
        elif last["p95"] > bounds.max_p95:
            found.append(f"p95 of {last['p95']:g} ms; at most {bounds.max_p95:g} ms were allowed")
    if felt.somebody_else:
        found.append(f"{counted(felt.somebody_else, 'page')} of somebody else: that is never allowed")
    return found
