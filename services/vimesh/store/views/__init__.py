"""Changes what the vantages of a VIM say of it, and the status that follows. Start at `viewed_vim.py`.

Only VIMs with several vantages have rows of `views`. All that a change needs is read in its transaction: unlike
standings, views are never cached.
"""
