"""The instruments, one file for each; a process uses one of them, once."""
