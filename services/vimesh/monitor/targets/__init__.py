"""The VIMs being probed, singly or in cohorts, and their verdicts. Opens no socket."""
