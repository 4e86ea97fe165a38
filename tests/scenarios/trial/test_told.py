"""The table of `lab compare-balancers`."""

import io

from rich.console import Console

from scenarios.trial.told import report

ROW = {
    "step": "incident", "behind": "ours", "requests": 100, "with_session": 90, "logged_out": 45, "failed": 0,
    "users": 10, "users_out": 10, "users_moved": 10, "cpu_us": 31.4, "theory_rate": 0.5, "theory_moved": None,
    "agrees": True,
}  # fmt: skip


def shown(*rows: dict[str, object]) -> list[str]:
    told = io.StringIO()
    Console(file=told, width=80, force_terminal=False).print(report(rows))
    return [" ".join(line.split()) for line in told.getvalue().splitlines()]


def test_theory_stands_on_top_of_each_step() -> None:
    sticky = ROW | {"step": "sticky", "behind": "nginx", "logged_out": 0, "theory_rate": 0.0, "theory_moved": 0.0}
    sticky |= {"users_out": 0, "users_moved": 1, "failed": 1234, "cpu_us": None}
    lines = shown(ROW, ROW | {"behind": "haproxy", "cpu_us": 28.0}, sticky)
    assert lines[:6] == [
        "step behind logged out users out moved failed CPU us",
        "incident theory 50.0 % -",
        "ours 50.0 % 100.0 % - 0 31",
        "haproxy 50.0 % 100.0 % - 0 28",
        "sticky theory 0.0 % 0.0 %",
        "nginx 0.0 % 0.0 % 10.0 % 1,234 -",
    ]
    assert not any("disagrees" in line for line in lines)


def test_what_disagrees_is_named() -> None:
    assert "disagrees with theory: incident behind ours" in shown(ROW | {"agrees": False})


def test_it_fits_into_eighty_columns() -> None:
    told = io.StringIO()
    Console(file=told, width=80).print(report([ROW | {"step": "rolling deploy", "behind": "traefik"}]))
    assert max(map(len, told.getvalue().splitlines())) <= 80
