"""How the papers measure, and what they published."""
