"""The diagram on the terminal and as a picture: of a scene on a cluster of its own, or of a user on a running lab."""

import os
import sys
from pathlib import Path

from rich.console import Console

from scenarios import runtime
from scenarios.boards.lines import Frame, Line, glyphs_for
from scenarios.boards.terminal import console_for
from scenarios.cluster import CLUSTERS
from scenarios.cluster.attached import AttachedCluster
from scenarios.crowd import Crowd
from scenarios.trace import picture
from scenarios.trace.drawing import Drawing
from scenarios.trace.listen import overhear
from scenarios.trace.scenes import Scene
from scenarios.trace.story import BALANCER, BROWSER, STORE, Message, story

WIDTHS = 60, 100  # columns: narrower is cut, wider only pulls the lanes apart


async def play(name: str, scene: Scene, svg: Path | None, kind: str) -> None:
    """Play it on a cluster (one of CLUSTERS) that lives for it only, then draw what was overheard. Raises LabError."""
    place = runtime.claim(f"trace-{os.getpid()}")
    try:
        async with await CLUSTERS[kind].start(
            place.folder, servers=scene.servers, store=scene.store, policy=scene.policy, keep=(place.lock,)
        ) as cluster:
            crowd = Crowd(cluster.url, users=0, seed=0)
            try:
                async with overhear(cluster) as heard:
                    await scene.play(crowd)
            finally:
                await crowd.close()
    finally:
        place.release()
    messages = heard.messages()
    title = f"{name}: {scene.setting}"
    print(title, flush=True)
    print(flush=True)
    paper = Paper(servers_in(messages), scene.store)
    paper.put(paper.drawing.head() + paper.drawing.lines(messages))
    write(svg, messages, scene.store, title)


async def follow(lab: str, user: str, clicks: int | None, svg: Path | None) -> None:
    """Draw what one user does on a running lab as it happens: `clicks` of them, None: until cancelled."""
    cluster = await AttachedCluster.attach(lab)
    store = (await cluster.state())["store"]
    paper = Paper(cluster.names(), store)
    messages: list[Message] = []
    try:
        async with overhear(cluster) as heard:
            paper.put(paper.drawing.head())
            while clicks != 0:
                request = await heard.finished.get()
                if request["user"] == user:
                    told = story([request], heard.calls)
                    paper.put(paper.drawing.lines(told))
                    messages += told
                    clicks = clicks and clicks - 1
    finally:
        write(svg, messages, store, f"{user} on the lab {lab}")


class Paper:
    """The terminal or pipe that a diagram is drawn on, from the top down."""

    def __init__(self, servers: list[str], store: str) -> None:
        self._console: Console = console_for(sys.stdout)
        narrowest, widest = WIDTHS
        width = max(narrowest, min(widest, self._console.width))
        self.drawing = Drawing(servers, lane_of(store), width, glyphs_for(sys.stdout.encoding))

    def put(self, lines: list[Line]) -> None:
        self._console.print(Frame(lines, self.drawing.width), end="", soft_wrap=True)
        self._console.file.flush()


def servers_in(messages: list[Message]) -> list[str]:
    """Those that take part, by their number."""
    lanes = {lane for message in messages for lane in (message.source, message.target)}
    return sorted(lanes - {BROWSER, BALANCER, STORE}, key=lambda name: (len(name), name))


def lane_of(store: str) -> str:
    return "logbooks" if store == "memory" else store


def write(svg: Path | None, messages: list[Message], store: str, title: str) -> None:
    if svg is not None:
        picture.save(picture.svg(messages, servers_in(messages), lane_of(store), title), svg)
