"""The log of changes. Every change is written with its revision, event and to-dos in one transaction."""
