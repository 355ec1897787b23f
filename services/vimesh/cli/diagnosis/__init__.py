"""Commands that say why a fleet shows what it shows."""
