"""vimesh quota: shows what a project may have, and what it has."""
