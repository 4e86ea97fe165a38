"""The logout rate over time as a picture, for a corner of locust's web UI. Pure."""

from collections.abc import Sequence

from scenarios.boards.words import clock, percent

WIDTH, HEIGHT = 360, 140
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 12, 20
INK, GRID, LINE, LAW = "#444", "#ddd", "#c62828", "#00695c"

CARD = """
<details open style="position:fixed;right:12px;bottom:12px;z-index:9;background:#fff;color:#222;border:1px solid #bbb;
 border-radius:6px;padding:4px 8px;font:13px sans-serif;box-shadow:0 1px 4px #0004">
<summary style="cursor:pointer">Logout rate</summary>
<img id="logout-line" src="./logouts.svg" alt="Logout rate over the last minutes; the tab Logouts has the numbers">
</details>
<script>
setInterval(() => { document.getElementById("logout-line").src = "./logouts.svg?" + Date.now(); }, 2000);
</script>
"""
"""Goes beside locust's own application into its page, so that nothing in it has to be known."""


def picture(rates: Sequence[float | None], law: float | None, step: float) -> str:
    """`rates` are fractions, oldest first, `step` seconds each; None where nothing was measured: the line has a gap."""
    now = next((rate for rate in reversed(rates) if rate is not None), None)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" font-size="11">',
        f"<title>Logout rate: {percent(now)} now</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for share in (0.0, 0.5, 1.0):
        y = height_of(share)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="{GRID}"/>')
        parts.append(f'<text x="{LEFT - 4}" y="{y + 4}" text-anchor="end" fill="{INK}">{share:.0%}</text>')
    if law is not None:
        y = height_of(law)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="{LAW}" stroke-dasharray="4 3">'
            "<title>theory, as the run began</title></line>"
        )
    across = (WIDTH - LEFT - RIGHT) / max(1, len(rates) - 1)
    for segment in segments(rates):
        points = " ".join(f"{LEFT + across * number:.1f},{height_of(rate)}" for number, rate in segment)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{LINE}" stroke-width="2" stroke-linecap="round"/>'
        )
    past = clock(step * len(rates))
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 5}" fill="{INK}">{past} ago</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 5}" text-anchor="end" fill="{INK}">now</text></svg>')
    return "\n".join(parts)


def height_of(share: float) -> float:
    return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)


def segments(rates: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Runs of steps that were measured, with their numbers; one alone is drawn as a dot, from itself to itself."""
    found: list[list[tuple[int, float]]] = []
    for number, rate in enumerate(rates):
        if rate is None:
            continue
        if number and rates[number - 1] is not None:
            found[-1].append((number, rate))
        else:
            found.append([(number, rate), (number, rate)])
    return found
