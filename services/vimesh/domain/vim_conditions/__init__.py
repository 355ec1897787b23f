"""What is recorded of the conditions of VIMs, and how it reads. The words: `domain.conditions`."""
