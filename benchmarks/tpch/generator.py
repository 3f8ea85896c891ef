"""The data of TPC-H, made by a program of our own: the same rows for the same scale, on every machine.

    customer 150,000 s    orders 1,500,000 s    lineitem 6,000,000 s    part 200,000 s
    supplier  10,000 s    partsupp 800,000 s    nation 25               region 5

Distributions and dependencies follow chapter 4 of the specification (TPC-H 3.0.1): which supplier has which part, how
dates follow each other, who has orders at all, what words a name or a comment is made of. The values are not dbgen's:
texts are drawn from a short list of words instead of its grammar. What the queries look for is there, with about the
selectivity that they expect. Money is Decimal, dates are `datetime.date`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

Row = tuple[Any, ...]

SCHEMA: dict[str, str] = {
    "region": "r_regionkey integer PRIMARY KEY, r_name char(25) NOT NULL, r_comment varchar(152)",
    "nation": "n_nationkey integer PRIMARY KEY, n_name char(25) NOT NULL, n_regionkey integer NOT NULL, "
    "n_comment varchar(152)",
    "supplier": "s_suppkey integer PRIMARY KEY, s_name char(25) NOT NULL, s_address varchar(40) NOT NULL, "
    "s_nationkey integer NOT NULL, s_phone char(15) NOT NULL, s_acctbal decimal(15,2) NOT NULL, "
    "s_comment varchar(101) NOT NULL",
    "customer": "c_custkey integer PRIMARY KEY, c_name varchar(25) NOT NULL, c_address varchar(40) NOT NULL, "
    "c_nationkey integer NOT NULL, c_phone char(15) NOT NULL, c_acctbal decimal(15,2) NOT NULL, "
    "c_mktsegment char(10) NOT NULL, c_comment varchar(117) NOT NULL",
    "part": "p_partkey integer PRIMARY KEY, p_name varchar(55) NOT NULL, p_mfgr char(25) NOT NULL, "
    "p_brand char(10) NOT NULL, p_type varchar(25) NOT NULL, p_size integer NOT NULL, p_container char(10) NOT NULL, "
    "p_retailprice decimal(15,2) NOT NULL, p_comment varchar(23) NOT NULL",
    "partsupp": "ps_partkey integer NOT NULL, ps_suppkey integer NOT NULL, ps_availqty integer NOT NULL, "
    "ps_supplycost decimal(15,2) NOT NULL, ps_comment varchar(199) NOT NULL, PRIMARY KEY (ps_partkey, ps_suppkey)",
    "orders": "o_orderkey integer PRIMARY KEY, o_custkey integer NOT NULL, o_orderstatus char(1) NOT NULL, "
    "o_totalprice decimal(15,2) NOT NULL, o_orderdate date NOT NULL, o_orderpriority char(15) NOT NULL, "
    "o_clerk char(15) NOT NULL, o_shippriority integer NOT NULL, o_comment varchar(79) NOT NULL",
    "lineitem": "l_orderkey integer NOT NULL, l_partkey integer NOT NULL, l_suppkey integer NOT NULL, "
    "l_linenumber integer NOT NULL, l_quantity decimal(15,2) NOT NULL, l_extendedprice decimal(15,2) NOT NULL, "
    "l_discount decimal(15,2) NOT NULL, l_tax decimal(15,2) NOT NULL, l_returnflag char(1) NOT NULL, "
    "l_linestatus char(1) NOT NULL, l_shipdate date NOT NULL, l_commitdate date NOT NULL, "
    "l_receiptdate date NOT NULL, l_shipinstruct char(25) NOT NULL, l_shipmode char(10) NOT NULL, "
    "l_comment varchar(44) NOT NULL, PRIMARY KEY (l_orderkey, l_linenumber)",
}

REGIONS = ("AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST")
NATIONS = (
    ("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4), ("ETHIOPIA", 0), ("FRANCE", 3),
    ("GERMANY", 3), ("INDIA", 2), ("INDONESIA", 2), ("IRAN", 4), ("IRAQ", 4), ("JAPAN", 2), ("JORDAN", 4),
    ("KENYA", 0), ("MOROCCO", 0), ("MOZAMBIQUE", 0), ("PERU", 1), ("CHINA", 2), ("ROMANIA", 3), ("SAUDI ARABIA", 4),
    ("VIETNAM", 2), ("RUSSIA", 3), ("UNITED KINGDOM", 3), ("UNITED STATES", 1),
)  # fmt: skip
SEGMENTS = ("AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD")
PRIORITIES = ("1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW")
MODES = ("REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB")
INSTRUCTIONS = ("DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN")
TYPES = (
    ("STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO"),
    ("ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED"),
    ("TIN", "NICKEL", "BRASS", "STEEL", "COPPER"),
)
CONTAINERS = (("SM", "LG", "MED", "JUMBO", "WRAP"), ("CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM"))
COLOURS = (
    "almond", "antique", "aquamarine", "azure", "beige", "bisque", "black", "blanched", "blue", "blush", "brown",
    "burlywood", "burnished", "chartreuse", "chiffon", "chocolate", "coral", "cornflower", "cornsilk", "cream",
    "cyan", "dark", "deep", "dim", "dodger", "drab", "firebrick", "floral", "forest", "frosted", "gainsboro",
    "ghost", "goldenrod", "green", "grey", "honeydew", "hot", "indian", "ivory", "khaki", "lace", "lavender",
    "lawn", "lemon", "light", "lime", "linen", "magenta", "maroon", "medium", "metallic", "midnight", "mint",
    "misty", "moccasin", "navajo", "navy", "olive", "orange", "orchid", "pale", "papaya", "peach", "peru", "pink",
    "plum", "powder", "puff", "purple", "red", "rose", "rosy", "royal", "saddle", "salmon", "sandy", "seashell",
    "sienna", "sky", "slate", "smoke", "snow", "spring", "steel", "tan", "thistle", "tomato", "turquoise", "violet",
    "wheat", "white", "yellow",
)  # fmt: skip
WORDS = (
    "furiously", "quickly", "carefully", "slyly", "blithely", "deposits", "packages", "requests", "accounts",
    "instructions", "theodolites", "pinto", "beans", "foxes", "ideas", "dependencies", "platelets", "special",
    "regular", "express", "bold", "final", "pending", "ironic", "even", "silent", "unusual", "sleep", "nag",
    "haggle", "wake", "detect", "integrate", "boost", "above", "against", "along", "among", "the", "about", "after",
)  # fmt: skip

FIRST_DAY = date(1992, 1, 1)
LAST_DAY = date(1998, 12, 31)
CURRENT_DAY = date(1995, 6, 17)
CENT = Decimal("0.01")
LINES_OF_ONE_ORDER = 7


class Generator:
    """Makes the rows of one scale; tables may be asked for in any order, each draws from a stream of its own."""

    def __init__(self, scale: float, seed: int = 7) -> None:
        self.scale = scale
        self.seed = seed
        self.suppliers = max(int(10_000 * scale), 4)
        self.customers = max(int(150_000 * scale), 3)
        self.parts = max(int(200_000 * scale), 1)
        self.orders_count = max(int(1_500_000 * scale), 1)

    def rows(self, table: str) -> Iterator[Row]:
        made: Iterator[Row] = getattr(self, f"_{table}")(Random(f"{self.seed} {table}"))
        return made

    # -- pieces

    def _money(self, random: Random, low: int, high: int) -> Decimal:
        """An amount between two numbers of cents."""
        return Decimal(random.randint(low, high)) * CENT

    def _text(self, random: Random, words: int, longest: int = 70) -> str:
        return " ".join(random.choices(WORDS, k=words))[:longest].rstrip()

    def _address(self, random: Random) -> str:
        return "".join(random.choices("abcdefghijklmnopqrstuvwxyz 0123456789,", k=random.randint(10, 30))).strip() + "x"

    def _phone(self, random: Random, nation: int) -> str:
        return f"{nation + 10}-{random.randint(100, 999)}-{random.randint(100, 999)}-{random.randint(1000, 9999)}"

    def price(self, part: int) -> Decimal:
        return Decimal(90_000 + part // 10 % 20_001 + 100 * (part % 1000)) * CENT

    def supplier_of(self, part: int, place: int) -> int:
        """The part's `place`-th supplier, 0 to 3."""
        count = self.suppliers
        return (part + place * (count // 4 + (part - 1) // count)) % count + 1

    # -- tables

    def _region(self, random: Random) -> Iterator[Row]:
        for key, name in enumerate(REGIONS):
            yield key, name, self._text(random, 6)

    def _nation(self, random: Random) -> Iterator[Row]:
        for key, (name, region) in enumerate(NATIONS):
            yield key, name, region, self._text(random, 6)

    def _supplier(self, random: Random) -> Iterator[Row]:
        for key in range(1, self.suppliers + 1):
            nation = random.randrange(25)
            comment = self._text(random, 6)
            if key % 50 == 7:  # what Q16 leaves out
                comment = f"{comment} Customer {random.choice(WORDS)} Complaints"
            name, address, phone = f"Supplier#{key:09}", self._address(random), self._phone(random, nation)
            yield key, name, address, nation, phone, self._money(random, -99_999, 999_999), comment

    def _customer(self, random: Random) -> Iterator[Row]:
        for key in range(1, self.customers + 1):
            nation = random.randrange(25)
            balance, segment = self._money(random, -99_999, 999_999), random.choice(SEGMENTS)
            name, address, phone = f"Customer#{key:09}", self._address(random), self._phone(random, nation)
            yield key, name, address, nation, phone, balance, segment, self._text(random, 8)

    def _part(self, random: Random) -> Iterator[Row]:
        for key in range(1, self.parts + 1):
            maker = random.randint(1, 5)
            yield (
                key,
                " ".join(random.sample(COLOURS, 5)),
                f"Manufacturer#{maker}",
                f"Brand#{maker}{random.randint(1, 5)}",
                " ".join(random.choice(words) for words in TYPES),
                random.randint(1, 50),
                " ".join(random.choice(words) for words in CONTAINERS),
                self.price(key),
                self._text(random, 2, 23),
            )

    def _partsupp(self, random: Random) -> Iterator[Row]:
        for part in range(1, self.parts + 1):
            for supplier in dict.fromkeys(self.supplier_of(part, place) for place in range(4)):
                cost = self._money(random, 100, 100_000)
                yield part, supplier, random.randint(1, 9999), cost, self._text(random, 10)

    def _orders(self, random: Random) -> Iterator[Row]:
        lines = self._lines()
        for key, customer, day in self._heads():
            own = next(lines)
            total = sum((line[5] * (1 + line[7]) * (1 - line[6]) for line in own), Decimal(0)).quantize(CENT)
            states = {line[9] for line in own}
            status = states.pop() if len(states) == 1 else "P"
            comment = self._text(random, 5, 60)
            if random.random() < 0.01:  # what Q13 leaves out
                comment = f"special {comment} requests"
            clerk = f"Clerk#{random.randint(1, max(int(1000 * self.scale), 1)):09}"
            yield key, customer, status, total, day, random.choice(PRIORITIES), clerk, 0, comment

    def _lineitem(self, random: Random) -> Iterator[Row]:
        for lines in self._lines():
            yield from lines

    def _heads(self) -> Iterator[tuple[int, int, date]]:
        """(key, customer, day) of each order. A third of the customers has none; keys have gaps of 24 in 32."""
        random = Random(f"{self.seed} heads")
        days = (LAST_DAY - FIRST_DAY).days - 151
        for number in range(self.orders_count):
            customer = random.randint(1, self.customers)
            while customer % 3 == 0:
                customer = random.randint(1, self.customers)
            yield number // 8 * 32 + number % 8 + 1, customer, FIRST_DAY + timedelta(random.randint(0, days))

    def _lines(self) -> Iterator[list[Row]]:
        """The lines of each order."""
        random = Random(f"{self.seed} lines")
        for order, _, day in self._heads():
            yield [self._line(random, order, day, n) for n in range(1, random.randint(1, LINES_OF_ONE_ORDER) + 1)]

    def _line(self, random: Random, order: int, day: date, number: int) -> Row:
        part, quantity = random.randint(1, self.parts), random.randint(1, 50)
        shipped = day + timedelta(random.randint(1, 121))
        committed = day + timedelta(random.randint(30, 90))
        received = shipped + timedelta(random.randint(1, 30))
        return (
            order,
            part,
            self.supplier_of(part, random.randrange(4)),
            number,
            Decimal(quantity * 100) * CENT,
            quantity * self.price(part),
            self._money(random, 0, 10),
            self._money(random, 0, 8),
            random.choice("RA") if received <= CURRENT_DAY else "N",
            "O" if shipped > CURRENT_DAY else "F",
            shipped,
            committed,
            received,
            random.choice(INSTRUCTIONS),
            random.choice(MODES),
            self._text(random, 3, 44),
        )
