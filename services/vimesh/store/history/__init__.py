"""The history of VIMs as rows of packed digests: start at `sql_history_store.py`."""
