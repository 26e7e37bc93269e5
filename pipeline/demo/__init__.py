"""The demo, and the sounds that it synthesizes."""
