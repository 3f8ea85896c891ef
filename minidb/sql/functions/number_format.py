"""to_char and to_number for numbers: templates of 9, 0, D, G, comma, point and sign patterns.

    to_char(1234.5, '9G999D99')   ' 1,234.50'      a blank before stands for the missing minus sign
    to_char(-7, '099')            '-007'
    to_char(7, 'FM999')           '7'              FM: no padding

The locale is C: D is a point, G a comma, L a blank. Not there: RN with fractions, V beyond integers.

A double has 15 digits to show, a real 6: where they are used up the text ends, whatever the template has behind it.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from minidb import errors
from minidb.types import numeric_round, shift_point

_TOKEN = r'"((?:[^"\\]|\\.)*)"|(FM|EEEE|SG|PL|MI|PR|TH|RN|[09.,DGSLVBC])|(.)'


class Template(msgspec.Struct, frozen=True):
    """A parsed number template. `body` has digits, groups, the point, signs and literals ("'" before them) in order."""

    body: tuple[str, ...]
    fill: bool  # FM: suppress blanks and trailing zeros
    sign: (
        str  # "": a minus before the first digit; S: anchored sign; "S>": at the end; PR: angle brackets; MI, SG: none
    )
    ordinal: str  # TH, th or nothing
    roman: str
    exponent: bool
    scale: int
    whole: int
    shift: int  # digits after V


class _Parser:
    """Collects a template's parts; what may not stand together is 42601, as in PostgreSQL's NUMDesc_prepare."""

    def __init__(self) -> None:
        self.body: list[str] = []
        self.fill = self.exponent = self.after_point = self.after_shift = False
        self.sign = self.ordinal = self.roman = ""
        self.plus = self.blank = False
        self.scale = self.whole = self.shift = 0

    def literal(self, text: str) -> None:
        self.body += ["'" + character for character in text]

    def pattern(self, name: str, written: str) -> None:
        if self.exponent:
            raise errors.SyntaxError(
                'cannot use "EEEE" twice' if name == "EEEE" else '"EEEE" must be the last pattern used'
            )
        if name in "09":
            self._digit(name)
        elif name in ("S", "MI", "SG", "PL", "PR"):
            self._sign(name)
        elif name in ("D", "."):
            self._point()
        elif name in ("G", ","):
            self.body.append(",")
        elif name == "L":
            self.body.append("L")
        elif name == "TH":
            self.ordinal = written
            self.body.append("TH")
        elif name == "V":
            if self.after_point:
                raise errors.SyntaxError('cannot use "V" and decimal point together')
            self.after_shift = True
        elif name == "EEEE":
            self._exponent()
        elif name == "RN":
            self.roman = written
            self.body.append("RN")
        elif name == "B":
            self.blank = self.blank or not self.whole + self.scale
        self.fill = self.fill or name == "FM"

    def _digit(self, name: str) -> None:
        if self.sign == "PR":
            raise errors.SyntaxError(f'"{name}" must be ahead of "PR"')
        self.body.append(name)
        self.scale += self.after_point
        self.whole += not self.after_point
        self.shift += self.after_shift

    def _sign(self, name: str) -> None:
        anchored, others = self.sign in ("S", "S>"), bool(self.sign) or self.plus
        if name == "S" and anchored:
            raise errors.SyntaxError('cannot use "S" twice')
        if name == "S" and others:
            raise errors.SyntaxError('cannot use "S" and "PL"/"MI"/"SG"/"PR" together')
        if name == "PR" and others:
            raise errors.SyntaxError('cannot use "PR" and "S"/"PL"/"MI"/"SG" together')
        if anchored:
            raise errors.SyntaxError(f'cannot use "S" and "{name}" together')
        if name in ("MI", "SG", "PL"):
            self.body.append(name)
        if name == "PL":
            self.plus = True
        elif name == "S":
            self.sign = "S>" if self.whole or self.scale else "S"
        else:
            self.sign = name

    def _point(self) -> None:
        if self.after_point:
            raise errors.SyntaxError("multiple decimal points")
        if self.after_shift:
            raise errors.SyntaxError('cannot use "V" and decimal point together')
        self.after_point = True
        self.body.append(".")

    def _exponent(self) -> None:
        if self.blank or self.fill or self.sign or self.plus or self.roman or self.after_shift:
            raise errors.SyntaxError(
                '"EEEE" is incompatible with other formats',
                detail='"EEEE" may only be used together with digit and decimal point patterns.',
            )
        self.exponent = True


@lru_cache(maxsize=256)
def parse(template: str) -> Template:
    """The parts of a template. Raises 42601."""
    parser = _Parser()
    for match in re.finditer(_TOKEN, template, re.IGNORECASE | re.DOTALL):
        quoted, token, plain = match.groups()
        if not token:
            parser.literal(quoted if quoted is not None else plain)
        elif token.upper() != "C":  # not implemented in PostgreSQL either
            parser.pattern(token.upper(), token)
    return Template(
        tuple(parser.body), parser.fill, parser.sign, parser.ordinal, parser.roman, parser.exponent,
        parser.scale, parser.whole, parser.shift,
    )


def format_number(value: Any, template: str, precision: int) -> str:
    """to_char(value, template) for int, Decimal, and for a float with so many digits to show."""
    form = parse(template)
    if form.roman:
        return _roman(value, form)
    if form.exponent:
        return _scientific(value, form)
    if not _is_finite(value):
        return _assemble(form, "#" * form.whole, "#" * form.scale, False)
    if isinstance(value, float):
        written = _written(value * 10.0**form.shift, form.scale, precision)
    else:
        written = f"{numeric_round(shift_point(Decimal(value), form.shift), form.scale):f}"
    digits, _, fraction = written.removeprefix("-").partition(".")
    if len(digits.lstrip("0")) > form.whole:
        digits, fraction = "#" * form.whole, "#" * len(fraction)
    return _assemble(form, digits, fraction, written.startswith("-"))


def _written(value: float, scale: int, precision: int) -> str:
    """As printf writes and rounds it, a number that rounds to zero with its sign, but no digit beyond `precision`."""
    whole = len(f"{abs(value):.0f}")
    return f"{value:.{max(0, min(scale, precision - whole))}f}"


def _is_finite(value: Any) -> bool:
    return math.isfinite(value) if isinstance(value, float) else Decimal(value).is_finite()


def _first_shown(form: Template, digits: str) -> int:
    """The place of the first digit to print: the first significant one, or the first 0 of the template."""
    places = [part for part in form.body if part in "09"][: form.whole]
    zero = places.index("0") if "0" in places else form.whole
    first = min(form.whole - len(digits.lstrip("0")), zero)
    # zero shows as one 0 where the template has no fraction
    return first if first < form.whole or form.scale else form.whole - 1


def _kept_fraction(form: Template, fraction: str) -> int:
    """With FM trailing zeros go, but not those that the template writes as 0."""
    if not form.fill:
        return len(fraction)
    places = [part for part in form.body if part in "09."]
    after = places[places.index(".") + 1 :] if "." in places else []
    forced = max((n for n, part in enumerate(after, 1) if part == "0"), default=0)
    return max(len(fraction.rstrip("0")), forced)


def _assemble(form: Template, digits: str, fraction: str, negative: bool) -> str:
    """Lay digits, signs and literals out in the template's order; the sign stands right before the first digit."""
    blank = "" if form.fill else " "
    signs = {"MI": "-" if negative else blank, "SG": "-" if negative else "+", "PL": blank if negative else "+"}
    opening = _opening(form, negative, blank)
    first, padded = _first_shown(form, digits), digits.lstrip("0").rjust(form.whole, "0")
    shown_fraction = fraction[: _kept_fraction(form, fraction)]
    if form.fill and form.scale and not shown_fraction and first == form.whole > 0:
        first -= 1  # FM9.9 of zero is `0.`
    out: list[str] = []
    place = after = 0
    for part in form.body:
        if part == "." and not fraction and "#" not in digits:  # behind the last digit the text ends
            break
        if part in signs:
            out.append(signs[part])
        elif part.startswith("'"):
            out.append(part[1:])
        elif part in ("L", "TH", "RN"):
            out.append(" " if part == "L" else "")
        elif part == ",":
            out.append("," if place > first else blank)
        elif part == ".":
            out.append(opening + ".")
            opening = ""
        elif place >= form.whole and after == len(fraction) and not form.fill:
            break
        elif place >= form.whole:
            out.append(opening + shown_fraction[after : after + 1])
            opening = ""
            after += 1
        else:
            out.append(opening + padded[place] if place >= first else blank)
            opening = "" if place >= first else opening
            place += 1
    return "".join(out) + _closing(form, digits, negative, blank)


def _opening(form: Template, negative: bool, blank: str) -> str:
    if form.sign in ("MI", "SG", "S>"):
        return ""
    if form.sign == "PR":
        return "<" if negative else blank
    return "-" if negative else "+" if form.sign == "S" else blank


def _closing(form: Template, digits: str, negative: bool, blank: str) -> str:
    if form.sign == "PR":
        return ">" if negative else blank
    if form.sign == "S>":
        return "-" if negative else "+"
    if form.ordinal and not negative and "." not in form.body and digits.isdigit():
        return _suffix(int(digits), form.ordinal)
    return ""


def _suffix(number: int, form: str) -> str:
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return ending.upper() if form == "TH" else ending


def _scientific(value: Any, form: Template) -> str:
    if not _is_finite(value):
        return "#" * (form.whole + 4)
    number = value if isinstance(value, float) else Decimal(value)
    text = f"{number or 0.0:.{form.scale}e}"
    mantissa, _, exponent = text.partition("e")
    shown = f"{mantissa}e{exponent[0]}{exponent[1:]:0>2}"
    return shown if number < 0 or form.fill else " " + shown


_ROMAN = (
    *((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L")),
    *((40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")),
)


def _roman(value: Any, form: Template) -> str:
    number = int(numeric_round(Decimal(value), 0))
    if not 0 < number < 4000:
        return "#" * 15
    out = ""
    for size, letters in _ROMAN:
        count, number = divmod(number, size)
        out += letters * count
    shown = out.lower() if form.roman == "rn" else out
    return shown if form.fill else shown.rjust(15)
