"""The laboratory on top of the database: sessions that are played step by step, and the demos made of them."""

from minidb.lab.stage import Moment, Outcome, Player, Seen, Stage, Step

__all__ = ["Moment", "Outcome", "Player", "Seen", "Stage", "Step"]
