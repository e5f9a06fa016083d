"""What was measured, as plain values: records, their store, and what follows from them."""
