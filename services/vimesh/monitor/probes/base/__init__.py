"""What all probers share. A fault of our own is never taken for one of a VIM."""
