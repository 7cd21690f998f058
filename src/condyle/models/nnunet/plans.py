"""nnU-Net v2's `plans.json` and `dataset.json` as a plan and labels.

nnU-Net's arrays are k, j, i of the file as stored, then permuted by `transpose_forward`; our `axes` tell both at once.
Keys of a configuration that are not known here are refused: they may change what the network is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from condyle.config import Channel, Normalization, Plan, Region
from condyle.data.nnunet_labels import labels_from_nnunet
from condyle.errors import CondyleError, ModelError
from condyle.labels import Labels
from condyle.models.nnunet.architecture import OLD_KEYS, net_config

_NORMALIZATIONS: dict[str, Normalization] = {
    "CTNormalization": "ct",
    "ZScoreNormalization": "zscore",
    "RescaleTo01Normalization": "rescale",
    "RGBTo01Normalization": "rgb",
    "NoNormalization": "none",
}
#: nnU-Net's readers, and the orientation to which they turn a scan.
_READERS = {
    "SimpleITKIO": None,
    "NibabelIO": None,
    "Tiff3DIO": None,
    "SimpleITKIOWithReorient": "RAS",
    "NibabelIOWithReorient": "RAS",
}
_RESAMPLING = "resample_data_or_seg_to_shape"
_ORDERS = {"data": 3, "seg": 1, "probabilities": 1}
_KNOWN = OLD_KEYS | {
    "inherits_from",
    "data_identifier",
    "preprocessor_name",
    "batch_size",
    "patch_size",
    "median_image_size_in_voxels",
    "spacing",
    "normalization_schemes",
    "use_mask_for_norm",
    "architecture",
    "batch_dice",
    "next_stage",
    "previous_stage",
    *(f"resampling_fn_{what}{end}" for what in _ORDERS for end in ("", "_kwargs")),
}


def read_plans(
    plans: Mapping[str, Any], dataset: Mapping[str, Any], configuration: str, where: str | Path
) -> tuple[Plan, Labels]:
    """The plan and the labels of an nnU-Net configuration.

    Args:
        plans: Content of `plans.json`.
        dataset: Content of `dataset.json`.
        configuration: E.g. `3d_fullres`.
        where: The model's folder, for errors.

    Returns:
        The plan, its `mirror` empty: a checkpoint tells it. Labels with names for ids that only regions have.

    Raises:
        ModelError: if a key is missing or not known, or asks for what this package does not do.
    """
    try:
        table = _resolved(plans["configurations"], configuration, where)
        labels = labels_from_nnunet(dataset, where)
        return _plan(plans, dataset, table, labels, where), labels
    except ModelError:
        raise
    except CondyleError as error:
        raise ModelError(error.where, expected=error.expected, got=error.got, hint=error.hint) from error
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ModelError(where, expected="plans and dataset as nnU-Net v2 writes them", got=repr(error)) from error


def previous_stage(plans: Mapping[str, Any], configuration: str, where: str | Path) -> str | None:
    """The configuration whose findings a cascade's second stage is given; None for a network that sees the scan alone.

    Raises:
        ModelError: as `read_plans`, which is to be called first.
    """
    return _resolved(plans["configurations"], configuration, where).get("previous_stage") or None


def _plan(
    plans: Mapping[str, Any], dataset: Mapping[str, Any], table: Mapping[str, Any], labels: Labels, where: str | Path
) -> Plan:
    _check_preparation(plans, table, where)
    channels = _channels(plans, dataset, table, where)
    regions = _regions(dataset, where)
    if not regions and labels.ids != tuple(range(1, 1 + len(labels.ids))):
        raise ModelError(f"{where}: labels", expected="ids 1, 2, 3 ... without a gap", got=str(labels.ids))
    spacing = [float(s) for s in table["spacing"]]
    a, b, c = [None, *spacing] if len(spacing) == 2 else spacing
    i, j, k = (2 - int(axis) for axis in plans["transpose_forward"])
    # A second stage is given every label but background and ignore, where there are regions too.
    cascade = labels.ids if table.get("previous_stage") else ()
    inputs, outputs = len(channels) + len(cascade), len(regions) or 1 + len(labels.ids)
    return Plan(
        net=net_config(table, in_channels=inputs, out_channels=outputs, where=where),
        channels=channels,
        spacing_mm=(a, b, c),
        patch=tuple(int(n) for n in table["patch_size"]),
        batch=int(table["batch_size"]),
        axes=(i, j, k),
        orientation=_READERS[plans.get("image_reader_writer", "SimpleITKIO")],
        separate=_separate(table, where),
        regions=regions,
        cascade=cascade,
    )


def _resolved(
    configurations: Mapping[str, Any], name: str, where: str | Path, heirs: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A configuration with all that it inherits."""
    if name not in configurations or name in heirs:
        got = f"{name}, which inherits from itself" if name in heirs else name
        raise ModelError(f"{where}: configuration", expected=f"one of {', '.join(configurations)}", got=got)
    own = configurations[name]
    unknown = sorted(set(own) - _KNOWN)
    if unknown:
        raise ModelError(
            f"{where}: plans: {name}",
            expected="the keys that nnU-Net 2.0 to 2.8 write",
            got=", ".join(unknown),
            hint="A key that is not known may change how scans are prepared. Remove it if it does not.",
        )
    parent = own.get("inherits_from")
    return own if parent is None else _resolved(configurations, parent, where, (*heirs, name)) | own


def _check_preparation(plans: Mapping[str, Any], table: Mapping[str, Any], where: str | Path) -> None:
    """Refuse what would prepare a scan in another way than `condyle.prepare`."""
    reader = plans.get("image_reader_writer", "SimpleITKIO")
    if reader not in _READERS:
        raise ModelError(f"{where}: image_reader_writer", expected=f"one of {', '.join(_READERS)}", got=str(reader))
    preprocessor = table.get("preprocessor_name", "DefaultPreprocessor")
    if preprocessor != "DefaultPreprocessor":
        raise ModelError(f"{where}: preprocessor_name", expected="DefaultPreprocessor", got=str(preprocessor))
    for what, order in _ORDERS.items():
        key = f"resampling_fn_{what}"
        if table.get(key, _RESAMPLING) != _RESAMPLING:
            raise ModelError(f"{where}: {key}", expected=_RESAMPLING, got=str(table[key]))
        kwargs = table.get(f"{key}_kwargs", {})
        usual = {"is_seg": what == "seg", "order": order, "order_z": 0}
        if any(kwargs.get(k, v) != v for k, v in usual.items()):
            raise ModelError(f"{where}: {key}_kwargs", expected=str(usual), got=str(kwargs))


def _separate(table: Mapping[str, Any], where: str | Path) -> Literal["auto", "never"]:
    forced = [table.get(f"resampling_fn_{what}_kwargs", {}).get("force_separate_z") for what in _ORDERS]
    if forced[0] is True or any(f is not forced[0] for f in forced):
        raise ModelError(f"{where}: force_separate_z", expected="null or false, for all alike", got=str(forced))
    return "auto" if forced[0] is None else "never"


def _channels(
    plans: Mapping[str, Any], dataset: Mapping[str, Any], table: Mapping[str, Any], where: str | Path
) -> tuple[Channel, ...]:
    names = dataset.get("channel_names") or dataset["modality"]
    measured = plans.get("foreground_intensity_properties_per_channel")
    if measured is None:
        measured = plans["foreground_intensity_properties_by_modality"]
    schemes, masks = table["normalization_schemes"], table["use_mask_for_norm"]
    if not len(names) == len(schemes) == len(masks):
        got = f"{len(schemes)} for {', '.join(names.values())}"
        raise ModelError(f"{where}: normalization_schemes", expected="one a channel", got=got)
    out = []
    for n, (key, scheme, mask) in enumerate(zip(sorted(names, key=int), schemes, masks, strict=True)):
        if scheme not in _NORMALIZATIONS:
            expected = f"one of {', '.join(_NORMALIZATIONS)}"
            raise ModelError(f"{where}: normalization_schemes", expected=expected, got=str(scheme))
        kind = _NORMALIZATIONS[scheme]
        if kind == "ct":
            m = measured[str(n)]
            numbers = [float(m[k]) for k in ("mean", "std", "percentile_00_5", "percentile_99_5")]
            out.append(Channel(str(names[key]), kind, False, *numbers))
        else:
            out.append(Channel(str(names[key]), kind, bool(mask) and kind == "zscore"))
    return tuple(out)


def _regions(dataset: Mapping[str, Any], where: str | Path) -> tuple[Region, ...]:
    """The network's outputs, where they are regions: all labels but background and ignore, in their order."""
    told = {name: ids for name, ids in dataset["labels"].items() if name not in {"background", "ignore"}}
    if not any(isinstance(ids, list) and len(ids) > 1 for ids in told.values()):
        return ()
    paints = dataset.get("regions_class_order")
    if not isinstance(paints, list) or len(paints) != len(told):
        raise ModelError(f"{where}: regions_class_order", expected=f"{len(told)} ids", got=str(paints))
    return tuple(
        Region(name, tuple(ids) if isinstance(ids, list) else (ids,), int(paint))
        for (name, ids), paint in zip(told.items(), paints, strict=True)
    )
