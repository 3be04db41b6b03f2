"""The endpoints, one noun a file: a few lines each, no SQL, no arithmetic."""
