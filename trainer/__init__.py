"""What TFX calls by import path: what preprocesses, trains, measures and exports."""
