"""The independent judge: random transactions on lists, and a checker that knows what clients saw and nothing else.

    history, elle          what clients saw, and its form as JSON
    rules                  which anomalies each level forbids, alone and beside others
    observations           orders of the items of each list, what each read met
    dependencies           the serialization graph; components, cycles: what is wrong with it
    verdict                the judgement
    designs, programs      how lists are stored in tables, and the transactions on them
    client, workload       sessions that run them, in an order that follows from a seed, or in threads
"""

from minidb.lab.judge.elle import InvalidHistory, dump, load
from minidb.lab.judge.history import ListHistory, Transaction
from minidb.lab.judge.verdict import Verdict, judge

__all__ = ["InvalidHistory", "ListHistory", "Transaction", "Verdict", "dump", "judge", "load"]
