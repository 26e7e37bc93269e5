"""The demo and the sounds that it makes."""
