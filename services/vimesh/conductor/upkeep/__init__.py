"""Work that every conductor does at intervals. None leads, and doing it twice does no harm."""
