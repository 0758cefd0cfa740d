"""What the work costs without any server: bcrypt at our cost, signatures."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import bcrypt
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.bench import machine
from tests.bench.servers import COST

MESSAGE = b"x" * 400  # as long as an ID token without its signature


def bcrypt_rate(seconds: float, *cores: int) -> float:
    """Passwords checked per second, on the given cores (all when none is named)."""
    stored = bcrypt.hashpw(b"Kuusi;7puuta", bcrypt.gensalt(COST))

    def check() -> bool:
        return bcrypt.checkpw(b"Kuusi;7puuta", stored)

    with machine.pinned(*cores):
        threads = len(cores) or len(machine.cores())
        with ThreadPoolExecutor(threads) as pool:
            work = [pool.submit(_rate, check, seconds) for _ in range(threads)]
            return sum(each.result() for each in work)


def signing_rates(seconds: float, core: int) -> dict[str, float]:
    """Signatures per second of one core, by algorithm."""
    rs256, es256 = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    scheme, curve = padding.PKCS1v15(), ec.ECDSA(SHA256())
    with machine.pinned(core):
        return {
            "RS256": _rate(lambda: rs256.sign(MESSAGE, scheme, SHA256()), seconds),
            "ES256": _rate(lambda: es256.sign(MESSAGE, curve), seconds),
        }


def _rate(work: Callable[[], object], seconds: float) -> float:
    count, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        work()
        count += 1
    return count / passed
