"""`lab compare` on real runs."""

from pathlib import Path

from tests.cli.processes import Lab

SCRIPT = """
from scenarios import theory
async def play(lab):
    await lab.arrange(servers=lab.servers)
    async with lab.act("growth", "One logbook for each server.", theory.keep_law(lab.servers)) as act:
        await act.shop(300)
"""


def test_more_servers_differ_clearly(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "growth.py").write_text(SCRIPT)
    for servers in ("2", "8"):
        done = lab("run", "growth.py", "--servers", servers, "--journal", f"{servers}.jsonl")
        assert done.returncode == 0, done.stderr
    done = lab("compare", "2.jsonl", "8.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert "servers: 2 in A, 8 in B" in done.stdout
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("  growth  "))
    assert row.endswith("differs")
    alike = lab("compare", "2.jsonl", "2.jsonl").stdout
    assert not [line for line in alike.splitlines() if line.endswith("differs")]
    (tmp_path / "cut.jsonl").write_bytes((tmp_path / "8.jsonl").read_bytes()[:-40])
    cut = lab("compare", "2.jsonl", "cut.jsonl")
    assert (cut.returncode, cut.stdout) == (2, "")
    assert cut.stderr.count("\n") == 1
