"""Filters, aggregates and groups over whole pages of a table kept by columns, with NumPy.

    page --columns as arrays--> conditions --mask--> totals, for all rows or by group --> the row path's cells

    arrays              a page's columns as arrays; NumPy, if it is there
    terms, conditions   expressions and filters: first by the bounds of the page, then by arrays
    keys, totals        a small integer for each row's group; sums by it, or without
    groups              what the pages of one run come to
    choice, run         whether a statement can be done so, and doing it (`compiler.vectorise` prints the call)
    narrow, zones       for every scan by columns, also without NumPy: the columns that are wanted, pages that are not

The row path stays the measure, and stays at hand: the generated function is the same as without vectors, but for where
its batches come from. A page is taken by vectors only if nothing in it can come out otherwise than row by row: the
least and greatest value of every column are known, so those of every result are, too, and a page where a number could
leave its type's range or 64 bits, or where a divisor could be 0, goes through the loop over rows (`Unsuited`). That
raises the error, or finds that no row is concerned.
"""
