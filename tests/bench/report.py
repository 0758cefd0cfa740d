"""The table: every figure beside what it is to be compared with."""

from dataclasses import dataclass, field

from tests.bench.load import Run
from tests.bench.paths import Path
from tests.bench.storm import Storm

NOTICEABLE = 0.05  # of a core, taken by other programs


@dataclass(frozen=True)
class Baseline:
    """Measured in the same run, on the same core."""

    bare: Run
    bcrypt_one_core: float  # per second
    bcrypt_all_cores: float
    signing: dict[str, float]  # per second

    def line(self) -> str:
        signing = ", ".join(f"{name} {rate:.0f}/s" for name, rate in self.signing.items())
        return (
            f"Bare Flask route {self.bare.rate('request'):.0f}/s ({_us(self.bare.cpu('request'))} µs of the server);"
            f" raw bcrypt {self.bcrypt_one_core:.2f}/s on one core, {self.bcrypt_all_cores:.2f}/s on all; {signing}."
        )


@dataclass(frozen=True)
class Row:
    engine: str
    path: Path
    run: Run


@dataclass
class Report:
    baseline: Baseline | None = None
    rows: list[Row] = field(default_factory=list)
    storms: dict[str, Storm] = field(default_factory=dict)
    footprints: dict[str, tuple[float, int]] = field(default_factory=dict)  # seconds, bytes

    HEAD = (
        "| database | path | requests/s | p50 ms | p99 ms | server CPU µs"
        " | to bare Flask | to raw bcrypt | to the peer |\n"
        "|---|---|--:|--:|--:|--:|--:|--:|--:|"
    )

    def row_line(self, row: Row) -> str:
        name, run, baseline = row.path.counted_as, row.run, self.baseline
        assert baseline is not None
        rate = run.rate(name)
        cells = [
            row.engine,
            row.path.name + (" ~" if run.disturbance > NOTICEABLE else ""),
            f"{rate:.1f}" if rate < 100 else f"{rate:.0f}",
            f"{run.percentile(name, 0.5) * 1000:.1f}",
            f"{run.percentile(name, 0.99) * 1000:.1f}",
            _us(run.cpu(name)),
            f"{rate / baseline.bare.rate('request'):.2f}",
            f"{rate / baseline.bcrypt_one_core:.2f}" if name == "login" else "",
            f"{rate / row.path.peer:.2f}" if row.path.peer else "",
        ]
        return f"| {' | '.join(cells)} |"

    def storm_line(self, engine: str) -> str:
        found, baseline = self.storms[engine], self.baseline
        assert baseline is not None
        parts = []
        for name in ("userinfo", "refresh"):
            calm, storm = (run.percentile(name, 0.99) * 1000 for run in (found.calm, found.storm))
            middle = found.storm.percentile(name, 0.5) * 1000
            parts.append(
                f"{name} p99 {calm:.1f} ms calm, {storm:.1f} ms in the storm"
                f" ({storm / calm:.1f}x; p50 {middle:.1f})"
            )
        logins = found.storm.rate("login")
        parts.append(
            f"{logins:.2f} logins/s, {logins / baseline.bcrypt_all_cores:.0%} of raw bcrypt on all cores;"
            f" {found.storm.refused} were told to come back"
        )
        return f"Login storm, {engine}: {'; '.join(parts)}."

    def text(self) -> str:
        lines = [
            "",
            self.baseline.line() if self.baseline else "",
            "",
            self.HEAD,
            *map(self.row_line, self.rows),
            "",
        ]
        lines += [self.storm_line(engine) for engine in self.storms]
        lines += [
            f"Start of two workers, {engine}: ready after {seconds:.2f} s; {size / 1e6:.0f} MB (PSS) each at most."
            for engine, (seconds, size) in self.footprints.items()
        ]
        if any(row.run.disturbance > NOTICEABLE for row in self.rows):
            lines.append("~ other programs took more than 5 % of the server's core meanwhile.")
        return "\n".join(lines)


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:.0f}"
