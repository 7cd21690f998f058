"""Preparing twelve cases from files to files, beside nnU-Net's preprocessor.

As in `bench.preparation`: each contender is a function that makes its input and returns the work to be timed. Files
are written anew by each run. The notes hold the same number for both: the mean of all prepared voxels.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.preparation import CT, _nnunet_managers

Work = Callable[[], str]

CASES = 12
#: Voxels along i, j, k: a proximal femur in its box.
SHAPE = (133, 93, 199)
TARGET_MM = 1.0
SPACING_MM = 1.2


def _case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A shaft of bone with a dense wall in soft tissue, int16, and its mask, uint8."""
    rng = np.random.default_rng(seed)
    i, j, k = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    radius = np.sqrt((i - 66 - seed) ** 2 + (j - 46) ** 2) - 6 * np.sin(k / 30)
    hu = np.where(radius < 25, 300, 40) + 900 * ((radius > 20) & (radius < 25))
    noise = rng.standard_normal(SHAPE, np.float32) * 25
    return (hu + noise).astype(np.int16), (radius < 25).astype(np.uint8)


def _grid() -> Any:
    from condyle.space import Grid

    return Grid(SHAPE, np.diag([SPACING_MM] * 3 + [1.0]))


def _ours(workers: int) -> Work:
    from condyle import io
    from condyle.config import Channel, NetConfig, Plan
    from condyle.data import Case, Dataset
    from condyle.data.case import image_path, labels_path
    from condyle.data.store import open_store
    from condyle.labels import Labels
    from condyle.space import Volume

    dataset = Dataset(Path(tempfile.mkdtemp()), "femora", ("CT",), Labels.of({"femur": 1}))
    for n in range(CASES):
        image, mask = _case(n)
        case = Case(
            f"c{n:02}", f"c{n:02}", {"CT": image_path("CT", f"c{n:02}")}, {"mask": labels_path("mask", f"c{n:02}")}
        )
        io.write(dataset.path(case.images["CT"]), Volume(image, _grid()))
        io.write(dataset.path(case.label_sets["mask"]), Volume(mask, _grid()))
        dataset = dataset.with_case(case)
    net = NetConfig("plain_unet", 3, 1, 2, (32,), ((3, 3, 3),), ((1, 1, 1),), (2,), ())
    channel = Channel("CT", "ct", False, CT["mean"], CT["std"], CT["percentile_00_5"], CT["percentile_99_5"])
    store = open_store(dataset, Plan(net, (channel,), (TARGET_MM,) * 3, (96, 96, 96)), "mask")

    def work() -> str:
        shutil.rmtree(store.folder, ignore_errors=True)
        store.prepare(workers=workers)
        return _note([store[id_].image.whole() for id_ in store], store.folder)

    return work


def _nnunet() -> Work:
    """Its preprocessor and its files, one case after another: its command's processes would import everything anew."""
    import nibabel as nib
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    root = Path(tempfile.mkdtemp())
    for n in range(CASES):
        for what, array in zip(("image", "mask"), _case(n), strict=True):
            nib.save(nib.Nifti1Image(array, _grid().affine), root / f"{what}_{n:02}.nii.gz")
    plans = PlansManager(_nnunet_plans())
    configuration = plans.get_configuration("3d")
    dataset = {"labels": {"background": 0, "femur": 1}}
    preprocessor = DefaultPreprocessor(verbose=False)
    out = root / "prepared"

    def work() -> str:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        files = [(str(root / f"image_{n:02}.nii.gz"), str(root / f"mask_{n:02}.nii.gz")) for n in range(CASES)]
        jobs = [
            (str(out / f"c{n:02}"), [image], mask, plans, configuration, dataset)
            for n, (image, mask) in enumerate(files)
        ]
        for job in jobs:
            preprocessor.run_case_save(*job)
        made = nnUNetDatasetBlosc2(str(out))
        return _note([made.load_case(id_)[0][:] for id_ in made.identifiers], out)

    return work


def _nnunet_plans() -> dict[str, Any]:
    plans = dict(_nnunet_managers()[0].plans)
    three = plans["configurations"]["3d"] | {"data_identifier": "plans_3d", "patch_size": [96, 96, 96]}
    plans |= {"dataset_name": "femora", "plans_name": "plans", "image_reader_writer": "SimpleITKIO"}
    return plans | {"configurations": {"3d": three | {"spacing": [TARGET_MM] * 3}}}


def _note(images: list[np.ndarray], folder: Path) -> str:
    mean = np.mean([image.mean(dtype=np.float64) for image in images])
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return f"mean {mean:.5f}, {size / 1e6:.0f} MB"


#: Stage to contender to its maker; ours first.
STAGES: dict[str, dict[str, Callable[[], Work]]] = {
    "12 cases of 133 x 93 x 199, 1.2 to 1 mm, from files to files": {
        "Condyle, 2 threads": lambda: _ours(2),
        "Condyle, 1 thread": lambda: _ours(1),
        "nnU-Net 2.8.1": _nnunet,
    }
}
