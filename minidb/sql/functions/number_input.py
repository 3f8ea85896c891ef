"""to_number: text read along a template, as PostgreSQL's NUM_processor does it.

Each digit or point of the template takes one character of the text and keeps it if it is a digit (or the first point);
a sign may stand before the first digit or, with S, behind one. A group mark is skipped if it is there, any other
literal skips one character. Ends the text early, what was read counts.
"""

from __future__ import annotations

from decimal import Decimal

from minidb import errors
from minidb.sql.functions.number_format import Template, parse
from minidb.types import fit_numeric, numeric_multiply

_DATA = frozenset("0123456789.,+-")
_DIGITS = frozenset("0123456789")
_SHIFT_SCALE = 16  # of the power of ten that V divides by


class _Scanner:
    def __init__(self, text: str, form: Template) -> None:
        self.text = text
        self.form = form
        self.position = 0
        self.sign = ""
        self.whole = ""
        self.fraction = ""
        self.has_point = False

    @property
    def here(self) -> str:
        return self.text[self.position : self.position + 1]

    @property
    def started(self) -> bool:
        return bool(self.whole or self.fraction)

    def read(self) -> None:
        for part in self.form.body:
            if not self.here:
                break
            if part in ("9", "0", "."):
                self._digit(part == ".")
                self.position += 1
            elif part == ",":
                self.position += self.here == ","
            elif part in ("MI", "PL", "SG"):
                self._sign_pattern({"MI": "-", "PL": "+", "SG": "+-"}[part])
            elif part == "L":
                self._skip(1)
            elif part == "TH":
                self._skip(2)
            elif part.startswith("'"):
                self.position += 1

    def _sign_pattern(self, signs: str) -> None:
        if self.here in signs:
            self.sign = self.here
            self.position += 1
        else:
            self._skip(1)

    def _skip(self, count: int) -> None:
        for _ in range(count):
            if not self.here or self.here in _DATA:
                return
            self.position += 1

    def _digit(self, is_point: bool) -> None:
        if self.here == " ":
            self.position += 1
        if not self.sign and not is_point and not self.started:
            self._sign_before()
        if not self.here:
            return
        taken = self._take()
        if not self.sign and self.started:
            self._sign_behind(taken)

    def _sign_before(self) -> None:
        signs = "+-" if self.form.sign != "PR" else "+-<"
        if self.here and self.here in signs:
            self.sign = "-" if self.here in "-<" else "+"
            self.position += 1

    def _take(self) -> bool:
        if self.here in _DIGITS:
            if self.has_point and len(self.fraction) < self.form.scale:
                self.fraction += self.here
            elif not self.has_point:
                self.whole += self.here
            return True
        if "." in self.form.body and not self.has_point and self.here == ".":
            self.has_point = True
            return True
        return False

    def _sign_behind(self, taken: bool) -> None:
        form = self.form
        following = self.text[self.position + 1 : self.position + 2]
        if form.sign in ("S", "S>") and taken:
            if following and following in "+-":
                self.sign = following
                self.position += 1
        elif not taken and (form.sign in ("MI", "SG") or "PL" in form.body) and self.here in ("+", "-"):
            self.sign = self.here


def to_number(text: str, template: str) -> Decimal:
    """The number in `text` as `template` reads it. Raises 22P02, 22003."""
    form = parse(template)
    if form.roman:
        raise errors.NotSupportedError('"RN" not supported for input')
    scanner = _Scanner(text, form)
    scanner.read()
    if not scanner.started:
        raise errors.InvalidTextRepresentation('invalid input syntax for type numeric: " "')
    point = "." if scanner.fraction else ""
    number = Decimal(f"{scanner.sign.replace('+', '')}{scanner.whole}{point}{scanner.fraction}")
    scale = len(scanner.fraction)
    number = fit_numeric(number, max(form.whole + scale, 1), scale)
    if form.shift:
        number = numeric_multiply(number, Decimal(10) ** -form.shift + Decimal((0, (0,), -_SHIFT_SCALE)))
    return number if number else number.copy_abs()
