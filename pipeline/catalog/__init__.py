"""What a data set holds, told before any run."""
