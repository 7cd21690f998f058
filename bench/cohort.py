"""A cohort from command to masks, beside nnU-Net's predict: 40 small scans, one model, start-up and files included.

All contenders are the commands a user types, and get the same nnU-Net model, the same scans, no mirroring and two
cores. nnU-Net reads and writes in processes of its own. `peak MiB` is the bench's; notes tell the largest child's.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from bench.random_models import Shape, make

SCANS = 40
_CUBE = (3, 3, 3)
_SHAPE = Shape(
    (_CUBE,) * 4, ((1, 1, 1), *((2, 2, 2),) * 3), (48, 48, 48), (1.0, 1.0, 1.0), (72, 66, 80), (1.0, 1.0, 1.0)
)  # fmt: skip

Work = Callable[[], str]


def _cohort(folder: Path) -> tuple[Path, Path]:
    """The model, and the folder of scans."""
    from condyle.io import write
    from condyle.space import Volume

    model = make(_SHAPE, folder)
    for n in range(SCANS):
        noise = np.random.default_rng(n).normal(0, 300, _SHAPE.scan).astype(np.int16)
        write(folder / "scans" / f"case{n:02d}_0000.nii.gz", Volume.of(noise, np.eye(4)))
    return model, folder / "scans"


def _run(command: Callable[[Path, Path, Path], list[str]]) -> Work:
    folder = Path(tempfile.mkdtemp(prefix="condyle-bench-"))
    model, scans = _cohort(folder)
    out = folder / "out"

    def work() -> str:
        from condyle.io import read_labels

        shutil.rmtree(out, ignore_errors=True)
        for left in folder.glob("out.*"):
            left.unlink()
        done = subprocess.run(command(model, scans, out), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        masks = sorted(out.glob("*.nii.gz"))
        voxels = sum(int((read_labels(mask).array > 0).sum()) for mask in masks)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        return f"{len(masks)} masks, {voxels} voxels, largest process {peak:.0f} MiB"

    return work


def _condyle(model: Path, scans: Path, out: Path, *, jobs: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, "-m", "condyle", "segment", str(model), str(scans), "-o", str(out), *jobs]


def _nnunet(model: Path, scans: Path, out: Path) -> list[str]:
    program = Path(sys.executable).with_name("nnUNetv2_predict_from_modelfolder")
    words = ["-i", str(scans), "-o", str(out), "-m", str(model), "-f", "0", "-device", "cpu", "--disable_tta"]
    return [str(program), *words, "--disable_progress_bar", "-npp", "2", "-nps", "2"]


#: Stage to contender to its maker; ours first.
STAGES: dict[str, dict[str, Callable[[], Work]]] = {
    f"a cohort of {SCANS} scans, {' x '.join(map(str, _SHAPE.scan))}": {
        "Condyle": partial(_run, _condyle),
        "Condyle, --run-on local": partial(_run, partial(_condyle, jobs=("--run-on", "local", "--workers", "2"))),
        "nnU-Net 2.8.1": partial(_run, _nnunet),
    }
}
