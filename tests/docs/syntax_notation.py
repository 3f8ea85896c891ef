"""The notation of the reference's syntax blocks: reads them, and writes sentences that use every part of them.

    name: ...            what `name` stands for; the lines that belong to it are indented
    WORD                 a keyword             word         another definition, or one of ATOMS
    [x]                  x or nothing          { x | y }    one of both; without braces as far as the brackets around
    x ...                x once or more        x [, ...]    x, or several with commas
    (x)                  parentheses are parentheses        '[' '|' ':'     signs of the notation that are meant
    'file'               a string

A parenthesis with all that is in it is one x. `sentences` tries in each definition every alternative, every
optional part and every repetition in turn (in all combinations, if these are few), and all optional parts at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from math import prod
from typing import NamedTuple

_TOKEN = re.compile(
    r"'[^']*'|\[, \.\.\.\]|\.\.\.|[A-Z][A-Z0-9_]*|2PL|[a-z][a-z_0-9]*|[\[\]{}|(),;]|[^\s\w\[\]{}|(),;']+"
)
_DEFINITION = re.compile(r"^([a-z_]+):(.*(?:\n(?:[ ].*)?)*)", re.MULTILINE)

FEW = 20

Sentence = list["str | Reference"]


class Reference(NamedTuple):
    """The name of a definition, inside of a sentence that is not complete."""

    name: str


class Sequence(NamedTuple):
    parts: list[Node]


class Choice(NamedTuple):
    parts: list[Node]


class Optional(NamedTuple):
    part: Node


class Repeated(NamedTuple):
    part: Node
    separator: list[str]


Node = str | Reference | Sequence | Choice | Optional | Repeated


def definitions(block: str) -> dict[str, Node]:
    """The definitions of one block by name."""
    found = {name: read(text) for name, text in _DEFINITION.findall(block)}
    assert found, f"no definition in a syntax block:\n{block}"
    outside = _DEFINITION.sub("", block).strip()
    assert not outside, f"what does this line belong to: {outside}"
    return found


# -- Reading


def read(text: str) -> Node:
    tokens = _TOKEN.findall(text)
    node, end = _choice(tokens, 0)
    assert end == len(tokens), f"left over: {tokens[end:]} in {text}"
    return node


def _choice(tokens: list[str], at: int) -> tuple[Node, int]:
    parts: list[Node] = []
    while True:
        sequence, at = _sequence(tokens, at)
        parts.append(sequence)
        if at >= len(tokens) or tokens[at] != "|":
            return (parts[0] if len(parts) == 1 else Choice(parts)), at
        at += 1


def _sequence(tokens: list[str], at: int) -> tuple[Node, int]:
    parts: list[Node] = []
    while at < len(tokens) and tokens[at] not in ("|", "]", "}", ")"):
        if tokens[at] in ("...", "[, ...]"):
            parts[-1] = Repeated(parts[-1], [] if tokens[at] == "..." else [","])
            at += 1
            continue
        part, at = _part(tokens, at)
        parts.append(part)
    return Sequence(parts), at


def _part(tokens: list[str], at: int) -> tuple[Node, int]:
    token = tokens[at]
    if token in ("[", "{", "("):
        inner, at = _choice(tokens, at + 1)
        assert at < len(tokens) and tokens[at] == {"[": "]", "{": "}", "(": ")"}[token], tokens
        if token == "[":
            return Optional(inner), at + 1
        return (inner if token == "{" else Sequence(["(", inner, ")"])), at + 1
    if token[0] == "'":
        return (token if re.fullmatch(r"'\w[^']*'", token) else token[1:-1]), at + 1
    return (Reference(token) if token[0].islower() else token), at + 1


# -- Writing sentences


def variants(node: Node) -> list[Sentence]:
    """Sentences that use every part of the node; the first one is the shortest in its optional parts."""
    if isinstance(node, str | Reference):
        return [[node]]
    if isinstance(node, Choice):
        return [sentence for part in node.parts for sentence in variants(part)]
    if isinstance(node, Optional):
        return [[], *variants(node.part)]
    if isinstance(node, Repeated):
        found = variants(node.part)
        other = next(form for form in found if form)
        twice: Sentence = [*found[-1], *node.separator, *other]
        return [*found, twice]
    return distinct([*combined([variants(part) for part in node.parts]), fullest(node)])


def combined(choices: list[list[Sentence]]) -> list[Sentence]:
    """All combinations if there are few, else each choice once and the first ones beside it."""
    if prod(map(len, choices)) <= FEW:
        return [[word for words in chosen for word in words] for chosen in product(*choices)]
    firsts = [found[0] for found in choices]
    sentences = [[word for words in firsts for word in words]]
    for place, found in enumerate(choices):
        for other in found[1:]:
            chosen = [*firsts[:place], other, *firsts[place + 1 :]]
            sentences.append([word for words in chosen for word in words])
    return sentences


def distinct(sentences: list[Sentence]) -> list[Sentence]:
    return [sentence for place, sentence in enumerate(sentences) if sentence not in sentences[:place]]


def fullest(node: Node) -> Sentence:
    """With all optional parts, and the first of the alternatives."""
    if isinstance(node, str | Reference):
        return [node]
    if isinstance(node, Choice):
        return fullest(node.parts[0])
    if isinstance(node, Optional | Repeated):
        return fullest(node.part)
    return [word for part in node.parts for word in fullest(part)]


def sentences(known: dict[str, Node], atoms: dict[str, list[str]], start: str) -> Iterator[tuple[str, str]]:
    """Complete sentences from `start`, each with the name of the definition that it tries."""
    forms = {name: variants(node) for name, node in known.items()}
    forms |= {name: [[text] for text in texts] for name, texts in atoms.items()}
    shortest = shortest_texts(forms)
    for name, (before, behind) in contexts(forms, start).items():
        for form in forms[name]:
            yield name, complete([*before, *form, *behind], shortest)


def shortest_texts(forms: dict[str, list[Sentence]]) -> dict[str, str]:
    """The shortest text of each name, found by repetition until nothing gets shorter."""
    found: dict[str, str] = {}
    changed = True
    while changed:
        changed = False
        for name, sentences in forms.items():
            for sentence in sentences:
                if all(isinstance(word, str) or word.name in found for word in sentence):
                    text = complete(sentence, found)
                    if name not in found or len(text) < len(found[name]):
                        found[name], changed = text, True
    return found


def contexts(forms: dict[str, list[Sentence]], start: str) -> dict[str, tuple[Sentence, Sentence]]:
    """For each name that can be reached, what stands before and behind it in some sentence."""
    found: dict[str, tuple[Sentence, Sentence]] = {start: ([], [])}
    waiting = [start]
    for name in waiting:
        before, behind = found[name]
        for form in forms.get(name, []):
            for place, word in enumerate(form):
                if isinstance(word, Reference) and word.name not in found:
                    found[word.name] = [*before, *form[:place]], [*form[place + 1 :], *behind]
                    waiting.append(word.name)
    return found


def complete(sentence: Sentence, shortest: dict[str, str]) -> str:
    words = [shortest[word.name] if isinstance(word, Reference) else word for word in sentence]
    return " ".join(words)
