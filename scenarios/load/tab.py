"""What locust's web UI shows of logouts: a tab with a table (also as CSV), and the line in a corner of every tab."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import gevent
from flask import Response, make_response, request
from locust.env import Environment

from scenarios.boards.words import interval, percent
from scenarios.felt import Felt
from scenarios.intervals import wilson
from scenarios.load.line import CARD, picture
from scenarios.load.logouts import TALLY
from scenarios.load.trend import STEP, Trend

KEY = "logouts"
COLUMNS = {
    "name": "What",
    "with_session": "With a session ID",
    "logged_out": "Logged out",
    "rate": "Logout rate",
    "interval": "95 % interval",
    "trend": f"Trend ({STEP:.0f} s each)",
}
RECENT = 5  # steps


def connect(environment: Environment) -> None:
    """Add the tab, where there is a web UI."""
    web_ui: Any = environment.web_ui
    if web_ui is None:
        return
    options: Any = environment.parsed_options
    base = options.web_base_path or ""
    trend = Trend()
    structure = [{"key": key, "title": title} for key, title in COLUMNS.items()]
    web_ui.template_args |= {
        "extended_tabs": [{"title": "Logouts", "key": KEY}],
        "extended_tables": [{"key": KEY, "structure": structure}],
        "extended_csv_files": [{"href": f"{base}/logouts/csv", "title": "Download logouts CSV"}],
    }

    @web_ui.app.after_request
    def add_ours(response: Response) -> Response:
        if request.path == f"{base}/stats/requests" and response.json is not None:
            shown = {"key": KEY, "data": list(rows(trend, options.law))}
            response.set_data(json.dumps({**response.json, "extended_stats": [shown]}))
        elif request.path == f"{base}/" and response.mimetype == "text/html":
            response.set_data(response.get_data(as_text=True).replace("</body>", f"{CARD}</body>"))
        return response

    @web_ui.app.route(f"{base}/logouts.svg")
    @web_ui.auth_required_if_enabled
    def logouts_svg() -> Response:
        response = make_response(picture(trend.rates(), options.law, STEP))
        response.headers["Content-Type"] = "image/svg+xml"
        response.headers["Cache-Control"] = "no-store"
        return response

    @web_ui.app.route(f"{base}/logouts/csv")
    @web_ui.auth_required_if_enabled
    def logouts_csv() -> Response:
        text = io.StringIO()
        table = csv.DictWriter(text, list(COLUMNS))
        table.writerow(COLUMNS)
        table.writerows(rows(trend, options.law))
        response = make_response(text.getvalue())
        response.headers["Content-Type"] = "text/csv; charset=utf-8"
        response.headers["Content-Disposition"] = "attachment;filename=logouts.csv"
        return response

    gevent.spawn(sample, trend)


def sample(trend: Trend) -> None:
    while True:
        trend.sample(TALLY.total.with_session, TALLY.total.logged_out)
        gevent.sleep(STEP)


def rows(trend: Trend, law: float | None) -> Iterator[dict[str, Any]]:
    """The table's rows. The web UI sorts them by name: capitals first."""
    total = TALLY.total
    yield row("All requests", total.with_session, total.logged_out, str(trend))
    yield row(f"Last {RECENT * STEP:.0f} s", *trend.last(RECENT))
    if law is not None:
        yield dict.fromkeys(COLUMNS, "") | {"name": "Theory, as the run began", "rate": percent(law)}
    for way, counts in (("at", TALLY.servers), ("while", TALLY.doing)):
        yield from (of_felt(f"{way} {name}", felt) for name, felt in counts.items() if name)


def of_felt(name: str, felt: Felt) -> dict[str, Any]:
    return row(name, felt.with_session, felt.logged_out)


def row(name: str, with_session: int, logged_out: int, trend: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "with_session": with_session,
        "logged_out": logged_out,
        "rate": percent(logged_out / with_session if with_session else None),
        "interval": interval(wilson(logged_out, with_session)) if with_session else "-",
        "trend": trend,
    }
