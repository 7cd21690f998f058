"""A scan to the network's grid and scores back to the scan, beside nnU-Net's preprocessor and export.

As in `bench.foundation`: each contender is a function that makes its input and returns the work to be timed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Work = Callable[[], str]

#: Slices, rows, columns of the scan and, at 0.75 mm and 1 mm, of the prepared case.
SCAN = (300, 512, 512)
PREPARED = (225, 384, 384)
SPACING_MM = 0.75
CLASSES = 5
CT = {"mean": 120.0, "std": 310.0, "percentile_00_5": -980.0, "percentile_99_5": 1250.0}


def _scan() -> np.ndarray:
    """A body of tissue and noise in air, int16."""
    rng = np.random.default_rng(0)
    j, k = np.mgrid[: SCAN[1], : SCAN[2]]
    body = np.where((j - 256) ** 2 / 170**2 + (k - 256) ** 2 / 220**2 < 1, 40, -1000).astype(np.int16)
    return np.stack([body + (rng.standard_normal(SCAN[1:], np.float32) * 25).astype(np.int16) for _ in range(SCAN[0])])


def _labels() -> np.ndarray:
    """Five balls of several sizes."""
    i, j, k = np.ogrid[: SCAN[0], : SCAN[1], : SCAN[2]]
    out = np.zeros(SCAN, np.uint8)
    for n in range(1, 6):
        out[(i - 60 - 30 * n) ** 2 + (j - 80 * n) ** 2 + (k - 90 * n + 30) ** 2 < (50 + 6 * n) ** 2] = n
    return out


def _scores() -> np.ndarray:
    """Background and four balls, as smooth as a network's logits."""
    i, j, k = np.ogrid[: PREPARED[0], : PREPARED[1], : PREPARED[2]]
    out = np.zeros((CLASSES, *PREPARED), np.float32)
    for n in range(1, CLASSES):
        radius = np.sqrt((i - 45 - 22 * n) ** 2 + (j - 60 * n) ** 2 + (k - 67 * n + 22) ** 2)
        out[n] = (40 + 4 * n - radius) / 4
    return out


def _plan() -> Any:
    from condyle.config import Channel, NetConfig, Plan

    net = NetConfig("plain_unet", 3, 1, CLASSES, (32,), ((3, 3, 3),), ((1, 1, 1),), (2,), ())
    channel = Channel("CT", "ct", False, CT["mean"], CT["std"], CT["percentile_00_5"], CT["percentile_99_5"])
    return Plan(net, (channel,), (1.0, 1.0, 1.0), (128, 128, 128))


def _volume(array: np.ndarray) -> Any:
    from condyle.space import Volume

    return Volume.of(array.T, np.diag([SPACING_MM] * 3 + [1.0]))


def _ours_prepare() -> Work:
    from condyle.prepare import prepare

    image, labels, plan = _volume(_scan()), _volume(_labels()), _plan()

    def work() -> str:
        out = prepare([image], plan, labels)
        assert out.labels is not None  # noqa: S101 - it was given
        return f"mean {out.array.mean(dtype=np.float64):.5f}, labels {_counts(out.labels)}"

    return work


def _nnunet_managers() -> tuple[Any, Any, dict[str, Any]]:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    image = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
    resampling = "resample_data_or_seg_to_shape"
    plans = {
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "foreground_intensity_properties_per_channel": {"0": CT},
        "label_manager": "LabelManager",
        "configurations": {
            "3d": {
                "architecture": {},
                "spacing": [1.0, 1.0, 1.0],
                "normalization_schemes": ["CTNormalization"],
                "use_mask_for_norm": [False],
                "resampling_fn_data": resampling,
                "resampling_fn_data_kwargs": image,
                "resampling_fn_seg": resampling,
                "resampling_fn_seg_kwargs": {**image, "is_seg": True, "order": 1},
                "resampling_fn_probabilities": resampling,
                "resampling_fn_probabilities_kwargs": {**image, "order": 1},
            }
        },
    }
    manager = PlansManager(plans)
    labels = {"background": 0, **{f"ball_{n}": n for n in range(1, 6)}}
    return manager, manager.get_configuration("3d"), {"labels": labels}


def _nnunet_prepare() -> Work:
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor

    image, labels = _scan()[None], _labels().astype(np.int16)[None]
    plans, configuration, dataset = _nnunet_managers()
    preprocessor = DefaultPreprocessor(verbose=False)

    def work() -> str:
        properties = {"spacing": [SPACING_MM] * 3}
        data, seg, _ = preprocessor.run_case_npy(image, labels, properties, plans, configuration, dataset)
        return f"mean {data.mean(dtype=np.float64):.5f}, labels {_counts(seg[0])}"

    return work


def _ours_back() -> Work:
    from condyle.predict.decide import Rule
    from condyle.predict.restore import each_plane, restored_labels
    from condyle.space import Grid, resized_grid

    scores, rule = _scores(), Rule(tuple(range(CLASSES)))
    scan = Grid(SCAN[::-1], np.diag([SPACING_MM] * 3 + [1.0]))
    prepared = resized_grid(Grid(SCAN, scan.affine[:, [2, 1, 0, 3]]), PREPARED)
    return lambda: f"labels {_counts(restored_labels(each_plane(scores), prepared, scan, rule))}"


def _nnunet_back() -> Work:
    from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape

    scores = _scores()
    plans, configuration, dataset = _nnunet_managers()
    del dataset["labels"]["ball_5"]
    properties = {
        "spacing": [SPACING_MM] * 3,
        "shape_before_cropping": SCAN,
        "shape_after_cropping_and_before_resampling": SCAN,
        "bbox_used_for_cropping": [[0, n] for n in SCAN],
    }

    def work() -> str:
        out = convert_predicted_logits_to_segmentation_with_correct_shape(
            scores, plans, configuration, plans.get_label_manager(dataset), properties, num_threads_torch=2
        )
        return f"labels {_counts(out)}"

    return work


def _counts(labels: np.ndarray) -> str:
    return " ".join(str(int((labels == n).sum())) for n in range(1, 6))


#: Stage to contender to its maker; ours first.
STAGES: dict[str, dict[str, Callable[[], Work]]] = {
    "preparation, 512 x 512 x 300, 0.75 to 1 mm, 5 labels": {
        "Condyle": _ours_prepare,
        "nnU-Net 2.8.1": _nnunet_prepare,
    },
    "scores of 5 classes back to 512 x 512 x 300": {"Condyle": _ours_back, "nnU-Net 2.8.1": _nnunet_back},
}
