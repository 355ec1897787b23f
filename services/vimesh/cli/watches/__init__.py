"""Follows changes of VIMs. After a disconnect, a watch resumes where it stopped."""
