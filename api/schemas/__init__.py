"""What goes in and out, as it stands in the OpenAPI document. One noun a file."""
