"""Templates of dates: `YYYY-MM-DD "at" HH24:MI` as a row of patterns and literal characters."""

from __future__ import annotations

import re
from functools import cache, lru_cache

import msgspec

PATTERNS = (
    "SSSSS SSSS HH24 HH12 HH MI SS MS US FF1 FF2 FF3 FF4 FF5 FF6 A.M. P.M. a.m. p.m. AM PM am pm Y,YYY YYYY YYY YY Y "
    "IYYY IYY IY IDDD ID IW I B.C. A.D. b.c. a.d. BC AD bc ad MONTH Month month MON Mon mon MM DAY Day day DY Dy dy "
    "DDD DD D WW W CC J Q RM rm TZH TZM TZ tz OF"
)
# lower case means the same for patterns that are not words
_CASED = frozenset({"MONTH", "Month", "month", "MON", "Mon", "mon", "DAY", "Day", "day", "DY", "Dy", "dy"})
_CASED |= {"A.M.", "P.M.", "a.m.", "p.m.", "AM", "PM", "am", "pm", "TZ", "tz", "RM", "rm"}
_CASED |= {"B.C.", "A.D.", "b.c.", "a.d.", "BC", "AD", "bc", "ad"}
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class Item(msgspec.Struct, frozen=True):
    """One literal character or one pattern.

    separates: a literal that is a blank or punctuation and not in quotes.
    fill: FM: no blanks and zeros around it. local: TM: names are not padded. suffix: TH, th or nothing.
    """

    text: str = ""
    pattern: str = ""
    separates: bool = False
    fill: bool = False
    local: bool = False
    suffix: str = ""


@cache
def _scanner() -> re.Pattern[str]:
    names = sorted(PATTERNS.split(), key=len)[::-1]
    alternatives = [re.escape(name) if name in _CASED else f"(?i:{re.escape(name)})" for name in names]
    pattern = rf"(FM|TM|fm|tm|)({'|'.join(alternatives)})(TH|th)?"
    return re.compile(
        r'"((?:[^"\\]|\\.)*)"?|' + pattern + r"|(FX|fx)|(?:FM|TM|fm|tm)|\\(.)|(.)",
        re.DOTALL,
    )


@lru_cache(maxsize=256)
def parse_template(template: str) -> tuple[Item, ...]:
    """The items of a template; FX, from which on widths are exact, is a pattern."""
    items: list[Item] = []
    for match in _scanner().finditer(template):
        quoted, prefix, pattern, suffix, exact, escaped, plain = match.groups()
        if pattern:
            name = pattern if pattern in _CASED else pattern.upper()
            given = prefix.upper()
            items.append(
                Item(pattern=name, fill="FM" in given, local="TM" in given, suffix=suffix or "")
            )
        elif exact:
            items.append(Item(pattern="FX"))
        elif quoted is not None:
            items += [Item(text=character) for character in re.sub(r"\\(.)", r"\1", quoted)]
        elif escaped is not None:  # outside of quotes a backslash protects a quote only
            items += [Item(text=escaped)] if escaped == '"' else [_literal("\\"), _literal(escaped)]
        elif plain is not None:  # FM and TM before what is no pattern mean nothing
            items.append(_literal(plain))
    return tuple(items)


def _literal(character: str) -> Item:
    return Item(text=character, separates=character.isspace() or character in _PUNCTUATION)
