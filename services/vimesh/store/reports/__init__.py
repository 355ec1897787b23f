"""Records the reports of ping actions. Only the judgement made in the writing transaction counts."""
