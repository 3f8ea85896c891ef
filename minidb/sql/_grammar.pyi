from minidb.sql.lalr import RuleData
from minidb.sql.lexer import Terminal

HASH: str
TERMINALS: tuple[Terminal, ...]
RULES: tuple[RuleData, ...]
STARTS: dict[str, tuple[int, int]]
DEFAULTS: bytes
OFFSETS: bytes
ROWS: bytes
