"""What TFMA computes on the test clips; it finds these modules by name."""
