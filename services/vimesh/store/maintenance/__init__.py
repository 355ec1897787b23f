"""Maintenance windows, and the spans of time for which they cover VIMs.

Start with `keep_up`, which every conductor calls again and again: it lets the spans follow the VIMs (`follow_vims`),
writes those of the next day (`plan_spans`), and tells watchers of those that began or ended (`announce_spans`).
`shown_vims.current_maintenance` says what VIMs are in at the moment, by the spans and the clock alone.
"""
