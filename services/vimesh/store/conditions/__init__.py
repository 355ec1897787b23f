"""Records the conditions and certificates that ping actions report, and forgets them. Start at `judge_conditions.py`.

VIMs of which nothing was reported have no rows here. How conditions read is decided in `domain.vim_conditions`; what is
shown of them is read in `store.shown_vims`.
"""
