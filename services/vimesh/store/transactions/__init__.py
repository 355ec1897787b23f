"""What runs transactions, as the rest of the store sees it, and what errors of drivers mean. Imports no driver."""
