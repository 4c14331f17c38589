"""The wire's typed payloads, where a dialect has many of them: field names are the venue's own."""
