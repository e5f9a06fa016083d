"""What commands show while they run and at their end."""
