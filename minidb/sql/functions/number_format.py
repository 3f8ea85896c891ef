"""to_char and to_number for numbers: templates of 9, 0, D, G, comma, point and sign patterns.

    to_char(1234.5, '9G999D99')   ' 1,234.50'      a blank before stands for the missing minus sign
    to_char(-7, '099')            '-007'
    to_char(7, 'FM999')           '7'              FM: no padding

The locale is C: D is a point, G a comma, L a blank. Not there: RN with fractions, V beyond integers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from minidb import errors
from minidb.sql.functions.registry import Function
from minidb.types import BIGINT, DOUBLE, INTEGER, NUMERIC, REAL, TEXT, numeric_round, shift_point

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


@lru_cache(maxsize=256)
def parse(template: str) -> Template:
    body: list[str] = []
    fill = exponent = after_point = after_v = False
    sign = ordinal = roman = ""
    scale = whole = shift = 0
    for match in re.finditer(_TOKEN, template, re.IGNORECASE | re.DOTALL):
        quoted, token, plain = match.groups()
        name = token.upper() if token else ""
        if not name:
            body.append("'" + (quoted if quoted is not None else plain))
        elif name == "C":
            continue  # not implemented in PostgreSQL either
        elif name == "L":
            body.append("' ")
        elif name == "FM":
            fill = True
        elif name == "EEEE":
            exponent = True
        elif name == "RN":
            roman = token
        elif name == "TH":
            ordinal = token
        elif name == "S":
            sign = "S>" if whole or scale else "S"
        elif name == "PR":
            sign = name
        elif name in ("MI", "SG", "PL"):
            body.append(name)
            sign = sign if name == "PL" else name
        elif name in ("D", "."):
            if after_point:
                raise errors.SyntaxError("multiple decimal points")
            after_point = True
            body.append(".")
        elif name == "V":
            after_v = True
        elif name in ("G", ","):
            body.append(",")
        elif name in "09":
            body.append(name)
            scale, whole, shift = scale + after_point, whole + (not after_point), shift + after_v
    return Template(tuple(body), fill, sign, ordinal, roman, exponent, scale, whole, shift)


def format_number(value: Any, template: str) -> str:
    """to_char(value, template) for int, float and Decimal."""
    form = parse(template)
    if form.roman:
        return _roman(value, form)
    if form.exponent and form.fill:
        raise errors.SyntaxError(
            '"EEEE" is incompatible with other formats',
            detail='"EEEE" may only be used together with digit and decimal point patterns.',
        )
    if form.exponent:
        return _scientific(value, form)
    number = _as_decimal(value)
    if number is None:
        return _assemble(form, "#" * form.whole, "#" * form.scale, False)
    rounded = numeric_round(shift_point(number, form.shift), form.scale)
    digits, _, fraction = f"{rounded.copy_abs():f}".partition(".")
    if len(digits.lstrip("0")) > form.whole:
        digits, fraction = "#" * form.whole, "#" * form.scale
    return _assemble(form, digits, fraction, rounded < 0)


def _as_decimal(value: Any) -> Decimal | None:
    if isinstance(value, float):
        return Decimal(f"{value:.15g}") if math.isfinite(value) else None
    number = Decimal(value)
    return number if number.is_finite() else None


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
    out: list[str] = []
    place = after = 0
    for part in form.body:
        if part in signs:
            out.append(signs[part])
        elif part.startswith("'"):
            out.append(part[1:])
        elif part == ",":
            out.append("," if place > first else blank)
        elif part == ".":
            out.append(opening + ".")
            opening = ""
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
    number = _as_decimal(value)
    if number is None:
        return "#" * (form.whole + 4)
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


class _NumberReader:
    """Reads a number along a template: each digit of the template takes one character, whatever it is."""

    def __init__(self, text: str, form: Template) -> None:
        self.text = text
        self.form = form
        self.position = 0
        self.number = ""
        self.sign = ""

    def at(self) -> str:
        return self.text[self.position : self.position + 1]

    def take_sign(self, characters: str) -> bool:
        if self.at() and self.at() in characters:
            self.sign = "-" if self.at() in "-<" else "+"
            self.position += 1
            return True
        return False

    def digit(self) -> None:
        if self.at() == " ":
            self.position += 1
        if not self.sign and not self.number:
            self.take_sign("+-<" if self.form.sign == "PR" else "+-")
        if self.at().isdecimal() or (self.at() == "." and "." in self.form.body and "." not in self.number):
            self.number += self.at()
        self.position += 1

    def read(self) -> Decimal:
        for part in self.form.body:
            if self.position >= len(self.text):
                break
            if part in ("MI", "SG", "PL"):
                self.take_sign("+-")
            elif part in (",", "G"):
                self.position += self.at() == ","
            elif part.startswith("'"):
                self.position += 1
            else:
                self.digit()
        if self.form.sign == "S>" and not self.sign:
            self.take_sign("+-")
        digits = self.number.rstrip(".")
        if not digits or digits == ".":
            raise errors.InvalidTextRepresentation('invalid input syntax for type numeric: " "')
        return Decimal(f"-{digits}" if self.sign == "-" else digits)


def to_number(text: str, template: str) -> Decimal:
    """The number in `text` as `template` reads it."""
    form = parse(template)
    number = _NumberReader(text, form).read()
    if form.shift:
        number = shift_point(number, -form.shift)
    return number if number else number.copy_abs()


def functions() -> Iterator[Function]:
    """All functions of this module."""
    for kind in (INTEGER, BIGINT, NUMERIC, REAL, DOUBLE):
        yield Function("to_char", (kind, TEXT), TEXT, format_number, volatility="stable")
    yield Function("to_number", (TEXT, TEXT), NUMERIC, to_number, volatility="stable")
