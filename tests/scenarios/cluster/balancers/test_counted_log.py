"""What a proxy's log adds up to while servers come and go."""

import json
from pathlib import Path

from scenarios.cluster.balancers.counted_log import CountedLog
from scenarios.cluster.balancers.nginx import LINE, Nginx
from scenarios.cluster.balancers.setting import Setting


async def test_what_a_server_answers_while_it_goes_is_its_own(tmp_path: Path) -> None:
    """The configuration without it is in force, and workers of the one before finish what they have begun."""
    proxy = Nginx(tmp_path)
    counted = CountedLog(proxy, Setting("", "round_robin", {"server-1": "10.0.0.1:80", "server-2": "10.0.0.2:80"}))
    counted.open()
    counted.add(counted.setting.servers)
    counted.leave("server-2")
    counted.setting = counted.setting.without("server-2")
    said = {"time": 1.5, "path": "/", "status": "200", "duration": 0.1, "server": "10.0.0.2:80", "outcome": "hit"}
    events = counted.events(state=True)
    await anext(events)
    proxy.access_log.write_text(json.dumps(dict.fromkeys(LINE, "") | said) + "\n")
    counted.read()
    told = await anext(events)
    assert (told["server"], told["outcome"]) == ("server-2", "hit")
    await events.aclose()
    counted.drop("server-2")
    assert counted.state()["totals"]["requests"] == 1
    counted.close()
