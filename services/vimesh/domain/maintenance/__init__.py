"""Maintenance windows.

`maintenance_windows` says what they are, `window_times` and `recurrence_rules` when they are open, `maintenance_store`
what is stored of them. `store.maintenance` has the spans of time for which they cover VIMs.
"""
