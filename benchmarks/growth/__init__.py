"""How cost grows: with rows, changes, threads, snapshots, isolation and the age of the oldest reader."""
