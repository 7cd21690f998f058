"""How a cohort is worked off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from condyle.errors import ConfigError


@dataclass(frozen=True)
class JobSettings:
    """Where the cases of a cohort are worked on, each as a command of its own.

    Args:
        run_on: local (several processes on this machine), dask://HOST:PORT (a scheduler that is running), or slurm,
            kubernetes, ssh (a Dask cluster started for this). By default all cases are done here, in one process.
        workers: How many cases at once; as many as cores, GPUs and memory allow by default.
        threads: Threads of each worker; by default the cores are shared out.
        gpus: GPUs of this machine to share out, one a worker. 0: none.
        cluster: A JSON file of arguments for SLURMCluster, KubeCluster or SSHCluster, as Dask's documentation has them.
        manifest: The file that notes what is done; beside the result by default.
        shared: The manifest lies on a disk that workers on other machines use, too.
        attempts: How often a case may fail before it is set aside.
        lost_s: Seconds without a sign of life after which a worker's case goes to another.
    """

    run_on: str = ""
    workers: int | None = None
    threads: int | None = None
    gpus: int = 0
    cluster: Path | None = None
    manifest: Path | None = None
    shared: bool = False
    attempts: int = 3
    lost_s: float = 60.0

    def __post_init__(self) -> None:
        for name in ("workers", "threads", "attempts"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(name, expected="1 or more", got=str(value))
        if self.gpus < 0:
            raise ConfigError("gpus", expected="0 or more", got=str(self.gpus))
        if self.lost_s <= 0:
            raise ConfigError("lost_s", expected="more than 0 seconds", got=str(self.lost_s))
