"""From a summary of records to text and figures; every rounding and unit prefix is made here."""
