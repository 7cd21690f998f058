"""Numbers of others to print beside ours. Other scans, other truths: they are company, not opponents.

A distance stands under its own name: the femur study's average surface distance is that of seg-metrics (`msd`), and the
knee study's is one over volumes in voxels, which is no surface distance at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

BaselineName = Literal["femur", "knee", "limb"]


@dataclass(frozen=True)
class Published:
    """One line of a published table.

    Args:
        method: What was judged.
        structure: Of which bone.
        scores: Heading to what is printed.
        source: Where it stands.
    """

    method: str
    structure: str
    scores: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


_DENG = (
    "Deng Y et al. A deep learning-based approach to automatic proximal femur segmentation in quantitative CT images. "
    "Med Biol Eng Comput 2022;60:1417-1429"
)
_YOSIBASH = (
    "Yosibash Z et al. Femurs segmentation by machine learning from CT scans combined with autonomous finite elements "
    "in orthopedic and endocrinology applications. Comput Math Appl 2023;152:16-27"
)
_LANG = "Lang, proximal femur CT with nnU-Net (project report): 10 test images"
_KNEE = "Low-field knee MRI with a 3D U-Net (project report): one test subject, three bones together"
_LIMB = "Paediatric lower-limb MRI, ResNet34 U-Net (project report): mean and SD over 7 folds"


def _femur(method: str, source: str, *scores: str) -> Published:
    headings = ("Dice", "Sensitivity", "Specificity", "ASD (mm)")
    return Published(method, "proximal femur", dict(zip(headings, scores, strict=True)), source)


def _limb(method: str, *scores: tuple[str, str]) -> list[Published]:
    bones = ("tibia", "femur", "fibula", "pelvis")
    return [
        Published(method, bone, {"Dice": dice, "Volume error ml (absolute)": error}, _LIMB)
        for bone, (dice, error) in zip(bones, scores, strict=True)
    ]


BASELINES: Mapping[BaselineName, tuple[Published, ...]] = {
    "femur": (
        _femur("2D, corrected to corrected", _LANG, ".9879", ".9895", ".9979", ".1424"),
        _femur("3D, corrected to corrected", _LANG, ".9895", ".9914", ".9981", ".1246"),
        _femur("2D, fill to fill", _LANG, ".9892", ".9876", ".9985", ".1308"),
        _femur("3D, fill to fill", _LANG, ".9923", ".9909", ".9990", ".0922"),
        _femur("2D, fill to corrected", _LANG, ".9770", ".9904", ".9942", ".3064"),
        _femur("3D, fill to corrected", _LANG, ".9785", ".9923", ".9944", ".2878"),
        _femur("Deng 2022", _DENG, ".9782", ".9959", ".9989", ".1657"),
        _femur("Yosibash 2023", _YOSIBASH, ".9913", ".9892", ".9998", ".1526"),
    ),
    "knee": (
        Published(
            "3D U-Net, three views",
            "femur, tibia and patella as one",
            {"Dice": ".9838", "IoU": ".9682", "Average Hausdorff distance over volumes (voxels)": ".0223"},
            _KNEE,
        ),
    ),
    "limb": (
        *_limb("ResNet34 U-Net", (".93 ± .02", "5.4 ± .9"), (".95 ± .01", ".9 ± .2"), (".78 ± .04", "2.9 ± 1.2"),
               (".88 ± .03", "24.5 ± 3.9")),
        *_limb("nnU-Net 2D", (".89 ± .03", "18.3 ± 3.4"), (".92 ± .03", "1.1 ± .8"), (".75 ± .03", "3.4 ± 1.6"),
               (".84 ± .04", "31.8 ± 5.1")),
        *_limb("nnU-Net 3D", (".90 ± .03", "9.6 ± 2.2"), (".91 ± .03", ".9 ± .2"), (".75 ± .06", "5.4 ± 2.6"),
               (".70 ± .05", "43.3 ± 5.2")),
        *_limb("2D U-Net", (".78 ± .02", "25.0 ± 6.2"), (".83 ± .03", "8.3 ± 2.3"), (".64 ± .03", "8.8 ± 3.0"),
               (".68 ± .03", "53.4 ± 8.1")),
    ),
}  # fmt: skip

#: What to know before holding one's own numbers against them.
CAUTIONS: Mapping[BaselineName, str] = {
    "femur": (
        "The report's ASD is that of seg-metrics, between voxel centres, which reads about a fifth less than the ASSD "
        "of this page. How the others measured stands in their papers."
    ),
    "knee": "One subject. The distance is over volumes, in voxels: it is not comparable with an ASSD.",
    "limb": "The volume errors were computed with a voxel size that did not belong to the masks; only Dice compares.",
}
