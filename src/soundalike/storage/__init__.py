"""Tables on a folder: crash-safe, versioned, one writer at a time, readers at any time."""
