"""Databases that a schedule can be run on, all behind one small protocol."""
