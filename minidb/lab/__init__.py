"""The laboratory on top of the database: sessions that are played step by step, and the demos made of them."""

from minidb.lab.stage import House, Moment, Outcome, Player, Program, Seen, Stage, Step

__all__ = ["House", "Moment", "Outcome", "Player", "Program", "Seen", "Stage", "Step"]
