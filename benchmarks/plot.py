"""How the cost grows with the ranks, as an SVG without any library: both axes are logarithmic."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

_WIDTH, _HEIGHT = 680, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 190, 30, 50
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_TEXT = 'font-family="sans-serif" font-size="12" fill="#333"'


def svg(points: Mapping[str, Mapping[int, Sequence[float]]], x_label: str, y_label: str) -> str:
    """A line for each name, through the medians, with bars from the least to the greatest value."""
    counts = sorted({count for line in points.values() for count, values in line.items() if values})
    values = [value for line in points.values() for found in line.values() for value in found if value > 0]
    if not values:
        return f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}"/>\n'
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    most = max(math.log2(counts[-1]), 1)

    def x(count: int) -> float:
        return _LEFT + math.log2(count) / most * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (math.log10(value) - low) / max(high - low, 1) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>']
    for power in range(low, high + 1):
        parts += [_line(_LEFT, y(10**power), _WIDTH - _RIGHT, y(10**power), "#ddd")]
        parts += [f'<text x="{_LEFT - 8}" y="{y(10**power) + 4:.1f}" text-anchor="end" {_TEXT}>{10.0**power:g}</text>']
    for count in counts:
        parts += [_line(x(count), _TOP, x(count), _HEIGHT - _BOTTOM, "#eee")]
        parts += [f'<text x="{x(count):.1f}" y="{_HEIGHT - 32}" text-anchor="middle" {_TEXT}>{count:,}</text>']
    for number, (name, line) in enumerate(points.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        shown = {count: found for count, found in sorted(line.items()) if found}
        path = " ".join(f"{x(count):.1f},{y(statistics.median(found)):.1f}" for count, found in shown.items())
        parts += [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
        for count, found in shown.items():
            parts += [f'<circle cx="{x(count):.1f}" cy="{y(statistics.median(found)):.1f}" r="3.5" fill="{colour}"/>']
            parts += [_line(x(count), y(min(found)), x(count), y(max(found)), colour)]
        parts += [_line(_WIDTH - _RIGHT + 15, 46 + 20 * number, _WIDTH - _RIGHT + 35, 46 + 20 * number, colour)]
        parts += [f'<text x="{_WIDTH - _RIGHT + 40}" y="{50 + 20 * number}" {_TEXT}>{name}</text>']
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts += [f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle" {_TEXT}>{x_label}</text>']
    parts += [f'<text x="{_LEFT - 50}" y="18" {_TEXT}>{y_label}</text>']
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">'
    )
    return "\n".join([head, *parts, "</svg>\n"])


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'
