"""What the page says first: what was compared, what came of it, and what is missing."""

from __future__ import annotations

from html import escape

from condyle.reports import words
from condyle.reports.judged import Content, Judged
from condyle.reports.pieces import note


def lead(content: Content, viewed: int) -> str:
    """What was compared and what came of it, in sentences."""
    a, truth = content.a, content.truth
    number = len(a.cases)
    shown = ", ".join(content.structures[:4]) + (" and others" if len(content.structures) > 4 else "")
    text = words.LEAD.format(a=a.name, truth=truth, cases=_count(number, "case"), structures=shown or "none")
    text += (words.LEAD_SYMMETRIC if content.symmetric else words.LEAD_TRUTH).format(a=a.name, truth=truth)
    if content.b is not None:
        text += words.LEAD_TWO.format(b=content.b.name)
    text += words.LEAD_SHOWN.format(viewed=_count(viewed, "case"))
    findings = "".join(f"<li>{escape(line)}</li>" for line in _findings(content))
    return f'<p class="lead">{escape(text)}</p><ul class="findings">{findings}</ul>' + note(words.RADIOLOGICAL)


def _findings(content: Content) -> list[str]:
    out = []
    for model in content.models:
        before = f"{model.name}, " if content.b is not None else ""
        out += [
            before + finding(model, structure) for structure in content.structures[:6] if structure in model.summary
        ]
    for structure, metrics in (content.against or {}).items():
        dice = metrics["dice"]
        difference = f"{abs(dice.difference):.4f}"
        if dice.interval is None:
            template, low, high = words.COMPARED_FEW, "", ""
        else:
            template = words.COMPARED_OPEN if dice.winner is None else words.COMPARED_WINS
            # A winner's lead is told as a positive number, whichever of the two it is.
            ends = sorted(map(abs, dice.interval)) if dice.winner else dice.interval
            low, high = (f"{v:.4f}".replace("-", "\N{MINUS SIGN}") for v in ends)
        winner = content.a.name if dice.winner == "a" or content.b is None else content.b.name
        out.append(
            template.format(structure=structure, winner=winner, difference=difference, low=low, high=high, n=dice.n)
        )
    return out


def finding(model: Judged, structure: str) -> str:
    """How well one structure was found, in a sentence."""
    counts, summary = model.counts[structure], model.summary[structure]
    there = counts["both"] + counts["missed"]
    text = words.FINDING.format(structure=structure, found=counts["both"], there=there)
    if counts["false_alarm"]:
        text += words.FINDING_FALSE.format(n=counts["false_alarm"], s="s" if counts["false_alarm"] > 1 else "")
    assd, dice = summary["assd_mm"], summary["dice"]
    if assd.mean is not None and dice.mean is not None:
        text += words.FINDING_SCORES.format(assd=f"{assd.mean:.2f}", dice=f"{dice.mean:.3f}")
        if dice.interval is not None:
            text += words.FINDING_INTERVAL.format(low=f"{dice.interval[0]:.3f}", high=f"{dice.interval[1]:.3f}")
    return text + "."


def notes(content: Content) -> str:
    """What has no partner or failed; nothing if nothing did."""
    if not content.notes:
        return ""
    lines = "".join(f"<li>{escape(line)}</li>" for line in content.notes)
    return f'<section class="alert"><h2>{words.NOTES}</h2><ul>{lines}</ul></section>'


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
