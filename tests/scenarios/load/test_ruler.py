"""Users who do not see straight measure nothing: the run is refused before it begins."""

from pathlib import Path

import pytest

from tests.scenarios.conftest import StartCluster
from tests.scenarios.load.swarm import LOCUSTFILE, swarm

BLIND = "import scenarios.felt\nscenarios.felt.STRANGE = frozenset()\n"
FORGETFUL = "from scenarios.jar import Jar\nJar.header = lambda self, **_: ''\n"
NERVOUS = "import scenarios.felt\nscenarios.felt.STRANGE = frozenset({'hit'})\n"
GULLIBLE = "from scenarios.felt import Answer\nAnswer.user = None\n"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (BLIND, "Shopper showed an ID that nobody knows, and noticed nothing"),
        pytest.param(FORGETFUL, "Shopper counted no session ID in 14 requests", marks=pytest.mark.slow),
        pytest.param(NERVOUS, "Shopper counted {'logged_out': 13} in 14 requests", marks=pytest.mark.slow),
        pytest.param(GULLIBLE, "Shopper was shown somebody else's page, and noticed nothing", marks=pytest.mark.slow),
    ],
    ids=["blind", "forgetful", "nervous", "gullible"],
)
@pytest.mark.parametrize("words", [(), pytest.param(("--processes", "2"), marks=pytest.mark.slow)], ids=["one", "two"])
async def test_a_broken_ruler_is_refused(
    start_cluster: StartCluster, tmp_path: Path, fault: str, said: str, words: tuple[str, ...]
) -> None:
    cluster = await start_cluster(servers=2)
    broken = tmp_path / "broken.py"
    begin = f"import sys\nsys.path.insert(1, {str(LOCUSTFILE.parents[2])!r})\n"
    broken.write_text(begin + fault + "from scenarios.load.locustfile import *\n")
    done = await swarm(cluster.url, tmp_path, *words, locustfile=broken)
    assert done.code == 2, done.log
    assert said in done.log
    assert "Logout rate" not in done.log
    assert (await cluster.counters())["requests"] == 0


@pytest.mark.slow
async def test_without_a_server_to_check_with_it_is_said(start_cluster: StartCluster, tmp_path: Path) -> None:
    cluster = await start_cluster(servers=1)
    lame = tmp_path / "lame.py"
    lame.write_text(
        f"import sys\nsys.path.insert(1, {str(LOCUSTFILE.parents[2])!r})\n"
        "from scenarios.load.locustfile import *\nsys.executable = '/bin/false'\n"
    )
    done = await swarm(cluster.url, tmp_path, locustfile=lame, seconds=1)
    assert done.code == 0, done.log
    assert "The users' eyes were not checked before the run: the shop's server does not start here" in done.log
