"""From other people's folders to cases: finding scans and masks, naming them, placing them on one grid."""

from condyle.data.importers.find import Sources, find_sources
from condyle.data.importers.found import FoundCase, MaskFiles
from condyle.data.importers.groups import group_of, groups_from_csv
from condyle.data.importers.handling import Handling
from condyle.data.importers.labelling import Labelling, resolve
from condyle.data.importers.masks import find_masks
from condyle.data.importers.pairing import MaskPlan, plan_masks
from condyle.data.importers.work import Work, import_case

__all__ = [
    "FoundCase", "Handling", "Labelling", "MaskFiles", "MaskPlan", "Sources", "Work", "find_masks", "find_sources",
    "group_of", "groups_from_csv", "import_case", "plan_masks", "resolve",
]  # fmt: skip
