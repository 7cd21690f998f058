"""Resampling, files and the fill mask beside nnU-Net's resampler, SimpleITK, nibabel and scipy.

Each contender is a function that makes its input and returns the work to be timed; the work returns a note
by which results can be compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

SCAN = (300, 512, 512)
TARGET = (225, 384, 384)
FEMUR = (200, 93, 133)

Work = Callable[[], str]


def _scan() -> np.ndarray:
    """A smooth image with some noise, int16, like a CT at 0.75 mm."""
    rng = np.random.default_rng(0)
    axes = [np.sin(np.linspace(0, 9 + n, length)) for n, length in enumerate(SCAN)]
    smooth = axes[0][:, None, None] * axes[1][None, :, None] * axes[2][None, None, :] * 800
    return (smooth + rng.normal(0, 25, SCAN).astype(np.float32)).astype(np.int16)


def _labels() -> np.ndarray:
    """Five balls of several sizes."""
    index = np.indices(SCAN, dtype=np.float32)
    out = np.zeros(SCAN, np.uint8)
    for n in range(1, 6):
        centre = np.array([130 + 20 * n, 80 * n, 90 * n - 30])[:, None, None, None]
        out[((index - centre) ** 2).sum(0) < (50 + 6 * n) ** 2] = n
    return out


def _ours_image() -> Work:
    from condyle.space import Volume, resample_image, resized_grid

    volume = Volume.of(_scan().astype(np.float32), np.eye(4))
    grid = resized_grid(volume.grid, TARGET)
    return lambda: f"mean {resample_image(volume, grid).array.mean(dtype=np.float64):.5f}"


def _nnunet(array: np.ndarray, *, is_seg: bool, order: int) -> np.ndarray:
    from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape

    spacing = [1.0, 1.0, 1.0]
    return resample_data_or_seg_to_shape(array[None], TARGET, spacing, spacing, is_seg=is_seg, order=order)[0]


def _nnunet_image() -> Work:
    array = _scan().astype(np.float32)
    return lambda: f"mean {_nnunet(array, is_seg=False, order=3).mean(dtype=np.float64):.5f}"


def _itk_image() -> Work:
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(_scan().astype(np.float32))
    filter_ = sitk.ResampleImageFilter()
    filter_.SetInterpolator(sitk.sitkBSpline)
    spacing = [old / new for old, new in zip(SCAN[::-1], TARGET[::-1], strict=True)]
    filter_.SetSize(TARGET[::-1])
    filter_.SetOutputSpacing(spacing)
    filter_.SetOutputOrigin([(s - 1) / 2 for s in spacing])
    return lambda: f"mean {sitk.GetArrayFromImage(filter_.Execute(image)).mean(dtype=np.float64):.5f}"


def _scipy_image() -> Work:
    from scipy.ndimage import zoom

    array = _scan().astype(np.float32)
    factors = [new / old for new, old in zip(TARGET, SCAN, strict=True)]
    return lambda: f"mean {zoom(array, factors, order=3, mode='nearest', grid_mode=True).mean(dtype=np.float64):.5f}"


def _ours_labels() -> Work:
    from condyle.space import Volume, resample_labels, resized_grid

    volume = Volume.of(_labels(), np.eye(4))
    grid = resized_grid(volume.grid, TARGET)
    return lambda: _counts(resample_labels(volume, grid).array)


def _nnunet_labels() -> Work:
    array = _labels()
    return lambda: _counts(_nnunet(array, is_seg=True, order=1))


def _counts(labels: np.ndarray) -> str:
    return "voxels " + " ".join(str(n) for n in np.bincount(labels.ravel().astype(np.uint8))[1:])


def _nifti() -> Path:
    """A compressed NIfTI of the scan, written by nibabel."""
    import nibabel as nib

    path = Path(tempfile.mkdtemp(prefix="condyle-bench-")) / "scan.nii.gz"
    nib.save(nib.Nifti1Image(_scan().T, np.diag([0.75, 0.75, 0.75, 1.0])), path)
    return path


def _ours_read() -> Work:
    from condyle.io import read

    path = _nifti()
    return lambda: f"sum {read(path).array.sum(dtype=np.int64)}"


def _nibabel_read() -> Work:
    import nibabel as nib

    path = _nifti()
    return lambda: f"sum {np.asanyarray(nib.load(path).dataobj).sum(dtype=np.int64)}"


def _itk_read() -> Work:
    import SimpleITK as sitk

    path = _nifti()
    return lambda: f"sum {sitk.GetArrayFromImage(sitk.ReadImage(str(path))).sum(dtype=np.int64)}"


def _ours_write() -> Work:
    from condyle.io import write
    from condyle.space import Volume

    volume = Volume.of(np.asfortranarray(_scan().T), np.diag([0.75, 0.75, 0.75, 1.0]))
    path = Path(tempfile.mkdtemp(prefix="condyle-bench-")) / "scan.nii.gz"

    def work() -> str:
        write(path, volume, overwrite=True)
        return _size(path)

    return work


def _nibabel_write() -> Work:
    import nibabel as nib

    image = nib.Nifti1Image(np.asfortranarray(_scan().T), np.diag([0.75, 0.75, 0.75, 1.0]))
    path = Path(tempfile.mkdtemp(prefix="condyle-bench-")) / "scan.nii.gz"

    def work() -> str:
        nib.save(image, path)
        return _size(path)

    return work


def _itk_write() -> Work:
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(_scan())
    path = Path(tempfile.mkdtemp(prefix="condyle-bench-")) / "scan.nii.gz"

    def work() -> str:
        sitk.WriteImage(image, str(path), useCompression=True)
        return _size(path)

    return work


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 2**20:.0f} MiB"


def _series() -> Path:
    """A DICOM series of 150 slices of 512 x 512."""
    from condyle.io.dicom import write_series
    from condyle.space import Volume

    folder = Path(tempfile.mkdtemp(prefix="condyle-bench-")) / "series"
    volume = Volume.of(_scan()[:150].T, np.diag([-0.75, -0.75, 1.5, 1.0]))
    write_series(folder, volume, patient_id="bench", modality="CT", description="bench")
    return folder


def _ours_dicom() -> Work:
    from condyle.io import read

    folder = _series()
    return lambda: f"sum {read(folder).array.sum(dtype=np.int64)}"


def _itk_dicom() -> Work:
    import SimpleITK as sitk

    folder = str(_series())

    def work() -> str:
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
        return f"sum {sitk.GetArrayFromImage(reader.Execute()).sum(dtype=np.int64)}"

    return work


def _femur() -> np.ndarray:
    """A tube of cortex with a cap, cut by the border, as large as an ex vivo proximal femur at 1 mm."""
    i, j, k = np.indices(FEMUR, dtype=np.float32)
    radius = np.hypot(j - 46, k - 66)
    return np.where((radius < 30) & ((radius > 26) | (i > 192)), 1000, -50).astype(np.int16)


def _ours_fill() -> Work:
    from condyle.classical.fill import fill
    from condyle.space import Volume

    volume = Volume.of(_femur(), np.eye(4))
    return lambda: f"voxels {fill(volume).array.sum()}"


def _itk_fill() -> Work:
    """The nearest that SimpleITK offers: closing with a ball of 15 voxels, then hole filling."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray((_femur() > 250).astype(np.uint8))

    def work() -> str:
        closed = sitk.BinaryMorphologicalClosing(image, [15] * 3, sitk.sitkBall)
        return f"voxels {sitk.GetArrayFromImage(sitk.BinaryFillhole(closed)).sum()}"

    return work


#: Stage to contender to its maker; ours first.
STAGES: dict[str, dict[str, Callable[[], Work]]] = {
    "cubic resampling (300, 512, 512) to (225, 384, 384)": {
        "Condyle": _ours_image,
        "nnU-Net 2.8.1": _nnunet_image,
        "SimpleITK BSpline": _itk_image,
        "scipy zoom": _scipy_image,
    },
    "label resampling, 5 labels, same shapes": {"Condyle": _ours_labels, "nnU-Net 2.8.1": _nnunet_labels},
    "read .nii.gz, 512 x 512 x 300 int16": {
        "Condyle": _ours_read,
        "nibabel": _nibabel_read,
        "SimpleITK": _itk_read,
    },
    "write .nii.gz, 512 x 512 x 300 int16": {
        "Condyle": _ours_write,
        "nibabel": _nibabel_write,
        "SimpleITK": _itk_write,
    },
    "read DICOM, 150 slices of 512 x 512": {"Condyle": _ours_dicom, "SimpleITK": _itk_dicom},
    "fill mask, 200 x 93 x 133": {"Condyle": _ours_fill, "SimpleITK closing + holes": _itk_fill},
}
