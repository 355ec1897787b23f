"""Parses requests from bytes to messages. Sizes and counts are checked before any message is built."""
