"""VIMs as flags and files give them. Every reader is bounded in memory."""
