"""Lists and their queries. They are sent page by page and never held whole."""
