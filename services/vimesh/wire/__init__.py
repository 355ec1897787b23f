"""Domain values as messages and back, and the bounds of what comes in. Imports the domain only, and serves no calls."""
