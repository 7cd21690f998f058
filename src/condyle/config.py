"""Every knob of a model, once: frozen dataclasses that travel as JSON with the weights.

* **plan**: how a scan becomes a network's input and its output a label map: axes, spacing, normalisation,
  patch, network. Made from the data, or read from another tool's model.
* **tensor axes**: the order in which a network sees a scan. All tuples with an entry an axis (spacing, patch,
  kernels, strides) are in this order. A 2-D network sees slices: the first tensor axis is the one across them.

Unknown keys, missing keys and contradictions are refused when a config is made.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any, Literal, TypeVar

from condyle.errors import ConfigError

NetKind = Literal["plain_unet", "residual_unet", "unet3d", "vnet", "resnet34_unet", "unet2d"]
Normalization = Literal["ct", "zscore", "rescale", "rgb", "none"]


@dataclass(frozen=True)
class NetConfig:
    """A network, fully: `nets.build` needs nothing else.

    Args:
        kind: Which family; see `condyle.nets`.
        dim: 2 or 3.
        in_channels: Channels of the input.
        out_channels: Channels of the output: background and structures, or regions.
        features: Channels of each stage, finest first.
        kernels: Kernel size of each stage, an entry an axis.
        strides: Stride into each stage, an entry an axis; the first is 1.
        blocks: Convolutions (plain) or residual blocks of each encoder stage.
        decoder_blocks: Convolutions of each decoder stage, coarsest first; one stage fewer.
        deep_supervision: Whether coarser decoder stages have outputs too, for training.
    """

    kind: NetKind
    dim: int
    in_channels: int
    out_channels: int
    features: tuple[int, ...]
    kernels: tuple[tuple[int, ...], ...]
    strides: tuple[tuple[int, ...], ...]
    blocks: tuple[int, ...]
    decoder_blocks: tuple[int, ...]
    deep_supervision: bool = False

    def __post_init__(self) -> None:
        stages = len(self.features)
        if self.dim not in {2, 3}:
            raise ConfigError("net: dim", expected="2 or 3", got=str(self.dim))
        if not stages:
            raise ConfigError("net: features", expected="at least one stage", got="none")
        for name in ("in_channels", "out_channels", "features", "blocks"):
            value = getattr(self, name)
            if min(value if isinstance(value, tuple) else (value,), default=1) < 1:
                raise ConfigError(f"net: {name}", expected="1 or more", got=str(value))
        for name in ("kernels", "strides", "blocks"):
            if len(getattr(self, name)) != stages:
                got = f"{len(getattr(self, name))} for {stages} stages"
                raise ConfigError(f"net: {name}", expected="an entry a stage", got=got)
        if len(self.decoder_blocks) != stages - 1:
            got = f"{len(self.decoder_blocks)} for {stages} stages"
            raise ConfigError("net: decoder_blocks", expected="one entry fewer than stages", got=got)
        for axes in (*self.kernels, *self.strides):
            if len(axes) != self.dim or min(axes) < 1:
                raise ConfigError("net: kernels, strides", expected=f"{self.dim} numbers above 0 each", got=str(axes))

    @property
    def divisor(self) -> tuple[int, ...]:
        """What each axis of an input must be divisible by: the product of its strides."""
        out = [1] * self.dim
        for stride in self.strides:
            out = [a * b for a, b in zip(out, stride, strict=True)]
        return tuple(out)


@dataclass(frozen=True)
class Channel:
    """One input channel and its normalisation.

    Args:
        name: What it is, e.g. `CT`, `T1`.
        normalize: `ct`: clip to `low` and `high`, then `(x - mean) / std`, with these numbers. `zscore`: by the scan's
            own mean and deviation. `rescale`: the scan's own range to 0..1. `rgb`: 0..255 to 0..1. `none`: as it is.
        nonzero_only: `zscore` inside the scan's non-zero region; the rest stays 0.
        mean: Of foreground voxels over the training set; likewise the three that follow.
        std: Standard deviation.
        low: 0.5th percentile.
        high: 99.5th percentile.
    """

    name: str
    normalize: Normalization
    nonzero_only: bool = False
    mean: float = 0.0
    std: float = 1.0
    low: float = float("-inf")
    high: float = float("inf")

    def __post_init__(self) -> None:
        if self.std < 0:
            raise ConfigError(f"channel {self.name}: std", expected="0 or more", got=f"{self.std:g}")
        if self.low > self.high:
            got = f"{self.low:g} and {self.high:g}"
            raise ConfigError(f"channel {self.name}: low, high", expected="low below high", got=got)


@dataclass(frozen=True)
class Region:
    """One output of a network that scores regions, which may overlap, instead of classes.

    Args:
        name: What it is, e.g. `bone`.
        ids: The labels it joins.
        paint: The label it leaves in a label map, over what the regions before it painted.
    """

    name: str
    ids: tuple[int, ...]
    paint: int


@dataclass(frozen=True)
class Plan:
    """From a scan to tensors and back.

    Args:
        net: The network.
        channels: Its inputs, in order.
        spacing_mm: Of the network's input along the tensor axes; None keeps the scan's own (across slices in 2-D).
        patch: Size of the window, an entry an axis of the network (2 in 2-D).
        batch: Patches a training step.
        axes: Which axis of the (oriented) volume is each tensor axis. (2, 1, 0) turns i, j, k into k, j, i.
        orientation: Turn the volume to this orientation first, e.g. `RAS`; None leaves it as stored.
        crop_nonzero: Leave out the margin that is 0 in every channel.
        separate: `auto`: do not interpolate across the slices of anisotropic scans (nnU-Net's rule); `never`.
        regions: What each output of the network means, where these are regions; empty where they are background and
            the structures by ascending id.
        mirror: Axes of the network along which it was trained on mirrored patches too, so that it may be asked again
            about mirrored ones.
        mirrored: Its answer is the mean over mirrored windows, unless another is asked for.
        cascade: Ids of structures of the stage before, each an extra input channel behind the scan's, 1 where it was
            found.
        near_mm: Look only in a box around all that the stage before found, with this margin; None: everywhere.
    """

    net: NetConfig
    channels: tuple[Channel, ...]
    spacing_mm: tuple[float | None, float | None, float | None]
    patch: tuple[int, ...]
    batch: int = 2
    axes: tuple[int, int, int] = (2, 1, 0)
    orientation: str | None = None
    crop_nonzero: bool = True
    separate: Literal["auto", "never"] = "auto"
    regions: tuple[Region, ...] = ()
    mirror: tuple[int, ...] = ()
    mirrored: bool = False
    cascade: tuple[int, ...] = ()
    near_mm: float | None = None

    def __post_init__(self) -> None:
        if len(self.patch) != self.net.dim or min(self.patch) < 1:
            raise ConfigError("plan: patch", expected=f"{self.net.dim} sizes above 0", got=str(self.patch))
        if any(p % d for p, d in zip(self.patch, self.net.divisor, strict=True)):
            raise ConfigError("plan: patch", expected=f"sizes divisible by {self.net.divisor}", got=str(self.patch))
        if not self.channels or len(self.channels) + len(self.cascade) != self.net.in_channels:
            behind = f" and {len(self.cascade)} structures" if self.cascade else ""
            got = f"{len(self.channels)}{behind} for a net of {self.net.in_channels}"
            raise ConfigError("plan: channels", expected="one for each input of the net", got=got)
        if len(set(self.cascade)) < len(self.cascade) or min(self.cascade, default=1) < 1:
            raise ConfigError("plan: cascade", expected="ids of structures, each once", got=str(self.cascade))
        if self.near_mm is not None and (self.near_mm < 0 or not self.cascade):
            got = f"{self.near_mm:g} mm, {'after' if self.cascade else 'without'} another stage"
            raise ConfigError("plan: near_mm", expected="0 mm or more, after another stage", got=got)
        if sorted(self.axes) != [0, 1, 2]:
            raise ConfigError("plan: axes", expected="an order of 0, 1, 2", got=str(self.axes))
        if self.regions and len(self.regions) != self.net.out_channels:
            got = f"{len(self.regions)} for a net of {self.net.out_channels}"
            raise ConfigError("plan: regions", expected="one for each output of the net", got=got)
        if len(set(self.mirror)) < len(self.mirror) or not set(self.mirror) <= set(range(self.net.dim)):
            raise ConfigError("plan: mirror", expected=f"axes below {self.net.dim}, each once", got=str(self.mirror))
        if any(s is not None and s <= 0 for s in self.spacing_mm):
            raise ConfigError("plan: spacing_mm", expected="spacings above 0 mm", got=str(self.spacing_mm))
        if self.batch < 1:
            raise ConfigError("plan: batch", expected="1 or more", got=str(self.batch))


Config = TypeVar("Config")


def to_json(config: Any) -> Any:
    """Plain data of a config: dataclasses as tables, tuples as lists, infinities as null."""
    if is_dataclass(config) and not isinstance(config, type):
        return {f.name: to_json(getattr(config, f.name)) for f in fields(config)}
    if isinstance(config, tuple):
        return [to_json(item) for item in config]
    if isinstance(config, Mapping):
        return {key: to_json(value) for key, value in config.items()}
    if isinstance(config, float) and config in {float("inf"), float("-inf")}:
        return None
    return config


def from_json(kind: type[Config], data: Any, where: str) -> Config:
    """The inverse of `to_json`.

    Args:
        kind: A config class.
        data: Plain data.
        where: File and key, for errors.

    Raises:
        ConfigError: on unknown or missing keys, or values of another type.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(where, expected=f"a table ({kind.__name__})", got=type(data).__name__)
    assert is_dataclass(kind)  # noqa: S101 - our own classes only
    known = {f.name: f for f in fields(kind)}
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise ConfigError(where, expected=f"keys among {', '.join(known)}", got=", ".join(unknown))
    hints = typing.get_type_hints(kind)
    values = {}
    for name, field in known.items():
        if name in data and not (data[name] is None and isinstance(field.default, float)):
            values[name] = _value(hints[name], data[name], f"{where}: {name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(where, expected=f"the key {name}", got=", ".join(data) or "nothing")
    return kind(**values)


def _value(hint: Any, data: Any, where: str) -> Any:  # noqa: PLR0911 - a line for each kind of hint
    origin, members = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return data
    if origin is Mapping:
        if not isinstance(data, Mapping):
            raise ConfigError(where, expected="a table", got=repr(data))
        return {str(key): _value(members[1], value, f"{where}: {key}") for key, value in data.items()}
    if isinstance(hint, type) and is_dataclass(hint):
        return from_json(hint, data, where)
    if origin in {types.UnionType, typing.Union}:
        return None if data is None else _value(next(m for m in members if m is not type(None)), data, where)
    if origin is Literal:
        if data not in members:
            raise ConfigError(where, expected=f"one of {', '.join(map(str, members))}", got=repr(data))
        return data
    if origin is tuple:
        if not isinstance(data, list) or (members[-1] is not Ellipsis and len(data) != len(members)):
            raise ConfigError(
                where, expected="a list" if members[-1] is Ellipsis else f"{len(members)} values", got=repr(data)
            )
        each = [members[0]] * len(data) if members[-1] is Ellipsis else members
        return tuple(_value(m, item, where) for m, item in zip(each, data, strict=True))
    if hint is float and type(data) is int:
        return float(data)
    if type(data) is not hint:
        raise ConfigError(where, expected=f"a {hint.__name__}", got=repr(data))
    return data
