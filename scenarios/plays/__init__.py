"""The scenarios in the box. A scenario is a Python file with `async def play(lab)`; its docstring is its summary."""

SCENARIOS = {
    "keeps-logging-out": "scenarios.plays.keeps_logging_out",
    "five-servers": "scenarios.plays.five_servers",
    "cut-off": "scenarios.plays.cut_off",
}
