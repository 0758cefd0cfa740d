"""Waiting for the demo's own programs to answer."""

import subprocess
import time

import requests


def wait_until_ready(programs: list[subprocess.Popen[bytes]], *addresses: str) -> None:
    """Until each of our own addresses answers, a program has stopped, or half a minute is over."""
    for address in addresses:
        for _attempt in range(300):
            if any(program.poll() is not None for program in programs):
                return
            try:
                if requests.get(address, timeout=2).ok:
                    break
            except requests.RequestException:
                pass
            time.sleep(0.1)
