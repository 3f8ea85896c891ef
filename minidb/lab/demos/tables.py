"""Tables that several demos begin with."""

from __future__ import annotations

TEST = (
    "CREATE TABLE test (id int PRIMARY KEY, value int)",
    "INSERT INTO test VALUES (1, 10), (2, 20)",
)
"""Hermitage's table."""

LIKES = (
    "CREATE TABLE page (id int PRIMARY KEY, likes int)",
    "INSERT INTO page VALUES (1, 10)",
)

BOOKINGS = (
    "CREATE TABLE booking (room int, hour int, who text)",
    "CREATE INDEX booking_room_hour ON booking (room, hour)",
)
