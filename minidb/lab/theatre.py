"""Plays scenes, one after the other in one house, and remembers the performances: each is asked for more than once."""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Record, Scene, play
from minidb.lab.stage import House


class Theatre:
    """Performances by scene and level."""

    def __init__(self) -> None:
        self.house = House()
        self.records: dict[tuple[int, IsolationLevel], Record] = {}

    def play(self, scene: Scene, level: IsolationLevel) -> Record:
        key = id(scene), scene.level or level
        record = self.records.get(key)
        if record is None:
            record = self.records[key] = play(scene, level, self.house)
        return record

    def __enter__(self) -> Theatre:
        return self

    def __exit__(self, *_: object) -> None:
        self.house.close()
