"""Work that every conductor does at intervals. There is no leader, and doing it twice does no harm."""
