"""Scripts that cannot be played: one clear line each, and what was started is ended."""

from pathlib import Path

import pytest

from scenarios import script
from scenarios.errors import LabError
from scenarios.stage import Settings
from tests.scenarios.conftest import StartCluster


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "has no `async def play"),
        ("def play(lab): pass", "has no `async def play"),
        ("async def play(lab:\n", "SyntaxError"),
        ("def play(", r"SyntaxError: '\(' was never closed \(line 1 of s.py\)$"),
        ("import nothing_like_this", "ModuleNotFoundError.*line 1 of s.py"),
        ("raise SystemExit('no')", "SystemExit: no"),
    ],
)
def test_a_script_that_cannot_be_loaded(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "s.py"
    file.write_text(text)
    with pytest.raises(LabError, match=said):
        script.load(str(file))


def test_names_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="did you mean keeps-logging-out"):
        script.load("keep-logging-out")
    with pytest.raises(LabError, match="choose one of: keeps-logging-out, five-servers"):
        script.load("xyzzy")
    with pytest.raises(LabError, match="no such file"):
        script.load(str(tmp_path / "missing.py"))


@pytest.mark.parametrize(
    ("body", "limit", "said"),
    [
        ("    1 / 0", 30, "ZeroDivisionError: division by zero .line 2 of s.py"),
        ("    import asyncio\n    await asyncio.Event().wait()", 0.1, "did not end within 0.1 s"),
        ("    await lab.arrange(servers=1000)", 30, "1000 servers: choose 1 to 100"),
        ("    await lab.arrange(store='paper')", 30, "paper"),
        ("    raise TimeoutError('mine')", 30, "TimeoutError: mine"),
    ],
)
async def test_a_script_that_fails_while_it_plays(
    start_cluster: StartCluster, tmp_path: Path, body: str, limit: float, said: str
) -> None:
    file = tmp_path / "s.py"
    file.write_text(f"async def play(lab):\n{body}\n")
    cluster = await start_cluster(servers=1)
    with pytest.raises(LabError, match=said):
        await script.play("s.py", script.load(str(file)), cluster, Settings(users=2), lambda record, text: None, limit)


@pytest.mark.parametrize("users", [0, 61])
def test_a_number_of_users_the_shop_does_not_have(users: int) -> None:
    with pytest.raises(LabError, match="the shop has 60 members"):
        Settings(users=users)


async def test_a_script_that_shows_nothing_has_no_verdict(start_cluster: StartCluster, tmp_path: Path) -> None:
    file = tmp_path / "s.py"
    file.write_text("async def play(lab):\n    pass\n")
    cluster = await start_cluster(servers=1)
    with pytest.raises(LabError, match="has shown nothing"):
        await script.play("s.py", script.load(str(file)), cluster, Settings(users=2), lambda record, text: None, 30)


def test_a_start_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "s.py"
    file.write_text("START = {'servrs': 4}\nasync def play(lab):\n    pass\n")
    with pytest.raises(LabError, match="START may say servers, store, policy"):
        script.start_of(script.load(str(file)))


async def test_a_cluster_that_is_there_already_is_brought_to_the_start(
    start_cluster: StartCluster, tmp_path: Path
) -> None:
    file = tmp_path / "s.py"
    act = "async with lab.act('a', 'Text.', law=0.0) as act:\n        await act.shop(4)"
    file.write_text(f"START = {{'servers': 2, 'store': 'sqlite'}}\nasync def play(lab):\n    {act}\n")
    cluster = await start_cluster(servers=1, policy="random")
    settings = Settings(users=2)
    played = await script.play("s.py", script.load(str(file)), cluster, settings, lambda record, text: None, 30)
    (found,) = played["acts"]
    assert (found["servers"], found["store"], found["policy"]) == (2, "sqlite", "random"), "the policy it left open"


def test_only_a_script_that_reads_lab_servers_takes_the_number(tmp_path: Path) -> None:
    assert script.takes_servers(script.load("keeps-logging-out"))
    assert not script.takes_servers(script.load("five-servers"))
    file = tmp_path / "s.py"
    file.write_text("async def play(lab):\n    await lab.arrange(servers=lab.settings.servers)\n")
    assert script.takes_servers(script.load(str(file)))


@pytest.mark.parametrize("needs", ['"redis"', '("redsi",)', "1"])
def test_needs_that_are_no_stores(tmp_path: Path, needs: str) -> None:
    file = tmp_path / "s.py"
    file.write_text(f"NEEDS = {needs}\nasync def play(lab): pass\n")
    with pytest.raises(LabError, match=r"NEEDS is a tuple of stores, such as \(\"redis\",\)"):
        script.needs_of(script.load(str(file)))


async def test_a_store_that_will_be_needed_is_asked_for_before_the_play(
    start_cluster: StartCluster, tmp_path: Path
) -> None:
    file = tmp_path / "s.py"
    file.write_text('NEEDS = ("redis",)\nasync def play(lab):\n    raise RuntimeError("too late")\n')
    cluster = await start_cluster(environ={"REDIS_URL": "redis://127.0.0.1:1"})
    with pytest.raises(LabError, match=r"REDIS_URL: nobody answers at 127.0.0.1:1: start Redis there"):
        await script.play("s.py", script.load(str(file)), cluster, Settings(users=2), lambda record, text: None, 30)
