"""What audio source separation networks cost: operations, parameters, memory and time."""
