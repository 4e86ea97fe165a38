"""The workers of `--workers N`, as their parent sees them: started, told everything, counted together, replaced.

The parent serves no client. It has the sockets, the control channel and the admin port, and a Balancer of its own as
the model: a command is judged and done there first, and then told to every worker in the same order.
"""

import asyncio
import socket
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from balancer.control import describe
from balancer.processes.joined_feed import Once, join
from balancer.processes.kept_files import Files, read, read_again
from balancer.processes.standing import State, counted, orders, summed
from balancer.processes.worker_process import PATIENCE, WorkerProcess
from balancer.say import say
from balancer.settings.config import as_json
from balancer.settings.problems import ConfigError
from balancer.state import Balancer
from servers.control import ControlError

COUNTED = 0.5
"""Seconds between two looks at every worker's counters: so much may be lost when one is killed."""
LONGEST_PAUSE = 5.0
"""Seconds before a worker that keeps ending is replaced; the first pause is a tenth, and each is twice the last."""
PROVEN = 10.0
"""Seconds after which a worker counts as sound, and the next pause is short again."""


class Workers:
    """All of them. `model` is told of every change before they are."""

    def __init__(self, model: Balancer, sockets: Sequence[socket.socket], secret: bytes) -> None:
        self.model = model
        self._sockets = sockets
        self._secret = secret
        self._files: Files = {}
        self._count = model.config.workers
        self._living: dict[int, WorkerProcess] = {}
        self.order = asyncio.Lock()
        """Held for a command: one after the other, and none while a worker is told with what to begin."""
        self._gone: State | None = None
        """What workers that have ended had counted, as far as we know."""
        self._once = Once(model.config.resolve_interval)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> None:
        """Clients are served once this returns. Raises ConfigError when a worker cannot start."""
        self._files = read(self.model.config)
        self._folder = Path(tempfile.mkdtemp(prefix="balancer-"))
        try:
            workers = await asyncio.gather(*(self._begin(number) for number in range(self._count)))
        except ControlError as problem:
            await self.finish()
            raise ConfigError(str(problem)) from None
        self._tasks = [asyncio.ensure_future(self._keep(worker)) for worker in workers]
        self._tasks.append(asyncio.ensure_future(self._look()))

    async def _begin(self, number: int) -> WorkerProcess:
        """Raises ControlError when it does not serve; then nothing is left of it."""
        descriptors = [sock.fileno() for sock in self._sockets[number :: self._count]]
        worker = await WorkerProcess.start(number, self._folder / f"{number}.sock", descriptors)
        try:
            await self._brief(worker, descriptors)
        except ControlError:
            await worker.kill()
            raise
        if self.model.feed.subscribers:
            await self._listen_to(worker)
        return worker

    async def _brief(self, worker: WorkerProcess, descriptors: list[int]) -> None:
        """Tell it with what to begin: from then on it lives, and is told what all are told."""
        config = self.model.config
        if not await worker.is_there():
            raise ControlError(f"worker {worker.number} ended before it could begin: it {await worker.how_it_ended()}")
        most_clients = min(config.most_clients(worker.number), self.model.most_clients)
        share = replace(config, workers=1, control="", admin="", max_connections=most_clients)
        seed = None if config.seed is None else f"{config.seed}/{worker.number}"
        async with self.order:
            said = await worker.told(
                "begin", config=as_json(share), secret=self._secret.hex(), sockets=descriptors, seed=seed,
                orders=orders(self.model), files=self._files,
            )  # fmt: skip
            if said is None:
                raise ControlError(f"worker {worker.number} ended as it began: it {await worker.how_it_ended()}")
            worker.state = said
            self._living[worker.number] = worker

    async def _keep(self, worker: WorkerProcess) -> None:
        """Whenever the worker ends, another takes its place: its sockets, its number, and what has been switched."""
        loop = asyncio.get_running_loop()
        pause, begun = 0.1, loop.time()
        while True:
            end = await worker.how_it_ended()
            self._living.pop(worker.number, None)
            if self._stopping:
                return
            self._gone = counted(self._all([worker.state]))
            worker.bury()
            pause = 0.1 if loop.time() - begun > PROVEN else min(pause, LONGEST_PAUSE)
            say(f"worker {worker.number} (process {worker.process.pid}) {end}; another starts in {pause:g} s")
            while True:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                try:
                    begun, worker = loop.time(), await self._begin(worker.number)
                    break
                except (ControlError, OSError) as problem:
                    say(f"{problem}; the next try is in {pause:g} s")

    async def finish(self, *, handed_over: bool = False) -> None:
        """See Traffic.finish."""
        self._stopping = True
        if not handed_over:
            for sock in self._sockets:
                sock.close()  # each worker's is the last one open, and is emptied before it closes
        for task in self._tasks:
            task.cancel()
        workers = list(self._living.values())
        await asyncio.gather(
            *(worker.told("finish", handed_over=handed_over) for worker in workers), return_exceptions=True
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(self.model.config.stop_timeout + PATIENCE):
                await asyncio.gather(*(worker.process.wait() for worker in workers))
        for worker in workers:
            await worker.kill()
        with suppress(OSError):
            self._folder.rmdir()

    # What is asked of all of them

    async def tell(self, do: str, within: float = PATIENCE, **arguments: Any) -> list[State]:
        """All do it, or ControlError says who may not have."""
        asked = [worker.told(do, within, **arguments) for worker in self._living.values()]
        answers = []
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer
            if answer is not None:
                answers.append(answer)
        return answers

    async def state(self, address: str) -> State:
        """All counters together, and each worker's part."""

        async def look(worker: WorkerProcess) -> None:
            with suppress(ControlError):  # of one that does not answer, what is known
                worker.state = await worker.told("state") or worker.state

        workers = [self._living[number] for number in sorted(self._living)]
        await asyncio.gather(*(look(worker) for worker in workers))
        parts = [
            {
                "number": worker.number,
                "pid": worker.process.pid,
                "connections": worker.state["connections"],
                "requests": worker.state["totals"]["requests"],
            }
            for worker in workers
        ]
        state = self._all([worker.state for worker in workers]) | {"address": address, "workers": parts}
        for row, backend in zip(state["backends"], self.model.pool.backends, strict=True):
            backend.healthy = row["healthy"]
        return state

    def _all(self, states: list[State]) -> State:
        return summed(describe(self.model, ""), [*states, self._gone] if self._gone is not None else states)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(COUNTED)
            await self.state("")

    def hang_up(self) -> None:
        """SIGHUP has come."""
        self._files = read_again(self.model.config, self._files)
        self.model.run(self._hang_up())

    async def _hang_up(self) -> None:
        try:
            await self.tell("hang_up")
        except ControlError as problem:
            say(str(problem))

    async def listen(self) -> None:
        """From now on what the workers tell is in the model's feed, until nobody reads that."""
        await asyncio.gather(*(self._listen_to(worker) for worker in self._living.values()))

    async def _listen_to(self, worker: WorkerProcess) -> None:
        if worker.listening is None or worker.listening.done():
            with suppress(TimeoutError):  # it is stopped, perhaps: the others are heard without it
                async with asyncio.timeout(PATIENCE):
                    worker.listening = await join(self.model.feed, worker.path, self._once)
