"""One job in a fresh process, one record out."""
