"""The floor: the same work written by hand in plain Python, over dicts, sorted lists and an fsynced log."""
