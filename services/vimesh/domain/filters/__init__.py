"""Filters of VIMs, after AIP-160.

`parse_filter` reads the text, `filter_terms` defines what it makes of it, `filter_fields` says what can be compared,
and `match_filter` decides in plain Python. `store.filters` makes SQL of the same.
"""
