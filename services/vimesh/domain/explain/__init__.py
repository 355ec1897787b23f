"""Explains why a VIM reads what it reads, and what would change that. Start at `explain_vim.py`.

Claims are built of facts that were read in one transaction. What people read of a claim is made of its facts alone, in
`sentences.py`: so a sentence is as true as they are.
"""
