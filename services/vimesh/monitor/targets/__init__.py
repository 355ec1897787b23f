"""VIMs under probe, singly or in cohorts, and their verdicts. Opens no socket."""
