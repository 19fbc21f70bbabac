"""How networks run: on which device, in which precision, in how much memory, and without a word."""
