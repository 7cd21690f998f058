"""Dask clusters that are started for the work: Slurm, Kubernetes, SSH. The packages are Dask's own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from condyle.errors import ConfigError
from condyle.jobs.settings import JobSettings

Cluster = AbstractContextManager[Any]


def slurm(arguments: Mapping[str, Any], settings: JobSettings) -> Any:
    """Jobs of one worker each, asked of Slurm. Needs dask-jobqueue; the manifest stays with this process.

    Args:
        arguments: Of `dask_jobqueue.SLURMCluster`: queue, account, memory, walltime, job_extra_directives ...
        settings: Threads are the cores of a job.
    """
    from dask_jobqueue import SLURMCluster

    if shutil.which("sbatch") is None:
        raise FileNotFoundError("no sbatch on this machine")
    # One process with one slot: a job works on one case at a time, with all of its cores.
    own = {"cores": settings.threads or 1, "processes": 1, "worker_extra_args": ["--nthreads", "1"]}
    cluster = SLURMCluster(**{"memory": "4 GiB", **own, **arguments})
    cluster.scale(jobs=settings.workers or 1)
    return cluster


def kubernetes(arguments: Mapping[str, Any], settings: JobSettings) -> Any:
    """Pods of one worker each. Needs dask-kubernetes, and its operator in the Kubernetes cluster.

    Args:
        arguments: Of `dask_kubernetes.operator.KubeCluster`: name, image (one with condyle in it), resources ...
        settings: Workers are pods.
    """
    from dask_kubernetes.operator import KubeCluster

    return KubeCluster(**pods(arguments, settings))


def pods(arguments: Mapping[str, Any], settings: JobSettings) -> dict[str, Any]:
    """The arguments of `KubeCluster`: pods of one slot each, unless the user's own say otherwise."""
    own = {"n_workers": settings.workers or 1, "worker_command": ["dask", "worker", "--nthreads", "1"]}
    return {"name": "condyle", **own, **arguments}


def ssh(arguments: Mapping[str, Any], settings: JobSettings) -> Any:
    """Machines one can log in to; the first is the scheduler's. Needs asyncssh.

    Args:
        arguments: Of `distributed.SSHCluster`: hosts, connect_options, remote_python ...
        settings: Workers are those on each machine.
    """
    from distributed import SSHCluster

    return SSHCluster(**{"worker_options": {"nthreads": 1, "n_workers": settings.workers or 1}, **arguments})


CLUSTERS: dict[str, Callable[[Mapping[str, Any], JobSettings], Any]] = {
    "slurm": slurm,
    "kubernetes": kubernetes,
    "ssh": ssh,
}


def start_cluster(settings: JobSettings) -> Cluster:
    """The cluster that the settings ask for. Closing it ends its workers.

    Raises:
        ConfigError: if a package is missing, or it does not take the arguments.
    """
    kind = settings.run_on
    arguments: Any = {}
    try:
        if settings.cluster is not None:
            arguments = json.loads(settings.cluster.read_text(encoding="utf-8"))
        if not isinstance(arguments, dict):
            raise ConfigError("cluster", expected="a JSON object of arguments", got=type(arguments).__name__)
        made: Cluster = CLUSTERS[kind](arguments, settings)
    except ImportError as error:
        hint = "pip install 'condyle[dask]'"
        raise ConfigError("run_on", expected=f"the package behind {kind}", got=str(error), hint=hint) from error
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        hint = "--cluster names a JSON file of the arguments that Dask's documentation lists."
        raise ConfigError("cluster", expected=f"a working {kind} cluster", got=str(error), hint=hint) from error
    return made
