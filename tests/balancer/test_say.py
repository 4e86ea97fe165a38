"""Lines on stderr."""

import os
import subprocess
import sys

SAYING = "from balancer.say import say; say('nobody hears this'); print('goes on')"


def test_a_reader_that_has_gone_ends_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", SAYING], stdout=subprocess.PIPE, stderr=writing, check=True, text=True)
    os.close(writing)
    assert done.stdout == "goes on\n"


def test_a_line_says_who_says_it() -> None:
    saying = SAYING.replace("nobody hears this", "hello")
    done = subprocess.run([sys.executable, "-c", saying], stderr=subprocess.PIPE, check=True, text=True)
    assert done.stderr == "balancer: hello\n"
