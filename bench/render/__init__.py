"""From a summary of records to text and figures."""
