"""From nodes to text, one module per part of the language, mirroring `minidb.sql.actions`. The door is `printer`."""
