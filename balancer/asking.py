"""`balancer --explain REQUEST`: asks the balancer that runs, or else one that is made for it and serves nobody."""

import asyncio
import os
import time
from random import Random

from balancer.explain import Explanation, explain, row
from balancer.settings.addresses import parse_backend
from balancer.settings.config import BalancerConfig
from balancer.settings.config_file import reason
from balancer.settings.options import Question
from balancer.settings.problems import ConfigError
from balancer.state import Balancer
from servers.control import ControlError, call

PATIENCE = 5.0
"""Seconds for a running balancer's answer."""
MOST_BYTES = 1024 * 1024


def answer(config: BalancerConfig, question: Question) -> Explanation:
    """Raises ConfigError, which says in one line why nobody can tell."""
    data = _words(question, config.listen) if " " in question.request else _content(question)
    if config.control and os.path.exists(config.control):
        about, (lines, served) = f"the balancer at {config.control}", _told(config.control, data, question.client)
    else:
        about, (lines, served) = "no balancer runs: all servers taken for up", _made_up(config, data, question.client)
    return Explanation(row("asked", about) + lines, served)


def _words(question: Question, host: str) -> bytes:
    """The head for METHOD TARGET."""
    words = question.request.split()
    if len(words) == 2:
        words.append("HTTP/1.1")
    headers = list(question.headers)
    if not any(line.lower().startswith("host:") for line in headers):
        headers.insert(0, f"Host: {host}")
    return os.fsencode("\r\n".join([" ".join(words), *headers, "", ""]))


def _content(question: Question) -> bytes:
    """What a file holds, byte by byte: with the line ends of a text editor it is refused, as from a client."""
    if question.headers:
        raise ConfigError("--header goes with --explain 'METHOD TARGET'; write it into the file")
    try:
        with open(0 if question.request == "-" else question.request, "rb") as file:
            return file.read(MOST_BYTES)
    except (OSError, ValueError) as failure:
        raise ConfigError(
            f"--explain: {question.request} cannot be read: {reason(failure)}; name a file, or 'METHOD TARGET'"
        ) from None


def _told(path: str, data: bytes, client: str) -> Explanation:
    async def ask() -> Explanation:
        async with asyncio.timeout(PATIENCE):
            told = await call(path, "explain", request=data.decode("latin-1"), client=client)
        return Explanation(told["lines"], told["served"])

    try:
        return asyncio.run(ask())
    except TimeoutError:
        raise ConfigError(f"--control: {path} does not answer; leave it out to ask no running balancer") from None
    except ControlError as problem:
        raise ConfigError(f"{problem} (asked at {path})") from None


def _made_up(config: BalancerConfig, data: bytes, client: str) -> Explanation:
    balancer = Balancer(config, Random(config.seed), os.urandom(32), time.monotonic)
    for text in config.backends:
        balancer.pool.add(parse_backend(text))
    return explain(balancer, data, client, config.listen)
