"""Requests from bytes to messages. Sizes and counts are judged before anything is built."""
