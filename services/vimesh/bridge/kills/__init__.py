"""Ends actions that are no longer wanted. The watermark rises only when all up to it are ended."""
