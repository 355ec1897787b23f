"""Ends actions that are no longer wanted. The watermark rises only when all actions up to it have ended."""
