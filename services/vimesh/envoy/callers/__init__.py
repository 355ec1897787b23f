"""Which names, pages and proxies are trusted. Whatever is not named is not trusted."""
