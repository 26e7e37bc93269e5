"""ServingValidator: checks that a server can run the model, before the model is pushed."""
