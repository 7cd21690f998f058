"""Every sentence of the page that is not a number, in one place. `{...}` is filled in, escaped by whoever does."""

from __future__ import annotations

TITLE = "{a} against {truth}"
TITLE_TWO = "{a} and {b} against {truth}"

LEAD = (
    "Masks called “{a}” were compared with masks called “{truth}” in {cases}, structure by structure ({structures}). "
)
LEAD_TRUTH = "“{truth}” is taken as true. "
LEAD_SYMMETRIC = "Neither needs to be the true one: “missed” reads as “only in {truth}”, “false” as “only in {a}”. "
LEAD_TWO = "A second prediction, “{b}”, was judged by the same truth and is shown beside the first. "
LEAD_SHOWN = "Below are the scores, how they spread, every case in a table, and {viewed} to look into slice by slice."

FINDING = "{structure}: found in {found} of {there} cases that have it"
FINDING_FALSE = ", {n} false alarm{s}"
FINDING_SCORES = "; where found, the surfaces are {assd} mm apart on average; mean Dice {dice}"
FINDING_INTERVAL = " (95 % interval {low} to {high})"

COMPARED_WINS = "{structure}: {winner} has the better Dice, by {difference} (95 % interval {low} to {high}, {n} cases)."
COMPARED_OPEN = (
    "{structure}: no winner by Dice; the interval of the difference, {low} to {high}, spans zero ({n} cases)."
)
COMPARED_FEW = "{structure}: too few patients for an interval of the difference in Dice ({difference}, {n} cases)."

RADIOLOGICAL = (
    "All pictures are radiological: the patient's right (R) is on the left of the picture. "
    "A anterior, P posterior, S superior, I inferior."
)
SUMMARY = "Summary"
SUMMARY_NOTE = (
    "Means over cases, with a 95 % bootstrap interval over patients, from five on, in small print. A missed structure "
    "or false alarm has Dice 0 and no distance; in the penalised means it counts with the diagonal of "
    "the image or the stated limit."
)
SPREAD = "How the scores spread"
SPREAD_NOTE = (
    "One dot a case; the box holds the middle half, its line is the median, whiskers reach to the last case within 1.5 "
    "box lengths. Cases without a value are counted at the right."
)
HISTOGRAMS = "Histograms"
CASES = "Every case"
CASES_NOTE = "Choose a heading to sort. A case with a link opens in the viewer."
VIEWER = "Look into a case"
VIEWER_NOTE = (
    "The planes start where the masks differ most within a cube of 1 cm. "
    "Click in a picture to cut all three planes there."
)
NO_VIEWER = "No case was chosen for viewing (--cases 0)."
SURFACE = "Surface"
MEASURED = "How this was measured"
MEASURED_NOTE = (
    "Distances are between smooth surfaces placed between the voxels and weighted by area, with the faces where the "
    "field of view cuts a bone left out. Scores are of the whole masks at their own resolution. The pictures are "
    "cropped to the structures and, where a note says so, coarser. Surface Dice forgives {tolerance} mm."
)
NOTES = "Not in these numbers"
MADE_BY = "Made by Condyle {version}. This file is complete in itself and asks nothing of a network."

STATUS = {"both": "found", "missed": "missed", "false_alarm": "false alarm", "absent": "absent in both"}

MOVED = (
    "{structure}: “{a}” has {change} ml {more_or_less} than “{truth}”: {added} ml more{added_where} and {removed} ml "
    "less{removed_where}."
)
MOVED_SAME = "{structure}: “{a}” and “{truth}” are the same, voxel by voxel."
MOVED_DISTANCE = " The surfaces are {mean} mm apart on average and {largest} mm at most."
MOVED_MISSED = "{structure}: missed by “{a}”; “{truth}” has {ml} ml."
MOVED_FALSE = "{structure}: only “{a}” has it, {ml} ml."
MOVED_WHERE = " (mostly in its {where} part)"
CUT = " The field of view cuts it."
NOTHING = "Neither mask has any structure here."
COARSE = "Shown at {shown} mm; the masks are of {own} mm."
NO_IMAGE = "No scan was given, so the masks are on neutral ground."
OBLIQUE = "The scan's axes are oblique: letters name the nearest direction."

#: What the page's scripts say.
INTERFACE = {
    "all": "All structures",
    "slice": "slice {n} of {of}, {side} {mm} mm",
    "contours": "Contours",
    "error": "Error map",
    "agreement": "Agreement",
    "plain": "Scan only",
    "axial": "Axial",
    "coronal": "Coronal",
    "sagittal": "Sagittal",
    "missed": "missed",
    "false": "false",
    "agreed": "agreed",
    "both": "both",
    "only": "only {name}",
    "noDistance": "no distance: only one mask has it",
    "cutFace": "cut by the field of view",
    "inside": "inside “{truth}”",
    "outside": "outside",
    "noSurface": "There is no surface to show.",
    "noWebgl": "This browser cannot draw the surface (WebGL is off).",
    "noUnpack": "This browser is too old to unpack the pictures (no DecompressionStream).",
    "surfaceOf": "Surface of “{name}”, coloured by its distance from “{truth}”.",
    "surfaceAlone": "Surface of “{name}”.",
    "surfaceLabel": "Surface. Drag or use the arrow keys to turn, plus and minus to zoom, Home to go back.",
}
