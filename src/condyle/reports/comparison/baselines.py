"""Numbers of others to print beside ours. Other scans, other truths: they are company, not opponents.

A distance stands under its own name: the femur study's average surface distance is that of seg-metrics (`msd`), and the
knee study's is one over volumes in voxels, which is no surface distance at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

BaselineName = Literal["femur", "femur-grid", "knee", "limb", "limb-choices", "limb-transfer"]


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
_GRID = "Lang, proximal femur CT with nnU-Net (project report): validation Dice of one fold after 100 epochs"
_LIMB = "Paediatric lower-limb MRI, ResNet34 U-Net (project report): mean and SD over 7 folds"
_CHOICES = "The same report: ResNet34 U-Net, 7 subjects, each left out once, 20 epochs"
_TRANSFER = "The same report: a second cohort of 5 subjects, each left out once"
_BONES = ("tibia", "femur", "fibula", "pelvis")


def _femur(method: str, source: str, *scores: str) -> Published:
    headings = ("Dice", "Sensitivity", "Specificity", "ASD (mm)")
    return Published(method, "proximal femur", dict(zip(headings, scores, strict=True)), source)


def _grid(method: str, *dice: str) -> Published:
    headings = ("Dice, small batch", "Dice, medium batch", "Dice, large batch")
    return Published(method, "proximal femur", dict(zip(headings, dice, strict=True)), _GRID)


def _choice(method: str, dice: str) -> Published:
    return Published(method, "mean of four bones", {"Dice": dice}, _CHOICES)


def _transfer(method: str, *dice: str) -> list[Published]:
    return [Published(method, bone, {"Dice": d}, _TRANSFER) for bone, d in zip(_BONES, dice, strict=True)]


def _limb(method: str, *scores: tuple[str, str]) -> list[Published]:
    bones = (*_BONES, "mean of the four")
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
    "femur-grid": (
        _grid("2D", ".99021", ".99017", ".99015"),
        _grid("2D, ResEnc", ".99052", ".99050", ".99049"),
        _grid("3D", ".99172", ".99153", ".99167"),
        _grid("3D, ResEnc", ".99162", "–", ".99171"),  # noqa: RUF001 - typography
        _grid("2D, DA5", ".99013", ".99004", ".99000"),
        _grid("2D, ResEnc, DA5", ".99046", ".99038", ".99044"),
        _grid("3D, DA5", ".99124", ".99137", ".99148"),
        _grid("3D, ResEnc, DA5", ".99127", "–", ".99143"),  # noqa: RUF001
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
               (".88 ± .03", "24.5 ± 3.9"), (".89", "8.4")),
        *_limb("nnU-Net 2D", (".89 ± .03", "18.3 ± 3.4"), (".92 ± .03", "1.1 ± .8"), (".75 ± .03", "3.4 ± 1.6"),
               (".84 ± .04", "31.8 ± 5.1"), (".85", "13.7")),
        *_limb("nnU-Net 3D", (".90 ± .03", "9.6 ± 2.2"), (".91 ± .03", ".9 ± .2"), (".75 ± .06", "5.4 ± 2.6"),
               (".70 ± .05", "43.3 ± 5.2"), (".82", "14.8")),
        *_limb("2D U-Net", (".78 ± .02", "25.0 ± 6.2"), (".83 ± .03", "8.3 ± 2.3"), (".64 ± .03", "8.8 ± 3.0"),
               (".68 ± .03", "53.4 ± 8.1"), (".73", "23.9")),
    ),
    "limb-choices": (
        _choice("loss: Dice", ".86"),
        _choice("loss: cross-entropy", ".80"),
        _choice("loss: Dice and focal", ".88"),
        _choice("weights of ImageNet", ".86"),
        _choice("weights at random", ".79"),
        _choice("images of 512 pixels", ".74"),
        _choice("images of 400 pixels", ".74"),
        _choice("images of 256 pixels", ".73"),
        _choice("encoder ResNet50", ".86"),
        _choice("encoder VGG19", ".75"),
        _choice("encoder MobileNetV2", ".76"),
        _choice("rate 1e-4", ".86"),
        _choice("rate 1e-5", ".75"),
        _choice("rate falling from 1e-4", ".86"),
    ),
    "limb-transfer": (
        *_transfer("as trained on the first cohort", ".23", ".32", ".08", ".03"),
        *_transfer("fine-tuned", ".93 ± .01", ".95 ± .03", ".87 ± .02", ".81 ± .02"),
    ),
}  # fmt: skip

#: What to know before holding one's own numbers against them.
CAUTIONS: Mapping[BaselineName, str] = {
    "femur": (
        "The report's ASD is that of seg-metrics, between voxel centres, which reads about a fifth less than the ASSD "
        "of this page. How the others measured stands in their papers."
    ),
    "femur-grid": (
        "One fold, one seed. Two runs with the same batch differ by 8.5e-5 there, which is more than any batch size "
        "changes in 2D."
    ),
    "knee": "One subject. The distance is over volumes, in voxels: it is not comparable with an ASSD.",
    "limb": "The volume errors were computed with a voxel size that did not belong to the masks; only Dice compares.",
    "limb-choices": "Twenty epochs each, one seed, seven subjects, and no interval is given.",
    "limb-transfer": "Five subjects; the second cohort's scans have another slice thickness than the first's.",
}
