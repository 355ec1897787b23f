"""Records what ping actions report. Only the judgement in the transaction that writes counts."""
