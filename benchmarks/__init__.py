"""Measurements: minidb beside other engines, how cost grows, and how long single operations may take."""
