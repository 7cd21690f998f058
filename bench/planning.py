"""Fingerprint and plan beside nnU-Net's, in time and in what comes out.

`python -m bench` times both on 12 scans of the size of proximal femora. `python -m bench.planning` makes datasets of
other shapes, plans each with both and prints every difference.
"""

from __future__ import annotations

import contextlib
import io as text_io
import json
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[], str]


@dataclass(frozen=True)
class Kind:
    """A dataset to make: voxels i, j, k and their size, jittered a little from case to case."""

    cases: int
    channels: tuple[str, ...]
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    jitter: float = 0.05


FEMORA = Kind(12, ("CT",), (133, 93, 199), (1.0, 1.0, 1.0), 0.0)
KINDS = {
    "isotropic, large": Kind(3, ("CT",), (320, 320, 400), (0.8, 0.8, 0.8)),
    "thick slices": Kind(6, ("CT",), (256, 256, 20), (0.6, 0.6, 5.0), 0.1),
    "MR of two channels, sagittal slices": Kind(5, ("T1", "T2"), (28, 160, 200), (3.3, 0.9, 0.9)),
    "tiny": Kind(4, ("CT",), (30, 26, 18), (1.5, 1.5, 2.0)),
}
#: nnU-Net's planner and its default memory to our name of the network.
PLANNERS = {
    "plain": ("ExperimentPlanner", "nnUNetPlans", 8.0),
    "resenc-m": ("nnUNetPlannerResEncM", "nnUNetResEncUNetMPlans", 8.0),
    "resenc-l": ("nnUNetPlannerResEncL", "nnUNetResEncUNetLPlans", 24.0),
}
NUMBER = 901


def make_dataset(kind: Kind, folder: Path) -> Any:
    """A ball in a shell, on noise, as our dataset; scans are stored RAS, so that both tools see the same axes."""
    from condyle import io
    from condyle.data import Case, Dataset
    from condyle.data.case import image_path, labels_path
    from condyle.labels import Labels
    from condyle.space import Volume

    rng = np.random.default_rng(0)
    dataset = Dataset(folder, "bench", kind.channels, Labels.of({"core": 1, "shell": 2}))
    for n in range(kind.cases):
        a, b, c = (max(1, round(v * rng.uniform(1 - kind.jitter, 1 + kind.jitter))) for v in kind.shape)
        steps = [np.float32(s * rng.uniform(1 - kind.jitter, 1 + kind.jitter)) for s in kind.spacing_mm]
        affine = np.diag([*steps, 1.0]).astype(np.float64)
        i, j, k = np.ogrid[-1 : 1 : a * 1j, -1 : 1 : b * 1j, -1 : 1 : c * 1j]
        radius = np.sqrt(i**2 + j**2 + k**2)
        truth = np.where(radius < 0.5, 1, np.where(radius < 0.7, 2, 0)).astype(np.uint8)
        case = Case(f"c{n:02d}", f"c{n:02d}", {}, {"reference": labels_path("reference", f"c{n:02d}")})
        images = {channel: image_path(channel, case.id) for channel in kind.channels}
        case = Case(case.id, case.group, images, case.label_sets)
        for image in images.values():
            hu = (truth * np.int16(400) + rng.normal(0, 60, truth.shape)).astype(np.int16)
            io.write(dataset.path(image), Volume.of(hu, affine))
        io.write(dataset.path(case.label_sets["reference"]), Volume.of(truth, affine))
        dataset = dataset.with_case(case)
    dataset.save()
    return dataset


def _ours(kind: Kind) -> Work:
    from condyle.planning import fingerprint, make_plan
    from condyle.recipe import Recipe

    dataset = make_dataset(kind, Path(tempfile.mkdtemp()))

    def work() -> str:
        plan = make_plan(fingerprint(dataset, "reference"), dataset.labels, Recipe()).plan
        channel = plan.channels[0]
        return f"patch {plan.patch}, batch {plan.batch}, mean {channel.mean:.3f}, 99.5 % {channel.high:.1f}"

    return work


def _nnunet(kind: Kind) -> Work:
    folder = Path(tempfile.mkdtemp())
    _export(make_dataset(kind, folder / "dataset"), folder)

    def work() -> str:
        plans = nnunet_plans("plain")
        best, seen = plans["configurations"]["3d_fullres"], plans["foreground_intensity_properties_per_channel"]["0"]
        # nnU-Net measures in processes of its own.
        workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        size = f"patch {tuple(int(n) for n in best['patch_size'])}, batch {best['batch_size']}"
        return f"{size}, mean {seen['mean']:.3f}, 99.5 % {seen['percentile_99_5']:.1f}, a worker {workers:.0f} MiB"

    return work


def _export(dataset: Any, folder: Path) -> None:
    """The dataset where nnU-Net looks for it, which it does when first imported."""
    from condyle.data.nnunet_export import write_nnunet
    from condyle.progress import silent

    for name in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{name}"] = str(folder / name)
    target = folder / "raw" / f"Dataset{NUMBER}_Bench"
    target.mkdir(parents=True)
    write_nnunet(dataset, target, "reference", track=silent)


def nnunet_plans(network: str) -> dict[str, Any]:
    """nnU-Net's fingerprint, measured anew, and its plans."""
    from nnunetv2.experiment_planning import plan_and_preprocess_api as api

    planner, plans, _ = PLANNERS[network]
    with contextlib.redirect_stdout(text_io.StringIO()), contextlib.redirect_stderr(text_io.StringIO()):
        if network == "plain":
            api.extract_fingerprints([NUMBER], num_processes=2, clean=True, verbose=False)
        api.plan_experiments([NUMBER], planner)
    from nnunetv2.paths import nnUNet_preprocessed

    path = Path(nnUNet_preprocessed) / f"Dataset{NUMBER}_Bench" / f"{plans}.json"
    made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return made


def compare(name: str, folder: Path) -> None:
    """Plan a dataset with both and print a line for each configuration. To be called in a process of its own."""
    from condyle.models.nnunet.plans import read_plans
    from condyle.planning import fingerprint, make_plan
    from condyle.recipe import Recipe

    dataset = make_dataset(KINDS[name], folder / "dataset")
    _export(dataset, folder)
    table = json.loads((folder / "raw" / f"Dataset{NUMBER}_Bench" / "dataset.json").read_text(encoding="utf-8"))
    seen = fingerprint(dataset, "reference")
    for network, (_, _, memory_gb) in PLANNERS.items():
        plans = nnunet_plans(network)
        ours = {
            dim: make_plan(seen, dataset.labels, Recipe(network=network, dim=dim, memory_gb=memory_gb))
            for dim in (2, 3)
        }
        made = {
            "2d": ours[2].plan,
            "3d_fullres": ours[3].plan,
            "3d_lowres": ours[3].low,
            "3d_cascade_fullres": ours[3].cascade,
        }
        made = {key: plan for key, plan in made.items() if plan is not None}
        assert set(made) == set(plans["configurations"]), (set(made), set(plans["configurations"]))  # noqa: S101
        for key, plan in made.items():
            theirs, _ = read_plans(plans, table, key, folder)
            wrong = differences(plan, theirs)
            size = f"{' x '.join(map(str, plan.patch))}, batch {plan.batch}"
            print(
                f"| {name} | {network} | {key} | {size} | {'the same' if not wrong else '; '.join(wrong)} |", flush=True
            )


def differences(ours: Any, theirs: Any) -> list[str]:
    """Where two plans differ; spacings to single precision, intensities to nnU-Net's sampling."""
    fields = ("net", "patch", "batch", "axes", "regions", "cascade", "crop_nonzero", "separate")
    wrong = [
        f"{f}: {getattr(ours, f)} here, {getattr(theirs, f)} there"
        for f in fields
        if getattr(ours, f) != getattr(theirs, f)
    ]
    for a, b in zip(ours.spacing_mm, theirs.spacing_mm, strict=True):
        if a != b and (a is None or b is None or abs(a / b - 1) > 1e-6):
            wrong.append(f"spacing: {a} here, {b} there")
    for a, b in zip(ours.channels, theirs.channels, strict=True):
        same = (a.normalize, a.nonzero_only) == (b.normalize, b.nonzero_only)
        if not same or not np.allclose(
            [a.mean, a.std, a.low, a.high], [b.mean, b.std, b.low, b.high], atol=1e-3 * b.std
        ):
            wrong.append(f"channel: {a} here, {b} there")
    return wrong


#: Stage to contender to its maker; ours first.
STAGES: dict[str, dict[str, Callable[[], Work]]] = {
    "fingerprint and plan, 12 scans of 133 x 93 x 199": {
        "Condyle": lambda: _ours(FEMORA),
        "nnU-Net 2.8.1": lambda: _nnunet(FEMORA),
    },
}

if __name__ == "__main__":
    if len(sys.argv) == 2:
        with tempfile.TemporaryDirectory(prefix="condyle-bench-") as scratch:
            compare(sys.argv[1], Path(scratch))
    else:
        import subprocess

        print("| dataset | network | configuration | patch | beside nnU-Net 2.8.1 |\n|---|---|---|---|---|", flush=True)
        for chosen in KINDS:
            subprocess.run([sys.executable, "-m", "bench.planning", chosen], check=True)
